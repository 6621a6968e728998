"""The visits table: summaries in the order of their time, so that purging costs what is due.

Key `shard`, `at` (twelve digits of epoch seconds, `#`, random): no index, one write a visit, and what is due is the
beginning of each shard.
"""

import secrets
from collections.abc import Collection, Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from boto3.dynamodb.conditions import Attr, Key

from privacy.aws import overlapped
from privacy.clock import Clock
from privacy.models.holds import Hold, VisitScope, kept_until
from privacy.models.visits import place_of, visit_id
from privacy.policy import Policy
from privacy.tables.holds import free
from privacy.tables.store import SHARDS, Item, Table, epoch, instant, shard_of

ADDRESSES = 100
"""Addresses that one Query takes (the IN of a condition,
https://docs.aws.amazon.com/amazondynamodb/latest/developerguide/Expressions.OperatorsAndFunctions.html)."""

_SECOND = timedelta(seconds=1)


@dataclass(frozen=True, slots=True)
class StoredVisit:
    """A visit as it lies there: the summary's fields, nothing of any person's account (promise visits.unlinked). It was
    `freed` from TTL when a hold covers or covered it.
    """

    shard: str
    at: str
    visited_at: datetime
    fields: dict[str, Any]
    freed: bool = False

    @property
    def id(self) -> str:
        """What names this visit, to staff and in a hold."""
        return visit_id(self.shard, self.at)

    def is_of(self, scope: VisitScope) -> bool:
        """Whether a scope covers this visit."""
        return scope.covers(self.id, self.fields.get("ip"), self.visited_at)


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

    def pages_from(
        self, first: datetime, end: datetime, names: Sequence[str], clock: Clock
    ) -> Iterator[list[StoredVisit]]:
        """The visits from `first` to before `end` that have not expired, page by page, with some of their fields only:
        what is held past its period is not among them.
        """
        period = self.policy.retention["visits"]
        within = Key("at").between(f"{epoch(first):012d}", f"{epoch(end) - 1:012d}~")
        for shard in SHARDS:
            for page in self.table.pages(Key("shard").eq(shard) & within, names=("shard", "at", *names)):
                now = clock()
                over = period.latest_origin_over(now)  # most lie well after it: no calendar is asked about those
                visits = map(_visit, page)
                yield [each for each in visits if each.visited_at > over or not period.over(each.visited_at, now)]

    def due(self, now: datetime) -> Iterator[list[StoredVisit]]:
        """The visits whose period has ended and that still lie there, in pages, oldest first in each shard."""
        period = self.policy.retention["visits"]
        after = f"{epoch(period.latest_origin_over(now)) + 1:012d}"
        for shard in SHARDS:
            for page in self.table.pages(Key("shard").eq(shard) & Key("at").lt(after)):
                if due := [visit for visit in map(_visit, page) if period.over(visit.visited_at, now)]:
                    yield due

    def of_hold(self, hold: Hold, now: datetime, others: Sequence[Hold] = ()) -> Iterator[StoredVisit]:
        """What a hold on visits covers, also past its date, while it is in force: to be read for its ground alone.

        What expired and no hold keeps is not among it, whether or not it still lies there. `others` are the holds that
        this one may have taken over from.
        """
        scope, period = hold.scope.visits, self.policy.retention["visits"]
        if scope is None or not hold.is_in_force(now):
            return
        holds = [hold, *(other for other in others if other.id != hold.id and other.scope.visits)]
        first = period.earliest_origin_alive(min(one.starts_at for one in holds) - _SECOND)
        for item in self._among(scope, first, now):
            visit = _visit(item)
            covering = [one for one in holds if one.scope.visits and visit.is_of(one.scope.visits)]
            if visit.is_of(scope) and kept_until(period.after(visit.visited_at), covering) > now:
                yield visit

    def free(self, scope: VisitScope, first: datetime, last: datetime, clock: Clock) -> None:
        """Free from TTL the visits of a scope from `first` to `last` (both included); what has expired stays as it is,
        and TTL or the next sweep removes it.
        """
        for page in self._pages_among(scope, first, last):
            matching = [item for item in page if "ttl" in item and _visit(item).is_of(scope)]
            overlapped(lambda item: free(self.table, _key(_visit(item)), clock), matching)

    def _among(self, scope: VisitScope, first: datetime, last: datetime) -> Iterator[Item]:
        for page in self._pages_among(scope, first, last):
            yield from page

    def _pages_among(self, scope: VisitScope, first: datetime, last: datetime) -> Iterator[list[Item]]:
        """The items from `first` to `last` that may be of a scope: the named ones, or those of its window."""
        if scope.ids is not None:
            places = [place for place in map(place_of, scope.ids) if place]
            keys = [{"shard": shard, "at": at} for shard, at in places if first <= instant(int(at[:12])) <= last]
            yield list(self.table.get_all({str(key): key for key in keys}.values()))
            return
        first = max(first, scope.since) if scope.since else first
        last = min(last, scope.before - _SECOND) if scope.before else last
        if last < first:
            return
        for shard in SHARDS:
            window = Key("at").between(f"{epoch(first):012d}", f"{epoch(last) + 1:012d}")
            yield from self.table.pages(Key("shard").eq(shard) & window)

    def remove(self, visits: list[StoredVisit]) -> None:
        """Remove visits; one that is gone already is no error. Raises: StoreBusyError."""
        self.table.delete_all(_key(visit) for visit in visits)


def _key(visit: StoredVisit) -> Item:
    return {"shard": visit.shard, "at": visit.at}


def _visit(item: Item) -> StoredVisit:
    fields = {name: value for name, value in item.items() if name not in ("shard", "at", "ttl")}
    return StoredVisit(item["shard"], item["at"], instant(int(item["at"][:12])), fields, "ttl" not in item)
