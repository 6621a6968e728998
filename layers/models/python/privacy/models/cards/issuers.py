"""Which digits can be a payment card number: issuer range, length and check digit (ISO/IEC 7812-1).

ISO/IEC 7812-1 gives the structure (issuer identification number, account number, Luhn check digit); the
ranges are the schemes' own published ones. They are kept narrow on purpose: Luhn alone accepts one random
number in ten, and every range that no card uses would refuse honest order references. Left out therefore:
RuPay and UnionPay 81 and 82 (the order numbers of a large marketplace), JCB 1800 and 2131 and UATP (no longer
issued, and millisecond timestamps begin with 1),
and 17 digits (no scheme is seen to use them; a Chinese identity number that ends in X has them).
"""

from collections.abc import Iterable

SHORTEST = 13
"""Digits of the shortest card number that we look for (Visa's first, no longer issued)."""
LONGEST = 19
"""Digits of the longest card number (ISO/IEC 7812-1)."""

_RANGES: tuple[tuple[str, tuple[int, ...]], ...] = (
    ("4", (13, 16, 19)),  # Visa, and the Elo, Mada, Dankort and Switch ranges inside it
    ("51-55 2221-2720", (16,)),  # Mastercard
    ("34 37", (15,)),  # American Express
    ("6011 644-649 65", (16, 19)),  # Discover, and RuPay, Elo and BC Card inside it
    ("3528-3589", (16, 19)),  # JCB, and LankaPay inside it
    ("36 38 39 300-305 3095", (14,)),  # Diners Club
    ("36 38 39", (16, 19)),  # Diners Club, the longer numbers issued since 2018
    ("62", (16, 18, 19)),  # UnionPay
    ("5018 5020 5038 5893 6304 6759 6761-6763 6767", (13, 16, 18, 19)),  # Maestro
    ("633110 6333 6334 564182", (16, 18, 19)),  # Solo, Switch
    ("508 6069-6085", (16,)),  # RuPay
    ("2200-2205", (16, 18, 19)),  # Mir, and Borica beside it
    ("504175 506699-506778 509000-509999 627780 636297 636368", (16,)),  # Elo
    ("506099-506198 507865-507964", (16, 18, 19)),  # Verve
    ("9792", (16,)),  # Troy
    ("5019", (16,)),  # Dankort
    ("636 637-639", (16, 19)),  # InterPayment, InstaPayment
    ("8600 9860", (16,)),  # Uzcard, Humo
    ("606282 637095", (16,)),  # Hipercard
    ("286900 502275 506199-506499", (16,)),  # Carnet
    ("589562 589657 6042 6043", (16,)),  # Naranja, Cabal
)


def _compiled(rows: Iterable[tuple[str, tuple[int, ...]]]) -> dict[tuple[str, int], list[tuple[str, str]]]:
    """The ranges by first digit and length, so that one look-up leaves a handful to compare."""
    table: dict[tuple[str, int], list[tuple[str, str]]] = {}
    for ranges, lengths in rows:
        for text in ranges.split():
            low, _, high = text.partition("-")
            for length in lengths:
                table.setdefault((low[0], length), []).append((low, high or low))
    return table


_TABLE = _compiled(_RANGES)
_DOUBLED = {digit: sum(map(int, str(2 * int(digit)))) for digit in "0123456789"}


def has_issuer(digits: str) -> bool:
    """Whether a scheme issues card numbers that begin like this and have this many digits."""
    ranges = _TABLE.get((digits[0], len(digits)), ())
    return any(low <= digits[: len(low)] <= high for low, high in ranges)


def passes_luhn(digits: str) -> bool:
    """Whether the last digit is the right check digit (ISO/IEC 7812-1, annex B)."""
    plain, doubled = digits[-1::-2], digits[-2::-2]
    return (sum(map(int, plain)) + sum(map(_DOUBLED.__getitem__, doubled))) % 10 == 0


def is_card_number(digits: str) -> bool:
    """Whether these ASCII digits, taken alone, are a payment card number."""
    return SHORTEST <= len(digits) <= LONGEST and has_issuer(digits) and passes_luhn(digits)
