"""The routes of the published policy, as they are published themselves."""

import json
from typing import Any

from privacy.policy.documents import SCHEMA
from privacy.web.operations import JSON, Answer, Operation, Operations
from privacy.web.shapes import DATE, FLAG, SHA256, TEXT, Shape, listed, nullable, page, shape, words

_SCHEMA = json.loads(SCHEMA.read_bytes())


def _resolved(node: Any) -> Any:
    """A part of the policy's own schema, with what it refers to in its place."""
    if isinstance(node, list):
        return [_resolved(part) for part in node]
    if not isinstance(node, dict):
        return node
    parts = {name: _resolved(part) for name, part in node.items() if name != "$ref"}
    return {**_resolved(_SCHEMA["$defs"][node["$ref"].rpartition("/")[2]]), **parts} if "$ref" in node else parts


def _row(name: str, title: str, **told: Shape) -> Shape:
    """A row of the register; `told` are the members that are published otherwise than they are written."""
    row = _resolved(_SCHEMA["$defs"][name])
    return {
        "title": title,
        **row,
        "properties": row["properties"] | told,
        "required": [*row["required"], *(told.keys() - row["properties"])],
    }


_PERIOD = _resolved(_SCHEMA["$defs"]["period"])
_PROCESSOR = _row("processor", "Processor")
_COOKIE = _row("cookie", "Cookie", period=nullable(_PERIOD))
_CATEGORY = _row("cookie-category", "CookieCategory", cookies=listed(_COOKIE))
_ROWS = {
    "promises": listed(_row("promise", "PolicyPromise")),
    "retention": listed(_row("retained", "RetentionPeriod", in_words=TEXT)),
    "data": listed(_row("category", "DataCategory")),
    "processors": listed(_PROCESSOR),
    "cookies": listed(_row("cookie-category", "PolicyCookieCategory")),
    "regions": listed(_row("region", "CloudRegion")),
    "trends": _resolved(_SCHEMA["properties"]["trends"]),
    "wordings": listed(_row("wording", "Wording")),
}
_HEAD = {
    "version": DATE,
    "last_updated": DATE,
    "status": words("archived", "in-force", "upcoming"),
    "summary": TEXT,
    "sha256": SHA256,
}
_VERSION = shape("PolicyVersion", {**_HEAD, "text": TEXT, **_ROWS})
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
        answers={200: _told(shape("", {"policy_version": DATE, "processors": listed(_PROCESSOR)})), 304: None},
    ),
}
