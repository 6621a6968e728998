"""The idempotency table: what a caller's Idempotency-Key stands for, for the period `idempotency`.

Key `key` (a digest of caller, route and key). Index `due` (`shard`, `created_at`). An item holds a digest of the body
and ids of ours, never an answer.
"""

from dataclasses import dataclass
from datetime import datetime
from typing import Any

from boto3.dynamodb.conditions import Attr

from privacy.policy import Policy
from privacy.tables.expiry import Expiring, over_condition
from privacy.tables.store import ConditionFailedError, Item, Table, epoch, shard_of

RUNNING_SECONDS = 60
"""How long a first request may still be running before a repetition may take its place: twice API Gateway's 29 s."""


@dataclass(frozen=True, slots=True)
class Entry:
    """A key in use: the digest of its body, the ids that its work makes, and whether that work is done.

    `mine` says that this request is the one that has to do it.
    """

    body: str
    ids: dict[str, Any]
    done: bool
    mine: bool


@dataclass(frozen=True, slots=True)
class Idempotency:
    """Typed access to the idempotency table."""

    table: Table
    policy: Policy

    def claim(self, key: str, body: str, planned: dict[str, Any], now: datetime) -> Entry:
        """Claim a key for a request that will make `planned`, or give the entry that holds it already.

        A request that died leaves its plan: whoever repeats it carries out the same plan, with the same ids.
        """
        item: Item = {
            "key": key,
            "body": body,
            "ids": planned,
            "done": False,
            "running_until": epoch(now) + RUNNING_SECONDS,
            "created_at": epoch(now),
            "shard": shard_of(key),
            "ttl": epoch(self.policy.retention["idempotency"].after(now)),
        }
        over = over_condition("created_at", self.policy.retention["idempotency"], now)
        try:
            self.table.put(item, Attr("key").not_exists() | over)
            return Entry(body, planned, done=False, mine=True)
        except ConditionFailedError:
            pass
        died = Attr("done").eq(False) & Attr("running_until").lte(epoch(now)) & Attr("body").eq(body)
        try:
            held = self.table.update({"key": key}, {"running_until": item["running_until"]}, died)
            return Entry(body, held["ids"], done=False, mine=True)
        except ConditionFailedError:
            pass
        found = self.table.get({"key": key})
        # None: given back between the calls, by a first request that failed; the caller is told to try again.
        return Entry(found["body"], found["ids"], found["done"], False) if found else Entry(body, {}, False, False)

    def done(self, key: str, ids: dict[str, Any]) -> None:
        """Note that the work is done, and the ids of what it made."""
        self.table.update({"key": key}, {"ids": ids, "done": True}, Attr("key").exists())

    def interrupted(self, key: str, now: datetime) -> None:
        """Let a repetition carry the plan out at once: the first request broke off, perhaps half-way."""
        self.table.update({"key": key}, {"running_until": epoch(now)}, Attr("key").exists())

    def give_back(self, key: str) -> None:
        """Free a key whose request was refused: nothing came of it."""
        self.table.delete({"key": key})

    def expiring(self) -> Expiring:
        """What is due."""
        return Expiring(self.table, "key", "due", "created_at", self.policy.retention["idempotency"])
