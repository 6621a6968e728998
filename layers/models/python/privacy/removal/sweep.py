"""Removing what has expired: one sweep for every store, derived from state, so that a missed tick costs nothing."""

import itertools
from collections.abc import Callable, Iterable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from datetime import datetime
from typing import TypeVar

from privacy.aws import POOL

T = TypeVar("T")

HasTime = Callable[[], bool]
"""Whether there is still time for more."""

_CHUNK = 256
"""Things between two looks at the time."""


@dataclass(frozen=True, slots=True)
class Swept:
    """What a sweep did to one store.

    `lag_seconds` is how late the latest removal was or, for what is still there, is by now. `left` says that time ran
    out before all was gone; `failed` counts what could not be removed. `held` counts what a recorded hold keeps,
    `stalled` the work that stood still and `unreadable` what cannot be read, in the stores that know of such a thing.
    """

    removed: int
    lag_seconds: int
    left: bool
    failed: int = 0
    held: int | None = None
    stalled: int | None = None
    unreadable: int | None = None


def together(swept: Sequence[Swept]) -> Swept:
    """What several sweeps did to one store."""
    return Swept(
        removed=sum(one.removed for one in swept),
        lag_seconds=max(one.lag_seconds for one in swept),
        left=any(one.left for one in swept),
        failed=sum(one.failed for one in swept),
        held=_sum(one.held for one in swept),
        stalled=_sum(one.stalled for one in swept),
        unreadable=_sum(one.unreadable for one in swept),
    )


def _sum(counts: Iterable[int | None]) -> int | None:
    told = [count for count in counts if count is not None]
    return sum(told) if told else None


class SweepError(Exception):
    """Some of what is due could not be removed; the rest was. `swept` says how much, the cause is the first error."""

    def __init__(self, swept: Swept) -> None:
        super().__init__(f"{swept.failed} could not be removed")
        self.swept = swept


def sweep(
    due: Iterable[tuple[T, datetime]],
    remove: Callable[[T], bool],
    now: Callable[[], datetime],
    has_time: HasTime,
) -> Swept:
    """Remove what is due (each a thing, and since when it is over), up to 16 at a time, until time is up.

    `remove` says whether it removed something: what TTL or another worker was faster with is not counted. One that
    fails keeps none of the others from being removed.

    Raises: SweepError at the end, when some failed.
    """
    removed, lag = 0, 0
    left = False
    errors: list[Exception] = []
    entries = iter(due)

    def tried(entry: tuple[T, datetime]) -> bool | Exception:
        try:
            return remove(entry[0])
        except Exception as error:  # told at the end, by its kind
            return error

    with ThreadPoolExecutor(POOL) as pool:
        for chunk in _chunks(entries):
            for (_, over), outcome in zip(chunk, pool.map(tried, chunk), strict=True):
                if outcome is not False:
                    lag = max(lag, int((now() - over).total_seconds()))
                if isinstance(outcome, Exception):
                    errors.append(outcome)
                else:
                    removed += outcome
            if not has_time():
                rest = next(entries, None)
                if rest is not None:
                    left, lag = True, max(lag, int((now() - rest[1]).total_seconds()))
                break
    swept = Swept(removed, lag, left, failed=len(errors))
    if errors:
        raise SweepError(swept) from errors[0]
    return swept


def _chunks(entries: Iterator[tuple[T, datetime]]) -> Iterator[list[tuple[T, datetime]]]:
    while chunk := list(itertools.islice(entries, _CHUNK)):
        yield chunk
