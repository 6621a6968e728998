"""Counting people, each once in each table, in a bounded memory and under marks that are nowhere kept."""

import hashlib
import secrets
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Sequence

from privacy.removal.sweep import HasTime

PEOPLE_AT_ONCE = 400_000
"""People that are told apart at a time, about 200 bytes each; of more, a part is counted after the other."""

Row = tuple[str, tuple[str, ...]]
"""A person (by what tells them apart) and their cell in each table."""

Read = Callable[[], Iterator[Iterable[Row]]]
"""Reads the rows of a month, page by page, as often as it is called."""


class OutOfTimeError(Exception):
    """Time was up before everybody was counted; nothing of it is kept."""


class _CrowdedError(Exception):
    """There are more people in this part than are counted at once."""


def count(read: Read, tables: Sequence[str], has_time: HasTime, at_once: int = PEOPLE_AT_ONCE) -> list[Counter[str]]:
    """How many people are in each cell of each table. Who has several rows is where their first puts them.

    The marks of people are keyed with a key that is forgotten with this call.

    Raises: OutOfTimeError.
    """
    key = secrets.token_bytes(32)
    totals: list[Counter[str]] = [Counter() for _ in tables]
    parts = [(1, 0)]  # those whose mark has a remainder, by a modulus: together everybody, and nobody twice
    while parts:
        modulus, remainder = parts.pop()
        try:
            people = _part(read, key, modulus, remainder, has_time, at_once)
        except _CrowdedError:
            parts += [(2 * modulus, remainder), (2 * modulus, remainder + modulus)]
            continue
        for cells in people.values():
            for total, cell in zip(totals, cells, strict=True):
                total[cell] += 1
    return totals


def _part(
    read: Read, key: bytes, modulus: int, remainder: int, has_time: HasTime, at_once: int
) -> dict[int, tuple[str, ...]]:
    people: dict[int, tuple[str, ...]] = {}
    same: dict[tuple[str, ...], tuple[str, ...]] = {}
    for page in read():
        if not has_time():
            raise OutOfTimeError("time was up before everybody was counted")
        for person, cells in page:
            mark = int.from_bytes(hashlib.blake2b(person.encode("utf-8"), key=key, digest_size=8).digest())
            if mark % modulus != remainder or mark in people:
                continue
            if len(people) == at_once:
                raise _CrowdedError
            people[mark] = same.setdefault(cells, cells)
    return people
