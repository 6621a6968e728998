"""The attempts at signing in, beside the sessions in their table: one item an address that is tried, be it known or
not, under a keyed pseudonym of it.

Key `token_hash`, here `attempt#<tag>`, which is no token's hash. Index `idle` (`shard`, `last_used_at`: the latest
attempt), in shards of their own. An item holds a count and times: no address, of mail or of the visitor
(promise visits.unlinked).
"""

from dataclasses import dataclass
from datetime import datetime

from boto3.dynamodb.conditions import Attr, ConditionBase

from privacy.models.attempts import wait_after
from privacy.policy import Policy
from privacy.tables.expiry import Expiring
from privacy.tables.store import SHARDS, ConditionFailedError, Item, Table, epoch, instant, shard_of

_KIND = "attempt#"

_ROUNDS = 4
"""Reads and writes before an attempt that others are always faster than has to wait like them."""


@dataclass(frozen=True, slots=True)
class Attempts:
    """Typed access to the attempts in the sessions table."""

    table: Table
    policy: Policy

    def count(self, tag: str, now: datetime) -> int:
        """Count an attempt, before its password is looked at: 0, or the seconds to wait when it is too early for one;
        then nothing is written, so knocking makes no wait longer.

        The write holds only against what was read, so of attempts beside each other each is counted, and none gets in
        uncounted. A retry of the SDK that meets its own first attempt counts once more: too many is the safe side.
        """
        for _ in range(_ROUNDS):
            found = self.table.get({"token_hash": _KIND + tag})
            attempts, next_at = 0, 0
            if found is not None and not self.expiring().is_over(found, now):
                attempts, next_at = found["attempts"], found["next_at"]
            if epoch(now) < next_at:
                return next_at - epoch(now)
            try:
                self.table.put(self._item(tag, attempts + 1, now), _unchanged(found))
                return 0
            except ConditionFailedError:
                continue
        return 1

    def get(self, tag: str, now: datetime) -> tuple[int, datetime] | None:
        """The attempts at an address and when the latest was, if that is not over."""
        found = self.table.get({"token_hash": _KIND + tag})
        if found is None or self.expiring().is_over(found, now):
            return None
        return found["attempts"], instant(found["last_used_at"])

    def forget(self, tag: str) -> None:
        """Forget the attempts at an address: somebody signed in."""
        self.table.delete({"token_hash": _KIND + tag})

    def expiring(self) -> Expiring:
        """What is due."""
        period = self.policy.retention["sessions.attempts"]
        return Expiring(self.table, "token_hash", "idle", "last_used_at", period, tuple(map(_shard, SHARDS)))

    def _item(self, tag: str, attempts: int, now: datetime) -> Item:
        return {
            "token_hash": _KIND + tag,
            "attempts": attempts,
            "last_used_at": epoch(now),
            "next_at": epoch(now) + wait_after(attempts),
            "shard": _shard(shard_of(tag)),
            "ttl": epoch(self.policy.retention["sessions.attempts"].after(now)),
        }


def _unchanged(found: Item | None) -> ConditionBase:
    if found is None:
        return Attr("token_hash").not_exists()
    return Attr("attempts").eq(found["attempts"]) & Attr("last_used_at").eq(found["last_used_at"])


def _shard(shard: str) -> str:
    return _KIND + shard
