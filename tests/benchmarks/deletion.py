"""How fast, and with how few calls, a database is destroyed: the deletion function, from its message to the tombstone.

Items deleted a second: DynamoDB takes 5 ms for each call. Ours: keys, journal, stores of both regions, both listings
of everything, tombstone and certificate.
Baseline, over the same items and the same DynamoDB: Query after Query into boto3's own `batch_writer`, one call after
the other, no journal and no second look.

Calls for each item: every call to DynamoDB and S3 counts, also those that list, journal and look again. Baseline for
records: the calls that delete 25 at a time, as DynamoDB allows. For object versions: one call that lists 1,000 and one
that deletes them, since S3 allows no more and nobody can delete versions that were not listed.
"""

from collections.abc import Iterator
from functools import partial

from boto3.dynamodb.table import BatchWriter

from database_deletion.app import build
from database_deletion.parts import DeletionSettings, assemble
from privacy.models.databases import Counts, Database, Status
from privacy.settings import load
from privacy.tables.databases import Databases
from tests.benchmarks import samples
from tests.benchmarks.cloud import Cloud, standing_clock
from tests.benchmarks.figures import BenchmarkError, Figure, Goal, Say
from tests.benchmarks.timing import best_of, seconds
from tests.unit.engine import NAMES, NOON, environment

LATENCY = 0.005
"""Seconds that a call takes: what a write to DynamoDB takes in its region, about."""

RECORDS, ROUNDS, COUNTED = 20_000, 2, 100_000
QUICK_RECORDS, QUICK_ROUNDS, QUICK_COUNTED = 4_000, 1, 10_000


def figures(quick: bool, say: Say) -> Iterator[Figure]:
    """Speed, and the calls for records and for object versions."""
    count, rounds, counted = (QUICK_RECORDS, QUICK_ROUNDS, QUICK_COUNTED) if quick else (RECORDS, ROUNDS, COUNTED)
    say(f"{count} records at {LATENCY * 1000:.0f} ms a call; {rounds} times")
    ours, theirs = best_of(rounds, lambda: _timed(count, ours=True), lambda: _timed(count, ours=False))
    yield Figure("items deleted", count / ours, "items/s", count / theirs, Goal(">=", 4.0))
    say(f"the calls for {counted} records")
    cloud, database = _with_records(counted)
    yield Figure("calls for a record", _calls(cloud, database) / counted, "calls", 1 / 25, Goal("<=", 1.3))
    say(f"the calls for {counted} object versions")
    cloud, database = _with_versions(counted)
    yield Figure("calls for a version", _calls(cloud, database) / counted, "calls", 2 / 1000, Goal("<=", 1.3))


def _with_records(count: int) -> tuple[Cloud, Database]:
    cloud = Cloud()
    database = cloud.database(Status.DELETING, Counts(count, 0, 0, NOON))
    data = samples.stored(1)[0][1]
    cloud.put_records(database, [(f"person-{number:07d}", data) for number in range(count)])
    return cloud, database


def _with_versions(count: int) -> tuple[Cloud, Database]:
    """A database of nothing but object versions, spread as the tags of their paths spread them."""
    cloud = Cloud()
    database = cloud.database(Status.DELETING, Counts(0, count, 0, NOON))
    tag = cloud.host.keyring.key(database.id).tag
    for number in range(count):
        key = f"{database.id}/{tag('file', str(number))}/0"
        cloud.s3.put_object(Bucket=cloud.host.content_bucket, Key=key, Body=b"")
    return cloud, database


def _timed(count: int, *, ours: bool) -> float:
    cloud, database = _with_records(count)
    for tables in cloud.tables.values():
        tables.latency = LATENCY
    return seconds(partial(_destroy if ours else _plainly, cloud, database))


def _calls(cloud: Cloud, database: Database) -> int:
    before = cloud.calls()
    _destroy(cloud, database)
    return cloud.calls() - before


def _destroy(cloud: Cloud, database: Database) -> None:
    settings = load(DeletionSettings, environment("DatabaseDeletionFunction") | {"SETTLE_SECONDS": "0"})
    worker = assemble(settings, standing_clock, cloud.client)
    cloud.work(build(lambda: worker), {"database_id": database.id, "step": "start"})
    found = Databases(cloud.table("databases")).get(database.id)
    if found is None or found.status is not Status.DESTROYED or _left(cloud):
        raise BenchmarkError("the database is not destroyed")


def _plainly(cloud: Cloud, database: Database) -> None:
    name = NAMES.table("content")
    with BatchWriter(name, cloud.dynamodb) as batch:
        for number in range(16):
            request = {
                "TableName": name,
                "KeyConditionExpression": "#n0 = :v0",
                "ExpressionAttributeNames": {"#n0": "place", "#n1": "id"},
                "ExpressionAttributeValues": {":v0": {"S": f"{database.id}#{number:02x}"}},
                "ProjectionExpression": "#n0, #n1",
            }
            while True:
                answer = cloud.dynamodb.query(**request)
                for key in answer["Items"]:
                    batch.delete_item(Key=key)
                if "LastEvaluatedKey" not in answer:
                    break
                request["ExclusiveStartKey"] = answer["LastEvaluatedKey"]
    if _left(cloud):
        raise BenchmarkError("the plain loop left something")


def _left(cloud: Cloud) -> bool:
    items = cloud.dynamodb.tables[NAMES.table("content")].values()
    return any(partition.items for partition in items) or bool(cloud.s3.objects.get(cloud.host.content_bucket))
