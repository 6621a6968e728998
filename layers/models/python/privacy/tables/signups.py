"""The sign-ups table: what waits, sealed, for its confirmation link.

Key `id`. Index `due` (`shard`, `created_at`).
"""

import contextlib
from dataclasses import dataclass
from datetime import datetime

from boto3.dynamodb.conditions import Attr

from privacy.models.accounts import PendingSignup
from privacy.policy import Policy
from privacy.tables.expiry import Expiring
from privacy.tables.store import ConditionFailedError, Item, Operation, Table, epoch, instant, shard_of


@dataclass(frozen=True, slots=True)
class Signups:
    """Typed access to the sign-ups table."""

    table: Table
    policy: Policy

    def create(self, signup: PendingSignup) -> None:
        """Store a new sign-up. Raises: ConditionFailedError when its id is taken."""
        item: Item = {
            "id": signup.id,
            "created_at": epoch(signup.created_at),
            "sealed": signup.sealed,
            "shard": shard_of(signup.id),
            "ttl": epoch(signup.expires_at),
        }
        self.table.put(item, Attr("id").not_exists())

    def get(self, signup_id: str, now: datetime) -> PendingSignup | None:
        """A sign-up that has not expired: at the second of its expiry it is gone (promise signup.confirmed)."""
        item = self.table.get({"id": signup_id})
        return None if item is None or self.expiring().is_over(item, now) else _signup(item)

    def discard(self, signup_id: str) -> None:
        """Remove a sign-up that nobody will confirm; one that was confirmed in the meantime stays."""
        waiting = Attr("sealed").exists() & Attr("account_id").not_exists()
        with contextlib.suppress(ConditionFailedError):
            self.table.delete({"id": signup_id}, waiting)

    def forget(self, signup_id: str) -> None:
        """Remove a sign-up, whatever became of it: its account is erased."""
        self.table.delete({"id": signup_id})

    def expiring(self) -> Expiring:
        """What is due."""
        return Expiring(self.table, "id", "due", "created_at", self.policy.retention["signups.pending"])

    def confirm_operation(self, signup: PendingSignup, account_id: str, database_id: str | None) -> Operation:
        """The write that turns a waiting sign-up into a receipt: the form is gone from it, and it happens once."""
        changes: Item = {"sealed": None, "account_id": account_id, "database_id": database_id}
        waiting = Attr("sealed").exists() & Attr("account_id").not_exists()
        return self.table.update_operation({"id": signup.id}, changes, waiting)


def _signup(item: Item) -> PendingSignup:
    return PendingSignup(
        item["id"],
        instant(item["created_at"]),
        instant(item["ttl"]),
        item.get("sealed"),
        item.get("account_id"),
        item.get("database_id"),
    )
