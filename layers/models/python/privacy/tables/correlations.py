"""The correlations table (home region): requests to bring visits together with a person, never what came of it.

Key `id`. Index `due` (`shard`, `created_at`); index `waiting` (`shard`, `waiting_since`), sparse: what nobody approved
ends earlier. With the approval the question goes from the item: what is left are keyed pseudonyms of kinds of their
own, which lead to no account and to no visit (promise visits.unlinked).
"""

from dataclasses import dataclass
from datetime import datetime

from boto3.dynamodb.conditions import Attr

from privacy.models.correlations import Correlation, Ground, Question
from privacy.policy import Policy
from privacy.tables.expiry import Expiring
from privacy.tables.store import Item, Operation, Table, epoch, instant, shard_of

_QUESTION = ("account_id", "first", "last", "case_reference", "waiting_since")
"""What goes with the approval."""


@dataclass(frozen=True, slots=True)
class Correlations:
    """Typed access to the correlations table."""

    table: Table
    policy: Policy

    def create_operation(self, made: Correlation, question: Question) -> Operation:
        """The write that stores a new request; refused when its id is taken."""
        item: Item = {
            "id": made.id,
            "ground": made.ground.value,
            "requested_by": made.requested_by,
            "created_at": epoch(made.requested_at),
            "waiting_since": epoch(made.requested_at),
            "account_id": question.account_id,
            "first": epoch(question.first),
            "last": epoch(question.last),
            "case_reference": question.case,
            "shard": shard_of(made.id),
            "ttl": epoch(made.expires_at(self.policy)),
        }
        return self.table.put_operation(item, Attr("id").not_exists())

    def deliver_operation(
        self, made: Correlation, now: datetime, *, approver: str, decision: str, account: str, case: str
    ) -> Operation:
        """The write that ends the wait: all but pseudonyms of the question goes. Refused when it waits no more.

        `approver`, `account` and `case` are keyed pseudonyms; `decision` is the id of the audit entry beside it.
        """
        changes: Item = {
            **dict.fromkeys(_QUESTION),
            "account": account,
            "case": case,
            "decided_by": approver,
            "decided_at": epoch(now),
            "decision": decision,
            "ttl": epoch(self.policy.retention["correlations.kept"].after(made.requested_at)),
        }
        return self.table.update_operation({"id": made.id}, changes, Attr("waiting_since").exists())

    def get(self, correlation_id: str, now: datetime) -> Correlation | None:
        """A request whose period has not ended, read consistently."""
        item = self.table.get({"id": correlation_id})
        if item is None:
            return None
        waiting, kept = self.expiring()
        over = kept.is_over(item, now) or ("waiting_since" in item and waiting.is_over(item, now))
        return None if over else _correlation(item)

    def expiring(self) -> tuple[Expiring, Expiring]:
        """What is due: what waited in vain, and what is long decided."""
        retention = self.policy.retention
        return (
            Expiring(self.table, "id", "waiting", "waiting_since", retention["correlations.pending"]),
            Expiring(self.table, "id", "due", "created_at", retention["correlations.kept"]),
        )


def _correlation(item: Item) -> Correlation:
    question = None
    if "waiting_since" in item:
        question = Question(item["account_id"], instant(item["first"]), instant(item["last"]), item["case_reference"])
    decided_at = item.get("decided_at")
    return Correlation(
        id=item["id"],
        ground=Ground(item["ground"]),
        requested_by=item["requested_by"],
        requested_at=instant(item["created_at"]),
        question=question,
        decided_at=None if decided_at is None else instant(decided_at),
        decision=item.get("decision"),
    )
