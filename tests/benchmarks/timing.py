"""Timing two things side by side, so that what else the machine does falls on both."""

import time
from collections.abc import Callable


def cpu_seconds(work: Callable[[], object]) -> float:
    """How much processor time some work takes, in all threads: what else the machine does is not in it."""
    started = time.process_time()
    work()
    return time.process_time() - started


def seconds(work: Callable[[], object]) -> float:
    """How long some work takes, by the clock on the wall."""
    started = time.perf_counter()
    work()
    return time.perf_counter() - started


def best_of(rounds: int, *measured: Callable[[], float]) -> tuple[float, ...]:
    """The shortest time (seconds) of each of some measurements, made by turns: what disturbs only ever adds."""
    taken = [tuple(measure() for measure in measured) for _ in range(rounds)]
    return tuple(min(times) for times in zip(*taken, strict=True))
