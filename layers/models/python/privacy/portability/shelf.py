"""Where an archive lies while it is written: a multipart upload and a journal, until it is whole under its key."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from privacy.archive import journal
from privacy.archive.errors import ArchiveStateError, UploadLostError
from privacy.archive.multipart import MultipartStream, StoredObject, abort_all, completed
from privacy.archive.store import ObjectStore
from privacy.archive.writer import ArchiveWriter, ByteSink
from privacy.hosting.files import Files
from privacy.hosting.records import Records
from privacy.models.databases import Counts
from privacy.policy import Policy
from privacy.portability.outgoing import Place, Writing
from privacy.work import Turn

_BEGINNINGS = 3
"""How often one turn begins to write: an upload that others removed cannot be gone on with."""


@dataclass(frozen=True, slots=True)
class Shelf:
    """An archive's place in a bucket without versions. `journal` is the key of its journal."""

    s3: ObjectStore
    bucket: str
    key: str
    journal: str

    def found(self) -> StoredObject | None:
        """The archive, when it is complete."""
        return completed(self.s3, self.bucket, self.key)

    def opened(self) -> tuple[ArchiveWriter, Place]:
        """The archive to go on writing, and how far it is. Raises: UploadLostError."""
        saved = self.load()
        if saved is None:
            # What a worker that died before its first journal has left is known to nobody: it goes at the end.
            return ArchiveWriter(self.sink(None)), Place()
        try:
            sink = self.sink(saved["archive"]["stream"])
            return ArchiveWriter.resume(sink, saved["archive"]), Place(**saved["place"])
        except ArchiveStateError:
            raise UploadLostError("The journal is of another release.") from None

    def sink(self, checkpoint: Mapping[str, Any] | None) -> ByteSink:
        """What takes the archive's bytes, from a checkpoint on. Raises: UploadLostError."""
        return self.stream(checkpoint)

    def stream(self, checkpoint: Mapping[str, Any] | None) -> MultipartStream:
        """The stored object as a stream; what is too short for a part is kept under the journal's key."""
        options: dict[str, Any] = {"bucket": self.bucket, "key": self.key, "scratch": f"{self.journal}/"}
        if checkpoint is None:
            return MultipartStream(self.s3, **options)
        return MultipartStream.resume(self.s3, checkpoint, **options)

    def load(self) -> dict[str, Any] | None:
        """What `save` saved last."""
        return journal.load(self.s3, self.bucket, self.journal)

    def save(self, state: Mapping[str, Any]) -> None:
        """Save the archive's state and the place."""
        journal.save(self.s3, self.bucket, self.journal, state)

    def clear(self) -> None:
        """Remove what an unfinished archive consists of; a complete one stays."""
        abort_all(self.s3, self.bucket, self.key)
        journal.clear(self.s3, self.bucket, self.journal)


@dataclass(frozen=True, slots=True)
class Made:
    """A complete archive. `place` says what was written, when this turn wrote the end of it; `whole`, that this turn
    wrote all of it.
    """

    stored: StoredObject
    place: Place | None = None
    whole: bool = False


def make(
    shelf: Shelf,
    turn: Turn,
    records: Records,
    files: Files,
    *,
    guard: Callable[[], object],
    name: str,
    policy: Policy,
    counts: Counts | None,
) -> Made:
    """Write what is left to write of an archive. A worker may have died right after its last byte: then it is whole.

    Arguments: `guard` raises when the database may not be read any more; `name` is the database's in the manifest;
    `counts` is what it was last counted to hold.

    Raises: OutOfTimeError, LostLeaseError, KeyDestroyedError, ArchiveError.
    """
    for _ in range(_BEGINNINGS):
        found = shelf.found()
        if found is not None:
            return Made(found)
        try:
            return _write(shelf, turn, records, files, guard, name, policy, counts)
        except UploadLostError:
            guard()
            turn.keep(turn.job.progress)
            if shelf.found() is None:
                shelf.clear()
    raise UploadLostError("The unfinished archive was removed again and again.")


def _write(
    shelf: Shelf,
    turn: Turn,
    records: Records,
    files: Files,
    guard: Callable[[], object],
    name: str,
    policy: Policy,
    counts: Counts | None,
) -> Made:
    writer, place = shelf.opened()
    whole = place == Place()
    with writer:

        def save() -> None:
            guard()
            # The lease first: a worker that lost it must not write over the journal of the one that has it.
            turn.keep(place.progress(counts))
            shelf.save({"archive": writer.state(), "place": place.plain()})

        Writing(turn, writer, place, save).write(records, files)
        version = policy.version.isoformat()
        archive = writer.close(database=name, created_at=turn.job.created_at, policy_version=version)
    return Made(StoredObject(archive.bytes, archive.etag, archive.sha256), place, whole)
