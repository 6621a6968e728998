"""Access of staff to a customer's content: the grant, each read under it, and the customer's requests for support
(promise helpdesk.access).
"""

from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum
from typing import Annotated

from pydantic import AfterValidator, Field

from privacy.models.databases import Status
from privacy.models.fields import Form, Instant, Message, NoCards, clean_text

GRANT, READ, REQUEST = "grt", "red", "sup"
"""What the ids of grants, reads and requests for support begin with; their database's own follows."""

LONGEST_HOURS = 72
"""A grant lasts hours, not days (api.md, staff)."""

REQUEST_COUNTS = timedelta(days=14)
"""How long a request for support is a ground for a grant, our default."""

REASON_MAX_CHARACTERS = 500

STAYING = (Status.ACTIVE, Status.DEACTIVATED, Status.MOVING, Status.RESTORING)
"""What a database is that nobody has given up: only of such a one is anything written down, or it would outlive it."""


class Purpose(StrEnum):
    """What staff may look at a customer's content for (the policy's four grounds)."""

    ISSUE = "issue"
    SUPPORT_REQUEST = "support-request"
    LEGAL = "legal"
    SECURITY = "security"


class Kind(StrEnum):
    """What was read: one of it, or a list."""

    RECORDS = "records"
    RECORD = "record"
    FILES = "files"
    FILE = "file"
    RECORDING = "recording"


class NoGrantError(Exception):
    """No grant of this member of staff is in force for this database."""


class UnknownGrantError(LookupError):
    """There is no such grant (any more)."""


class NoRequestError(Exception):
    """The customer has not asked for support within `REQUEST_COUNTS`, so it is no ground for a grant."""


@dataclass(frozen=True, slots=True)
class Grant:
    """Leave for one member of staff (`staff`, a keyed pseudonym) to read one database from `begins_at` until `until`.

    `undisclosed_until` is when the customer may be shown it, and what was read under it, when a law forbids it before.
    """

    id: str
    database_id: str
    staff: str
    purpose: Purpose
    reason: str
    begins_at: datetime
    until: datetime
    ended_at: datetime | None = None
    undisclosed_until: datetime | None = None

    def in_force(self, now: datetime) -> bool:
        """Whether content may be read under it: not from the second on at which it ends."""
        return self.ended_at is None and now < self.until


@dataclass(frozen=True, slots=True)
class Read:
    """One read under a grant. `sealed` names what was read; it is content, so it opens with the database's key only."""

    id: str
    at: datetime
    grant_id: str
    kind: Kind
    sealed: bytes
    undisclosed_until: datetime | None = None


@dataclass(frozen=True, slots=True)
class SupportRequest:
    """What a customer asked the HelpDesk for, about one database."""

    id: str
    created_at: datetime
    message: str


Entry = Grant | Read | SupportRequest
"""An entry of a database's access log."""


@dataclass(frozen=True, slots=True)
class UnreadableEntry:
    """An entry that lies there and cannot be read: altered by hand, or written by another version of ours. That there
    was one, and when, its id tells.
    """

    id: str
    at: datetime
    undisclosed_until: datetime | None = None

    @property
    def what(self) -> str:
        """What it is an entry of."""
        return {GRANT: "grant", READ: "read", REQUEST: "support-request"}[self.id[:3]]


def is_disclosed(entry: Entry | UnreadableEntry, now: datetime) -> bool:
    """Whether the customer may be shown an entry: from the second on at which a law's delay ends."""
    return isinstance(entry, SupportRequest) or entry.undisclosed_until is None or entry.undisclosed_until <= now


# --- what is typed -------------------------------------------------------------------------------------------------


def _reason(text: str) -> str:
    return clean_text(text, longest=REASON_MAX_CHARACTERS, allowed="\n")


Reason = Annotated[str, Field(strict=True), AfterValidator(_reason), NoCards]


class NewRequest(Form):
    """`POST /databases/{database_id}/support-requests`."""

    message: Annotated[Message, NoCards]


class NewGrant(Form):
    """`POST /helpdesk/grants`."""

    database_id: Annotated[str, Field(strict=True)]
    purpose: Purpose
    reason: Reason
    hours: Annotated[int, Field(strict=True, ge=1, le=LONGEST_HOURS)]
    undisclosed_until: Instant | None = None
