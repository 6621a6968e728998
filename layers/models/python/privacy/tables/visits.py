"""The visits table: summaries in the order of their time, so that purging costs what is due.

Key `shard`, `at` (twelve digits of epoch seconds, `#`, random): no index, one write a visit, and what is due is the
beginning of each shard.
"""

import secrets
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from boto3.dynamodb.conditions import Key

from privacy.policy import Policy
from privacy.tables.store import SHARDS, Item, Table, epoch, instant, shard_of


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
        first = max(epoch(origin), epoch(self.policy.retention["visits"].latest_origin_over(now)) + 1)
        for shard in SHARDS:
            for item in self.table.query(Key("shard").eq(shard) & Key("at").gte(f"{first:012d}")):
                yield _visit(item)

    def due(self, now: datetime) -> Iterator[list[StoredVisit]]:
        """The visits whose period has ended and that still lie there, in pages, oldest first in each shard."""
        after = f"{epoch(self.policy.retention['visits'].latest_origin_over(now)) + 1:012d}"
        for shard in SHARDS:
            for page in self.table.pages(Key("shard").eq(shard) & Key("at").lt(after)):
                yield [_visit(item) for item in page]

    def remove(self, visits: list[StoredVisit]) -> None:
        """Remove visits; one that is gone already is no error. Raises: StoreBusyError."""
        self.table.delete_all({"shard": visit.shard, "at": visit.at} for visit in visits)


def _visit(item: Item) -> StoredVisit:
    fields = {name: value for name, value in item.items() if name not in ("shard", "at", "ttl")}
    return StoredVisit(item["shard"], item["at"], instant(int(item["at"][:12])), fields)
