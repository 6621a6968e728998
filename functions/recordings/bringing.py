"""A complete upload becomes a recording: first its row, then its bytes, and only then does anybody see it."""

from datetime import datetime, timedelta

from privacy.hosting.files import Files
from privacy.hosting.recordings import StoredRecordings, recording_key
from privacy.hosting.transfers import staging_key
from privacy.models.databases import Database, DatabaseStateError, Status, open_for_content
from privacy.models.fields import Form, Instant, InvalidFieldsError
from privacy.models.ids import database_of
from privacy.models.jobs import JobStateError, UnknownJobError, usable_upload
from privacy.models.recordings import MAX_BYTES, Recording, recording_of
from privacy.tables.store import TransactionRefusedError
from recordings.parts import Parts

AHEAD = timedelta(minutes=1)
"""How far the clock of who records may be ahead of ours."""

_USED = "the upload was used already"


class NewRecording(Form):
    """`POST /recordings`."""

    upload_id: str
    started_at: Instant


def opened(parts: Parts, owner: str, upload_id: str) -> Database:
    """The database that an upload belongs to, when it is the caller's and takes content.

    Raises: UnknownJobError for an id that names none; UnknownDatabaseError, DatabaseDestroyedError, DatabaseStateError.
    """
    database_id = database_of("upl", upload_id)
    if database_id is None:
        raise UnknownJobError
    return open_for_content(parts.databases.of_owner(owner, database_id))


def bring(parts: Parts, database: Database, form: NewRecording, now: datetime) -> Recording:
    """Make an upload the recording that its id gives; repeated, also after a crash, the same one.

    The row comes first, so that whatever a request that died leaves is told of by a row, and goes (database_expiry).

    Raises: InvalidFieldsError, UnknownJobError, JobStateError, DatabaseStateError, KeyDestroyedError, StoreBusyError.
    """
    _check_time(parts, form.started_at, now)
    recording_id = recording_of(form.upload_id)
    recording = parts.recordings.get(database.id, recording_id) or _begun(parts, database, form, now)
    if recording.started_at == form.started_at and recording.may_be_stored(parts.policy, now):
        recording = _stored(parts, recording, form.upload_id)
    if recording.started_at != form.started_at or not recording.is_seen(parts.policy, now):
        raise JobStateError(_USED)
    return recording


def _begun(parts: Parts, database: Database, form: NewRecording, now: datetime) -> Recording:
    """The row of a recording whose bytes are to come; the upload is used from here on."""
    upload = usable_upload(parts.jobs.get(database.id, form.upload_id), parts.policy, now)
    size = int(upload.detail["bytes"])
    if size > MAX_BYTES:
        raise _wrong("upload_id", f"a recording has at most {MAX_BYTES} bytes")
    recording_id, files = recording_of(upload.id), Files(parts.host(database.region), database.id)
    sealed = files.sealed_type(recording_id, files.type(upload.id, upload.detail["sealed"]))
    recording = Recording(database.id, recording_id, database.region, form.started_at, now, size, sealed)
    operations = [
        parts.databases.check_operation(database.id, Status.ACTIVE),
        parts.jobs.use_operation(upload, recording_id),
        parts.recordings.create_operation(recording),
    ]
    try:
        parts.transact(operations)
    except TransactionRefusedError as refused:
        if 0 in refused.failed:
            raise DatabaseStateError("the database was closed in the meantime; look at it again") from None
        begun = parts.recordings.get(database.id, recording_id)  # by the same request, sent twice
        if begun is None:
            raise JobStateError(_USED) from None
        return begun
    return recording


def _stored(parts: Parts, recording: Recording, upload_id: str) -> Recording:
    """A recording with its bytes in their place, as it is then."""
    where = (recording.database_id, recording.id)
    store = StoredRecordings(parts.host(recording.region))
    if not store.bring(staging_key(recording.database_id, upload_id), recording_key(*where), recording.size):
        raise UnknownJobError
    return parts.recordings.stored(recording) or parts.recordings.get(*where) or recording


def _check_time(parts: Parts, started_at: datetime, now: datetime) -> None:
    if started_at > now + AHEAD:
        raise _wrong("started_at", "must not lie in the future")
    if parts.policy.retention["recordings"].over(started_at, now):
        raise _wrong("started_at", "lies so far back that the recording's period is over")


def _wrong(field: str, message: str) -> InvalidFieldsError:
    return InvalidFieldsError([{"field": field, "message": message}])
