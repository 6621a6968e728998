"""The billing table: what the law makes us keep of an order, for the period `billing` and no longer.

Key `id`. Index `by-account` (`account_id`, `recorded_at`). Index `due` (`shard`, `recorded_at`).
"""

from dataclasses import dataclass

from boto3.dynamodb.conditions import Attr

from privacy.models.accounts import BillingRecord
from privacy.policy import Policy
from privacy.tables.expiry import Expiring
from privacy.tables.store import Operation, Table, epoch, shard_of


@dataclass(frozen=True, slots=True)
class Billing:
    """Typed access to the billing table."""

    table: Table
    policy: Policy

    def create_operation(self, record: BillingRecord) -> Operation:
        """The write that keeps a billing record; it is written once."""
        item = {
            "id": record.id,
            "account_id": record.account_id,
            "recorded_at": epoch(record.recorded_at),
            "fields": record.fields,
            "shard": shard_of(record.id),
            "ttl": epoch(self.policy.retention["billing"].after(record.recorded_at)),
        }
        return self.table.put_operation(item, Attr("id").not_exists())

    def expiring(self) -> Expiring:
        """What is due: a billing record goes on its date."""
        return Expiring(self.table, "id", "due", "recorded_at", self.policy.retention["billing"])
