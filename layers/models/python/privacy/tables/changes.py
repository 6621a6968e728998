"""The changes that wait for a link in a mail (a new address, a new password), beside the sign-ups in their table.

Key `id` (`eml_…`, `pwr_…`). Index `due` (`shard`, `created_at`), in shards of their own, since they end sooner. What is
to be changed is sealed: it opens only with the link's token.
"""

from contextlib import suppress
from dataclasses import dataclass
from datetime import datetime

from boto3.dynamodb.conditions import Attr

from privacy.models.accounts import PendingChange
from privacy.policy import Policy
from privacy.tables.expiry import Expiring
from privacy.tables.store import SHARDS, ConditionFailedError, Item, Operation, Table, epoch, instant, shard_of

_KIND = "change-"


@dataclass(frozen=True, slots=True)
class Changes:
    """Typed access to the changes in the sign-ups table."""

    table: Table
    policy: Policy

    def create(self, change: PendingChange) -> None:
        """Store a change that waits. Raises: ConditionFailedError when its id is taken."""
        item: Item = {
            "id": change.id,
            "created_at": epoch(change.created_at),
            "sealed": change.sealed,
            "shard": _KIND + shard_of(change.id),
            "ttl": epoch(change.expires_at),
        }
        self.table.put(item, Attr("id").not_exists())

    def get(self, change_id: str, now: datetime) -> PendingChange | None:
        """A change that waits still: at the second of its expiry it is gone."""
        item = self.table.get({"id": change_id})
        if item is None or self.expiring().is_over(item, now):
            return None
        return PendingChange(item["id"], instant(item["created_at"]), instant(item["ttl"]), item["sealed"])

    def discard(self, change_id: str) -> bool:
        """Remove a change that is done, or that nobody will make; whether it was there, so that each is made once."""
        with suppress(ConditionFailedError):
            return self.table.delete({"id": change_id}, Attr("sealed").exists()) is not None
        return False

    def discard_operation(self, change_id: str) -> Operation:
        """The write of `discard`, for a transaction; refused when it is gone."""
        return self.table.delete_operation({"id": change_id}, Attr("sealed").exists())

    def expiring(self) -> Expiring:
        """What is due."""
        shards = tuple(_KIND + shard for shard in SHARDS)
        return Expiring(self.table, "id", "due", "created_at", self.policy.retention["links.pending"], shards)
