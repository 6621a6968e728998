"""An export from its message to its end: ready and whole, handed over to the next worker, or failed and gone.

The archive lies under its key only when it is complete; until then it is a multipart upload and a journal, which the
next worker goes on from (promise databases.export). What a worker leaves behind goes with the export or its database.
"""

from contextlib import suppress
from dataclasses import dataclass
from itertools import count
from typing import Any

from botocore.exceptions import BotoCoreError

from database_export.parts import Parts
from database_export.writing import Place, Writing
from privacy.archive import journal
from privacy.archive.errors import ArchiveError, ArchiveStateError, UploadLostError
from privacy.archive.multipart import MultipartStream, StoredObject, abort_all, completed
from privacy.archive.ranges import RangeReader, object_sha256
from privacy.archive.writer import ArchiveWriter
from privacy.consumer import HasTime
from privacy.hosting import Host
from privacy.hosting.files import Files
from privacy.hosting.records import Records
from privacy.hosting.transfers import export_key, journal_key
from privacy.models.databases import (
    Counts,
    Database,
    DatabaseDestroyedError,
    DatabaseStateError,
    Status,
    open_for_export,
)
from privacy.models.ids import database_of
from privacy.models.jobs import JobStatus
from privacy.queues import MalformedMessageError
from privacy.tables.store import ConditionFailedError
from privacy.vault.keys import KeyDestroyedError
from privacy.work import JobFailedError, NoProgressError, Turn, take

GONE = "the database is being deleted; there is nothing to export any more"
TOO_LARGE = "the database is larger than one archive can be"

_BEGINNINGS = 3
"""How often one turn begins to write: an upload that others removed cannot be gone on with."""

_LOOK_AT_TIME = 64
"""Pieces of 4 MiB between two looks at the time, while a digest is made: some seconds."""

_UNCOUNTED = 1024**3
"""The bytes at which the export of a database that nobody has counted calls itself half done."""


def export(parts: Parts, database_id: str, export_id: str, has_time: HasTime) -> None:
    """Take an export as far as time allows; a late or repeated message changes nothing.

    Raises: MalformedMessageError.
    """
    if database_of("exp", export_id) != database_id:
        raise MalformedMessageError("the message names no export of this database")
    turn = take(parts.jobs, parts.clock, has_time, database_id, export_id)
    if turn is not None:
        exporter = Exporter(parts, turn)
        turn.run(exporter.work, tidy=exporter.tidy, send_on=exporter.send_on)


@dataclass(frozen=True, slots=True)
class Shelf:
    """Where an export lies while it is written and once it is ready."""

    host: Host
    key: str
    journal: str

    @property
    def scratch(self) -> str:
        """What the ends of an unfinished archive are kept under."""
        return f"{self.journal}/"

    def found(self) -> StoredObject | None:
        """The archive, when it is complete."""
        return completed(self.host.s3, self.host.transfer_bucket, self.key)

    def sha256(self, turn: Turn) -> str:
        """The digest of the complete archive, read once. Raises: OutOfTimeError, NoProgressError."""
        transient = (BotoCoreError, OSError)
        reader = RangeReader(self.host.s3, self.host.transfer_bucket, self.key, transient=transient)
        pieces = count(1)

        def on_piece() -> None:
            if next(pieces) % _LOOK_AT_TIME == 0:
                turn.look_at_time()

        return object_sha256(reader, on_piece)

    def clear(self) -> None:
        """Remove what an unfinished archive consists of; a complete one stays."""
        abort_all(self.host.s3, self.host.transfer_bucket, self.key)
        journal.clear(self.host.s3, self.host.transfer_bucket, self.journal)

    def empty(self) -> None:
        """Remove everything."""
        self.clear()
        self.host.s3.delete_object(Bucket=self.host.transfer_bucket, Key=self.key)


class Exporter:
    """One worker's turn at one export."""

    def __init__(self, parts: Parts, turn: Turn) -> None:
        self.parts = parts
        self.turn = turn
        self.wrote = False
        """Whether this turn wrote the end of the archive."""
        self.counts: Counts | None = None
        """What this turn has counted, when it wrote the whole archive."""

    def work(self) -> None:
        """Write what is left to write and make the export ready. Raises: JobFailedError, and what `Turn.run` knows."""
        try:
            database = self._exportable()
            shelf = self._shelf(database)
            self._finish(database, shelf, self._written(database, shelf))
        except KeyDestroyedError:
            raise JobFailedError(GONE) from None
        except ArchiveError as error:
            self._exportable()  # a deletion takes the archive from under its writer: then that is the reason
            raise JobFailedError(f"the archive cannot be written: {error}") from None

    def tidy(self) -> None:
        """Remove all that the export has stored."""
        database = self.parts.databases.get(self.turn.job.database_id)
        if database is not None:
            self._shelf(database).empty()

    def send_on(self) -> None:
        """Queue the export again."""
        job = self.turn.job
        database = self.parts.databases.get(job.database_id)
        if database is not None:
            message = {"database_id": job.database_id, "export_id": job.id}
            self.parts.queues.send("export", self.parts.policy.regions[database.region].aws, message)

    def _exportable(self) -> Database:
        database = self.parts.databases.get(self.turn.job.database_id)
        if database is None or database.status is Status.DELETING:
            raise JobFailedError(GONE)
        try:
            return open_for_export(database, self.parts.policy, self.parts.clock())
        except DatabaseDestroyedError:
            raise JobFailedError(GONE) from None
        except DatabaseStateError as error:
            raise JobFailedError(error.reason) from None

    def _shelf(self, database: Database) -> Shelf:
        names = (database.id, self.turn.job.id)
        return Shelf(self.parts.host(database.region), export_key(*names), journal_key(*names))

    def _written(self, database: Database, shelf: Shelf) -> StoredObject:
        """The complete archive. A worker may have died right after its last byte: then it is there already."""
        for _ in range(_BEGINNINGS):
            found = shelf.found()
            if found is not None:
                return found
            try:
                return self._write(database, shelf)
            except UploadLostError:
                self._exportable()
                self.turn.keep(self.turn.job.progress)
                if shelf.found() is None:
                    shelf.clear()
        raise UploadLostError("The unfinished archive was removed again and again.")

    def _write(self, database: Database, shelf: Shelf) -> StoredObject:
        began = self.parts.clock()
        writer, place = self._opened(shelf)
        whole = place == Place()
        with writer:

            def save() -> None:
                self._exportable()
                # The lease first: a worker that lost it must not write over the journal of the one that has it.
                self.turn.keep(_progress(place, database.counts))
                state = {"archive": writer.state(), "place": place.plain()}
                journal.save(shelf.host.s3, shelf.host.transfer_bucket, shelf.journal, state)

            records, files = Records(shelf.host, database.id), Files(shelf.host, database.id)
            Writing(self.turn, writer, place, save).write(records, files)
            archive = writer.close(
                database=database.name or "",
                created_at=self.turn.job.created_at,
                policy_version=self.parts.policy.version.isoformat(),
            )
        self.wrote = True
        if whole:
            self.counts = Counts(place.records, place.files, place.bytes, began)
        return StoredObject(archive.bytes, archive.etag, archive.sha256)

    def _opened(self, shelf: Shelf) -> tuple[ArchiveWriter, Place]:
        s3, bucket = shelf.host.s3, shelf.host.transfer_bucket
        options: dict[str, Any] = {"bucket": bucket, "key": shelf.key, "scratch": shelf.scratch}
        saved = journal.load(s3, bucket, shelf.journal)
        if saved is None:
            # What a worker that died before its first journal has left is known to nobody: it goes at the end.
            return ArchiveWriter(MultipartStream(s3, **options)), Place()
        try:
            stream = MultipartStream.resume(s3, saved["archive"]["stream"], **options)
            return ArchiveWriter.resume(stream, saved["archive"]), Place(**saved["place"])
        except ArchiveStateError:
            raise UploadLostError("The journal is of another release.") from None

    def _finish(self, database: Database, shelf: Shelf, stored: StoredObject) -> None:
        """Make the export ready, if its database may be exported at that very moment: else the archive goes at once."""
        digest = stored.sha256 or self._digest(shelf)
        shelf.clear()
        check = self.parts.databases.check_operation(database.id, Status.ACTIVE, Status.DEACTIVATED)
        if self.turn.end(JobStatus.READY, {"bytes": stored.bytes, "sha256": digest}, check):
            raise JobFailedError(GONE)
        self._note_counts()

    def _digest(self, shelf: Shelf) -> str:
        """The SHA-256 of an archive that several workers wrote, for which it is read once more."""
        if self.wrote:
            self.turn.keep(99)  # the archive is complete: reading it may be the next worker's
        try:
            return shelf.sha256(self.turn)
        except NoProgressError:
            raise JobFailedError(TOO_LARGE) from None

    def _note_counts(self) -> None:
        counts = self.counts
        if counts is None:
            return
        database = self.parts.databases.get(self.turn.job.database_id)
        if database is None or (database.counts and database.counts.counted_at > counts.counted_at):
            return
        with suppress(ConditionFailedError):
            self.parts.databases.set_counts(database.id, counts)


def _progress(place: Place, counts: Counts | None) -> int:
    """Percent of what was last counted; it is done only once it is ready."""
    if counts is None:
        return 99 * place.bytes // (place.bytes + _UNCOUNTED)
    return min(99, place.bytes * 100 // max(1, counts.bytes))
