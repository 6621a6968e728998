"""The shapes of answers as JSON Schema (draft 2020-12, as OpenAPI 3.1 has it), and those that several functions share.

A shape with a title is published as a component of that name. A member whose name ends in `?` may be missing.
"""

from collections.abc import Mapping
from enum import StrEnum
from types import MappingProxyType
from typing import Any

from privacy.models.access import Kind
from privacy.models.databases import Status
from privacy.models.erasures import NoticeStatus
from privacy.models.jobs import JobStatus

Shape = Mapping[str, Any]


def nullable(shape: Shape) -> Shape:
    """The shape, or null."""
    return {"anyOf": [shape, {"type": "null"}]}


def one_of(*shapes: Shape) -> Shape:
    """One of some shapes."""
    return {"anyOf": list(shapes)}


def words(*known: str | type[StrEnum]) -> Shape:
    """One of some words, or of those of an enumeration."""
    found: list[str] = []
    for word in known:
        found += [word] if isinstance(word, str) else [member.value for member in word]
    return {"type": "string", "enum": found}


def listed(shape: Shape) -> Shape:
    """A list."""
    return {"type": "array", "items": shape}


def shape(title: str, members: Mapping[str, Shape]) -> Shape:
    """An object with these members and no other, published under its title (an empty one: in place)."""
    return {
        **({"title": title} if title else {}),
        "type": "object",
        "properties": {name.removesuffix("?"): member for name, member in members.items()},
        "required": [name for name in members if not name.endswith("?")],
        "additionalProperties": False,
    }


def page(of: Shape, more: Mapping[str, Shape] = MappingProxyType({})) -> Shape:
    """A page of a list (api.md, conventions)."""
    return shape("", {"items": listed(of), "next_cursor": nullable(TEXT), **more})


TEXT: Shape = {"type": "string"}
FLAG: Shape = {"type": "boolean"}
COUNT: Shape = {"type": "integer", "minimum": 0}
PERCENT: Shape = {"type": "integer", "minimum": 0, "maximum": 100}
TIME: Shape = {"type": "string", "format": "date-time", "pattern": "^[0-9]{4}-[0-9]{2}-[0-9]{2}T[0-9:]{8}Z$"}
DATE: Shape = {"type": "string", "format": "date", "pattern": "^[0-9]{4}-[0-9]{2}-[0-9]{2}$"}
SHA256: Shape = {"type": "string", "pattern": "^[0-9a-f]{64}$"}
LINK: Shape = {"type": "string", "format": "uri"}
OBJECT: Shape = {"type": "object"}
BYTES: Shape = {}
"""Bytes of any kind, as OpenAPI 3.1 writes them: a content type and no schema to speak of."""

PROBLEM = shape(
    "Problem",
    {
        "type": TEXT,
        "title": TEXT,
        "status": {"type": "integer"},
        "detail": TEXT,
        "errors?": listed(shape("", {"field": TEXT, "message": TEXT})),
    },
)
"""RFC 9457, as `privacy.web.problems` writes it."""

DATABASE = shape(
    "Database",
    {
        "id": TEXT,
        "name": nullable(TEXT),
        "region": TEXT,
        "status": words(Status),
        "created_at": TIME,
        "purge_at?": TIME,
        "record_count": COUNT,
        "file_count": COUNT,
        "bytes": COUNT,
        "counted_at": nullable(TIME),
    },
)
RECORD = shape("Record", {"key": TEXT, "data": OBJECT, "updated_at": TIME})
FILE = shape("File", {"path": TEXT, "bytes": COUNT, "sha256": SHA256, "content_type": TEXT, "updated_at": TIME})
EXPORT = shape(
    "Export",
    {
        "status": words(JobStatus.QUEUED, JobStatus.RUNNING, JobStatus.READY, JobStatus.FAILED, "expired"),
        "progress": PERCENT,
        "bytes": nullable(COUNT),
        "sha256": nullable(SHA256),
        "url": nullable(LINK),
        "url_expires_at": nullable(TIME),
        "expires_at": nullable(TIME),
        "error?": TEXT,
    },
)
KEPT = shape("Kept", {"category": TEXT, "count": COUNT, "fields": listed(TEXT), "why": TEXT, "until": nullable(TIME)})
"""What an erasure leaves, why and until when (null: until the worker's next look)."""

REMOVED = shape("Removed", {"category": TEXT, "count": COUNT, "what": TEXT})
"""What an erasure removes, or has removed."""

NOTICE = shape("Notice", {"processor": TEXT, "status": words(NoticeStatus), "at": nullable(TIME)})
"""Whether a processor that received something of a person was told of their erasure, and when (null: it waits)."""

EXPORT_ID = shape("", {"export_id": TEXT})
JOB_ID = shape("", {"job_id": TEXT})
KIND = words(Kind)
