"""How fast a month of visits becomes a trend report: read, each person counted once, noise, cells of enough people.

Ours: the schedule's own code, from the table of visits to the report in its table.
Baseline, over the same visits and the same DynamoDB: Query after Query, boto3's own deserializer, and a count of visits
(not of people) by cell.
"""

from collections import Counter
from collections.abc import Iterator
from functools import partial

from boto3.dynamodb.types import TypeDeserializer

from privacy.models.trends import Month
from privacy.policy import versions
from privacy.tables.store import SHARDS
from privacy.tables.trends import Reports
from privacy.tables.visits import Visits
from privacy.trends.making import SETTLING, Making, Subject
from tests.benchmarks.cloud import POLICY, Cloud
from tests.benchmarks.figures import BenchmarkError, Figure, Goal, Say
from tests.benchmarks.timing import best_of, cpu_seconds
from tests.unit.engine import NAMES
from visit_trends.counting import TABLES, rows

VISITS, ROUNDS = 100_000, 3
QUICK_VISITS, QUICK_ROUNDS = 5_000, 1

MONTH = Month(min(versions()).year, min(versions()).month)
"""The first that is counted: that of our first policy."""


def figures(quick: bool, say: Say) -> Iterator[Figure]:
    """The visits that are counted in a second."""
    count, rounds = (QUICK_VISITS, QUICK_ROUNDS) if quick else (VISITS, ROUNDS)
    say(f"{count} visits; {rounds} times")
    cloud = _with_visits(count)
    ours, theirs = best_of(
        rounds, lambda: cpu_seconds(partial(_reported, cloud)), lambda: cpu_seconds(partial(_plainly, cloud, count))
    )
    yield Figure("visits counted", count / ours, "visits/s", count / theirs, Goal(">=", 0.5))


def _with_visits(count: int) -> Cloud:
    """Visits of about half as many people, who come from a few places with a few browsers."""
    cloud = Cloud()
    visits = Visits(cloud.table("visits"), POLICY)
    for number in range(count):
        person = number // 2
        visits.record(
            {
                "ip": f"100.{64 + person // 65536}.{person // 256 % 256}.{person % 256}",
                "country": ("SG", "DE", "US", "FR", "JP")[person % 5],
                "browser": ("Firefox", "Chrome", "Safari")[person % 3],
                "platform": ("Linux", "Windows")[person % 2],
                "language": ("en-SG", "de", "fr-FR")[person % 3],
                "referrer": "https://example.org/",
            },
            MONTH.begins,
        )
    return cloud


def _reported(cloud: Cloud) -> None:
    after = MONTH.ends + SETTLING
    visits = Visits(cloud.table("visits"), POLICY)
    subject = Subject("visits", TABLES, lambda month: rows(visits, month, lambda: after), lasts="visits")
    reports = Reports(cloud.table("trends"), POLICY)
    cloud.dynamodb.tables[NAMES.table("trends")].clear()
    Making(subject, reports, POLICY, lambda: after, lambda: b"a key of the benchmark's").make(lambda: True)
    if not reports.has("visits", MONTH):
        raise BenchmarkError("the month has no report")


def _plainly(cloud: Cloud, count: int) -> None:
    read, totals = TypeDeserializer(), [Counter[str]() for _ in TABLES]
    for shard in SHARDS:
        request = {
            "TableName": NAMES.table("visits"),
            "KeyConditionExpression": "#n0 = :v0",
            "ExpressionAttributeNames": {"#n0": "shard"},
            "ExpressionAttributeValues": {":v0": {"S": shard}},
        }
        while True:
            answer = cloud.dynamodb.query(**request)
            for item in answer["Items"]:
                visit = {name: read.deserialize(value) for name, value in item.items()}
                for total, table in zip(totals, TABLES, strict=True):
                    total[visit[table]] += 1
            if "LastEvaluatedKey" not in answer:
                break
            request["ExclusiveStartKey"] = answer["LastEvaluatedKey"]
    if any(total.total() != count for total in totals):
        raise BenchmarkError("the plain loop did not count every visit")
