"""A correlation of visits with a person: what is asked for, by whom and why, and when it is over (promise
correlation.gate).
"""

from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum
from typing import Annotated

from pydantic import Field

from privacy.models.fields import Form, Instant, InvalidFieldsError, Line, NoCards
from privacy.policy import Policy

LONGEST_WINDOW = timedelta(days=31)
"""What one request may ask about, our default: an incident, not a life."""


class Ground(StrEnum):
    """Why visits may be brought together with a person at all."""

    LAW = "law"
    SECURITY = "security"
    """After an abuse of the service."""


class Window(Form):
    """The time that is asked about, both ends included."""

    first: Annotated[Instant, Field(alias="from")]
    last: Annotated[Instant, Field(alias="to")]


class NewCorrelation(Form):
    """The body of `POST /helpdesk/correlations`."""

    account_id: Annotated[str, Field(strict=True, max_length=64)]
    window: Window
    ground: Ground
    case: Annotated[Line, NoCards]


@dataclass(frozen=True, slots=True)
class Question:
    """Whose visits, in which time (both ends included), for which case: known while a request waits, and no longer."""

    account_id: str
    first: datetime
    last: datetime
    case: str


@dataclass(frozen=True, slots=True)
class Correlation:
    """A request. It has its question until it is delivered; then only that it was made and decided.

    `requested_by` is a keyed pseudonym. `decision` is the id of the audit entry that was written with the approval.
    """

    id: str
    ground: Ground
    requested_by: str
    requested_at: datetime
    question: Question | None
    decided_at: datetime | None = None
    decision: str | None = None

    def expires_at(self, policy: Policy) -> datetime:
        """The end of a request: soon while it waits, later once it is decided."""
        period = "correlations.pending" if self.question else "correlations.kept"
        return policy.retention[period].after(self.requested_at)


class UnknownAccountError(Exception):
    """There is no such account."""


class UnknownCorrelationError(Exception):
    """There is no such request, or none any more."""


class SamePersonError(Exception):
    """Who asks does not approve."""


class DeliveredError(Exception):
    """The result was delivered, and is nowhere any more."""


def question(form: NewCorrelation, policy: Policy, now: datetime, *, held: bool = False) -> Question:
    """What a request asks at `now`; what lies ahead is left out, for nobody is watched. `held` says that visits past
    their date are held for the same ground.

    Raises: InvalidFieldsError for a window that is none, is too long, or lies where there are no visits.
    """
    window = form.window
    message = None
    if window.last <= window.first:
        field, message = "window.to", "must be after from"
    elif window.last - window.first > LONGEST_WINDOW:
        field, message = "window.to", f"must be at most {LONGEST_WINDOW.days} days after from"
    elif not held and window.first < policy.retention["visits"].earliest_origin_alive(now):
        field, message = "window.from", "must be in the time that visits are kept"
    elif window.first > now:
        field, message = "window.from", "must not lie ahead"
    if message:
        raise InvalidFieldsError([{"field": field, "message": message}])
    return Question(form.account_id, window.first, min(window.last, now), form.case)
