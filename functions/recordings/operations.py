"""The routes of recordings as they are published."""

from privacy.models.recordings import RecordingStatus
from privacy.web.operations import Operation, Operations
from privacy.web.shapes import COUNT, TEXT, TIME, page, shape, words
from recordings.bringing import NewRecording
from recordings.ending import Marking, Verdict

_RECORDING = shape(
    "Recording",
    {
        "recording_id": TEXT,
        "database_id": TEXT,
        "started_at": TIME,
        "expires_at": TIME,
        "bytes": COUNT,
        "content_type": TEXT,
        "status": words(RecordingStatus.STORED),
    },
)

OPERATIONS: Operations = {
    "POST /recordings": Operation(
        "Bring the recording of a session, from an upload that is complete",
        body=NewRecording,
        answers={201: _RECORDING},
        creates=True,
        problems=(404, 409, 410),
    ),
    "GET /recordings": Operation(
        "List one's recordings with their deadlines", answers={200: page(_RECORDING)}, paged=True
    ),
    "DELETE /recordings/{recording_id}": Operation("Delete a recording at once", answers={204: None}, problems=(404,)),
    "PUT /recordings/{recording_id}/status": Operation(
        "End a recording that was processed or is irrelevant",
        body=Marking,
        answers={200: shape("MarkedRecording", {"recording_id": TEXT, "status": words(Verdict)})},
        problems=(404,),
    ),
}
