"""The routes by which staff read under a grant, as they are published."""

from privacy.web.operations import ANY, Answer, Operation, Operations
from privacy.web.shapes import BYTES, FILE, RECORD, TEXT, page

_CLOSED = (404, 409, 410)
_DATABASE = "GET /helpdesk/databases/{database_id}"

OPERATIONS: Operations = {
    f"{_DATABASE}/records/{{model}}": Operation(
        "List the records of a model, under a grant", answers={200: page(RECORD)}, paged=True, problems=_CLOSED
    ),
    f"{_DATABASE}/records/{{model}}/{{key}}": Operation(
        "Read a record, under a grant", answers={200: RECORD}, problems=(*_CLOSED, 422)
    ),
    f"{_DATABASE}/files": Operation(
        "List the files, under a grant", answers={200: page(FILE)}, paged=True, problems=_CLOSED
    ),
    f"{_DATABASE}/files/content": Operation(
        "Read a file, under a grant",
        query={"path": TEXT},
        answers={
            200: Answer({ANY: BYTES}, headers={"Content-Disposition": "to be saved under the file's own name"}),
            302: Answer(headers={"Location": "a link that lives for minutes, to a file of more than 4 MB"}),
        },
        problems=_CLOSED,
    ),
    "GET /helpdesk/recordings/{recording_id}/content": Operation(
        "See a recording of a session, under a grant",
        answers={302: Answer(headers={"Location": "a link of minutes, never past the recording's end"})},
        problems=_CLOSED,
    ),
}
