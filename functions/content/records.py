"""Records, one at a time and in lists: given back as they were written, numbers, order and Unicode unchanged."""

import time
from typing import Any

from content.access import Content
from privacy.clock import rfc3339
from privacy.hosting import reading
from privacy.hosting.reading import checked_key, checked_model
from privacy.hosting.records import MAX_RECORD_BYTES, new_record
from privacy.models.databases import UnknownContentError
from privacy.models.fields import InvalidFieldsError
from privacy.models.paging import CursorError
from privacy.models.rawjson import parse_object
from privacy.tables.deletions import Deletions

COUNTING_SECONDS = 15.0
"""How long a list of models waits for its numbers, below API Gateway's 29 s; a database that takes longer gets none."""


def put(content: Content, model: str, key: str, body: bytes) -> dict[str, str]:
    """Store a record's data as it was written, the white space outside its strings apart.

    Raises: InvalidFieldsError, RawJSONError, KeyDestroyedError.
    """
    name = checked_model(model), checked_key(key)
    data = parse_object(body, limit_bytes=MAX_RECORD_BYTES).text
    content.records.put(new_record(*name, data, content.now))
    return {"key": key, "updated_at": rfc3339(content.now)}


def get(content: Content, model: str, key: str) -> bytes:
    """A record, `{key, data, updated_at}`. Raises: InvalidFieldsError, UnknownContentError, KeyDestroyedError."""
    return reading.record(content.records, checked_model(model), checked_key(key))


def delete(content: Content, ledger: Deletions, model: str, key: str) -> None:
    """Delete a record. Raises: InvalidFieldsError, UnknownContentError, KeyDestroyedError, KeyClosedError."""
    if not content.records.delete(checked_model(model), checked_key(key), ledger, content.now):
        raise UnknownContentError


def page(content: Content, model: str, limit: int, cursor: str | None) -> tuple[list[bytes], str | None]:
    """Some of a model's records, and the place to go on from. Raises: InvalidFieldsError, CursorError."""
    return reading.record_page(content.records, checked_model(model), limit, cursor)


def models(content: Content, limit: int, cursor: str | None) -> tuple[list[dict[str, Any]], str | None]:
    """Some of the models in use, by name, with their numbers of records (None where counting takes too long), and the
    name to go on after.

    Raises: CursorError.
    """
    try:
        after = checked_model(cursor) if cursor is not None else ""
    except InvalidFieldsError:
        raise CursorError("the cursor belongs to another list") from None
    counted = content.records.counted_models(time.monotonic() + COUNTING_SECONDS)
    rest = [(name, number) for name, number in counted if name > after]
    items = [{"model": name, "record_count": number} for name, number in rest[:limit]]
    return items, rest[limit - 1][0] if len(rest) > limit else None
