"""The routes to a database's content as they are published."""

from content.uploads import Completion, NewUpload
from privacy.web.operations import ANY, JSON, Answer, Content, Operation, Operations
from privacy.web.shapes import (
    BYTES,
    COUNT,
    FILE,
    JOB_ID,
    LINK,
    OBJECT,
    RECORD,
    TEXT,
    TIME,
    listed,
    nullable,
    page,
    shape,
    words,
)

_CLOSED = (404, 409, 410)
_PATH = {"path": TEXT}

OPERATIONS: Operations = {
    "GET /databases/{database_id}/models": Operation(
        "Count the records by model",
        answers={200: page(shape("Model", {"model": TEXT, "record_count": nullable(COUNT)}))},
        paged=True,
        problems=_CLOSED,
    ),
    "GET /databases/{database_id}/records/{model}": Operation(
        "List the records of a model", answers={200: page(RECORD)}, paged=True, problems=_CLOSED
    ),
    "POST /databases/{database_id}/records/{model}": Operation(
        "Store a batch of records: the good lines are stored, the others named",
        body=Content("a record `{key, data}` a line, up to 4 MB", {"application/x-ndjson": TEXT}),
        answers={
            200: shape(
                "Batch",
                {
                    "accepted": COUNT,
                    "rejected": listed(shape("", {"line": {"type": "integer", "minimum": 1}, "message": TEXT})),
                    "rejected_count": COUNT,
                },
            )
        },
        creates=True,
        problems=_CLOSED,
    ),
    "GET /databases/{database_id}/records/{model}/{key}": Operation(
        "Read a record", answers={200: RECORD}, problems=(*_CLOSED, 422)
    ),
    "PUT /databases/{database_id}/records/{model}/{key}": Operation(
        "Store a record",
        body=Content("the record's data itself, up to 350 KB", {JSON: OBJECT}),
        answers={200: shape("StoredRecord", {"key": TEXT, "updated_at": TIME})},
        problems=_CLOSED,
    ),
    "DELETE /databases/{database_id}/records/{model}/{key}": Operation(
        "Delete a record", answers={204: None}, problems=(*_CLOSED, 422)
    ),
    "GET /databases/{database_id}/files": Operation(
        "List the files", answers={200: page(FILE)}, paged=True, problems=_CLOSED
    ),
    "GET /databases/{database_id}/files/content": Operation(
        "Read a file",
        query=_PATH,
        answers={
            200: Answer({ANY: BYTES}, headers={"Content-Disposition": "to be saved under the file's own name"}),
            302: Answer(headers={"Location": "a link that lives for minutes, to a file of more than 4 MB"}),
        },
        problems=_CLOSED,
    ),
    "PUT /databases/{database_id}/files/content": Operation(
        "Store a file: the body, or an upload that is complete",
        query=_PATH | {"upload_id?": TEXT},
        body=Content("the file's bytes, up to 4 MB; none with upload_id", {ANY: BYTES}),
        may_be_empty=True,
        answers={200: FILE, 202: JOB_ID},
        problems=_CLOSED,
    ),
    "DELETE /databases/{database_id}/files/content": Operation(
        "Delete a file", query=_PATH, answers={204: None}, problems=_CLOSED
    ),
    "POST /uploads": Operation(
        "Begin an upload of what is larger than 4 MB",
        body=NewUpload,
        answers={
            201: shape(
                "Upload",
                {
                    "upload_id": TEXT,
                    "part_size": COUNT,
                    "parts": listed(shape("", {"number": {"type": "integer", "minimum": 1}, "url": LINK})),
                },
            )
        },
        creates=True,
        problems=_CLOSED,
    ),
    "POST /uploads/{upload_id}/completion": Operation(
        "Complete an upload",
        body=Completion,
        answers={200: shape("CompleteUpload", {"upload_id": TEXT, "status": words("complete")})},
        problems=_CLOSED,
    ),
}
