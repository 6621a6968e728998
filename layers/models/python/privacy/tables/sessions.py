"""The sessions table: one item a session, found by the hash of its token, its account, or what is due.

Key `token_hash`. Index `by-account` (`account_id`, `created_at`). Indexes `idle` (`shard`, `last_used_at`) and `age`
(`shard`, `created_at`): what is due under either limit is a Query up to the period in force. The attempts at signing in
lie in the same table (`tables.attempts`).
"""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime

from boto3.dynamodb.conditions import Attr, Key

from privacy.models.sessions import Session
from privacy.policy import Policy
from privacy.tables.expiry import Expiring, over_condition
from privacy.tables.store import ConditionFailedError, Item, Operation, Table, epoch, instant, shard_of


@dataclass(frozen=True, slots=True)
class Sessions:
    """Typed access to the sessions table."""

    table: Table
    policy: Policy

    def create(self, session: Session) -> None:
        """Store a new session. Raises: ConditionFailedError when its token's hash is taken."""
        self.table.put(self._item(session), Attr("token_hash").not_exists())

    def create_operation(self, session: Session) -> Operation:
        """The write that stores a new session, for a transaction."""
        return self.table.put_operation(self._item(session), Attr("token_hash").not_exists())

    def _item(self, session: Session) -> Item:
        return {
            "token_hash": session.token_hash,
            "account_id": session.account_id,
            "created_at": epoch(session.created_at),
            "last_used_at": epoch(session.last_used_at),
            "sealed_address": session.sealed_address,
            "shard": shard_of(session.token_hash),
            "ttl": epoch(session.expires_at(self.policy)),
        }

    def use(self, token_hash: str, now: datetime) -> Session | None:
        """Count a use and give the session back, or None when there is none or it has expired.

        One conditional write: an expired session is unreadable to the second, whether or not it still lies there
        (promises sessions.idle, sessions.max-age). TTL follows the idle limit; the sweep sees to the other.
        """
        idle, age = self.policy.retention["sessions.idle"], self.policy.retention["sessions.max-age"]
        alive = (
            Attr("token_hash").exists()
            & ~over_condition("last_used_at", idle, now)
            & ~over_condition("created_at", age, now)
        )
        changes = {"last_used_at": epoch(now), "ttl": epoch(idle.after(now))}
        try:
            return _session(self.table.update({"token_hash": token_hash}, changes, alive))
        except ConditionFailedError:
            return None

    def end(self, token_hash: str) -> None:
        """Make a session worth nothing; ending it twice is the same."""
        self.table.delete({"token_hash": token_hash})

    def end_others(self, account_id: str, but: str | None = None) -> int:
        """Make every session of an account worth nothing, but one; how many there were."""
        ended = [session for session in self.of_account(account_id) if session.token_hash != but]
        for session in ended:
            self.end(session.token_hash)
        return len(ended)

    def expiring(self) -> tuple[Expiring, Expiring]:
        """What is due under either limit."""
        return (
            Expiring(self.table, "token_hash", "idle", "last_used_at", self.policy.retention["sessions.idle"]),
            Expiring(self.table, "token_hash", "age", "created_at", self.policy.retention["sessions.max-age"]),
        )

    def of_account(self, account_id: str) -> Iterator[Session]:
        """The sessions of an account, expired ones included."""
        for item in self.table.query(Key("account_id").eq(account_id), index="by-account"):
            yield _session(item)


def _session(item: Item) -> Session:
    return Session(
        item["token_hash"],
        item["account_id"],
        instant(item["created_at"]),
        instant(item["last_used_at"]),
        item.get("sealed_address"),
    )
