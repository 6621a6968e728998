"""Reading an export that somebody brings: everything is checked before anything of it is used."""

import hashlib
import io
import json
import re
import struct
import zipfile
import zlib
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any, Self

from privacy.archive.directory import GuardedFile, Limits, SeekableFile, Slot, check_local, slots, survey
from privacy.archive.errors import (
    ArchiveTooLargeError,
    CorruptMemberError,
    DuplicateMemberError,
    ManifestError,
    NotAZipError,
    UnsafePathError,
)
from privacy.archive.manifest import FORMAT, ManifestEntry, is_time
from privacy.archive.names import FILES, MANIFEST, MODEL, README, RECORDS, check_path, model_of

CHUNK_BYTES = 256 * 1024
_ZIP_ERRORS = (
    zipfile.BadZipFile, zlib.error, struct.error, EOFError, NotImplementedError, UnicodeError, ValueError,
    OverflowError, RuntimeError,
)  # fmt: skip
"""What zipfile raises on hostile input. Their texts name members, so none of them is passed on."""


@dataclass(frozen=True, slots=True)
class Totals:
    """What a checked archive holds, sizes in bytes as unpacked."""

    records: int
    files: int
    bytes: int


@dataclass(frozen=True, slots=True)
class Member:
    """One member: its number in the ZIP's directory (for messages), and what the manifest says of it."""

    number: int
    entry: ManifestEntry
    slot: Slot

    @property
    def model(self) -> str | None:
        """The model whose records it holds, None for a file."""
        return self.entry.model

    @property
    def file_path(self) -> str | None:
        """The file's path in its database, None for records and README."""
        path, file = self.entry.path, self.entry.file
        if file is not None:
            return file
        return path[len(FILES) :] if path.startswith(FILES) else None


class MemberStream(io.RawIOBase):
    """A member's bytes: at most as many as are declared, and an error when they are others or fewer."""

    def __init__(self, stream: Any, number: int, declared: int) -> None:
        super().__init__()
        self._stream = stream
        self._number = number
        self._left = declared

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: Any, /) -> int:
        view = memoryview(buffer).cast("B")
        if not len(view):
            return 0
        try:
            data = self._stream.read(min(len(view), CHUNK_BYTES))
        except _ZIP_ERRORS:
            raise CorruptMemberError(f"Member {self._number} of the archive is damaged.") from None
        self._left -= len(data)
        if self._left < 0 or (not data and self._left):
            raise CorruptMemberError(f"Member {self._number} of the archive has not the size it declares.")
        view[: len(data)] = data
        return len(data)

    def close(self) -> None:
        self._stream.close()
        super().close()


class ArchiveReader:
    """An export over a seekable binary file: opening it checks its directory and manifest, `verify` its content.

    Raises:
        ArchiveError: on opening, one of its kinds: not a ZIP, over a limit, an unsafe, repeated, encrypted or
            overlapping member, a manifest that is missing or does not list exactly what is there. No text holds a
            name or content.
    """

    def __init__(self, file: SeekableFile, *, limits: Limits | None = None) -> None:
        self._limits = limits or Limits()
        extent = survey(file, self._limits)
        self._file = GuardedFile(file, max(extent.bytes, 4 * CHUNK_BYTES))
        try:
            self._zip = zipfile.ZipFile(self._file)
            infos = self._zip.infolist()
        except _ZIP_ERRORS:
            raise NotAZipError("The archive's directory is damaged.") from None
        if self._zip.start_dir != extent.offset or len(infos) != extent.entries:
            raise NotAZipError("The archive's directory can be read in two ways.")
        found = slots(infos, extent, self._limits)
        manifest = self._read_manifest(found)
        self.database: str = manifest["database"]
        self.created_at: str = manifest["created_at"]
        self.policy_version: str = manifest["policy_version"]
        self.members = self._match([slot for slot in found if slot.path != MANIFEST], manifest["members"])

    @classmethod
    def from_bytes(cls, data: bytes, *, limits: Limits | None = None) -> Self:
        """Read an archive that is in memory already."""
        return cls(io.BytesIO(data), limits=limits)

    def verify(self, on_member: Callable[[int], None] | None = None, *, start: int = 0) -> Totals:
        """Stream every member from index `start` on and compare sizes, SHA-256 and numbers of records.

        `on_member` gets the number of members checked so far, to show progress and to go on from later.

        Raises:
            CorruptMemberError: a member is not what the manifest declares.
            ArchiveTooLargeError: a line of records is too long.
        """
        for index, member in enumerate(self.members[start:], start + 1):
            self.check(member)
            if on_member is not None:
                on_member(index)
        return self.totals

    @property
    def totals(self) -> Totals:
        """What the manifest declares; true once `verify` has passed."""
        return Totals(
            records=sum(member.entry.records or 0 for member in self.members),
            files=sum(1 for member in self.members if member.file_path is not None),
            bytes=sum(member.entry.bytes for member in self.members),
        )

    def open(self, member: Member) -> MemberStream:
        """Open a member's bytes as a stream; one at a time is fastest."""
        return self._open(member.slot)

    def lines(self, member: Member) -> Iterator[bytes]:
        """Yield the lines of a records member, without their newlines."""
        with self._open(member.slot) as stream:
            yield from self._lines(stream, member.number)

    def records(self) -> Iterator[tuple[str, bytes]]:
        """Yield `(model, line)` for every record, in the order of the archive."""
        for member in self.members:
            if member.model is not None:
                for line in self.lines(member):
                    yield member.model, line

    def files(self) -> Iterator[tuple[Member, MemberStream]]:
        """Yield `(member, stream)` for every file; a stream is closed when the next one is asked for."""
        for member in self.members:
            if member.file_path is not None:
                with self._open(member.slot) as stream:
                    yield member, stream

    def _open(self, slot: Slot) -> MemberStream:
        check_local(self._file, slot)
        try:
            stream = self._zip.open(slot.info)
        except _ZIP_ERRORS:
            raise CorruptMemberError(f"Member {slot.number} of the archive is damaged.") from None
        return MemberStream(stream, slot.number, slot.info.file_size)

    def _lines(self, stream: MemberStream, number: int, read: Callable[[bytes], None] | None = None) -> Iterator[bytes]:
        rest = b""
        while chunk := stream.read(CHUNK_BYTES):
            if read is not None:
                read(chunk)
            first, *others = chunk.split(b"\n")
            rest += first
            for line in others:
                if len(rest) > self._limits.line_bytes:
                    break
                yield rest
                rest = line
            if len(rest) > self._limits.line_bytes:
                raise ArchiveTooLargeError(
                    f"Member {number} of the archive has a line of more than {self._limits.line_bytes} bytes."
                )
        if rest:
            yield rest

    def check(
        self,
        member: Member,
        *,
        on_line: Callable[[int, bytes], None] | None = None,
        on_chunk: Callable[[int], None] | None = None,
    ) -> None:
        """Stream one member and compare it with the manifest, as `verify` does with all.

        `on_line` gets each line of records with its number from 1, `on_chunk` the bytes of each chunk that was read;
        what they raise ends the check.

        Raises:
            CorruptMemberError, ArchiveTooLargeError: as `verify`.
        """
        digest = hashlib.sha256()
        records = 0

        def read(chunk: bytes) -> None:
            digest.update(chunk)
            if on_chunk is not None:
                on_chunk(len(chunk))

        with self._open(member.slot) as stream:
            if member.model is None:
                while chunk := stream.read(CHUNK_BYTES):
                    read(chunk)
            else:
                for line in self._lines(stream, member.number, read):
                    records += 1
                    if on_line is not None:
                        on_line(records, line)
        if digest.hexdigest() != member.entry.sha256:
            raise CorruptMemberError(f"Member {member.number} of the archive is not the one in the manifest.")
        if member.model is not None and records != member.entry.records:
            raise CorruptMemberError(f"Member {member.number} of the archive has another number of records.")

    def _read_manifest(self, found: list[Slot]) -> dict[str, Any]:
        slot = next((slot for slot in found if slot.path == MANIFEST), None)
        if slot is None:
            raise ManifestError("The archive has no manifest.json at its top.")
        limit = self._limits.manifest_bytes
        if slot.info.file_size > limit:
            raise ArchiveTooLargeError(f"The manifest is larger than {limit} bytes.")
        with self._open(slot) as stream:
            text = b"".join(iter(lambda: stream.read(CHUNK_BYTES), b""))
        try:
            manifest = json.loads(text.decode("utf-8-sig"))
        except (ValueError, RecursionError):
            raise ManifestError("The manifest is no JSON in UTF-8.") from None
        if not isinstance(manifest, dict) or manifest.get("format") != FORMAT:
            raise ManifestError(f"The manifest is not of the format {FORMAT}.")
        for field in ("database", "created_at", "policy_version"):
            if not isinstance(manifest.get(field), str):
                raise ManifestError(f"The manifest has no text in `{field}`.")
        if not isinstance(manifest.get("members"), list):
            raise ManifestError("The manifest has no list in `members`.")
        return manifest

    def _match(self, found: list[Slot], rows: list[Any]) -> list[Member]:
        """Pair what is in the ZIP with what the manifest lists: exactly once each, with the same size."""
        by_path: dict[str, dict[str, Any]] = {}
        for index, row in enumerate(rows, 1):
            if not _is_entry(row):
                raise ManifestError(f"Entry {index} of the manifest is malformed.")
            if row["path"] in by_path:
                raise ManifestError(f"Entry {index} of the manifest repeats a path.")
            by_path[row["path"]] = row
        members: list[Member] = []
        for slot in found:
            listed = by_path.get(slot.path)
            if listed is None:
                raise ManifestError(f"Member {slot.number} of the archive is not in the manifest.")
            if listed["bytes"] != slot.info.file_size:
                raise CorruptMemberError(f"Member {slot.number} of the archive has not its declared size.")
            members.append(Member(slot.number, _entry(listed, by_path.keys(), slot.number), slot))
        _check_files(members, by_path)
        if len(members) != len(by_path):
            missing = len(by_path) - len(members)
            raise ManifestError(f"The archive lacks {missing} of the members that the manifest lists.")
        return members


def _is_entry(row: Any) -> bool:
    if not isinstance(row, dict):
        return False
    records, model, media_type = row.get("records"), row.get("model"), row.get("type")
    updated_at, file = row.get("updated_at"), row.get("file")
    return (
        isinstance(row.get("path"), str)
        and _is_count(row.get("bytes"))
        and isinstance(row.get("sha256"), str)
        and re.fullmatch(r"[0-9a-f]{64}", row["sha256"]) is not None
        and (records is None or _is_count(records))
        and (model is None or (isinstance(model, str) and MODEL.match(model) is not None))
        and (media_type is None or (isinstance(media_type, str) and len(media_type) <= 255))
        and (updated_at is None or (isinstance(updated_at, str) and is_time(updated_at)))
        and (file is None or isinstance(file, str))
    )


def _is_count(value: Any) -> bool:
    return type(value) is int and value >= 0


def _entry(row: dict[str, Any], paths: Any, number: int) -> ManifestEntry:
    path, records, model = row["path"], row.get("records"), row.get("model")
    if path.startswith(RECORDS):
        # The manifest decides which model it is; only an archive from elsewhere leaves it to the name.
        model = model or model_of(path, paths)
        if model is None or records is None:
            raise ManifestError(f"Member {number} of the archive holds records that the manifest does not count.")
    elif not (path.startswith(FILES) or path == README) or records is not None or model is not None:
        raise ManifestError(f"Member {number} of the archive is neither records nor a file.")
    file = row.get("file")
    if file is not None:
        if not path.startswith(FILES):
            raise ManifestError(f"Member {number} of the archive is no file, and has the path of one.")
        try:
            check_path(file)
        except UnsafePathError as error:
            raise UnsafePathError(f"Member {number} of the archive: {error}") from None
    facts = (records, model, row.get("type"), row.get("updated_at"), file)
    return ManifestEntry(path, row["bytes"], row["sha256"], *facts)


def _check_files(members: list[Member], rows: dict[str, dict[str, Any]]) -> None:
    """Refuse two members that are one file. Few have another path than their file: only those are kept and compared."""
    moved: set[str] = set()
    for member in members:
        file = member.entry.file
        if file is None:
            continue
        other = rows.get(FILES + file)
        if file in moved or (other is not None and other.get("file") is None):
            raise DuplicateMemberError(f"Member {member.number} of the archive is a file that another one is, too.")
        moved.add(file)
