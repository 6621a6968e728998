"""Removing what has expired: one sweep for every store, derived from state, so that a missed tick costs nothing."""

import itertools
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from datetime import datetime
from typing import TypeVar

from privacy.aws import POOL

T = TypeVar("T")

_CHUNK = 256
"""Things between two looks at the time."""


@dataclass(frozen=True, slots=True)
class Swept:
    """What a sweep did to one store.

    `lag_seconds` is how late the latest removal was or, for what is still there, is by now. `left` says that time ran
    out before all was gone; `held` counts what a recorded hold keeps, `failed` what could not be removed.
    """

    store: str
    removed: int
    lag_seconds: int
    left: bool
    held: int = 0
    failed: int = 0


class SweepError(Exception):
    """Some of what is due could not be removed; the rest was. `swept` says how much, the cause is the first error."""

    def __init__(self, swept: Swept) -> None:
        super().__init__(f"{swept.failed} of {swept.store} could not be removed")
        self.swept = swept


def sweep(
    store: str,
    due: Iterable[tuple[T, datetime]],
    remove: Callable[[T], bool],
    now: Callable[[], datetime],
    has_time: Callable[[], bool],
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
    swept = Swept(store, removed, lag, left, failed=len(errors))
    if errors:
        raise SweepError(swept) from errors[0]
    return swept


def _chunks(entries: Iterator[tuple[T, datetime]]) -> Iterator[list[tuple[T, datetime]]]:
    while chunk := list(itertools.islice(entries, _CHUNK)):
        yield chunk
