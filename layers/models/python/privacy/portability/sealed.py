"""A backup's bytes: frames of 1 MiB, each sealed under the database's data key for its one place in its one backup.

What was altered, cut short, exchanged, or made for another backup or another database does not open. Without the key
the whole is noise, wherever a copy of it lies (promise databases.destroyed).
"""

import base64
import hashlib
import os
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, Self

from privacy.archive.directory import SeekableFile
from privacy.archive.errors import ArchiveError
from privacy.archive.multipart import StoredObject
from privacy.archive.positions import PositionedReader
from privacy.archive.ranges import RangeReader
from privacy.archive.writer import ByteSink
from privacy.vault.keys import DataKey
from privacy.vault.sealing import SEAL_BYTES, SealBrokenError

FRAME_BYTES = 1024 * 1024
"""Plain bytes in every frame but the last, which has at most as many."""
SEALED_BYTES = FRAME_BYTES + SEAL_BYTES

SEGMENT_FRAMES = 256
"""Frames that are checked between two entries in a journal: some seconds."""

_HELD = 2
"""Open frames that a reader holds: a ZIP's reader goes to and fro between a member's header and its bytes."""


class BackupBrokenError(ArchiveError):
    """A backup is not, byte for byte, what was written: no part of it is used."""


@dataclass(frozen=True, slots=True)
class Seals:
    """The seals of one backup's frames."""

    key: DataKey
    backup_id: str

    def seal(self, plain: bytes, number: int, *, last: bool) -> bytes:
        """A frame, by its number from 0."""
        return self.key.seal(plain, self._place(number, last))

    def unseal(self, sealed: bytes, number: int, *, last: bool) -> bytes:
        """What a frame holds. Raises: BackupBrokenError."""
        try:
            return self.key.unseal(sealed, self._place(number, last))
        except SealBrokenError:
            raise BackupBrokenError("The backup was altered, or is another one.") from None

    def seal_journal(self, plain: bytes) -> bytes:
        """What the next worker goes on from."""
        return self.key.seal(plain, self._journal)

    def unseal_journal(self, sealed: bytes) -> bytes:
        """What the last worker left. Raises: BackupBrokenError."""
        try:
            return self.key.unseal(sealed, self._journal)
        except SealBrokenError:
            raise BackupBrokenError("The journal of the unfinished backup was altered.") from None

    def _place(self, number: int, last: bool) -> str:
        return f"backup|{self.backup_id}|{number}|{'last' if last else 'more'}"

    @property
    def _journal(self) -> str:
        return f"backup|{self.backup_id}|journal"


class SealedSink:
    """Seals what is written and hands the frames to another sink. Its offsets count plain bytes.

    What does not fill a frame is part of the checkpoint, so a checkpoint is content: keep it sealed.
    """

    def __init__(self, sink: ByteSink, seals: Seals) -> None:
        self._sink = sink
        self._seals = seals
        self._frames = 0
        self._buffer = bytearray()

    @classmethod
    def resume(cls, sink: ByteSink, seals: Seals, checkpoint: Mapping[str, Any]) -> Self:
        """Go on where a checkpoint was taken; `sink` goes on from `checkpoint["sink"]`."""
        resumed = cls(sink, seals)
        resumed._frames = checkpoint["frames"]
        resumed._buffer = bytearray(base64.b64decode(checkpoint["rest"]))
        return resumed

    def write(self, data: bytes, /) -> int:
        """Take all of `data`."""
        rest = memoryview(data).cast("B")
        length = len(rest)
        while len(rest):
            if len(self._buffer) == FRAME_BYTES:
                self._emit(last=False)  # only now is it certain that another one follows
            room = FRAME_BYTES - len(self._buffer)
            self._buffer += rest[:room]
            rest = rest[room:]
        return length

    def tell(self) -> int:
        """Plain bytes so far, over all workers."""
        return self._frames * FRAME_BYTES + len(self._buffer)

    def flush(self) -> None:
        """Do nothing: a frame goes when it is full."""

    def checkpoint(self) -> dict[str, Any]:
        """Plain data from which `resume` goes on."""
        rest = base64.b64encode(self._buffer).decode("ascii")
        return {"offset": self.tell(), "frames": self._frames, "rest": rest, "sink": self._sink.checkpoint()}

    def finish(self) -> StoredObject:
        """Seal the last frame and complete the object."""
        self._emit(last=True)
        return self._sink.finish()

    def release(self) -> None:
        """Leave everything stored as it is, for a later `resume`."""
        self._sink.release()

    def _emit(self, *, last: bool) -> None:
        self._sink.write(self._seals.seal(bytes(self._buffer), self._frames, last=last))
        self._frames += 1
        self._buffer = bytearray()


class SealedReader(PositionedReader):
    """A backup's plain bytes as a read-only, seekable file; what does not open raises BackupBrokenError."""

    def __init__(self, file: SeekableFile, seals: Seals) -> None:
        super().__init__()
        self._file = file
        self._seals = seals
        self._sealed = file.seek(0, os.SEEK_END)
        self._frames = frames_in(self._sealed)
        self.bytes = self._sealed - self._frames * SEAL_BYTES
        self._held: dict[int, bytes] = {}

    def _at(self, position: int) -> memoryview:
        number, start = divmod(position, FRAME_BYTES)
        return memoryview(self._frame(number))[start:]

    def _frame(self, number: int) -> bytes:
        frame = self._held.pop(number, None)
        if frame is None:
            self._file.seek(number * SEALED_BYTES)
            last = number == self._frames - 1
            size = self._sealed - number * SEALED_BYTES if last else SEALED_BYTES
            frame = self._seals.unseal(_exactly(self._file, size), number, last=last)
        self._held[number] = frame
        if len(self._held) > _HELD:
            del self._held[next(iter(self._held))]
        return frame


@dataclass(frozen=True, slots=True)
class Checked:
    """How far a copy was checked: frames, and a digest of them that can be gone on with.

    The digest is a chain over segments, `SHA-256(digest so far + SHA-256(segment))`: the state of one SHA-256 over all
    could not be kept from one worker to the next.
    """

    frames: int = 0
    digest: str = ""

    def after(self, segment: bytes, frames: int) -> "Checked":
        """As it is with one more segment (its SHA-256)."""
        return Checked(self.frames + frames, hashlib.sha256(bytes.fromhex(self.digest) + segment).hexdigest())


def check(reader: RangeReader, seals: Seals, since: Checked, on_segment: Callable[[Checked], None]) -> Checked:
    """Read a stored copy from where the last check ended, open every frame, and give its digest.

    `on_segment` hears after each segment but the last how far it is; what it raises ends the check.

    Raises: BackupBrokenError, ArchiveChangedError.
    """
    total = frames_in(reader.bytes)
    checked, digest, frames = since, hashlib.sha256(), 0
    buffer = bytearray()
    for piece in reader.pieces(since.frames * SEALED_BYTES):
        buffer += piece
        while buffer:
            number = checked.frames + frames
            last = number == total - 1
            size = reader.bytes - number * SEALED_BYTES if last else SEALED_BYTES
            if len(buffer) < size:
                break
            frame = bytes(buffer[:size])
            del buffer[:size]
            seals.unseal(frame, number, last=last)
            digest.update(frame)
            frames += 1
            if frames == SEGMENT_FRAMES and not last:
                checked = checked.after(digest.digest(), frames)
                digest, frames = hashlib.sha256(), 0
                on_segment(checked)
    return checked.after(digest.digest(), frames)


def frames_in(size: int) -> int:
    """The number of frames in so many sealed bytes. Raises: BackupBrokenError when no backup has that size."""
    frames, rest = divmod(size, SEALED_BYTES)
    if 0 < rest < SEAL_BYTES or size == 0:
        raise BackupBrokenError("The backup was cut short.")
    return frames + (rest > 0)


def _exactly(file: SeekableFile, size: int) -> bytes:
    data = bytearray()
    while len(data) < size and (chunk := file.read(size - len(data))):
        data += chunk
    return bytes(data)
