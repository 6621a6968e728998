"""A recording of a Free Trial session: how it ends, and when what is left of it may be removed (recordings.retention).

It belongs to a database and lies in the Cloud Region that it was uploaded in, wherever the database moves.
"""

from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum

from privacy.models.ids import database_of
from privacy.policy import Policy

PREFIX = "rec"

MAX_BYTES = 1024**3
"""1 GiB, our own limit: an hour of a screen at 2.4 Mbit/s. Its bytes are copied within one request (29 s)."""

STORING = timedelta(hours=1)
"""How long one that was not wholly stored may be gone on with; then it never was a recording."""

IN_FLIGHT = timedelta(seconds=30)
"""How long a request may still be copying bytes that were wanted when it began (API Gateway ends it after 29 s)."""


class RecordingStatus(StrEnum):
    """`storing` until all of it is there, then `stored`. It ends as `deleted` by the person, or `processed` or
    `irrelevant` by staff; or by its period, which needs no status.
    """

    STORING = "storing"
    STORED = "stored"
    DELETED = "deleted"
    PROCESSED = "processed"
    IRRELEVANT = "irrelevant"


class UnknownRecordingError(LookupError):
    """There is no such recording, or no longer, or it is somebody else's: the answers are one."""


@dataclass(frozen=True, slots=True)
class Recording:
    """A recording as the control plane knows it. `size` is in bytes; `sealed` is its content type, under the database's
    data key; `region` is where its bytes lie. `ended_at` is when it was deleted, processed or found irrelevant.
    """

    database_id: str
    id: str
    region: str
    started_at: datetime
    created_at: datetime
    size: int
    sealed: bytes
    status: RecordingStatus = RecordingStatus.STORING
    ended_at: datetime | None = None

    def expires_at(self, policy: Policy) -> datetime:
        """The end of its period: from that second on nobody sees it, whatever its status."""
        return policy.retention["recordings"].after(self.started_at)

    def is_seen(self, policy: Policy, now: datetime) -> bool:
        """Whether there is such a recording for anybody."""
        return self.status is RecordingStatus.STORED and now < self.expires_at(policy)

    def may_be_stored(self, policy: Policy, now: datetime) -> bool:
        """Whether a request may still bring its bytes."""
        is_young = now < self.created_at + STORING
        return self.status is RecordingStatus.STORING and is_young and now < self.expires_at(policy)

    def ends_at(self, policy: Policy) -> datetime:
        """When it is over: what then is left of it is late."""
        if self.status is RecordingStatus.STORING:
            return self.created_at + STORING
        return self.ended_at or self.expires_at(policy)

    def is_due(self, policy: Policy, now: datetime) -> bool:
        """Whether it is over, and no request can be bringing bytes of it any more: it may be removed for good."""
        return self.ends_at(policy) + IN_FLIGHT <= now


def recording_of(upload_id: str) -> str:
    """The id of the recording that an upload becomes: one upload, one recording, however often it is asked for."""
    return f"{PREFIX}_{upload_id.partition('_')[2]}"


def upload_of(recording_id: str) -> str:
    """The id of the upload that a recording was made of."""
    return f"upl_{recording_id.partition('_')[2]}"


def database_of_recording(recording_id: str) -> str | None:
    """The database that a recording's id names, or None for a text of another shape."""
    return database_of(PREFIX, recording_id)
