"""An export from its message to its end: ready and whole, handed over to the next worker, or failed and gone.

The archive lies under its key only when it is complete; until then it is a multipart upload and a journal, which the
next worker goes on from (promise databases.export). What a worker leaves behind goes with the export or its database.
"""

from contextlib import suppress
from itertools import count

from botocore.exceptions import BotoCoreError

from privacy.archive.errors import ArchiveError
from privacy.archive.multipart import StoredObject
from privacy.archive.ranges import RangeReader, object_sha256
from privacy.consumer import HasTime
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
from privacy.portability.files import FileLostError
from privacy.portability.shelf import Shelf, make
from privacy.queues import MalformedMessageError
from privacy.tables.store import ConditionFailedError
from privacy.vault.keys import KeyDestroyedError
from privacy.vault.sealing import SealBrokenError
from privacy.work import BROKEN, JobFailedError, NoProgressError, Parts, Turn, take

GONE = "the database is being deleted; there is nothing to export any more"
TOO_LARGE = "the database is larger than one archive can be"

_LOOK_AT_TIME = 64
"""Pieces of 4 MiB between two looks at the time, while a digest is made: some seconds."""


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
        except (SealBrokenError, FileLostError):
            raise JobFailedError(BROKEN) from None
        except ArchiveError as error:
            self._exportable()  # a deletion takes the archive from under its writer: then that is the reason
            raise JobFailedError(f"the archive cannot be written: {error}") from None

    def tidy(self) -> None:
        """Remove all that the export has stored."""
        database = self.parts.databases.get(self.turn.job.database_id)
        if database is not None:
            shelf = self._shelf(database)
            shelf.clear()
            shelf.s3.delete_object(Bucket=shelf.bucket, Key=shelf.key)

    def send_on(self) -> None:
        """Queue the export again."""
        self.parts.send_on(self.turn.job)

    def _exportable(self) -> Database:
        database = self.parts.databases.get(self.turn.job.database_id)
        if database is None or database.status is Status.DELETING:
            raise JobFailedError(GONE)
        try:
            return open_for_export(database, self.parts.policy, self.parts.clock(), begun=True)
        except DatabaseDestroyedError:
            raise JobFailedError(GONE) from None
        except DatabaseStateError as error:
            raise JobFailedError(error.reason) from None

    def _shelf(self, database: Database) -> Shelf:
        host, names = self.parts.host(database.region), (database.id, self.turn.job.id)
        return Shelf(host.s3, host.transfer_bucket, export_key(*names), journal_key(*names))

    def _written(self, database: Database, shelf: Shelf) -> StoredObject:
        host, began = self.parts.host(database.region), self.parts.clock()
        made = make(
            shelf,
            self.turn,
            Records(host, database.id),
            Files(host, database.id),
            guard=self._exportable,
            name=database.name or "",
            policy=self.parts.policy,
            counts=database.counts,
        )
        self.wrote = made.place is not None
        if made.place is not None and made.whole:
            self.counts = Counts(made.place.records, made.place.files, made.place.bytes, began)
        return made.stored

    def _finish(self, database: Database, shelf: Shelf, stored: StoredObject) -> None:
        """Make the export ready, if its database may be exported at that very moment: else the archive goes at once."""
        digest = stored.sha256 or self._digest(shelf)
        shelf.clear()
        check = self.parts.databases.check_operation(database.id, Status.ACTIVE, Status.DEACTIVATED, Status.MOVING)
        if self.turn.end(JobStatus.READY, {"bytes": stored.bytes, "sha256": digest}, check):
            raise JobFailedError(GONE)
        self._note_counts()

    def _digest(self, shelf: Shelf) -> str:
        """The SHA-256 of an archive that several workers wrote, for which it is read once more."""
        if self.wrote:
            self.turn.keep(99)  # the archive is complete: reading it may be the next worker's
        try:
            return self._sha256(shelf)
        except NoProgressError:
            raise JobFailedError(TOO_LARGE) from None

    def _sha256(self, shelf: Shelf) -> str:
        reader = RangeReader(shelf.s3, shelf.bucket, shelf.key, transient=(BotoCoreError, OSError))
        pieces = count(1)

        def on_piece() -> None:
            if next(pieces) % _LOOK_AT_TIME == 0:
                self.turn.look_at_time()

        return object_sha256(reader, on_piece)

    def _note_counts(self) -> None:
        counts = self.counts
        if counts is None:
            return
        database = self.parts.databases.get(self.turn.job.database_id)
        if database is None or (database.counts and database.counts.counted_at > counts.counted_at):
            return
        with suppress(ConditionFailedError):
            self.parts.databases.set_counts(database.id, counts)
