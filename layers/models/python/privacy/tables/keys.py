"""The key table of a region: the wrapped data key of each database, and the fence once it is destroyed.

Key `database_id`. Both regions hold every database's key, each wrapped by its own KMS key, so that the loss of a region
loses no backup; `state` says which one takes writes. The table has no point-in-time recovery and is in no backup, so a
destroyed key cannot come back (aws-facts.md, DynamoDB PITR).
"""

import contextlib
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum

from boto3.dynamodb.conditions import Attr

from privacy.tables.store import ConditionFailedError, Operation, Table, epoch, instant


class KeyState(StrEnum):
    """`open`: the database is hosted here and may be written. `standby`: the key opens what lies here, and nothing is
    written but by who copies. `destroyed`: a fence, for good.
    """

    OPEN = "open"
    STANDBY = "standby"
    DESTROYED = "destroyed"


@dataclass(frozen=True, slots=True)
class WrappedKey:
    """A database's item in a key table; a destroyed one has no `wrapped` key, but the time of its end."""

    state: KeyState
    wrapped: bytes | None
    destroyed_at: datetime | None = None


@dataclass(frozen=True, slots=True)
class Keys:
    """Typed access to a region's key table."""

    table: Table

    def create(self, database_id: str, wrapped: bytes, state: KeyState, now: datetime) -> bool:
        """Store a wrapped key; False when the database has one here, or had one that was destroyed."""
        item = {"database_id": database_id, "state": state.value, "wrapped": wrapped, "created_at": epoch(now)}
        try:
            self.table.put(item, Attr("database_id").not_exists())
            return True
        except ConditionFailedError:
            return False

    def get(self, database_id: str) -> WrappedKey | None:
        """A database's item, read consistently."""
        item = self.table.get({"database_id": database_id})
        if item is None:
            return None
        destroyed_at = instant(item["destroyed_at"]) if "destroyed_at" in item else None
        return WrappedKey(KeyState(item["state"]), item.get("wrapped"), destroyed_at)

    def open_operation(self, database_id: str) -> Operation:
        """A condition for transactions: the database may be written here. No write gets past its end or a move."""
        return self.table.check_operation({"database_id": database_id}, Attr("state").eq(KeyState.OPEN.value))

    def turn(self, database_id: str, to: KeyState) -> bool:
        """Open a region for writes, or close it; whether it is so now (a destroyed key stays destroyed)."""
        try:
            self.table.update(
                {"database_id": database_id}, {"state": to.value}, Attr("state").is_in(["open", "standby"])
            )
        except ConditionFailedError:
            return False
        return True

    def destroy(self, database_id: str, now: datetime) -> None:
        """Replace the key by a fence, also for an id that was never seen here. It cannot be undone; repeated, the
        first time stays.
        """
        fence = {"database_id": database_id, "state": KeyState.DESTROYED.value, "destroyed_at": epoch(now)}
        with contextlib.suppress(ConditionFailedError):
            self.table.put(fence, Attr("state").not_exists() | Attr("state").ne(KeyState.DESTROYED.value))
