"""The routes of the published policy, as they are published themselves."""

from privacy.web.operations import JSON, Answer, Operation, Operations
from privacy.web.shapes import DATE, FLAG, OBJECT, SHA256, TEXT, Shape, listed, nullable, page, shape, words

_HEAD = {
    "version": DATE,
    "last_updated": DATE,
    "status": words("archived", "in-force", "upcoming"),
    "summary": TEXT,
    "sha256": SHA256,
}
_ROWS = ("promises", "retention", "data", "processors", "cookies", "regions", "wordings")
_VERSION = shape("PolicyVersion", {**_HEAD, "text": TEXT, **{name: listed(OBJECT) for name in _ROWS}, "trends": OBJECT})
_CHANGE = shape(
    "PolicyChange",
    {"kind": TEXT, "id": TEXT, "before": {}, "after": {}, "words": TEXT, "material": FLAG},
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
_COOKIE = shape(
    "Cookie",
    {"name": TEXT, "party": TEXT, "what": TEXT, "period": nullable(TEXT), "set_by": TEXT, "http_only": FLAG},
)
_CATEGORY = shape(
    "CookieCategory",
    {
        "id": TEXT,
        "title": TEXT,
        "what": TEXT,
        "required": FLAG,
        "without": TEXT,
        "processor?": TEXT,
        "cookies": listed(_COOKIE),
    },
)


def _told(data: Shape) -> Answer:
    """Data, or a page for who prefers one."""
    return Answer({JSON: data, "text/html": TEXT}, headers={"ETag": "of this answer; If-None-Match gets 304"})


OPERATIONS: Operations = {
    "GET /policy": Operation("Read the policy in force", answers={200: _told(_VERSION), 304: None}),
    "GET /policy/versions": Operation(
        "List every version of the policy, the newest first",
        answers={200: _told(page(shape("PolicyHead", _HEAD))), 304: None},
    ),
    "GET /policy/versions/{date}": Operation(
        "Read a version of the policy", answers={200: _told(_VERSION), 304: None}, problems=(404, 422)
    ),
    "GET /policy/changes": Operation(
        "Tell what differs between two versions; without dates, what the one in force changed",
        query={"from?": DATE, "to?": DATE},
        answers={200: _told(_CHANGES), 304: None},
        problems=(404,),
    ),
    "GET /cookies": Operation(
        "Read the register of cookies",
        answers={200: _told(shape("", {"policy_version": DATE, "categories": listed(_CATEGORY)})), 304: None},
    ),
    "GET /processors": Operation(
        "Read the register of processors",
        answers={200: _told(shape("", {"policy_version": DATE, "processors": listed(OBJECT)})), 304: None},
    ),
}
