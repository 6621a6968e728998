"""Where a page of a list ends: at its limit, or at 4 MB, and never before its first item."""

import json
from collections.abc import Iterator
from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from privacy.models.paging import PAGE_BYTES, first_page

MEGABYTE = 1_048_576


def test_a_page_ends_at_its_limit_and_says_whether_there_is_more() -> None:
    items = [{"id": number} for number in range(4)]
    assert first_page(items, 3) == (items[:3], True)
    assert first_page(items, 4) == (items, False)
    assert first_page([], 1) == ([], False)


def test_a_page_ends_at_four_megabytes_of_json() -> None:
    empty = len(json.dumps({"text": ""})) + 1
    whole = [{"text": "x" * (2 * MEGABYTE - empty)} for _ in range(3)]
    assert first_page(whole, 100) == (whole[:2], True)
    over = [whole[0], {"text": whole[1]["text"] + "x"}, whole[2]]
    assert first_page(over, 100) == (over[:1], True)
    assert first_page([{"text": "é" * MEGABYTE}] * 3, 100)[1] is True  # bytes, not characters


def test_an_item_that_is_larger_by_itself_comes_alone() -> None:
    large, small = {"text": "x" * 5 * MEGABYTE}, {"text": "x"}
    assert first_page([large, small], 100) == ([large], True)
    assert first_page([small, large], 100) == ([small], True)
    assert first_page([large], 100) == ([large], False)


def test_no_more_than_one_item_beyond_the_page_is_asked_for() -> None:
    asked: list[int] = []

    def items() -> Iterator[dict[str, Any]]:
        for number in range(100):
            asked.append(number)
            yield {"id": number}

    first_page(items(), 10)
    assert len(asked) == 11


@given(st.lists(st.integers(0, 3 * MEGABYTE), max_size=8), st.integers(1, 5))
def test_page_after_page_everything_comes_once(sizes: list[int], limit: int) -> None:
    items = [{"id": number, "text": "x" * size} for number, size in enumerate(sizes)]
    seen: list[dict[str, Any]] = []
    more = True
    while more:
        page, more = first_page(items[len(seen) :], limit)
        assert len(page) <= limit
        assert len(page) <= 1 or sum(len(json.dumps(item)) for item in page) <= PAGE_BYTES
        assert page or not more
        seen += page
    assert seen == items
