"""Takes the disguise off a text: every way to write a digit becomes 0-9, every invisible character goes.

A *reading* is the text as ASCII: digits, letters (any foreign letter is `x`) and separators. One text can
have several readings, since a percent sign may be an escape or a percent sign, and a CJK numeral a digit or a
word.
"""

import re
import unicodedata
from collections.abc import Generator, Iterator

_ROUNDS = 3
"""How often escapes inside escapes are taken off (`%2534` is `%34` is `4`)."""

# Every alternative is anchored on its first character and bounded or possessive, so that no input costs more
# than its length. The html module is not used: its int() of a long reference raises.
_ESCAPE = re.compile(
    r"%(?P<percent>[0-9A-Fa-f]{2})"
    r"|&\#0*+(?P<decimal>[0-9]{1,7});?"
    r"|&\#[xX]0*+(?P<hex>[0-9A-Fa-f]{1,6});?"
    r"|\\u(?P<unicode>[0-9A-Fa-f]{4})"
    r"|\\u\{(?P<braced>[0-9A-Fa-f]{1,6})\}"
    r"|\\x(?P<byte>[0-9A-Fa-f]{2})"
    r"|&[A-Za-z]{2,31};"  # a named reference: a space or a dash, as far as digits are concerned
    r"|<[^<>]{0,200}>"  # a tag between two digits
)
_FILLERS = frozenset("\u115f\u1160\u3164\uffa0")
"""Letters that show nothing."""


def readings(text: str) -> Iterator[str]:
    """Every reading of a text that is worth a look; the text itself, when it is ASCII without an escape."""
    numerals = yield from _unwrapped(text, numerals_are_digits=False)
    if numerals:
        yield from _unwrapped(text, numerals_are_digits=True)


def _unwrapped(text: str, *, numerals_are_digits: bool) -> Generator[str, None, bool]:
    """The plain text, then what is left of it after each round of escapes; tells whether a numeral was
    met.
    """
    numerals = False
    for _ in range(_ROUNDS + 1):
        if not text.isascii():
            plain = _Plain(numerals_are_digits=numerals_are_digits)
            text = text.translate(plain)
            numerals |= plain.numerals
        yield text
        unescaped = _ESCAPE.sub(_unescape, text)
        if unescaped == text:
            break
        text = unescaped
    return numerals


def _unescape(match: re.Match[str]) -> str:
    if match["percent"]:
        code = int(match["percent"], 16)
        return chr(code) if code < 0x80 else ""  # a byte of UTF-8: a foreign space or dash
    if match["decimal"]:
        code = int(match["decimal"])
    elif digits := match["hex"] or match["unicode"] or match["braced"] or match["byte"]:
        code = int(digits, 16)
    else:
        return " "
    return chr(code) if code <= 0x10FFFF else " "


class _Plain(dict[int, str]):
    """A `str.translate` table that fills itself; made anew for each text, so that no text makes it grow for
    good.
    """

    def __init__(self, *, numerals_are_digits: bool) -> None:
        super().__init__({code: chr(code) for code in range(0x80)})
        self.numerals = False
        self._numerals_are_digits = numerals_are_digits

    def __missing__(self, code: int) -> str:
        plain = self[code] = self._plain(chr(code))
        return plain

    def _plain(self, character: str) -> str:
        category = unicodedata.category(character)
        if category == "Nd":
            return str(unicodedata.decimal(character))
        if unicodedata.numeric(character, -1) in range(10):
            self.numerals = True
            if self._numerals_are_digits:
                return str(int(unicodedata.numeric(character)))
        if category in ("Mn", "Me", "Cf"):
            return ""
        if category == "Pd":
            return "-"
        compatible = unicodedata.normalize("NFKC", character)
        if compatible != character and character not in _FILLERS:
            return "".join(self[ord(part)] for part in compatible)
        return "x" if category[0] == "L" and character not in _FILLERS else " "
