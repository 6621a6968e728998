"""The key table of a region: the wrapped data key of each database hosted there, and the fence once it is destroyed.

Key `database_id`. It has no point-in-time recovery and is in no backup, so a destroyed key cannot come back
(aws-facts.md, DynamoDB PITR).
"""

import contextlib
from dataclasses import dataclass
from datetime import datetime

from boto3.dynamodb.conditions import Attr

from privacy.tables.store import ConditionFailedError, Operation, Table, epoch

_OPEN, _DESTROYED = "open", "destroyed"


@dataclass(frozen=True, slots=True)
class Keys:
    """Typed access to a region's key table."""

    table: Table

    def create(self, database_id: str, wrapped: bytes, now: datetime) -> bool:
        """Store the wrapped key of a new database; False when it has one, or had one that was destroyed."""
        item = {"database_id": database_id, "state": _OPEN, "wrapped": wrapped, "created_at": epoch(now)}
        try:
            self.table.put(item, Attr("database_id").not_exists())
            return True
        except ConditionFailedError:
            return False

    def wrapped(self, database_id: str) -> bytes | None:
        """The wrapped key, read consistently, or None when the database has none (any more)."""
        item = self.table.get({"database_id": database_id})
        return item.get("wrapped") if item else None

    def open_operation(self, database_id: str) -> Operation:
        """A transaction's condition that the database still has its key: no write gets past a destruction."""
        return self.table.check_operation({"database_id": database_id}, Attr("state").eq(_OPEN))

    def destroy(self, database_id: str, now: datetime) -> None:
        """Replace the key by a fence, also for an id that was never seen here. It cannot be undone; repeated, the
        first time stays.
        """
        fence = {"database_id": database_id, "state": _DESTROYED, "destroyed_at": epoch(now)}
        with contextlib.suppress(ConditionFailedError):
            self.table.put(fence, Attr("state").not_exists() | Attr("state").ne(_DESTROYED))
