"""What a row may hold: its attributes by name, with a rule for each, so that nothing else fits in anywhere."""

import re
from collections.abc import Callable, Mapping
from typing import Any

Rule = Callable[[Any], bool]
"""Whether a value may stand in an attribute."""

_DAY_SECONDS = 86_400


def fits(row: Mapping[str, Any], rules: Mapping[str, Rule]) -> bool:
    """Whether a row has attributes that have a rule, no other, and each as its rule wants it. One may be missing: the
    check that reads it sees.
    """
    return all(name in rules and rules[name](value) for name, value in row.items())


def text(pattern: str) -> Rule:
    """A text that is all of a pattern."""
    wanted = re.compile(pattern)
    return lambda value: isinstance(value, str) and wanted.fullmatch(value) is not None


def texts(pattern: str) -> Rule:
    """A list of such texts."""
    one = text(pattern)
    return lambda value: isinstance(value, list) and all(one(each) for each in value)


def whole(value: Any) -> bool:
    """A whole number."""
    return type(value) is int


def flag(value: Any) -> bool:
    """Yes or no."""
    return isinstance(value, bool)


def day(value: Any) -> bool:
    """The beginning of a day (UTC) in epoch seconds: a time that tells nothing finer."""
    return type(value) is int and value % _DAY_SECONDS == 0


def table(value: Any) -> bool:
    """A map, which the check looks into."""
    return isinstance(value, dict)


DATE = text(r"\d{4}-\d{2}-\d{2}")
SHARD = text(r"[0-9a-f]{2}")
