"""A recording of a session, for who has leave to look at its database's content (promise helpdesk.access)."""

from datetime import timedelta

from helpdesk_access.gate import Opened
from helpdesk_access.parts import Parts
from privacy.hosting.recordings import StoredRecordings, recording_key
from privacy.models.recordings import UnknownRecordingError

_SECOND = timedelta(seconds=1)


def link(parts: Parts, content: Opened, recording_id: str) -> str:
    """A link to a recording that has not ended: for minutes (`files.link`), and never past the recording's own end
    (promise recordings.retention).

    Raises: UnknownRecordingError, KeyDestroyedError.
    """
    recording = parts.recordings.get(content.database_id, recording_id)
    now = parts.clock()  # the link lives from its making on, not from when the request began
    if recording is None or not recording.is_seen(parts.policy, now):
        raise UnknownRecordingError
    until = min(parts.policy.retention["files.link"].after(now), recording.expires_at(parts.policy))
    seconds = (until - now) // _SECOND
    if seconds < 1:
        raise UnknownRecordingError
    content_type = content.files.type(recording.id, recording.sealed)
    stored = StoredRecordings(parts.host(recording.region))  # there it was uploaded, wherever its database is by now
    return stored.link(recording_key(recording.database_id, recording.id), content_type, seconds)
