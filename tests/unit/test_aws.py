"""Calls that overlap: in order, bounded, and none under way when they are over."""

import threading
import time

import pytest

from privacy.aws import POOL, overlapped


class CallError(Exception):
    """A call that fails."""


def test_answers_come_in_the_order_of_their_arguments() -> None:
    def slow_at_first(number: int) -> int:
        time.sleep(0.02 if number == 0 else 0)
        return number * 2

    assert overlapped(slow_at_first, range(50)) == [number * 2 for number in range(50)]
    assert overlapped(slow_at_first, []) == []


def test_no_more_than_the_pool_are_in_flight_however_many_there_are() -> None:
    lock, now, most = threading.Lock(), 0, 0

    def counted(_: int) -> None:
        nonlocal now, most
        with lock:
            now += 1
            most = max(most, now)
        time.sleep(0.002)
        with lock:
            now -= 1

    overlapped(counted, range(5 * POOL))
    assert 1 < most <= POOL


def test_when_one_fails_nothing_is_under_way_any_more_and_the_rest_is_not_begun() -> None:
    begun: list[int] = []
    ended: list[int] = []

    def call(number: int) -> None:
        begun.append(number)
        if number == 3:
            raise CallError
        time.sleep(0.05)
        ended.append(number)

    with pytest.raises(CallError):
        overlapped(call, range(100 * POOL))
    seen = sorted(ended)
    assert set(begun) == {*ended, 3}
    assert len(begun) < 10 * POOL
    time.sleep(0.1)
    assert sorted(ended) == seen


@pytest.mark.parametrize("count", [1, 2])
def test_an_error_is_the_call_s_own(count: int) -> None:
    def fail(_: int) -> None:
        raise CallError

    with pytest.raises(CallError):
        overlapped(fail, range(count))
