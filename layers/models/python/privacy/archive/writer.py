"""Writing an export: a ZIP whose members are streamed in order, and that another worker can continue."""

import contextlib
import hashlib
import zipfile
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from types import TracebackType
from typing import IO, Any, Protocol, Self

from privacy.archive.errors import ArchiveStateError, CorruptMemberError, DuplicateMemberError
from privacy.archive.manifest import README_TEXT, Manifest, ManifestEntry
from privacy.archive.multipart import StoredObject
from privacy.archive.names import FILES, MANIFEST, README, FileNames, check_path, piece_path

LEVEL = 1
"""Deflate level of what can be compressed: 2.5 times the speed of level 6 for archives 9 % larger (measured)."""
LEVEL_OF_COMPRESSED = 0
"""Deflate without compression, not the method `store`: with the sizes behind the data, only deflate marks its
own end, which readers that stream need. It costs 5 bytes in 64 KiB."""
_REGULAR_FILE = 0o100644 << 16
_STATE_VERSION = 2
# The fields of ZipInfo that the central directory needs and that a ZipInfo made anew would not have.
_DIRECTORY_FIELDS = (
    "header_offset", "CRC", "compress_size", "file_size", "flag_bits", "extract_version", "create_version",
)  # fmt: skip


class ByteSink(Protocol):
    """Where an archive's bytes go: `MultipartStream`, or a fake. It has no `seek`."""

    def write(self, data: bytes, /) -> int: ...
    def tell(self) -> int: ...
    def flush(self) -> None: ...
    def checkpoint(self) -> dict[str, Any]: ...
    def finish(self) -> StoredObject: ...
    def release(self) -> None: ...


@dataclass(frozen=True, slots=True)
class FinishedArchive:
    """A complete archive in numbers; `sha256` is None when more than one worker wrote it: see `object_sha256`."""

    bytes: int
    etag: str
    sha256: str | None
    members: int
    records: int
    files: int


class _Gate:
    """Stands between zipfile and the sink, so that an abandoned ZipFile, which writes when it is closed, cannot."""

    def __init__(self, sink: ByteSink) -> None:
        self._sink = sink
        self.shut = False

    def write(self, data: bytes, /) -> int:
        return len(data) if self.shut else self._sink.write(data)

    def tell(self) -> int:
        return self._sink.tell()

    def flush(self) -> None:
        if not self.shut:
            self._sink.flush()

    def close(self) -> None:
        """Do nothing: the sink is not zipfile's to close."""


class MemberOutput:
    """One member while it is written: counts its bytes and hashes them. `records` is set by who writes records."""

    def __init__(
        self,
        writer: "ArchiveWriter",
        handle: IO[bytes],
        info: zipfile.ZipInfo,
        size: int | None,
        model: str | None,
        media_type: str | None,
        updated_at: str | None,
        file: str | None,
    ) -> None:
        self._writer = writer
        self._handle = handle
        self._info = info
        self._size = size
        self._digest = hashlib.sha256()
        self.model = model
        self.media_type = media_type
        self.updated_at = updated_at
        self.file = file
        self.bytes = 0
        self.records: int | None = None

    def write(self, data: bytes | bytearray | memoryview, /) -> int:
        """Take all of `data`.

        Raises:
            CorruptMemberError: more bytes come than were announced.
        """
        try:
            self.bytes += len(data)
            if self._size is not None and self.bytes > self._size:
                raise CorruptMemberError("A member has more bytes than were announced.")
            self._digest.update(data)
            return self._handle.write(data)
        except BaseException:
            self._writer.abandon()
            raise

    def close(self) -> None:
        """End the member; from now on the archive can be saved.

        Raises:
            CorruptMemberError: fewer bytes came than were announced.
        """
        try:
            if self._size is not None and self.bytes != self._size:
                raise CorruptMemberError("A member has fewer bytes than were announced.")
            self._handle.close()
        except BaseException:
            self._writer.abandon()
            raise
        digest = self._digest.hexdigest()
        facts = (self.records, self.model, self.media_type, self.updated_at, self.file)
        self._writer._add(ManifestEntry(self._info.filename, self.bytes, digest, *facts))


class ArchiveWriter:
    """An export in the making. One member is open at a time; between two members `state()` can be saved.

    Any exception inside a member abandons the writer: what was stored stays, and `resume` goes on from the
    last saved state. The same input gives the same bytes, however often the writing was resumed.
    """

    def __init__(self, sink: ByteSink) -> None:
        self._sink = sink
        self._gate = _Gate(sink)
        # Python's zipfile writes to what has tell() but no seek(), at the offset that tell() gives.
        self._zip = zipfile.ZipFile(self._gate, "w", zipfile.ZIP_DEFLATED)
        self._entries: dict[str, ManifestEntry] = {}
        self._pieces: dict[str, int] = {}
        self._files = FileNames()
        self._moved: set[str] = set()
        self._current: MemberOutput | None = None
        self._ended = False

    @classmethod
    def resume(cls, sink: ByteSink, state: Mapping[str, Any]) -> Self:
        """Go on from `state()`; `sink` continues from `state["stream"]`."""
        if state["version"] != _STATE_VERSION or sink.tell() != state["stream"]["offset"]:
            raise ArchiveStateError("The saved state is not of this archive.")
        writer = cls(sink)
        for row in state["members"]:
            info, entry = _from_row(row)
            writer._zip.infolist().append(info)
            writer._enter(entry)
        writer._files = FileNames(path for path in writer._entries if path.startswith(FILES))
        return writer

    @property
    def offset(self) -> int:
        """Bytes of the archive so far."""
        return self._sink.tell()

    @property
    def entries(self) -> list[ManifestEntry]:
        """The members so far, in order: what a resumed worker need not write again."""
        return list(self._entries.values())

    def pieces(self, model: str) -> int:
        """Return how many pieces of this model's records are complete."""
        return self._pieces.get(model, 0)

    def next_piece_path(self, model: str) -> str:
        """Return the path of the model's next piece."""
        return piece_path(model, self.pieces(model) + 1, self._entries.keys())

    def begin(
        self,
        path: str,
        *,
        modified: datetime,
        compress: bool,
        size: int | None = None,
        zip64: bool = True,
        model: str | None = None,
        media_type: str | None = None,
        updated_at: str | None = None,
    ) -> MemberOutput:
        """Start a member, to be ended by its `close()`; `member` does both.

        Args:
            path: its path in the archive. A file that cannot be unpacked there beside those before it gets another
                one, and the manifest says which file it is.
            modified: when its content was last changed; kept to two seconds in UTC, from 1980 to 2107.
            compress: False for what is compressed already.
            size: its bytes where known.
            zip64: without `size`, False for what surely stays below 2 GiB: few old tools know ZIP64.
            model: for records, their model.
            media_type: for files, their content type.
            updated_at: for files, when they were last changed (RFC 3339): the ZIP's own time is to two seconds.

        Raises:
            UnsafePathError, DuplicateMemberError: the path cannot be used.
            ArchiveStateError: another member is open, or the archive is ended.
        """
        self._require_between_members()
        check_path(path)
        known = self._entries.get(path)
        if path in self._moved or (known is not None and known.file is None):
            raise DuplicateMemberError("The archive has a member with this path already.")
        name, file = path, None
        if path.startswith(FILES):
            name = self._files.path_for(path)
            file = path[len(FILES) :] if name != path else None
        info = zipfile.ZipInfo(name, _dos_time(modified))
        info.compress_type = zipfile.ZIP_DEFLATED
        info.external_attr = _REGULAR_FILE
        info.file_size = size or 0
        _set_level(info, LEVEL if compress else LEVEL_OF_COMPRESSED)
        handle = self._zip.open(info, "w", force_zip64=size is None and zip64)
        self._current = MemberOutput(self, handle, info, size, model, media_type, updated_at, file)
        return self._current

    @contextlib.contextmanager
    def member(
        self,
        path: str,
        *,
        modified: datetime,
        compress: bool,
        size: int | None = None,
        zip64: bool = True,
        model: str | None = None,
        media_type: str | None = None,
        updated_at: str | None = None,
    ) -> Iterator[MemberOutput]:
        """Write one member in a `with` block; the arguments are those of `begin`."""
        output = self.begin(
            path,
            modified=modified,
            compress=compress,
            size=size,
            zip64=zip64,
            model=model,
            media_type=media_type,
            updated_at=updated_at,
        )
        try:
            yield output
        except BaseException:
            self.abandon()
            raise
        output.close()

    def state(self) -> dict[str, Any]:
        """Store what is pending and return the directory so far and the stream's checkpoint, as JSON values.

        It grows by about 150 bytes a member and waits for the uploads: save it after tens of megabytes or
        before the worker's time is over, not after each small file.

        Raises:
            ArchiveStateError: a member is open.
        """
        self._require_between_members()
        pairs = zip(self._zip.infolist(), self._entries.values(), strict=True)
        rows = [_to_row(info, entry) for info, entry in pairs]
        return {"version": _STATE_VERSION, "members": rows, "stream": self._sink.checkpoint()}

    def close(self, *, database: str, created_at: datetime, policy_version: str) -> FinishedArchive:
        """Write README, manifest and the ZIP's directory, and finish the sink; `database` is its name."""
        with self.member(README, modified=created_at, compress=True, size=len(README_TEXT)) as output:
            output.write(README_TEXT.encode("ascii"))
        entries = self.entries
        manifest = Manifest(database, created_at, policy_version, entries)
        # Written twice, the first time to know its size: so no member is in ZIP64 that need not be.
        size = sum(map(len, manifest.chunks()))
        with self.member(MANIFEST, modified=created_at, compress=True, size=size) as output:
            for chunk in manifest.chunks():
                output.write(chunk)
        try:
            self._zip.close()
            stored = self._sink.finish()
        except BaseException:
            self.abandon()
            raise
        self._ended = True
        return FinishedArchive(
            bytes=stored.bytes,
            etag=stored.etag,
            sha256=stored.sha256,
            members=len(entries) + 1,
            records=sum(entry.records or 0 for entry in entries),
            files=sum(1 for entry in entries if entry.records is None) - 1,
        )

    def abandon(self) -> None:
        """Stop writing and leave what is stored for a later `resume`; a finished archive is not touched."""
        if self._ended:
            return
        self._ended = True
        self._gate.shut = True
        self._sink.release()
        # Both write when they are closed, at the latest by the garbage collector: now it goes nowhere.
        with contextlib.suppress(Exception):
            if self._current is not None:
                self._current._handle.close()
        with contextlib.suppress(Exception):
            self._zip.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.abandon()

    def _add(self, entry: ManifestEntry) -> None:
        self._current = None
        self._enter(entry)
        if entry.path.startswith(FILES):
            self._files.add(entry.path)

    def _enter(self, entry: ManifestEntry) -> None:
        self._entries[entry.path] = entry
        if entry.file is not None:
            self._moved.add(FILES + entry.file)
        if entry.model is not None:
            self._pieces[entry.model] = self._pieces.get(entry.model, 0) + 1

    def _require_between_members(self) -> None:
        if self._ended:
            raise ArchiveStateError("The archive is finished or abandoned.")
        if self._current is not None:
            raise ArchiveStateError("A member of the archive is still open.")


def _dos_time(moment: datetime) -> tuple[int, int, int, int, int, int]:
    """Return a moment as the ZIP format keeps it: UTC, even seconds, 1980 to 2107 (APPNOTE 4.4.6)."""
    utc = moment.astimezone(UTC)
    if utc.year < 1980:
        return (1980, 1, 1, 0, 0, 0)
    if utc.year > 2107:
        return (2107, 12, 31, 23, 59, 58)
    return (utc.year, utc.month, utc.day, utc.hour, utc.minute, utc.second // 2 * 2)


def _set_level(info: zipfile.ZipInfo, level: int) -> None:
    # Public as `compress_level` from Python 3.13 on; before, ZipFile.open reads it under its older name.
    setattr(info, "compress_level" if hasattr(info, "compress_level") else "_compresslevel", level)


def _to_row(info: zipfile.ZipInfo, entry: ManifestEntry) -> list[Any]:
    fields = [getattr(info, name) for name in _DIRECTORY_FIELDS]
    facts = [entry.sha256, entry.records, entry.model, entry.media_type, entry.updated_at, entry.file]
    return [entry.path, list(info.date_time), fields, *facts]


def _from_row(row: list[Any]) -> tuple[zipfile.ZipInfo, ManifestEntry]:
    path, date_time, fields, sha256, *facts = row
    info = zipfile.ZipInfo(path, tuple(date_time))
    info.compress_type = zipfile.ZIP_DEFLATED
    info.external_attr = _REGULAR_FILE
    for name, value in zip(_DIRECTORY_FIELDS, fields, strict=True):
        setattr(info, name, value)
    return info, ManifestEntry(path, info.file_size, sha256, *facts)
