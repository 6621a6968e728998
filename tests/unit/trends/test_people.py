"""People are counted once each, however many rows they have, and a crowd in parts."""

from collections import Counter
from collections.abc import Iterator

import pytest
from hypothesis import given
from hypothesis import strategies as st

from privacy.models.trends import Month
from privacy.trends.people import OutOfTimeError, Row, count

pytestmark = pytest.mark.promise("disclosure.aggregate")

ROWS = st.lists(st.tuples(st.integers(0, 60), st.sampled_from("abc"), st.sampled_from("xy")), max_size=150)


def reader(rows: list[Row], size: int = 7) -> Iterator[list[Row]]:
    for start in range(0, len(rows), size):
        yield rows[start : start + size]


@given(ROWS, st.integers(1, 80))
def test_everybody_is_counted_once_in_each_table_where_they_came_first_in_however_many_parts(
    drawn: list[tuple[int, str, str]], at_once: int
) -> None:
    rows: list[Row] = [(f"person {number}", (one, two)) for number, one, two in drawn]
    first: dict[str, tuple[str, ...]] = {}
    for person, cells in rows:
        first.setdefault(person, cells)
    counts = count(lambda: reader(rows), ("one", "two"), lambda: True, at_once)
    assert counts == [Counter(cells[0] for cells in first.values()), Counter(cells[1] for cells in first.values())]


def test_no_more_people_are_told_apart_at_a_time_than_the_memory_is_for() -> None:
    rows: list[Row] = [(f"person {number}", ("a",)) for number in range(100)]
    reads = []

    def read() -> Iterator[list[Row]]:
        reads.append(1)
        return reader(rows)

    assert count(read, ("one",), lambda: True, 30) == [Counter(a=100)]
    assert len(reads) >= 5  # the whole, which is too much, its halves, and so on


def test_when_time_is_up_nothing_is_counted() -> None:
    rows: list[Row] = [("person", ("a",))]
    with pytest.raises(OutOfTimeError):
        count(lambda: reader(rows), ("one",), lambda: False)


def test_a_month_ends_where_the_next_begins() -> None:
    december = Month(2026, 12)
    assert (str(december.following), december.ends) == ("2027-01", Month(2027, 1).begins)
    assert [str(month) for month in Month(2026, 11).up_to(Month(2027, 1))] == ["2026-11", "2026-12", "2027-01"]
    for text in ("2026-13", "2026-00", "0000-01", "2026-1", "2026-11-01", ""):
        with pytest.raises(ValueError, match="a month is written as"):
            Month.parse(text)
