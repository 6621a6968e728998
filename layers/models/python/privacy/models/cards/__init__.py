"""Finds payment card numbers anywhere in a JSON-like input, in any disguise (promise signup.no-cards).

The door is `card_fields`. What counts as a card number: 13 to 19 digits that a scheme issues, with the right
check digit (`issuers`, ISO/IEC 7812-1), in any script, escape or spacing (`disguises`), and not unmistakably
something else (`lookalikes`). How the digits must stand, for that decides between a card number and a
coincidence:

- in one piece, with anything around it, also glued to letters, or to its own expiry date;
- in the groups that are embossed on cards (4-4-4-4, 4-6-5, ...), anywhere in a longer row of numbers;
- in any other groups (pairs, single digits) when they are all of a row, or all that one separator joins,
  whether or not an expiry date or a check code follows;
- with the same letters between groups of four (`4111x1111x1111x1111`);
- spread over neighbouring members of a list or object that hold nothing but digits.

Trade-offs, on the side of refusing, since a recorded card number cannot be unrecorded, while a refused
reference can be written otherwise. An order reference of 16 digits that begins like a card *and* has a card's
check digit is refused: 2.7% of all random ones (measured), and none that begins with a year. A card number
that is typed as a phone number behind a plus passes only when it is a valid phone number, which at 16 digits
it cannot be. Not found: numbers in words, in base64 or encrypted, in the wrong order, with letters for
digits, or spread over fields that hold other text as well.

The cost grows with the length of the input, never faster. Paths name known fields only; the digits go
nowhere.
"""

import re
from collections.abc import Collection, Iterator, Mapping, Sequence
from decimal import Decimal
from itertools import groupby

from privacy.models.cards import issuers
from privacy.models.cards.disguises import readings
from privacy.models.cards.lookalikes import NEARBY, Written, is_something_else

UNKNOWN = "(unknown)"
"""Stands in a path for a name that the sender made up: it may itself be personal data, or a card number."""

_PATIENCE = 64
"""Lookalikes in one text. Every further candidate counts as a card: nobody writes 64 phone numbers that are
card numbers too, and asking about each would let a sender choose how long we work."""

_LONGEST_PATH = 200
"""Characters; else a body of brackets only would give paths as long as itself, one for each bracket."""

_LONGEST_INTEGER = 10**40
"""Larger numbers are no card number with anything behind it, and int() and str() of them are slow or
refused."""


def card_fields(value: object, *, known: Collection[str] = ()) -> list[str]:
    """The dotted paths of all fields that hold a card number, in the order of the input; never its digits.

    `value` is what a JSON parser gives. `known` are the field names that a path may spell out; others read
    "(unknown)". A list's members are counted from 0; the path of a bare value is "". Keeps signup.no-cards.
    """
    found: dict[str, None] = {}
    waiting: list[tuple[str, object]] = [("", value)]
    while waiting:
        path, item = waiting.pop()
        members: list[tuple[str, object]] = []
        if isinstance(item, Mapping):
            for name, member in item.items():
                shown = _joined(path, name if name in known else UNKNOWN)
                if holds_card_number(str(name)):
                    found[shown] = None
                members.append((shown, member))
        elif isinstance(item, Sequence) and not isinstance(item, str | bytes | bytearray):
            members = [(_joined(path, str(index)), member) for index, member in enumerate(item)]
        elif holds_card_number(_text(item)):
            found[path] = None
        for first in _spread(members):
            found[first] = None
        waiting.extend(reversed(members))
    return list(found)


def holds_card_number(text: str) -> bool:
    """Whether a card number stands anywhere in a text, in any disguise (promise signup.no-cards)."""
    if len(text) < issuers.SHORTEST:
        return False
    return any(_found_in(reading) for reading in readings(text))


def _joined(path: str, name: str) -> str:
    """A path gets no longer than anyone can read: below that, it names what the field is in."""
    return path if len(path) > _LONGEST_PATH else f"{path}.{name}" if path else name


def _text(item: object) -> str:
    """A scalar as its sender wrote it, as far as the digits go: 4111111111111111.0 is a number in
    disguise.
    """
    if isinstance(item, str):
        return item
    if isinstance(item, bytes | bytearray):
        return item.decode("utf-8", "replace")
    if isinstance(item, bool) or not isinstance(item, int | float | Decimal):
        return ""
    if isinstance(item, int):
        return str(abs(item)) if abs(item) < _LONGEST_INTEGER else ""
    number = Decimal(str(item)).copy_abs()
    if not number.is_finite() or number >= _LONGEST_INTEGER:
        return ""
    return str(int(number)) if number == number.to_integral_value() else str(number)


_ONLY_DIGITS = re.compile(r"[^0-9A-Za-z+]{0,8}[0-9](?:[^A-Za-z+]{0,32}[0-9])?[^0-9A-Za-z+]{0,8}")


def _spread(members: list[tuple[str, object]]) -> Iterator[str]:
    """The first member of each row of neighbours that together are a card number, each holding nothing but
    digits.
    """
    rows = groupby(
        ((path, _text(member)) for path, member in members if not isinstance(member, Mapping | list)),
        key=lambda row: len(row[1]) <= 64 and any(map(_ONLY_DIGITS.fullmatch, readings(row[1]))),
    )
    for only_digits, group in rows:
        row = list(group) if only_digits else []
        texts = [text for _, text in row]
        if len(row) > 1 and not any(map(holds_card_number, texts)) and holds_card_number("\n".join(texts)):
            yield row[0][0]


# --- one reading of a text -------------------------------------------------------------------------

_ROW = re.compile(r"[^A-Za-z]{13,}")
"""Digits and what separates them: only a letter ends a row."""
_LETTERED = re.compile(
    r"(?<![0-9])([0-9]{4})([A-Za-z]{1,3})(?:([0-9]{4})\2([0-9]{4})\2([0-9]{4})|([0-9]{6})\2([0-9]{4,5}))(?![0-9])"
)
_EMBOSSED = [re.compile(f"(?=({shape}))") for shape in ("4444", "44443", "465", "464", "4333")]
"""The groups on cards, as lookaheads over the lengths of a row's groups (a longer group counts as 9)."""
_EXPIRY = re.compile(r"(?:(?:0[1-9]|1[0-2])(?:[2-4][0-9]|20[2-4][0-9])|[2-4][0-9](?:0[1-9]|1[0-2]))(?:[0-9]{3,4})?")
_CODE = re.compile(r"[0-9]{3,4}")
_MOST_GROUPS = issuers.LONGEST + 3
"""A group has at least one digit; an expiry date and a check code are at most three more groups."""


def _found_in(reading: str) -> bool:
    patience = _PATIENCE
    for number in _candidates(reading):
        patience -= 1
        if patience < 0 or not is_something_else(number):
            return True
    return False


def _candidates(reading: str) -> Iterator[Written]:
    """What could be a card number by its digits and by how they stand."""
    for match in _LETTERED.finditer(reading):
        blocks = tuple(filter(None, match.group(1, 3, 4, 5, 6, 7)))
        if issuers.is_card_number("".join(blocks)):
            yield _written(reading, match.start(), match.end(), blocks)
    for match in _ROW.finditer(reading):
        parts: list[str] = re.split(r"([0-9]+)", match[0])
        groups, gaps = parts[1::2], parts[2:-1:2]
        seen: set[tuple[int, int]] = set()
        for start, stop in _spans(groups, gaps):
            if (start, stop) not in seen and issuers.is_card_number("".join(groups[start:stop])):
                seen.add((start, stop))
                begin = match.start() + sum(map(len, parts[: 2 * start + 1]))
                end = match.start() + sum(map(len, parts[: 2 * stop]))
                yield _written(reading, begin, end, tuple(groups[start:stop]))
        for index, group in enumerate(groups):
            if issuers.SHORTEST + 4 <= len(group) <= issuers.LONGEST + 10:  # a card and its expiry date in one
                begin = match.start() + sum(map(len, parts[: 2 * index + 1]))
                for length in range(issuers.SHORTEST, issuers.LONGEST + 1):
                    if _EXPIRY.fullmatch(group[length:]) and issuers.is_card_number(group[:length]):
                        yield _written(reading, begin, begin + length, (group[:length],))


def _written(reading: str, begin: int, end: int, groups: tuple[str, ...]) -> Written:
    before, after = reading[max(0, begin - NEARBY) : begin], reading[end : end + NEARBY]
    return Written(groups, reading[begin:end], before, after)


def _spans(groups: list[str], gaps: list[str]) -> Iterator[tuple[int, int]]:
    """Which neighbouring groups of a row may be one number, as (first, past the last)."""
    lengths = list(map(len, groups))
    for index, length in enumerate(lengths):
        if length >= issuers.SHORTEST:
            yield index, index + 1
    shape = "".join([str(length) if length < 9 else "9" for length in lengths])
    for pattern in _EMBOSSED:
        for match in pattern.finditer(shape):
            yield match.start(1), match.end(1)
    yield from _all_of(groups, 0, len(groups))
    start = 0
    for _, same in groupby(gaps):
        stop = start + sum(1 for _ in same)
        if stop - start > 1:
            yield from _all_of(groups, start, stop + 1)
        start = stop


def _all_of(groups: list[str], start: int, end: int) -> Iterator[tuple[int, int]]:
    """All these groups, or all before an expiry date or a check code at their end."""
    if end - start <= _MOST_GROUPS:
        for stop in range(start + 2, end + 1):
            tail = groups[stop:end]
            digits = "".join(tail)
            if not tail or _EXPIRY.fullmatch(digits) or (len(tail) == 1 and _CODE.fullmatch(digits)):
                yield start, stop
