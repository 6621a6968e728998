"""The erasure of a person: asked for by them (or due by the policy), decided by the HelpDesk, carried out, proved."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from enum import StrEnum
from typing import Annotated, Any

from privacy.models.fields import Form, Message, NoCards
from privacy.policy import Policy


class ErasureStatus(StrEnum):
    """`requested`, then `refused`, or `approved` until everything is gone, then `erased`."""

    REQUESTED = "requested"
    REFUSED = "refused"
    APPROVED = "approved"
    ERASED = "erased"


class Databases(StrEnum):
    """What becomes of the person's databases."""

    KEEP = "keep-until-grace-ends"
    DELETE = "delete-now"


class Decision(StrEnum):
    """What the HelpDesk may decide."""

    APPROVE = "approve"
    REFUSE = "refuse"


class NoticeStatus(StrEnum):
    """What became of the notice to a processor: `told` of everything that it received; `refused` when one
    came to nothing, so that somebody has to look; `waiting` until then.
    """

    WAITING = "waiting"
    TOLD = "told"
    REFUSED = "refused"


class NewErasure(Form):
    """The body of `POST /account/erasure`."""

    databases: Databases
    message: Annotated[Message, NoCards] | None = None


class NewDecision(Form):
    """The body of `POST /helpdesk/erasures/{erasure_id}/decision`; a person is told the reason."""

    decision: Decision
    reason: Annotated[Message, NoCards]


HELD = "a hold keeps this account's data; decide again when it is released or has ended"


class UnknownErasureError(LookupError):
    """There is no such request, or it is somebody else's."""


class ErasureStateError(Exception):
    """The request is in a state that does not allow this."""

    def __init__(self, reason: str) -> None:
        super().__init__(reason)
        self.reason = reason


@dataclass(frozen=True, slots=True)
class Erasure:
    """One request. Until it is erased it tells whose it is (`account_id`) and what was typed (`message`, `reason`).

    `origin` is `person`, or the retention period by which it became due. `address` is where the certificate is sent:
    taken from the account before that goes, and gone once the mail has left; `signup_id` and `change_id` likewise, so
    that what waits under them is looked for to the end. `notices` tell which processors received something of the
    person and are to be told: `{processor, billing}` with the ids of billing records, and `told_at` once
    each was told; `kept` tells what a law keeps.
    """

    id: str
    created_at: datetime
    status: ErasureStatus
    databases: Databases
    account_id: str | None = None
    message: str | None = None
    origin: str = "person"
    decided_at: datetime | None = None
    decided_by: str | None = None
    reason: str | None = None
    address: str | None = None
    signup_id: str | None = None
    change_id: str | None = None
    finished_at: datetime | None = None
    notices: Sequence[dict[str, Any]] = ()
    kept: Sequence[dict[str, Any]] = field(default=())
    destroyed: Sequence[str] = ()
    """The person's databases that were destroyed on the way, by id: each has a certificate of its own."""

    def due_at(self, policy: Policy) -> datetime:
        """By when it has to be answered and done. What is kept until the grace period ends, as its person wants, cannot
        be gone before, however late it was approved; all else goes with the approval.
        """
        due = policy.retention["erasures.due"].after(self.created_at)
        if self.databases is Databases.DELETE or self.decided_at is None or self.status is ErasureStatus.REFUSED:
            return due
        grace_ends = policy.retention["databases.grace"].after(self.decided_at)
        return max(due, policy.retention["databases.deletion"].after(grace_ends))

    def days_left(self, policy: Policy, now: datetime) -> int:
        """Whole days until it is due; negative once it is overdue."""
        return (self.due_at(policy) - now) // timedelta(days=1)
