"""The visits table: summaries in the order of their time, so that purging costs what is due.

Key `shard`, `at` (twelve digits of epoch seconds, `#`, random): no index, one write a visit, and what is due is the
beginning of each shard.
"""

import secrets
from collections.abc import Collection, Iterator
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from boto3.dynamodb.conditions import Attr, Key

from privacy.policy import Policy
from privacy.tables.store import SHARDS, Item, Table, epoch, instant, shard_of

ADDRESSES = 100
"""Addresses that one Query takes (the IN of a condition,
https://docs.aws.amazon.com/amazondynamodb/latest/developerguide/Expressions.OperatorsAndFunctions.html)."""


@dataclass(frozen=True, slots=True)
class StoredVisit:
    """A visit as it lies there: the summary's fields, nothing of any person's account (promise visits.unlinked)."""

    shard: str
    at: str
    visited_at: datetime
    fields: dict[str, Any]


@dataclass(frozen=True, slots=True)
class Visits:
    """Typed access to the visits table."""

    table: Table
    policy: Policy

    def record(self, fields: dict[str, Any], now: datetime) -> None:
        """Store a visit's summary: one write."""
        suffix = secrets.token_hex(8)
        item: Item = {
            **fields,
            "shard": shard_of(suffix),
            "at": f"{epoch(now):012d}#{suffix}",
            "ttl": epoch(self.policy.retention["visits"].after(now)),
        }
        self.table.put(item)

    def since(self, origin: datetime, now: datetime) -> Iterator[StoredVisit]:
        """The visits from `origin` on that have not expired: an expired one is unreadable to the second."""
        period = self.policy.retention["visits"]
        first = epoch(max(origin, period.earliest_origin_alive(now)))
        for shard in SHARDS:
            for item in self.table.query(Key("shard").eq(shard) & Key("at").gte(f"{first:012d}")):
                visit = _visit(item)
                if not period.over(visit.visited_at, now):
                    yield visit

    def between(
        self, shard: str, first: datetime, last: datetime, addresses: Collection[str], now: datetime
    ) -> Iterator[list[StoredVisit]]:
        """A shard's visits from `first` to `last`, both included, that came from some addresses (`ADDRESSES` at most)
        and have not expired: a list for each call, empty ones too, so that the caller can look at the time.

        For the correlation function alone (promise correlation.gate). There is no index by address: it would be a file
        of who came when, kept for nothing else.
        """
        period = self.policy.retention["visits"]
        begins = epoch(max(first, period.earliest_origin_alive(now)))
        within = Key("at").between(f"{begins:012d}", f"{epoch(last):012d}~")
        if begins > epoch(last):
            return
        for page in self.table.pages(Key("shard").eq(shard) & within, where=Attr("ip").is_in(list(addresses))):
            yield [visit for visit in map(_visit, page) if not period.over(visit.visited_at, now)]

    def due(self, now: datetime) -> Iterator[list[StoredVisit]]:
        """The visits whose period has ended and that still lie there, in pages, oldest first in each shard."""
        period = self.policy.retention["visits"]
        after = f"{epoch(period.latest_origin_over(now)) + 1:012d}"
        for shard in SHARDS:
            for page in self.table.pages(Key("shard").eq(shard) & Key("at").lt(after)):
                if due := [visit for visit in map(_visit, page) if period.over(visit.visited_at, now)]:
                    yield due

    def remove(self, visits: list[StoredVisit]) -> None:
        """Remove visits; one that is gone already is no error. Raises: StoreBusyError."""
        self.table.delete_all({"shard": visit.shard, "at": visit.at} for visit in visits)


def _visit(item: Item) -> StoredVisit:
    fields = {name: value for name, value in item.items() if name not in ("shard", "at", "ttl")}
    return StoredVisit(item["shard"], item["at"], instant(int(item["at"][:12])), fields)
