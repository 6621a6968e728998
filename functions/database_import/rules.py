"""What of an archive may become content: the rules of the interface (api.md), whoever wrote the archive."""

import json
import re
from dataclasses import dataclass

from pydantic import TypeAdapter, ValidationError

from privacy.archive.errors import ArchiveError
from privacy.archive.manifest import is_time
from privacy.archive.reader import Member
from privacy.hosting.records import MAX_RECORD_BYTES
from privacy.hosting.transfers import MAX_UPLOAD_BYTES
from privacy.models.fields import FilePath, RecordKey
from privacy.models.rawjson import RawJSONError, parse_object

MEMBER_BYTES = 1024**3
"""The largest member of records: ours have 64 MiB, and one must be read within a worker's time."""

BYTES = "application/octet-stream"
"""The type of a file that names none."""

_LINE_BYTES = MAX_RECORD_BYTES + 1024
_PATH: TypeAdapter[str] = TypeAdapter(FilePath)
_KEY: TypeAdapter[str] = TypeAdapter(RecordKey)

_TOKEN = r"[A-Za-z0-9!#$&^_.+-]{1,64}"  # noqa: S105  # a grammar's token (RFC 6838, 4.2), no secret
_TYPE = re.compile(rf'{_TOKEN}/{_TOKEN}(?:; ?{_TOKEN}=(?:{_TOKEN}|"[A-Za-z0-9 !#$&^_.+:/=-]{{0,64}}")){{0,4}}')

_OURS = re.compile(rb'\{"key":"([^"\\]*)","data":(\{.*\}),"updated_at":"([0-9TZ:-]*)"\}', re.DOTALL)
"""A line as our exports write it. Where `data` ends is certain only once it has been parsed."""


class UnfitContentError(ArchiveError):
    """An archive is whole, and holds what no database can."""


@dataclass(frozen=True, slots=True)
class Line:
    """A record as an archive holds it. `plain` says that the line is, byte for byte, what our exports write."""

    key: str
    data: bytes
    updated_at: str
    plain: bool = True


def check_member(member: Member) -> None:
    """Check what can be told of a member without reading it. Raises: UnfitContentError."""
    where = f"Member {member.number} of the archive"
    if member.model is not None and member.entry.bytes > MEMBER_BYTES:
        raise UnfitContentError(f"{where} holds more than {MEMBER_BYTES} bytes of records.")
    if member.file_path is None:
        return
    if member.entry.bytes > MAX_UPLOAD_BYTES:
        raise UnfitContentError(f"{where} is larger than {MAX_UPLOAD_BYTES} bytes, which is the most for a file.")
    if not _is_path(member.file_path):
        raise UnfitContentError(f"{where} has a path that no file of a database can have.")
    if member.entry.media_type is not None and not _TYPE.fullmatch(member.entry.media_type):
        raise UnfitContentError(f"{where} has a type that is none.")


def read_line(line: bytes, number: int, member: Member) -> Line:
    """A line of records, checked; `number` counts from 1. Raises: UnfitContentError, without anything of the line."""
    try:
        return _checked(line)
    except _LineError as error:
        reason = error.reason
    raise UnfitContentError(f"Line {number} of member {member.number} of the archive {reason}.")


def split_line(line: bytes) -> Line:
    """A line that was checked before and found plain. Raises: UnfitContentError for any other."""
    match = _OURS.fullmatch(line)
    if match is None:
        raise UnfitContentError("A line of the archive is not the one that was checked.")
    return Line(match[1].decode("ascii"), match[2], match[3].decode("ascii"))


class _LineError(Exception):
    def __init__(self, reason: str) -> None:
        super().__init__(reason)
        self.reason = reason


def _checked(line: bytes) -> Line:
    match = _OURS.fullmatch(line)
    if match:
        key, written, updated_at = match[1].decode("utf-8", "replace"), match[2], match[3].decode("ascii")
    else:
        key, written, updated_at = _members(line)
    if not _is_key(key):
        raise _LineError("has a key that no record can have")
    if not is_time(updated_at):
        raise _LineError("has no time in updated_at")
    try:
        data = parse_object(written, limit_bytes=MAX_RECORD_BYTES).text
    except RawJSONError:
        data = b""
    if not data:
        raise _LineError("has data that is no JSON object of at most 350 KB, each name once")
    return Line(key, data, updated_at, plain=match is not None and data == written)


def _members(line: bytes) -> tuple[str, bytes, str]:
    """Key, data and time of a line that is written in another way than ours."""
    try:
        members = parse_object(line, limit_bytes=_LINE_BYTES).members
    except RawJSONError:
        members = {}
    if members.keys() != {"key", "data", "updated_at"}:
        raise _LineError("is no JSON object of key, data and updated_at")
    return _text(members["key"]), members["data"], _text(members["updated_at"])


def _text(token: bytes) -> str:
    """A JSON string's text; empty for any other JSON."""
    value = json.loads(token) if token.startswith(b'"') else ""
    return str(value)


def _is_key(key: str) -> bool:
    try:
        _KEY.validate_python(key)
    except ValidationError:
        return False
    return True


def _is_path(path: str) -> bool:
    """Whether it is a path as the interface stores it: in NFC, so that two members cannot become one file."""
    try:
        return _PATH.validate_python(path) == path
    except ValidationError:
        return False
