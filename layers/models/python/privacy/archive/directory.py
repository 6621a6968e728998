"""A look at a ZIP's directory before anything is made of it: how many entries, where, within which bounds."""

import io
import os
import struct
import zipfile
import zlib
from dataclasses import dataclass
from typing import Protocol

from privacy.archive.errors import (
    ArchiveTooLargeError,
    DuplicateMemberError,
    NotAZipError,
    OverlappingMembersError,
    UnsafePathError,
    UnsupportedMemberError,
)
from privacy.archive.names import check_path

# Layouts of the ZIP format (APPNOTE 6.3.10): 4.3.16, 4.3.15, 4.3.14, 4.3.12, 4.3.7.
_END = struct.Struct("<4s4H2LH")
_LOCATOR = struct.Struct("<4sLQL")
_END64 = struct.Struct("<4sQ2H2L4Q")
_ENTRY = struct.Struct("<4s6H3L5H2L")
_LOCAL = struct.Struct("<4s5H3L2H")
_UTF8_NAME = 0x800
_ENCRYPTED = 0x1 | 0x40 | 0x2000
_UNICODE_PATH = 0x7075

MIB = 1024 * 1024
GIB = 1024 * MIB


class SeekableFile(Protocol):
    """What is needed of a file that holds an archive."""

    def read(self, size: int = -1, /) -> bytes | None: ...
    def seek(self, offset: int, whence: int = 0, /) -> int: ...
    def tell(self) -> int: ...


@dataclass(frozen=True, slots=True)
class Limits:
    """Bounds on what is read, sizes in bytes; the directory and the manifest are the parts held in memory."""

    members: int = 250_000
    directory_bytes: int = 64 * MIB
    manifest_bytes: int = 64 * MIB
    total_bytes: int = 512 * GIB
    ratio: int = 250
    """Unpacked over packed size, where the unpacked size is above `free_bytes`: deflate reaches 1,032 on zeros."""
    free_bytes: int = 64 * MIB
    line_bytes: int = MIB


@dataclass(frozen=True, slots=True)
class Extent:
    """The directory's place in the file, and its number of entries."""

    offset: int
    bytes: int
    entries: int


@dataclass(frozen=True, slots=True)
class Slot:
    """One member that is not a folder: its number in the directory from 1, its true path, and where the next begins."""

    number: int
    path: str
    info: zipfile.ZipInfo
    end: int


def survey(file: SeekableFile, limits: Limits) -> Extent:
    """Find the directory and count its entries within the limits, without an object for each of them.

    Raises:
        NotAZipError: there is none, it is cut off, or something stands before or behind it.
        ArchiveTooLargeError: it is larger than the limits.
    """
    extent = _locate(file)
    if extent.entries > limits.members:
        raise ArchiveTooLargeError(f"The archive has more than {limits.members} members.")
    if extent.bytes > limits.directory_bytes:
        raise ArchiveTooLargeError(f"The archive's directory is larger than {limits.directory_bytes} bytes.")
    directory = _read_at(file, extent.offset, extent.bytes)
    position = entries = 0
    while position < len(directory):
        if len(directory) - position < _ENTRY.size:
            raise NotAZipError("The archive's directory is cut off.")
        entry = _ENTRY.unpack_from(directory, position)
        if entry[0] != b"PK\1\2":
            raise NotAZipError("The archive's directory is damaged.")
        position += _ENTRY.size + entry[10] + entry[11] + entry[12]
        entries += 1
    if entries != extent.entries or position != len(directory):
        raise NotAZipError("The archive's directory does not hold what it announces.")
    return extent


def slots(infos: list[zipfile.ZipInfo], extent: Extent, limits: Limits) -> list[Slot]:
    """Return the members in the order of their bytes, after all checks that need no member to be opened.

    Raises:
        UnsupportedMemberError, UnsafePathError, DuplicateMemberError, OverlappingMembersError,
        ArchiveTooLargeError.
    """
    seen: set[str] = set()
    found: list[Slot] = []
    total = packed = 0
    end = extent.offset
    ordered = sorted(enumerate(infos, 1), key=lambda pair: (pair[1].header_offset, pair[0]), reverse=True)
    for number, info in ordered:
        raw = _raw_name(info)
        if info.header_offset < 0 or info.header_offset + _LOCAL.size + len(raw) + info.compress_size > end:
            raise OverlappingMembersError(f"Member {number} of the archive overlaps another one.")
        if info.flag_bits & _ENCRYPTED:
            raise UnsupportedMemberError(f"Member {number} of the archive is encrypted.")
        if info.compress_type not in (zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED):
            raise UnsupportedMemberError(
                f"Member {number} of the archive is compressed in another way than store or deflate."
            )
        path = _true_name(info, raw)
        folder = path.endswith("/") and not info.file_size
        try:
            check_path(path[:-1] if folder else path)
        except UnsafePathError as error:
            raise UnsafePathError(f"Member {number} of the archive: {error}") from None
        if path in seen:
            raise DuplicateMemberError(f"Member {number} of the archive has a path that another one has.")
        seen.add(path)
        total += info.file_size
        packed += info.compress_size
        if not folder:
            found.append(Slot(number, path, info, end))
        end = info.header_offset
    if total > limits.total_bytes:
        raise ArchiveTooLargeError(f"The archive unpacks to more than {limits.total_bytes} bytes.")
    if total > limits.free_bytes and total > packed * limits.ratio:
        raise ArchiveTooLargeError(f"The archive unpacks to more than {limits.ratio} times its size.")
    found.reverse()
    return found


def check_local(file: SeekableFile, slot: Slot) -> None:
    """Check that a member's bytes, counted from its own header, end before the next member begins.

    Raises:
        NotAZipError: there is no header.
        OverlappingMembersError: they do not.
    """
    header = _read_at(file, slot.info.header_offset, _LOCAL.size)
    fields = _LOCAL.unpack(header) if len(header) == _LOCAL.size else (b"",)
    if fields[0] != b"PK\3\4":
        raise NotAZipError(f"Member {slot.number} of the archive is not where the directory says.")
    start = slot.info.header_offset + _LOCAL.size + fields[9] + fields[10]
    if start + slot.info.compress_size > slot.end:
        raise OverlappingMembersError(f"Member {slot.number} of the archive overlaps another one.")


class GuardedFile(io.RawIOBase):
    """Hands a file to zipfile and refuses to read more at once than was measured before."""

    def __init__(self, file: SeekableFile, longest_read: int) -> None:
        super().__init__()
        self._file = file
        self._longest_read = longest_read

    def readable(self) -> bool:
        return True

    def seekable(self) -> bool:
        return True

    def tell(self) -> int:
        return self._file.tell()

    def seek(self, offset: int, whence: int = os.SEEK_SET) -> int:
        return self._file.seek(offset, whence)

    def read(self, size: int = -1, /) -> bytes:
        if size > self._longest_read:
            raise ArchiveTooLargeError("The archive's directory is larger than it announces.")
        # zipfile asks for "the rest" only near the end of the file, for the end record.
        return self._file.read(size if size >= 0 else self._longest_read) or b""


def _locate(file: SeekableFile) -> Extent:
    """Find the end record the way zipfile does: without a comment at the very end, else the last one."""
    size = file.seek(0, os.SEEK_END)
    length = min(size, _END.size + 0xFFFF)
    tail = _read_at(file, size - length, length)
    at = len(tail) - _END.size
    if at < 0:
        raise NotAZipError("This is not a ZIP archive.")
    if not (tail[at : at + 4] == b"PK\5\6" and tail[-2:] == b"\0\0"):
        at = tail.rfind(b"PK\5\6")
    if at < 0 or len(tail) - at < _END.size:
        raise NotAZipError("This is not a ZIP archive.")
    _, disk, first_disk, here, entries, length, offset, comment = _END.unpack_from(tail, at)
    if at + _END.size + comment != len(tail):
        raise NotAZipError("The archive is cut off, or something stands behind it.")
    end = size - len(tail) + at
    locator = _read_at(file, max(0, end - _LOCATOR.size), _LOCATOR.size)
    if end >= _LOCATOR.size + _END64.size and locator[:4] == b"PK\6\7":
        end -= _LOCATOR.size + _END64.size
        record = _END64.unpack(_read_at(file, end, _END64.size))
        if record[0] != b"PK\6\6":
            raise NotAZipError("The archive's directory is damaged.")
        disk, first_disk, here, entries, length, offset = record[4:]
    if disk or first_disk or here != entries:
        raise NotAZipError("The archive is one of several volumes.")
    if offset + length != end:
        raise NotAZipError("The archive is cut off, or something stands before it.")
    return Extent(offset, length, entries)


def _read_at(file: SeekableFile, offset: int, size: int) -> bytes:
    file.seek(offset)
    data = bytearray()
    while len(data) < size and (chunk := file.read(size - len(data))):
        data += chunk
    return bytes(data)


def _raw_name(info: zipfile.ZipInfo) -> bytes:
    return info.orig_filename.encode("utf-8" if info.flag_bits & _UTF8_NAME else "cp437")


def _true_name(info: zipfile.ZipInfo, raw: bytes) -> str:
    """Return a name as its writer meant it: flagged UTF-8, Info-ZIP's extra field, unflagged UTF-8, or code page 437.

    It is not cut at a NUL, as zipfile's own is.
    """
    if not info.flag_bits & _UTF8_NAME:
        extra, position = info.extra, 0
        while position + 4 <= len(extra):
            kind, length = struct.unpack_from("<2H", extra, position)
            field = extra[position + 4 : position + 4 + length]
            position += 4 + length
            current = field[:1] == b"\1" and field[1:5] == zlib.crc32(raw).to_bytes(4, "little")
            if kind == _UNICODE_PATH and current:
                raw = field[5:]
                break
        try:
            return raw.decode("utf-8")
        except UnicodeDecodeError:
            pass
    return info.orig_filename
