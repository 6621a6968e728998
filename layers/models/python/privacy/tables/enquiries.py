"""The enquiries table: contact forms by reference, each with its due date and its end.

Key `reference`. Index `due` (`shard`, `created_at`). Index `by-address` (`email_tag`, `created_at`): the enquiries of
an address, by its keyed pseudonym.
"""

from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from boto3.dynamodb.conditions import Attr, Key

from privacy.models.accounts import Enquiry
from privacy.policy import Policy
from privacy.tables.expiry import Expiring
from privacy.tables.store import ConditionFailedError, Item, Table, epoch, instant, shard_of


@dataclass(frozen=True, slots=True)
class Enquiries:
    """Typed access to the enquiries table."""

    table: Table
    policy: Policy

    def create(self, enquiry: Enquiry) -> None:
        """Store a new enquiry. Raises: ConditionFailedError when its reference is taken."""
        item: Item = {
            "reference": enquiry.reference,
            "created_at": epoch(enquiry.created_at),
            "due_at": epoch(enquiry.due_at),
            "fields": enquiry.fields,
            "email_tag": enquiry.email_tag,
            "shard": shard_of(enquiry.reference),
            "ttl": epoch(enquiry.expires_at),
        }
        self.table.put(item, Attr("reference").not_exists())

    def get(self, reference: str, now: datetime) -> Enquiry | None:
        """An enquiry whose period has not ended."""
        item = self.table.get({"reference": reference})
        return None if item is None or self.expiring().is_over(item, now) else self._enquiry(item)

    def of_address(self, email_tag: str) -> Iterator[Enquiry]:
        """The enquiries that came from an address, those that have expired included."""
        for item in self.table.query(Key("email_tag").eq(email_tag), index="by-address"):
            yield self._enquiry(item)

    def correct(self, reference: str, fields: dict[str, Any], email_tag: str) -> None:
        """Write other fields and another address into an enquiry, unless it is gone."""
        with suppress(ConditionFailedError):
            changes = {"fields": fields, "email_tag": email_tag}
            self.table.update({"reference": reference}, changes, Attr("created_at").exists())

    def expiring(self) -> Expiring:
        """What is due."""
        return Expiring(self.table, "reference", "due", "created_at", self.policy.retention["enquiries.kept"])

    def _enquiry(self, item: Item) -> Enquiry:
        created = instant(item["created_at"])
        expires = self.policy.retention["enquiries.kept"].after(created)
        return Enquiry(
            item["reference"], created, instant(item["due_at"]), expires, item.get("fields", {}), item.get("email_tag")
        )
