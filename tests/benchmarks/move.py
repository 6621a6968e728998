"""Items moved a second: the move function, from its message to the job that is done, with 5 ms for each DynamoDB call.

Ours: both sides are read, what is missing is written, both are read again twice (to bring what changed meanwhile, and
to find them equal), the region is switched, the old copy deleted and looked for; with journal, fences and a lease.
Nothing is waited for (`DrainSeconds` is 0). Baseline, over the same items and the same DynamoDB, one call after the
other: Query after Query into boto3's own `batch_writer` for the other region's table, both sides listed and compared,
the old items deleted by `batch_writer`. In truth a call to the other region takes longer than 5 ms, for both.
"""

from collections.abc import Iterator
from functools import partial
from typing import Any

from boto3.dynamodb.table import BatchWriter

from database_move.app import build
from database_move.parts import MoveSettings, assemble
from privacy.hosting.partitions import place
from privacy.models.databases import Database, Status
from privacy.models.ids import new_id
from privacy.models.jobs import Job, JobStatus, Kind
from privacy.settings import load
from privacy.tables.databases import Databases
from privacy.tables.jobs import Jobs
from privacy.tables.store import SHARDS, transact
from tests.benchmarks import samples
from tests.benchmarks.cloud import POLICY, REGION, Cloud, standing_clock
from tests.benchmarks.deletion import LATENCY
from tests.benchmarks.dynamo import Dynamo, Item
from tests.benchmarks.figures import BenchmarkError, Figure, Goal, Say
from tests.benchmarks.timing import best_of, seconds
from tests.unit.engine import NAMES, NOON, environment

RECORDS, ROUNDS = 20_000, 2
QUICK_RECORDS, QUICK_ROUNDS = 1_000, 1

OTHER = next(region for region in POLICY.regions if region != REGION)
TABLE = NAMES.table("content")


def figures(quick: bool, say: Say) -> Iterator[Figure]:
    """The figure."""
    count, rounds = (QUICK_RECORDS, QUICK_ROUNDS) if quick else (RECORDS, ROUNDS)
    say(f"{count} records at {LATENCY * 1000:.0f} ms a call; {rounds} times")
    ours, theirs = best_of(rounds, lambda: _timed(count, ours=True), lambda: _timed(count, ours=False))
    yield Figure("items moved", count / ours, "items/s", count / theirs, Goal(">=", 2.0))


def filled(cloud: Cloud, count: int, data: bytes) -> Database:
    """A database with some records, all alike but for their keys."""
    database = cloud.database()
    cloud.put_records(database, [(f"person-{number:07d}", data) for number in range(count)])
    return database


def move(cloud: Cloud, database: Database) -> None:
    """Move a database into the other region. Raises: BenchmarkError."""
    settings = load(MoveSettings, environment("DatabaseMoveFunction") | {"DRAIN_SECONDS": "0"})
    worker = assemble(settings, standing_clock, cloud.client)
    databases, jobs = Databases(cloud.table("databases")), Jobs(cloud.table("jobs"))
    detail = {"from": database.region, "to": OTHER}
    job = Job(database.id, new_id("job"), Kind.MOVE, JobStatus.QUEUED, NOON, detail=detail)
    transact(jobs.table.client, [databases.move_operation(database, job.id), jobs.create_operation(job)])
    cloud.work(build(lambda: worker), job.message)
    ended, there = jobs.get(database.id, job.id), databases.get(database.id)
    if ended is None or ended.status is not JobStatus.DONE or there is None:
        raise BenchmarkError("the move is not done")
    if (there.status, there.region) != (Status.ACTIVE, OTHER):
        raise BenchmarkError("the database is not open in the other region")


def _timed(count: int, *, ours: bool) -> float:
    cloud = Cloud()
    database = filled(cloud, count, samples.stored(1)[0][1])
    for tables in cloud.tables.values():
        tables.latency = LATENCY
    taken = seconds(partial(move if ours else _plainly, cloud, database))
    here, there = cloud.dynamodb, cloud.tables[POLICY.regions[OTHER].aws]
    if (_count(here), _count(there)) != (0, count):
        raise BenchmarkError("the items are not where they should be")
    return taken


def _plainly(cloud: Cloud, database: Database) -> None:
    here, there = cloud.dynamodb, cloud.tables[POLICY.regions[OTHER].aws]
    places = [place(database.id, shard) for shard in SHARDS]
    with BatchWriter(TABLE, there) as batch:
        for partition in places:
            for item in _listed(here, partition):
                batch.put_item(Item=item)
    for partition in places:
        if list(_listed(here, partition)) != list(_listed(there, partition)):
            raise BenchmarkError("the plain loop lost something")
    with BatchWriter(TABLE, here) as batch:
        for partition in places:
            for item in _listed(here, partition):
                batch.delete_item(Key={"place": item["place"], "id": item["id"]})


def _listed(tables: Dynamo, partition: str) -> Iterator[Item]:
    request: dict[str, Any] = {
        "TableName": TABLE,
        "KeyConditionExpression": "#n0 = :v0",
        "ExpressionAttributeNames": {"#n0": "place"},
        "ExpressionAttributeValues": {":v0": {"S": partition}},
        "ConsistentRead": True,
    }
    while True:
        answer = tables.query(**request)
        yield from answer["Items"]
        if "LastEvaluatedKey" not in answer:
            return
        request["ExclusiveStartKey"] = answer["LastEvaluatedKey"]


def _count(tables: Dynamo) -> int:
    return sum(len(partition.items) for partition in tables.tables[TABLE].values())
