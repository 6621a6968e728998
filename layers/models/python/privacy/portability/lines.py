"""A record as a line of an archive."""

import re
from dataclasses import dataclass

from privacy.archive.errors import CorruptMemberError

OURS = re.compile(rb'\{"key":"([^"\\]*)","data":(\{.*\}),"updated_at":"([0-9TZ:-]*)"\}', re.DOTALL)
"""A line as our archives have it. Where `data` ends is certain only once it has been parsed."""


@dataclass(frozen=True, slots=True)
class Line:
    """A record as an archive holds it. `plain` says that the line is, byte for byte, what our exports write."""

    key: str
    data: bytes
    updated_at: str
    plain: bool = True


def split_line(line: bytes) -> Line:
    """A line that is known to be as we write it. Raises: CorruptMemberError for any other."""
    match = OURS.fullmatch(line)
    if match is None:
        raise CorruptMemberError("A line of the archive is not the one that was checked.")
    return Line(match[1].decode("ascii"), match[2], match[3].decode("ascii"))
