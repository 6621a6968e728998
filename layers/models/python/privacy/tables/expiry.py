"""What expires: one way to find what is due in a table, and to remove it only if it still is."""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime

from boto3.dynamodb.conditions import Attr, ConditionBase, Key

from privacy.policy import Period
from privacy.tables.store import SHARDS, ConditionFailedError, Item, Table, epoch, instant


def over_condition(origin: str, period: Period, now: datetime) -> ConditionBase:
    """The condition that what began at an item's `origin` (epoch seconds) is over, to the second."""
    condition = Attr(origin).lte(epoch(period.latest_origin_over(now)))
    for first, last in period.origins_spared(now):
        condition = condition & ~Attr(origin).between(epoch(first), epoch(last))
    return condition


@dataclass(frozen=True, slots=True)
class Expiring:
    """The items of a table that end a period after an origin.

    `index` has the hash key `shard` and the range key `origin` (epoch seconds), so a sweep costs what is due; since it
    is the origin that is stored, a changed period reaches what is stored already. Another kind of item in the same
    table has `shards` of its own.
    """

    table: Table
    key: str
    index: str
    origin: str
    period: Period
    shards: tuple[str, ...] = SHARDS

    def due(self, now: datetime) -> Iterator[tuple[str, datetime]]:
        """The key of each item that is over and still lies there, and since when it is over."""
        cutoff = epoch(self.period.latest_origin_over(now))
        for shard in self.shards:
            condition = Key("shard").eq(shard) & Key(self.origin).lte(cutoff)
            for item in self.table.query(condition, index=self.index, names=(self.key, self.origin)):
                if self.is_over(item, now):
                    yield item[self.key], self.period.after(instant(item[self.origin]))

    def remove(self, key: str, now: datetime, *, unless_freed: bool = False) -> bool:
        """Remove an item, unless its origin has moved in the meantime or, when so asked, it was freed from TTL; whether
        there was one to remove.
        """
        over = over_condition(self.origin, self.period, now)
        try:
            return self.table.delete(self.place(key), over & Attr("ttl").exists() if unless_freed else over) is not None
        except ConditionFailedError:
            return False

    def place(self, key: str) -> Item:
        """The whole key of an item in its table."""
        return {self.key: key}

    def is_over(self, item: Item, now: datetime) -> bool:
        """Whether an item is over: then no reader may see it."""
        return self.period.over(instant(item[self.origin]), now)
