"""Where a page of a list ends, and the place from which the next one goes on."""

import json
from collections.abc import Iterable
from typing import Any

PAGE_BYTES = 4_194_304
"""A page of a list ends at 4 MB (api.md, conventions)."""


class CursorError(ValueError):
    """The cursor is none of this list's."""


def first_page(items: Iterable[dict[str, Any]], limit: int) -> tuple[list[dict[str, Any]], bool]:
    """The items of a page, `limit` and `PAGE_BYTES` at most, and whether there are more; one that is larger by itself
    comes alone. No more than one item beyond the page is asked for.
    """
    page: list[dict[str, Any]] = []
    size = 0
    for item in items:
        size += len(json.dumps(item, ensure_ascii=False).encode("utf-8", "surrogatepass")) + 1
        if len(page) == limit or (page and size > PAGE_BYTES):
            return page, True
        page.append(item)
    return page, False
