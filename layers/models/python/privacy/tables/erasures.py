"""The erasures table (home region): requests to erase a person, from the question to the proof.

Key `id`. Index `by-account` (`account_id`, `created_at`), sparse: an erased request tells no more whose it was. Index
`open` (`open_shard`, `created_at`), sparse: what waits for a decision (`requested`) or for its end (`approved`). Index
`due` (`shard`, `created_at`): when the request itself goes.
"""

from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass
from datetime import datetime

from boto3.dynamodb.conditions import Attr, Key

from privacy.models.erasures import Databases, Erasure, ErasureStatus
from privacy.policy import Policy
from privacy.tables.expiry import Expiring
from privacy.tables.store import ConditionFailedError, Item, Operation, Table, epoch, instant, shard_of


@dataclass(frozen=True, slots=True)
class Erasures:
    """Typed access to the erasures table."""

    table: Table
    policy: Policy

    def create(self, erasure: Erasure) -> None:
        """Store a request. Raises: ConditionFailedError when its id is taken."""
        self.table.put(self._item(erasure), Attr("id").not_exists())

    def create_operation(self, erasure: Erasure) -> Operation:
        """The write of `create`, for a transaction."""
        return self.table.put_operation(self._item(erasure), Attr("id").not_exists())

    def get(self, erasure_id: str, now: datetime) -> Erasure | None:
        """A request that is not over, read consistently."""
        item = self.table.get({"id": erasure_id})
        return None if item is None or self.expiring().is_over(item, now) else _erasure(item)

    def of_account(self, account_id: str) -> list[Erasure]:
        """The requests of an account, the latest first."""
        condition = Key("account_id").eq(account_id)
        return [_erasure(item) for item in self.table.query(condition, index="by-account", newest_first=True)]

    def waiting(self, status: ErasureStatus, after: Erasure | None = None) -> Iterator[Erasure]:
        """The requests that wait for a decision, or for their end, the oldest first. They are few: one partition."""
        start = {"id": after.id, "open_shard": status.value, "created_at": epoch(after.created_at)} if after else None
        for item in self.table.query(Key("open_shard").eq(status.value), index="open", after=start):
            yield _erasure(item)

    def change(self, erasure: Erasure, to: Erasure) -> Erasure:
        """Write a request's next state, if its status is still the one that was read. Raises: ConditionFailedError."""
        self.table.put(self._item(to), Attr("status").eq(erasure.status.value))
        return to

    def change_operation(self, erasure: Erasure, to: Erasure) -> Operation:
        """The write of `change`, for a transaction."""
        return self.table.put_operation(self._item(to), Attr("status").eq(erasure.status.value))

    def told(self, erasure: Erasure) -> None:
        """Forget the address of who was told of their erasure: nothing waits any more."""
        with suppress(ConditionFailedError):
            done = Attr("status").eq(ErasureStatus.ERASED.value)
            self.table.update({"id": erasure.id}, {"address": None, "open_shard": None}, done)

    def forget_person(self, erasure_id: str) -> None:
        """Keep that a request was made and decided, and nothing of whose it was."""
        gone: Item = dict.fromkeys(("account_id", "message", "reason", "address", "signup_id", "change_id"))
        with suppress(ConditionFailedError):
            self.table.update({"id": erasure_id}, gone, Attr("id").exists())

    def expiring(self) -> Expiring:
        """What is due."""
        return Expiring(self.table, "id", "due", "created_at", self.policy.retention["erasures.kept"])

    def _item(self, erasure: Erasure) -> Item:
        is_open = erasure.status in (ErasureStatus.REQUESTED, ErasureStatus.APPROVED) or erasure.address
        return {
            "id": erasure.id,
            "created_at": epoch(erasure.created_at),
            "status": erasure.status.value,
            "databases": erasure.databases.value,
            "account_id": erasure.account_id,
            "message": erasure.message,
            "origin": erasure.origin,
            "decided_at": epoch(erasure.decided_at) if erasure.decided_at else None,
            "decided_by": erasure.decided_by,
            "reason": erasure.reason,
            "address": erasure.address,
            "signup_id": erasure.signup_id,
            "change_id": erasure.change_id,
            "finished_at": epoch(erasure.finished_at) if erasure.finished_at else None,
            "notices": list(erasure.notices),
            "kept": list(erasure.kept),
            "destroyed": list(erasure.destroyed),
            "open_shard": erasure.status.value if is_open else None,
            "shard": shard_of(erasure.id),
            "ttl": epoch(self.policy.retention["erasures.kept"].after(erasure.created_at)),
        }


def _erasure(item: Item) -> Erasure:
    def at(name: str) -> datetime | None:
        return instant(item[name]) if name in item else None

    return Erasure(
        id=item["id"],
        created_at=instant(item["created_at"]),
        status=ErasureStatus(item["status"]),
        databases=Databases(item["databases"]),
        account_id=item.get("account_id"),
        message=item.get("message"),
        origin=item["origin"],
        decided_at=at("decided_at"),
        decided_by=item.get("decided_by"),
        reason=item.get("reason"),
        address=item.get("address"),
        signup_id=item.get("signup_id"),
        change_id=item.get("change_id"),
        finished_at=at("finished_at"),
        notices=item["notices"],
        kept=item["kept"],
        destroyed=item["destroyed"],
    )
