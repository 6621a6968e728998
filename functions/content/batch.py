"""A batch of records as NDJSON: each line is judged alone, the good ones are stored, the others named by their number.

Of lines with one key the last good one stays, as if they had been sent one after the other.
"""

import json
import time
from collections.abc import Callable, Iterator
from typing import Any

from pydantic import TypeAdapter

from content.access import Content
from privacy.clock import rfc3339
from privacy.hosting.reading import checked_model
from privacy.hosting.records import MAX_RECORD_BYTES, Record
from privacy.models.fields import RecordKey, fits
from privacy.models.rawjson import (
    MAX_DEPTH,
    MalformedJSONError,
    RawJSONError,
    RawObject,
    TooDeepError,
    TooLargeError,
    parse_object,
)

Ids = dict[str, Any]

MAX_REJECTED = 1000
"""Lines that an answer names at most; `rejected_count` counts them all."""

BATCH_SECONDS = 20.0
"""From then on no line is stored, so that the answer comes within API Gateway's 29 s; the rest is to be sent again."""

_CHUNK = 1000
"""Records between two looks at the fence and at the time."""

_LINE_BYTES = MAX_RECORD_BYTES + 512
"""A record's greatest size, with its key and what is around both."""

_KEY: TypeAdapter[str] = TypeAdapter(RecordKey)

MALFORMED = "must be JSON in UTF-8, each name once"
NO_OBJECT = "must be an object with key and data"
MEMBERS = "must have key and data, and nothing else"
KEY = "key must have 1 to 200 of the characters A-Z a-z 0-9 _ . : @ -"
DATA = "data must be an object, each name once"
LARGE = "data must have at most 350 KB"
LATE = "this and all lines that follow were not stored, for lack of time; send them again"

DEEP = f"data must have at most {MAX_DEPTH} arrays and objects inside each other"

REASONS = (MALFORMED, NO_OBJECT, MEMBERS, KEY, DATA, LARGE, LATE, DEEP)
"""A repetition finds them by their place: add at the end only."""


class LineError(Exception):
    """A line is no record. `reason` is one of `REASONS`."""

    def __init__(self, reason: str) -> None:
        super().__init__(reason)
        self.reason = reason


def store(content: Content, model: str, body: bytes, monotonic: Callable[[], float] = time.monotonic) -> Ids:
    """Store the good lines of a batch; what came of it, in numbers alone, so that it can be kept for a repetition.

    Raises: InvalidFieldsError for the model, KeyDestroyedError, StoreBusyError.
    """
    name, updated_at = checked_model(model), rfc3339(content.now)
    until = monotonic() + BATCH_SECONDS
    accepted = rejected_count = 0
    rejected: list[list[int]] = []
    chunk: list[Record] = []

    def reject(number: int, reason: str) -> None:
        nonlocal rejected_count
        rejected_count += 1
        if len(rejected) < MAX_REJECTED or reason is LATE:
            rejected.append([number, REASONS.index(reason)])

    lines = _lines(body)
    for number, line in lines:
        try:
            key, data = parse_line(line)
        except LineError as error:
            reject(number, error.reason)
            continue
        if len(chunk) == _CHUNK:
            content.records.put_all(chunk)
            accepted += len(chunk)
            chunk = []
            if monotonic() > until:
                reject(number, LATE)
                rejected_count += sum(1 for _ in lines)
                break
        chunk.append(Record(name, key, data, updated_at))
    if chunk:
        content.records.put_all(chunk)
        accepted += len(chunk)
    return {"accepted": accepted, "rejected": rejected, "rejected_count": rejected_count}


def shown(ids: Ids) -> dict[str, Any]:
    """The answer to a batch."""
    return {
        "accepted": int(ids["accepted"]),
        "rejected": [{"line": int(number), "message": REASONS[int(reason)]} for number, reason in ids["rejected"]],
        "rejected_count": int(ids["rejected_count"]),
    }


def parse_line(line: bytes) -> tuple[str, bytes]:
    """The key and the raw data of a line. Raises: LineError."""
    members = dict(_object(line, _LINE_BYTES, MAX_DEPTH + 1, MALFORMED, NO_OBJECT).members)
    if members.keys() != {"key", "data"}:
        raise LineError(MEMBERS)
    key = json.loads(members["key"]) if members["key"].startswith(b'"') else ""
    if not fits(_KEY, key):
        raise LineError(KEY)
    return key, _object(members["data"], MAX_RECORD_BYTES, MAX_DEPTH, DATA, DATA).text


def _object(text: bytes, limit: int, levels: int, malformed: str, no_object: str) -> RawObject:
    try:
        return parse_object(text, limit_bytes=limit, levels=levels)
    except TooLargeError:
        reason = LARGE
    except TooDeepError:
        reason = DEEP
    except MalformedJSONError:
        reason = malformed
    except RawJSONError:
        reason = no_object
    raise LineError(reason)


def _lines(body: bytes) -> Iterator[tuple[int, bytes]]:
    """The lines that hold something, counted from 1; one at a time, for a body may be nothing but line ends."""
    start, number = 0, 0
    while start < len(body):
        number += 1
        end = body.find(b"\n", start)
        end = len(body) if end < 0 else end
        line = body[start:end].strip(b" \t\r")
        start = end + 1
        if line:
            yield number, line
