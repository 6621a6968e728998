"""Paged lists: `?limit=&cursor=`, answered by `{items, next_cursor}`."""

import base64
import json
import re
from collections.abc import Sequence

from chalice.app import Request

from privacy.web.problems import invalid
from privacy.web.requests import parameter

DEFAULT_LIMIT = 100
MAX_LIMIT = 1000

_NUMBER = re.compile(r"[1-9][0-9]{0,3}")


def page_request(request: Request) -> tuple[int, str | None]:
    """The limit and the opened cursor of a list's request. Raises: ProblemError 422."""
    text = parameter(request, "limit")
    if text is None:
        limit = DEFAULT_LIMIT
    elif _NUMBER.fullmatch(text) and int(text) <= MAX_LIMIT:
        limit = int(text)
    else:
        raise invalid("limit", f"a whole number from 1 to {MAX_LIMIT}")
    cursor = parameter(request, "cursor")
    if not cursor:
        return limit, None
    try:
        return limit, base64.b64decode(cursor + "=" * (-len(cursor) % 4), altchars=b"-_", validate=True).decode("ascii")
    except ValueError:
        raise invalid("cursor", "use the next_cursor of the page before") from None


def sealed_cursor(place: str | None) -> str | None:
    """A place in a list as an opaque cursor."""
    return base64.urlsafe_b64encode(place.encode("ascii")).decode("ascii").rstrip("=") if place else None


def raw_page(items: Sequence[bytes], after: str | None) -> bytes:
    """A page whose items are JSON already."""
    return b'{"items":[' + b",".join(items) + b'],"next_cursor":' + json.dumps(sealed_cursor(after)).encode() + b"}"
