"""JSON objects kept as they were written: numbers, order and escapes unchanged (api.md, records).

The standard library's scanner finds where each value ends; the value itself is never rebuilt from what was
parsed, so `1.0`, `1E5`, `-0` and a number of fifty digits stay what they are. Only whitespace outside strings
goes, so that an object fits on one line of an export.
"""

import json
import re
from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import NoReturn

MAX_DEPTH = 256
"""Arrays and objects inside each other. RFC 8259, section 9, allows a limit; without one the interpreter's
own decides, and it differs between versions and with what called us."""

_WHITESPACE = re.compile(r"[ \t\n\r]*")
_ANY_WHITESPACE = re.compile(rb"[ \t\n\r]")
# Possessive: a string without an end is read once, not once for each quotation mark in it.
_STRING = r'"[^"\\]*+(?:\\.[^"\\]*+)*+"?'
_NAME = re.compile(r'("[^"\\\x00-\x1f]*+")[ \t\n\r]*:[ \t\n\r]*')
"""A name without an escape, and what leads to its value: nearly every one."""
_BRACKETS = re.compile(_STRING + r"|[\[\]{}]", re.DOTALL)
_KEPT = re.compile(rb'[^ \t\n\r"]++|' + _STRING.encode())


class RawJSONError(ValueError):
    """The text is not the JSON that was asked for; the base of those below."""


class TooLargeError(RawJSONError):
    """The text has more bytes than are allowed (413)."""


class MalformedJSONError(RawJSONError):
    """The text is not JSON as RFC 8259 has it, in UTF-8 (400). It carries the position, in characters, and no
    text.
    """

    def __init__(self, reason: str, position: int) -> None:
        """`reason` is one of our own sentences."""
        super().__init__(f"{reason} (at character {position})")
        self.position = position


class TooDeepError(MalformedJSONError):
    """The text has more arrays and objects inside each other than are allowed (400)."""


class NotAnObjectError(RawJSONError):
    """The text is JSON, but no object (422)."""


@dataclass(frozen=True, slots=True)
class RawObject:
    """A JSON object as it was written, without the whitespace outside its strings: whole, and member by
    member.
    """

    text: bytes
    members: Mapping[str, bytes]

    def __repr__(self) -> str:
        """Its size, never its content."""
        return f"RawObject({len(self.text)} bytes)"


def parse_object(text: bytes, *, limit_bytes: int, levels: int = MAX_DEPTH) -> RawObject:
    """Read one JSON object, which may have so many `levels` of arrays and objects, itself among them.

    Refused as malformed: what RFC 8259 refuses (also NaN, Infinity and a byte order mark), other encodings
    than UTF-8, and a name that occurs twice at the top, since readers disagree on which one counts.

    Raises: TooLargeError, MalformedJSONError, TooDeepError, NotAnObjectError.
    """
    if len(text) > limit_bytes:
        raise TooLargeError("the JSON text is too large")
    written = decoded(text, levels)
    start = _skip(written, 0)
    if written[start : start + 1] != "{":
        end = _value_end(written, start)
        _refuse_more(written, end)
        raise NotAnObjectError("the JSON text is not an object")
    members: dict[str, bytes] = {}
    tokens: list[bytes] = []
    position = _skip(written, start + 1)
    closed = written[position : position + 1] == "}"
    while not closed:
        name, token, value_start = _name(written, position)
        if name in members:
            raise MalformedJSONError("a name occurs twice", position)
        value_end = _value_end(written, value_start)
        value = members[name] = _minified(written[value_start:value_end].encode())
        tokens.append(token.encode() + b":" + value)
        position = _skip(written, value_end)
        closed = written[position : position + 1] == "}"
        if not closed:
            if written[position : position + 1] != ",":
                raise MalformedJSONError("a comma or a closing brace is missing", position)
            position = _skip(written, position + 1)
    _refuse_more(written, position + 1)
    return RawObject(b"{" + b",".join(tokens) + b"}", MappingProxyType(members))


def decoded(text: bytes, levels: int = MAX_DEPTH) -> str:
    """A JSON text in UTF-8, before it is parsed: no parser recurses deeper than `levels` from here on.

    Raises: MalformedJSONError for other encodings and a byte order mark, TooDeepError.
    """
    try:
        written = text.decode("utf-8")
    except UnicodeDecodeError as error:
        position = error.start
    else:
        if written.startswith("\ufeff"):
            raise MalformedJSONError("the text begins with a byte order mark", 0)
        _refuse_depth(written, levels)
        return written
    # Outside the handler, so that the decoder's exception, which holds the text, is not our context.
    raise MalformedJSONError("the text is not UTF-8", position)


def _refuse_depth(written: str, levels: int) -> None:
    if written.count("[") + written.count("{") <= levels:
        return
    depth = 0
    for token in _BRACKETS.finditer(written):
        match token[0]:
            case "[" | "{":
                depth += 1
                if depth > levels:
                    raise TooDeepError("the text is nested too deeply", token.start())
            case "]" | "}":
                depth -= 1


def _skip(written: str, position: int) -> int:
    if written[position : position + 1] not in (" ", "\t", "\n", "\r"):
        return position
    match = _WHITESPACE.match(written, position)
    return match.end() if match else position


def _refuse_more(written: str, position: int) -> None:
    end = _skip(written, position)
    if end != len(written):
        raise MalformedJSONError("more text follows the end", end)


def _name(written: str, position: int) -> tuple[str, str, int]:
    """The name of a member, how it is written, and where its value starts."""
    if simple := _NAME.match(written, position):
        return simple[1][1:-1], simple[1], simple.end()
    if written[position : position + 1] != '"':
        raise MalformedJSONError("a name in quotation marks is missing", position)
    end = _value_end(written, position)
    colon = _skip(written, end)
    if written[colon : colon + 1] != ":":
        raise MalformedJSONError("a colon is missing", colon)
    token = written[position:end]
    return json.loads(token), token, _skip(written, colon + 1)


class _ConstantError(Exception):
    """NaN, Infinity or -Infinity: Python's, not JSON's."""


def _refuse_constant(_: str) -> NoReturn:
    raise _ConstantError


# Numbers are not converted: int() refuses 4,300 digits and more, and nobody reads the result.
_DECODER = json.JSONDecoder(parse_int=str, parse_float=str, parse_constant=_refuse_constant)


def _value_end(written: str, position: int) -> int:
    try:
        return _DECODER.raw_decode(written, position)[1]
    except json.JSONDecodeError as error:
        reason, wrong = "a value is missing or malformed", error.pos
    except _ConstantError:
        reason, wrong = "NaN and Infinity are no JSON", position
    except RecursionError:  # called from very deep inside something
        reason, wrong = "the text is nested too deeply", position
    raise MalformedJSONError(reason, wrong)


def _minified(token: bytes) -> bytes:
    """A valid piece of JSON without the whitespace outside its strings."""
    return b"".join(_KEPT.findall(token)) if _ANY_WHITESPACE.search(token) else token
