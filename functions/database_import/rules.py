"""What of an archive may become content: the rules of the interface (api.md), whoever wrote the archive."""

import json

from pydantic import TypeAdapter

from privacy.archive.errors import ArchiveError
from privacy.archive.manifest import is_time
from privacy.archive.reader import Member
from privacy.hosting.records import MAX_RECORD_BYTES
from privacy.hosting.transfers import MAX_UPLOAD_BYTES
from privacy.models.fields import ContentType, FilePath, RecordKey, fits
from privacy.models.rawjson import MAX_DEPTH, RawJSONError, parse_object
from privacy.portability.lines import OURS, Line

MEMBER_BYTES = 1024**3
"""The largest member of records: ours have 64 MiB, and one must be read within a worker's time."""

_LINE_BYTES = MAX_RECORD_BYTES + 1024
_PATH: TypeAdapter[str] = TypeAdapter(FilePath)
_KEY: TypeAdapter[str] = TypeAdapter(RecordKey)
_TYPE: TypeAdapter[str] = TypeAdapter(ContentType)


class UnfitContentError(ArchiveError):
    """An archive is whole, and holds what no database can."""


def check_member(member: Member) -> None:
    """Check what can be told of a member without reading it. Raises: UnfitContentError."""
    where = f"Member {member.number} of the archive"
    if member.model is not None and member.entry.bytes > MEMBER_BYTES:
        raise UnfitContentError(f"{where} holds more than {MEMBER_BYTES} bytes of records.")
    if member.file_path is None:
        return
    if member.entry.bytes > MAX_UPLOAD_BYTES:
        raise UnfitContentError(f"{where} is larger than {MAX_UPLOAD_BYTES} bytes, which is the most for a file.")
    if not fits(_PATH, member.file_path):
        raise UnfitContentError(f"{where} has a path that no file of a database can have.")
    if member.entry.media_type is not None and not fits(_TYPE, member.entry.media_type):
        raise UnfitContentError(f"{where} has a type that is none.")


def read_line(line: bytes, number: int, member: Member) -> Line:
    """A line of records, checked; `number` counts from 1. Raises: UnfitContentError, without anything of the line."""
    try:
        return _checked(line)
    except _LineError as error:
        reason = error.reason
    raise UnfitContentError(f"Line {number} of member {member.number} of the archive {reason}.")


class _LineError(Exception):
    def __init__(self, reason: str) -> None:
        super().__init__(reason)
        self.reason = reason


def _checked(line: bytes) -> Line:
    match = OURS.fullmatch(line)
    if match:
        key, written, updated_at = match[1].decode("utf-8", "replace"), match[2], match[3].decode("ascii")
    else:
        key, written, updated_at = _members(line)
    if not fits(_KEY, key):
        raise _LineError("has a key that no record can have")
    if not is_time(updated_at):
        raise _LineError("has no time in updated_at")
    try:
        data = parse_object(written, limit_bytes=MAX_RECORD_BYTES).text
    except RawJSONError:
        data = b""
    if not data:
        raise _LineError(f"has data that is no JSON object of at most 350 KB and {MAX_DEPTH} levels, each name once")
    return Line(key, data, updated_at, plain=match is not None and data == written)


def _members(line: bytes) -> tuple[str, bytes, str]:
    """Key, data and time of a line that is written in another way than ours."""
    try:
        members = parse_object(line, limit_bytes=_LINE_BYTES, levels=MAX_DEPTH + 1).members
    except RawJSONError:
        members = {}
    if members.keys() != {"key", "data", "updated_at"}:
        raise _LineError("is no JSON object of key, data and updated_at")
    return _text(members["key"]), members["data"], _text(members["updated_at"])


def _text(token: bytes) -> str:
    """A JSON string's text; empty for any other JSON."""
    value = json.loads(token) if token.startswith(b'"') else ""
    return str(value)
