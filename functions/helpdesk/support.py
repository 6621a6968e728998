"""What customers ask the HelpDesk for (promise helpdesk.access)."""

import json
from datetime import datetime
from typing import Any

from helpdesk.parts import Parts
from privacy.clock import rfc3339
from privacy.hosting.reading import PAGE_BYTES
from privacy.models.access import REQUEST, REQUEST_COUNTS, SupportRequest, UnreadableEntry
from privacy.models.ids import database_of
from privacy.tables.access import time_of


def page(parts: Parts, limit: int, after: str | None, now: datetime) -> tuple[list[dict[str, Any]], str | None]:
    """Some of the requests that are a ground for a grant, the oldest first, and the place to go on from.

    Raises: CursorError.
    """
    items: list[dict[str, Any]] = []
    size = 0
    for request in parts.access.open_requests(now, after=after, page=limit + 1):
        told = _shown(request)
        size += len(json.dumps(told))
        if len(items) == limit or (items and size > PAGE_BYTES):
            return items, items[-1]["request_id"]
        items.append(told)
    return items, None


def _shown(request: SupportRequest | UnreadableEntry) -> dict[str, Any]:
    asked_at = time_of(request.id)
    return {
        "database_id": database_of(REQUEST, request.id),
        "request_id": request.id,
        **({"message": request.message} if isinstance(request, SupportRequest) else {"unreadable": True}),
        "created_at": rfc3339(asked_at),
        "expires_at": rfc3339(asked_at + REQUEST_COUNTS),
    }
