"""What customers ask the HelpDesk for (promise helpdesk.access)."""

from datetime import datetime
from typing import Any

from helpdesk.parts import Parts
from privacy.clock import rfc3339
from privacy.models.access import REQUEST, REQUEST_COUNTS, SupportRequest, UnreadableEntry
from privacy.models.ids import database_of
from privacy.models.paging import first_page
from privacy.tables.access import time_of


def page(parts: Parts, limit: int, after: str | None, now: datetime) -> tuple[list[dict[str, Any]], str | None]:
    """Some of the requests that are a ground for a grant, the oldest first, and the place to go on from.

    Raises: CursorError.
    """
    found = parts.access.open_requests(now, after=after, page=limit + 1)
    items, more = first_page((_shown(request) for request in found), limit)
    return items, items[-1]["request_id"] if more else None


def _shown(request: SupportRequest | UnreadableEntry) -> dict[str, Any]:
    asked_at = time_of(request.id)
    return {
        "database_id": database_of(REQUEST, request.id),
        "request_id": request.id,
        **({"message": request.message} if isinstance(request, SupportRequest) else {"unreadable": True}),
        "created_at": rfc3339(asked_at),
        "expires_at": rfc3339(asked_at + REQUEST_COUNTS),
    }
