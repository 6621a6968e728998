"""The routes of the published policy as they are published."""

from privacy.web.operations import JSON, Answer, Operation, Operations
from privacy.web.shapes import DATE, FLAG, OBJECT, SHA256, TEXT, Shape, listed, page, shape, words

_HEAD = {
    "version": DATE,
    "last_updated": DATE,
    "status": words("upcoming", "in-force", "archived"),
    "summary": TEXT,
    "sha256": SHA256,
}
_ROWS = {name: listed(OBJECT) for name in ("promises", "retention", "data", "processors", "cookies", "regions")}
_VERSION = shape("PolicyVersion", {**_HEAD, "text": TEXT, **_ROWS, "trends": OBJECT, "wordings": listed(OBJECT)})
_CHANGE = shape(
    "PolicyChange",
    {
        "kind": words("period", "data", "processor", "cookie", "region", "promise", "wording"),
        "id": TEXT,
        "before": {},
        "after": {},
        "words": TEXT,
        "material": FLAG,
    },
)
_CHANGES = shape(
    "PolicyChanges",
    {
        "from": DATE,
        "to": DATE,
        "material": FLAG,
        "words": listed(TEXT),
        "changes": listed(_CHANGE),
        "text": listed(TEXT),
    },
)


def _told(data: Shape) -> Answer:
    """As data, or as a page for who prefers one."""
    return Answer(
        {JSON: data, "text/html": TEXT}, {"ETag": "of this answer: `If-None-Match` with it is answered by 304"}
    )


OPERATIONS: Operations = {
    "GET /policy": Operation("Read the policy in force", answers={200: _told(_VERSION)}),
    "GET /policy/versions": Operation("List every version", answers={200: _told(page(shape("", _HEAD)))}),
    "GET /policy/versions/{date}": Operation("Read a version", answers={200: _told(_VERSION)}, problems=(404, 422)),
    "GET /policy/changes": Operation(
        "See what differs between two versions: of the one before to the one in force, unless asked otherwise",
        query={"from?": DATE, "to?": DATE},
        answers={200: _told(_CHANGES)},
        problems=(404,),
    ),
    "GET /cookies": Operation(
        "Read the register of cookies",
        answers={200: _told(shape("Cookies", {"policy_version": DATE, "categories": listed(OBJECT)}))},
    ),
    "GET /processors": Operation(
        "Read the register of processors",
        answers={200: _told(shape("Processors", {"policy_version": DATE, "processors": listed(OBJECT)}))},
    ),
}
