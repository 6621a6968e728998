"""Removing what has expired: one sweep for every store, derived from state, so that a missed tick costs nothing."""

import itertools
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from datetime import datetime

from privacy.aws import POOL

_CHUNK = 256
"""Things between two looks at the time."""

Due = tuple[str, datetime]


@dataclass(frozen=True, slots=True)
class Swept:
    """What a sweep did to one store.

    `lag_seconds` is how late the latest removal was, `left` says that time ran out before all was gone; `held` counts
    what a recorded hold keeps.
    """

    store: str
    removed: int
    lag_seconds: int
    left: bool
    held: int = 0


def sweep(
    store: str,
    due: Iterable[Due],
    remove: Callable[[str], bool],
    now: Callable[[], datetime],
    has_time: Callable[[], bool],
) -> Swept:
    """Remove what is due (each a key, and since when it is over), up to 16 at a time, until time is up.

    `remove` says whether it removed something: what TTL or another worker was faster with is not counted.
    """
    removed, lag = 0, 0
    entries = iter(due)
    with ThreadPoolExecutor(POOL) as pool:
        for chunk in _chunks(entries):
            for (_, over), was_there in zip(chunk, pool.map(lambda entry: remove(entry[0]), chunk), strict=True):
                if was_there:
                    removed += 1
                    lag = max(lag, int((now() - over).total_seconds()))
            if not has_time():
                return Swept(store, removed, lag, left=next(entries, None) is not None)
    return Swept(store, removed, lag, left=False)


def _chunks(entries: Iterator[Due]) -> Iterator[list[Due]]:
    while chunk := list(itertools.islice(entries, _CHUNK)):
        yield chunk
