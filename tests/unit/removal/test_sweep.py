"""One sweep for every store: nothing keeps anything else from going, and what is late shows."""

from collections.abc import Iterator
from datetime import datetime, timedelta

import pytest

from privacy.removal.sweep import SweepError, Swept, sweep
from tests.unit.engine import NOON, SetClock


def due(count: int, late: timedelta = timedelta(hours=1)) -> Iterator[tuple[int, datetime]]:
    return ((number, NOON - late) for number in range(count))


def test_everything_due_goes_and_the_latest_is_told(clock: SetClock) -> None:
    entries = [(1, NOON - timedelta(seconds=5)), (2, NOON - timedelta(seconds=9)), (3, NOON)]

    assert sweep(entries, lambda thing: True, clock, lambda: True) == Swept(3, 9, left=False)


def test_what_somebody_else_removed_first_is_neither_counted_nor_late(clock: SetClock) -> None:
    assert sweep(due(4), lambda thing: thing == -1, clock, lambda: True) == Swept(0, 0, left=False)


def test_time_that_is_up_leaves_the_rest_and_tells_how_late_it_is(clock: SetClock) -> None:
    entries = [*due(256, timedelta(seconds=1)), *due(10, timedelta(hours=9))]

    swept = sweep(entries, lambda thing: True, clock, lambda: False)

    assert swept == Swept(256, 9 * 3600, left=True)


def test_time_that_is_up_just_as_all_is_done_leaves_nothing(clock: SetClock) -> None:
    assert not sweep(due(256), lambda thing: True, clock, lambda: False).left


def test_one_that_fails_keeps_no_other_and_counts_as_late(clock: SetClock) -> None:
    def remove(thing: int) -> bool:
        if thing % 100 == 7:
            raise RuntimeError("somebody@example.com")
        return True

    with pytest.raises(SweepError) as raised:
        sweep(due(600), remove, clock, lambda: True)

    assert raised.value.swept == Swept(594, 3600, left=False, failed=6)
    assert str(raised.value) == "6 could not be removed"
    assert isinstance(raised.value.__cause__, RuntimeError)
