"""The ends of a recording before its period's: its owner asks, or staff have processed it or found it irrelevant.

Each is one conditional write, from which on nobody sees it; its bytes and its row go in the next sweep.
"""

from datetime import datetime
from enum import StrEnum
from typing import Any

from privacy.models.fields import Form
from privacy.models.recordings import Recording, RecordingStatus, UnknownRecordingError
from privacy.models.staff import Staff
from privacy.tables.audit import new_entry
from recordings.parts import Parts
from recordings.seeing import living


class Verdict(StrEnum):
    """What staff may say of a recording."""

    PROCESSED = RecordingStatus.PROCESSED.value
    IRRELEVANT = RecordingStatus.IRRELEVANT.value


class Marking(Form):
    """`PUT /recordings/{recording_id}/status`."""

    status: Verdict


def delete(parts: Parts, recording: Recording, now: datetime) -> None:
    """End a recording as its owner asks. Raises: UnknownRecordingError when it has ended by itself."""
    if parts.recordings.end(recording, RecordingStatus.DELETED, now) is None:
        raise UnknownRecordingError


def mark(parts: Parts, staff: Staff, recording_id: str, form: Marking, now: datetime) -> dict[str, Any]:
    """End a recording that is of no more use. It is on record before it takes effect.

    Raises: UnknownRecordingError, also for one that has ended.
    """
    recording = living(parts, recording_id, now)
    facts = {"status": form.status.value}
    entry = new_entry("recording.marked", parts.pseudonym(staff), now, subject=recording.id, facts=facts)
    parts.trail.add(entry)
    if parts.recordings.end(recording, RecordingStatus(form.status.value), now) is None:
        raise UnknownRecordingError
    return {"recording_id": recording.id, "status": form.status.value}
