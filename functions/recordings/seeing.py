"""What the owner of a database sees of its recordings: each with its deadline, until the second at which it ends."""

from collections.abc import Iterator
from datetime import datetime
from typing import Any

from privacy.clock import rfc3339
from privacy.hosting.files import Files
from privacy.models.databases import Database, Status, UnknownDatabaseError
from privacy.models.paging import CursorError, first_page
from privacy.models.recordings import Recording, UnknownRecordingError, database_of_recording
from privacy.vault.keys import KeyDestroyedError
from recordings.parts import Parts

_GIVEN_UP = (Status.DELETING, Status.DESTROYED)
"""What a deletion has begun to take along is shown no more; what is closed for other reasons is still its owner's."""


def _shown(parts: Parts, database: Database, recording: Recording) -> dict[str, Any]:
    """A recording as its owner sees it. Raises: KeyDestroyedError."""
    files = Files(parts.host(database.region), database.id)
    return {
        "recording_id": recording.id,
        "database_id": recording.database_id,
        "started_at": rfc3339(recording.started_at),
        "expires_at": rfc3339(recording.expires_at(parts.policy)),
        "bytes": recording.size,
        "content_type": files.type(recording.id, recording.sealed),
        "status": recording.status.value,
    }


def page(
    parts: Parts, owner: str, limit: int, cursor: str | None, now: datetime
) -> tuple[list[dict[str, Any]], str | None]:
    """Some of the recordings of an owner's databases, by id, and the place to go on from. Raises: CursorError."""
    if cursor is not None and database_of_recording(cursor) is None:
        raise CursorError
    items, more = first_page(_every(parts, owner, cursor, now), limit)
    return items, str(items[-1]["recording_id"]) if more else None


def _every(parts: Parts, owner: str, after: str | None, now: datetime) -> Iterator[dict[str, Any]]:
    first = database_of_recording(after) or "" if after else ""
    databases = [made for made in parts.databases.owned_by(owner) if made.status not in _GIVEN_UP]
    for database in sorted(databases, key=lambda made: made.id):
        if database.id < first:
            continue
        for recording in parts.recordings.seen(database.id, now, after):
            try:
                item = _shown(parts, database, recording)
            except KeyDestroyedError:  # given up a moment ago: the index had not heard of it
                break
            yield item


def show(parts: Parts, owner: str, recording_id: str, now: datetime) -> dict[str, Any]:
    """One recording, when it is the caller's. Raises: UnknownRecordingError, KeyDestroyedError."""
    recording = of_owner(parts, owner, recording_id, now)
    return _shown(parts, parts.databases.of_owner(owner, recording.database_id), recording)


def of_owner(parts: Parts, owner: str, recording_id: str, now: datetime) -> Recording:
    """A recording that has not ended, when it is the caller's. Raises: UnknownRecordingError."""
    recording = living(parts, recording_id, now)
    try:
        parts.databases.of_owner(owner, recording.database_id)
    except UnknownDatabaseError:
        raise UnknownRecordingError from None
    return recording


def living(parts: Parts, recording_id: str, now: datetime) -> Recording:
    """A recording that has not ended, whoever's it is. Raises: UnknownRecordingError."""
    database_id = database_of_recording(recording_id)
    recording = parts.recordings.get(database_id, recording_id) if database_id else None
    if recording is None or not recording.is_seen(parts.policy, now):
        raise UnknownRecordingError
    return recording
