"""The disclosures table (home region): what processors received, by field names (promise processors.allow-list).

Key `id`. Index `by-account` (`account_id`, `created_at`), sparse: the disclosures of who was erased tell no more whose
they were. Index `open` (`open_shard`, `created_at`), sparse: what is queued (`queued`) or was refused (`refused`).
Index `due` (`shard`, `created_at`).
"""

from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass
from datetime import datetime

from boto3.dynamodb.conditions import Attr, ConditionBase, Key

from privacy.models.disclosures import Disclosure, DisclosureStatus
from privacy.policy import Policy
from privacy.tables.expiry import Expiring
from privacy.tables.store import ConditionFailedError, Item, Operation, Table, epoch, instant, shard_of

PERIOD = "disclosures"


@dataclass(frozen=True, slots=True)
class Disclosures:
    """Typed access to the disclosures table."""

    table: Table
    policy: Policy

    def create_operation(self, disclosure: Disclosure) -> Operation:
        """The write that records a disclosure before it is queued; it is written once."""
        return self.table.put_operation(self._item(disclosure), Attr("id").not_exists())

    def create(self, disclosure: Disclosure) -> None:
        """Record a disclosure before it is queued; one that is recorded already stays as it is."""
        with suppress(ConditionFailedError):
            self.table.put(self._item(disclosure), Attr("id").not_exists())

    def get(self, disclosure_id: str, now: datetime) -> Disclosure | None:
        """A disclosure that is not over, read consistently."""
        item = self.table.get({"id": disclosure_id})
        return None if item is None or self.expiring().is_over(item, now) else _disclosure(item)

    def of_account(self, account_id: str, now: datetime | None = None) -> Iterator[Disclosure]:
        """The disclosures of an account: those that are not over at a time, or all."""
        for item in self.table.query(Key("account_id").eq(account_id), index="by-account"):
            if now is None or not self.expiring().is_over(item, now):
                yield _disclosure(item)

    def queued(self, before: datetime) -> Iterator[tuple[Disclosure, datetime]]:
        """What was recorded before a time and waits still, and when it was queued for the last time."""
        condition = Key("open_shard").eq(DisclosureStatus.QUEUED.value) & Key("created_at").lt(epoch(before))
        for item in self.table.query(condition, index="open"):
            yield _disclosure(item), instant(item["queued_at"] if "queued_at" in item else item["created_at"])

    def queued_again(self, disclosure_id: str, now: datetime) -> None:
        """Note that it was queued again, if it waits still."""
        with suppress(ConditionFailedError):
            waits = Attr("status").eq(DisclosureStatus.QUEUED.value)
            self.table.update({"id": disclosure_id}, {"queued_at": epoch(now)}, waits)

    def open(
        self, status: DisclosureStatus, now: datetime, after: tuple[int, str] | None = None
    ) -> Iterator[Disclosure]:
        """What is queued, or what was refused, the oldest first, after a time (epoch seconds) and an id; as the index
        knows it. They are few: one partition.
        """
        start: Item | None = None
        if after:
            start = {"id": after[1], "open_shard": status.value, "created_at": after[0]}
        for item in self.table.query(Key("open_shard").eq(status.value), index="open", after=start):
            if not self.expiring().is_over(item, now):
                yield _disclosure(item)

    def delivered(self, disclosure: Disclosure, now: datetime) -> None:
        """Note that it arrived, unless its end is noted already."""
        self._end(disclosure, DisclosureStatus.DELIVERED, {"delivered_at": epoch(now), "open_shard": None})

    def refused(self, disclosure: Disclosure, reason: str, now: datetime) -> None:
        """Note that it is not sent, and why in words of ours, unless its end is noted already."""
        ended: Item = {"refused_at": epoch(now), "reason": reason, "open_shard": DisclosureStatus.REFUSED.value}
        self._end(disclosure, DisclosureStatus.REFUSED, ended)

    def resend(self, disclosure: Disclosure, now: datetime) -> None:
        """Have what was refused wait again, if it is as it was read: whoever does also queues it.

        Raises: ConditionFailedError.
        """
        queued = DisclosureStatus.QUEUED.value
        changes: Item = {"status": queued, "open_shard": queued, "queued_at": epoch(now)}
        changes |= {"resends": disclosure.resends + 1}
        as_read = Attr("status").eq(DisclosureStatus.REFUSED.value) & _attempt(disclosure)
        self.table.update({"id": disclosure.id}, changes | {"refused_at": None, "reason": None}, as_read)

    def forget_person(self, disclosure_id: str) -> None:
        """Keep what was disclosed to whom, and nothing of whose it was."""
        with suppress(ConditionFailedError):
            self.table.update({"id": disclosure_id}, {"account_id": None}, Attr("id").exists())

    def expiring(self) -> Expiring:
        """What is due."""
        return Expiring(self.table, "id", "due", "created_at", self.policy.retention[PERIOD])

    def _end(self, disclosure: Disclosure, status: DisclosureStatus, changes: Item) -> None:
        """By who carried this very attempt: one that is late tells nothing of the next."""
        with suppress(ConditionFailedError):
            waits = Attr("status").eq(DisclosureStatus.QUEUED.value) & _attempt(disclosure)
            self.table.update({"id": disclosure.id}, changes | {"status": status.value}, waits)

    def _item(self, disclosure: Disclosure) -> Item:
        return {
            "id": disclosure.id,
            "account_id": disclosure.account_id,
            "processor": disclosure.processor,
            "purpose": disclosure.purpose,
            "fields": list(disclosure.fields),
            "record": disclosure.record,
            "ground": disclosure.ground,
            "status": disclosure.status.value,
            "created_at": epoch(disclosure.created_at),
            "resends": disclosure.resends or None,
            "open_shard": disclosure.status.value,
            "shard": shard_of(disclosure.id),
            "ttl": epoch(self.policy.retention[PERIOD].after(disclosure.created_at)),
        }


def _attempt(disclosure: Disclosure) -> ConditionBase:
    return Attr("resends").eq(disclosure.resends) if disclosure.resends else Attr("resends").not_exists()


def _disclosure(item: Item) -> Disclosure:
    return Disclosure(
        id=item["id"],
        processor=item["processor"],
        purpose=item["purpose"],
        fields=tuple(item["fields"]),
        record=item["record"],
        ground=item["ground"],
        created_at=instant(item["created_at"]),
        account_id=item.get("account_id"),
        status=DisclosureStatus(item["status"]),
        delivered_at=instant(item["delivered_at"]) if "delivered_at" in item else None,
        refused_at=instant(item["refused_at"]) if "refused_at" in item else None,
        reason=item.get("reason"),
        resends=int(item.get("resends", 0)),
    )
