"""The billing table: what the law makes us keep of an order, for the period `billing` and no longer.

Key `id`. Index `by-account` (`account_id`, `recorded_at`). Index `due` (`shard`, `recorded_at`).
"""

from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from boto3.dynamodb.conditions import Attr, Key

from privacy.models.accounts import LAWFUL_FIELDS, BillingRecord
from privacy.policy import Policy
from privacy.tables.expiry import Expiring
from privacy.tables.store import ConditionFailedError, Item, Operation, Table, epoch, instant, shard_of


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

    def get(self, record_id: str, now: datetime) -> BillingRecord | None:
        """A billing record that is not over, read consistently."""
        item = self.table.get({"id": record_id})
        return None if item is None or self.expiring().is_over(item, now) else _record(item)

    def of_account(self, account_id: str, now: datetime | None = None) -> Iterator[BillingRecord]:
        """The billing records of an account: those that are not over at a time, or all."""
        for item in self.table.query(Key("account_id").eq(account_id), index="by-account"):
            if now is None or not self.expiring().is_over(item, now):
                yield _record(item)

    def correct(self, record: BillingRecord, fields: dict[str, Any]) -> None:
        """Write other fields into a record, if it is still of its account and as it was read."""
        with suppress(ConditionFailedError):
            same = Attr("account_id").eq(record.account_id) & Attr("fields").eq(record.fields)
            self.table.update({"id": record.id}, {"fields": fields}, same)

    def shrink(self, record_id: str) -> None:
        """Keep of a record what the law makes us keep, and no way from its person to it (promise rights.erase)."""
        item = self.table.get({"id": record_id})
        if item is None or "account_id" not in item:
            return
        fields = {name: value for name, value in item["fields"].items() if name in LAWFUL_FIELDS}
        with suppress(ConditionFailedError):
            changes: Item = {"account_id": None, "fields": fields}
            self.table.update({"id": record_id}, changes, Attr("account_id").eq(item["account_id"]))

    def expiring(self) -> Expiring:
        """What is due: a billing record goes on its date."""
        return Expiring(self.table, "id", "due", "recorded_at", self.policy.retention["billing"])


def _record(item: Item) -> BillingRecord:
    return BillingRecord(item["id"], item.get("account_id"), instant(item["recorded_at"]), item["fields"])
