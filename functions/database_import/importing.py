"""An import from its message to its end.

The archive is checked as a whole before anything of it is written. From then on each worker goes on where the last
one's journal ends, and what is written twice is the same.
"""

from contextlib import suppress

from database_import.rules import check_member, read_line
from database_import.target import GONE, Target
from privacy.archive.directory import MIB, Limits
from privacy.archive.errors import ArchiveChangedError, ArchiveError
from privacy.archive.reader import ArchiveReader, Member
from privacy.hosting.records import Records
from privacy.models.databases import Counts, Database, Status
from privacy.portability.incoming import Incoming, remove_large_file
from privacy.portability.journal import Journal, Stage
from privacy.portability.lines import Line, split_line
from privacy.tables.store import ConditionFailedError
from privacy.vault.keys import KeyDestroyedError
from privacy.work import JobFailedError

NOT_EMPTY = "the database is not empty; import into a new one"
PARTLY = "; a part of the archive may have been written before that"
WHOLLY = "; the whole archive had been written before that"

LIMITS = Limits(members=500_000, directory_bytes=128 * MIB, manifest_bytes=192 * MIB)
"""Half a million members of usual names take 800 MB of memory (measured), which is half of the worker's."""

CHECKED = 30
"""Percent of an import that its check counts for."""
WRITTEN = 99


class Importing:
    """One worker's turn at one import."""

    def __init__(self, target: Target) -> None:
        self.target = target
        self.journal = Journal(target.turn)

    def work(self) -> None:
        """Check, write and end the import. Raises: JobFailedError, and what `Turn.run` knows."""
        try:
            database = self.target.database()
            if self.journal.place.stage is not Stage.WRITTEN:
                self._read(database)
            self.tidy()
            self.target.end(Status.ACTIVE, Status.MOVING)
        except KeyDestroyedError:
            raise self._failed(GONE) from None
        except ArchiveError as error:
            raise self._failed(self._reason(error)) from None
        except JobFailedError as error:
            raise self._failed(error.reason) from None
        self._note_counts(database)

    def tidy(self) -> None:
        """Remove the source, and what a large file left on its way."""
        self.target.remove_source()
        remove_large_file(self.target.host(), self.target.turn.job)

    def _read(self, database: Database) -> None:
        file = self.target.opened()
        if self.journal.place.etag not in ("", file.etag):
            raise ArchiveChangedError("The archive was replaced while it was read.")
        self.journal.move(etag=file.etag)
        reader = ArchiveReader(file, limits=LIMITS)
        if self.journal.place.stage is Stage.CHECKING:
            self._check(reader)
            # A later worker finds what an earlier one has written: it knows by the stage that the database was empty.
            if not Records(self.target.host(), database.id).is_empty():
                raise JobFailedError(NOT_EMPTY)
            self.journal.move(stage=Stage.WRITING, member=0)
            self.journal.keep(CHECKED)
        Incoming(
            self.target.host(),
            self.journal,
            reader,
            guard=self.target.database,
            read_line=self._line,
            since=CHECKED,
            until=WRITTEN,
        ).write()
        self.journal.move(stage=Stage.WRITTEN)
        self.journal.keep(WRITTEN)

    def _line(self, line: bytes, number: int, member: Member) -> Line:
        return split_line(line) if self.journal.place.plain else read_line(line, number, member)

    def _check(self, reader: ArchiveReader) -> None:
        for member in reader.members:
            check_member(member)
        total, done = max(1, reader.totals.bytes), 0
        for index, member in enumerate(reader.members):
            progress = CHECKED * done // total
            done += member.entry.bytes
            if index < self.journal.place.member:
                continue
            plain = self._check_content(reader, member, progress)
            self.journal.move(member=index + 1, plain=self.journal.place.plain and plain)
            self.journal.keep_when_due(CHECKED * done // total)

    def _check_content(self, reader: ArchiveReader, member: Member, progress: int) -> bool:
        """Check a member's bytes and lines; whether all its lines are plain."""
        plain = True

        def on_line(number: int, line: bytes) -> None:
            nonlocal plain
            plain = read_line(line, number, member).plain and plain

        def on_chunk(_: int) -> None:
            self.journal.look_at_time(progress)

        reader.check(member, on_line=on_line, on_chunk=on_chunk)
        return plain

    def _reason(self, error: ArchiveError) -> str:
        """A deletion takes the source from under its reader: then that is the reason."""
        try:
            self.target.database()
        except JobFailedError as closed:
            return closed.reason
        return str(error)

    def _failed(self, reason: str) -> JobFailedError:
        said = {Stage.CHECKING: "", Stage.WRITING: PARTLY, Stage.WRITTEN: WHOLLY}
        return JobFailedError(reason.rstrip(".") + said[self.journal.place.stage])

    def _note_counts(self, database: Database) -> None:
        place = self.journal.place
        with suppress(ConditionFailedError):
            counts = Counts(place.records, place.files, place.bytes, self.target.parts.clock())
            self.target.parts.databases.set_counts(database.id, counts)
