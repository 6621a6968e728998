"""The holds table: what staff hold, and what was held, for the period `holds.kept` after it ended.

Key `part` (always `hold`), `id`. Holds are few, and every sweep wants them all, read consistently: one partition, one
Query. There is no TTL: a hold is remembered as long as another keeps what it kept (`remembered_from`), and the sweep
sees to the rest. This table alone knows the addresses of a scope.
"""

from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass
from datetime import datetime

from boto3.dynamodb.conditions import Attr, ConditionBase, Key

from privacy.clock import Clock
from privacy.models.holds import Ground, Hold, Scope, UnreadableHold, UnreadableHoldError, remembered_from
from privacy.policy import Policy
from privacy.tables.store import ConditionFailedError, Item, Table, epoch, of_type, read_instant, readable

_PART = "hold"


@dataclass(frozen=True, slots=True)
class Holds:
    """Typed access to the holds table."""

    table: Table
    policy: Policy

    def create(self, hold: Hold) -> None:
        """Record a hold. Raises: ConditionFailedError when its id is taken."""
        self.table.put(_item(hold), Attr("id").not_exists())

    def get(self, hold_id: str) -> Hold | None:
        """A hold by id, read consistently. Raises: UnreadableHoldError."""
        item = self.table.get(_key(hold_id))
        if item is None:
            return None
        hold = readable(_hold, item)
        if hold is None:
            raise UnreadableHoldError
        return hold

    def read(self) -> tuple[list[Hold], list[UnreadableHold]]:
        """Every hold that lies there, and those that cannot be read, read consistently: a sweep that asks after it
        chose the time of what is due learns of every hold that could keep it.
        """
        holds: list[Hold] = []
        unreadable: list[UnreadableHold] = []
        for item in self.table.query(Key("part").eq(_PART)):
            hold = readable(_hold, item)
            if hold is None:
                unreadable.append(UnreadableHold(item["id"], str(item)))
            else:
                holds.append(hold)
        return holds, unreadable

    def all(self) -> list[Hold]:
        """Every hold that lies there and can be read."""
        return self.read()[0]

    def shown(self, now: datetime) -> list[Hold | UnreadableHold]:
        """The holds that staff may see: first those that cannot be read, for they want a hand; then, the newest first,
        those that have not ended, and those that ended within `holds.kept`.
        """
        kept = self.policy.retention["holds.kept"]
        holds, unreadable = self.read()
        found = [hold for hold in holds if not kept.over(hold.ended_at, now)]
        return [*unreadable, *sorted(found, key=lambda hold: (hold.created_at, hold.id), reverse=True)]

    def of_account(self, account_id: str, now: datetime) -> list[Hold | UnreadableHold]:
        """The holds on an account that have not ended, those that are being prepared included; and what cannot be read
        but names it: what it was to keep, and until when, only a person can tell.
        """
        holds, unreadable = self.read()
        on_it = [hold for hold in holds if hold.scope.account_id == account_id and not hold.has_ended(now)]
        return [*on_it, *(hold for hold in unreadable if hold.names(account_id))]

    def freed(self, hold: Hold, until: datetime) -> Hold:
        """Note how far the visits of a hold are freed from TTL, unless it is noted to be further."""
        behind = Attr("freed_to").not_exists() | Attr("freed_to").lt(epoch(until))
        return self._changed(hold, {"freed_to": epoch(until)}, behind)

    def put_in_force(self, hold: Hold, since: datetime) -> Hold:
        """Let a hold be in force for what ends at `since` or later, unless it is already, or was released."""
        waiting = Attr("since").not_exists() & Attr("released_at").not_exists()
        return self._changed(hold, {"since": epoch(since)}, waiting)

    def release(self, hold: Hold, now: datetime) -> Hold:
        """End a hold now, unless it has ended."""
        open_still = Attr("released_at").not_exists() & Attr("until").gt(epoch(now))
        return self._changed(hold, {"released_at": epoch(now)}, open_still)

    def due(self, now: datetime) -> Iterator[tuple[str, datetime]]:
        """The holds whose period is over, and since when: those that no other hold took over from any more."""
        kept, holds = self.policy.retention["holds.kept"], self.all()
        for hold in holds:
            over = kept.after(remembered_from(hold, holds))
            if over <= now:
                yield hold.id, over

    def remove(self, hold_id: str) -> bool:
        """Remove a hold; whether there was one to remove. One that is over changes no more."""
        return self.table.delete(_key(hold_id)) is not None

    def _changed(self, hold: Hold, changes: Item, when: ConditionBase) -> Hold:
        """Change a hold if it still is as the change needs it, and give it as it is now."""
        try:
            return _hold(self.table.update(_key(hold.id), changes, Attr("id").exists() & when))
        except ConditionFailedError:
            return self.get(hold.id) or hold


@dataclass(frozen=True, slots=True)
class AccountItems:
    """The items of a table that know their account: index `by-account`, key `key`, and a `ttl`."""

    table: Table
    key: str

    def keys(self, account_id: str) -> Iterator[str]:
        """The keys of an account's items. The index may be a moment behind; what is in it is older than that when it
        ends.
        """
        for item in self.table.query(Key("account_id").eq(account_id), index="by-account", names=(self.key,)):
            yield item[self.key]

    def free(self, account_id: str, until: datetime, clock: Clock) -> None:
        """Free an account's items from TTL that it would remove up to `until`; what has expired stays as it is."""
        for key in self.keys(account_id):
            free(self.table, {self.key: key}, clock, until)


def free(table: Table, key: Item, clock: Clock, until: datetime | None = None) -> None:
    """Take an item's TTL away, unless it has expired or is gone; with `until` only one that ends by then."""
    later = Attr("ttl").gt(epoch(clock()))
    with suppress(ConditionFailedError):
        table.update(key, {"ttl": None}, later & Attr("ttl").lte(epoch(until)) if until else later, blind=True)


def _key(hold_id: str) -> Item:
    return {"part": _PART, "id": hold_id}


def _item(hold: Hold) -> Item:
    return {
        **_key(hold.id),
        "owner": hold.owner,
        "ground": hold.ground.value,
        "reason": hold.reason,
        "scope": hold.scope.document(),
        "created_at": epoch(hold.created_at),
        "until": epoch(hold.until),
        "freed_to": epoch(hold.freed_to) if hold.freed_to else None,
    }


def _hold(item: Item) -> Hold:
    def when(name: str) -> datetime | None:
        return read_instant(item[name]) if name in item else None

    return Hold(
        id=item["id"],
        owner=of_type(str, item["owner"]),
        ground=Ground(item["ground"]),
        reason=of_type(str, item["reason"]),
        scope=Scope.model_validate(item["scope"]),
        created_at=read_instant(item["created_at"]),
        until=read_instant(item["until"]),
        since=when("since"),
        freed_to=when("freed_to"),
        released_at=when("released_at"),
    )
