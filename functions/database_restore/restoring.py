"""A restore from its message to its end: a copy is found whole, what the database lacks is written back, then it opens.

While it lasts the database is closed, so nothing is readable before the ledger of deletions was asked about it
(promise databases.backups).
"""

from contextlib import suppress
from typing import Any

from botocore.exceptions import BotoCoreError, ClientError

from database_restore.choosing import Lacking
from database_restore.parts import Parts
from privacy.archive.errors import ArchiveChangedError, ArchiveError
from privacy.archive.reader import ArchiveReader
from privacy.consumer import HasTime
from privacy.hosting import Host
from privacy.hosting.files import Files
from privacy.hosting.records import Records
from privacy.models.backups import Backup, Copy, UnknownBackupError, ready_backup
from privacy.models.databases import Database, Status
from privacy.models.ids import is_id
from privacy.models.jobs import JobStatus, Kind
from privacy.portability.copies import LIMITS, backup_key, reader
from privacy.portability.incoming import Incoming, remove_large_file
from privacy.portability.journal import Journal, Stage
from privacy.portability.lines import split_line
from privacy.portability.sealed import BackupBrokenError, Checked, SealedReader, Seals, check
from privacy.queues import MalformedMessageError
from privacy.tables.store import ConditionFailedError
from privacy.vault.keys import KeyBrokenError, KeyDestroyedError
from privacy.work import JobFailedError, OutOfTimeError, Turn, take

GONE = "the database is destroyed, or is being so; nothing of it can come back"
BUSY = "the database has work under way; nothing was written"
EXPIRED = "the period of the backup is over"
NO_COPY = "no copy of the backup is whole; nothing was written"
KEY_BROKEN = "the data key of the database does not open; nothing was written"
PARTLY = "; a part of the backup was written before that"

CHECKED, WRITTEN = 30, 99
"""Percent of a restore: once a copy was found whole, and once all is written."""

_COPY, _BROKEN, _SO_FAR = "copy", "broken", "checked"
"""In the job's detail: the region whose copy is used, those whose copy is not whole, and how far one was checked."""


def restore(parts: Parts, database_id: str, job_id: str, has_time: HasTime) -> None:
    """Take a restore as far as time allows; a late or repeated message changes nothing.

    Raises: MalformedMessageError.
    """
    if not is_id("job", job_id):
        raise MalformedMessageError("the message names no restore")
    control = parts.work
    job = control.jobs.get(database_id, job_id)
    if job is not None and job.kind is not Kind.RESTORE:
        raise MalformedMessageError("the message names no restore")
    turn = take(control.jobs, control.clock, has_time, database_id, job_id)
    if turn is not None:
        worker = Restoring(parts, turn)
        turn.run(worker.work, tidy=worker.tidy, send_on=worker.send_on)


class Restoring:
    """One worker's turn at one restore."""

    def __init__(self, parts: Parts, turn: Turn) -> None:
        self.parts = parts
        self.turn = turn
        self.database_id = turn.job.database_id
        self.journal = Journal(turn)

    def work(self) -> None:
        """Check, write and end the restore. Raises: JobFailedError, and what `Turn.run` knows."""
        try:
            database = self._database()
            self._settle(database)
            host = self.parts.work.host(database.region)
            seals = Seals(host.keyring.key(self.database_id, fresh=True), self.turn.job.detail["backup"])
            if self.journal.place.stage is Stage.CHECKING:
                self._choose_copy(database, seals)
            if self.journal.place.stage is Stage.WRITING:
                self._write(host, seals)
            self._finish(database)
        except KeyDestroyedError:
            raise self._failed(GONE) from None
        except KeyBrokenError:
            raise JobFailedError(KEY_BROKEN) from None
        except ArchiveError as error:
            self._database()  # a deletion takes the backup from under its reader: then that is the reason
            raise self._failed(str(error)) from None
        except JobFailedError as error:
            raise self._failed(error.reason) from None

    def tidy(self) -> None:
        """Open the database again, and remove what a large file left on its way."""
        database = self.parts.work.databases.get(self.database_id)
        if database is None:
            return
        remove_large_file(self.parts.work.host(database.region), self.turn.job)
        if database.status is Status.RESTORING:
            with suppress(ConditionFailedError):
                self.parts.work.databases.change(database, Status.ACTIVE, self.parts.work.clock())

    def send_on(self) -> None:
        """Queue the restore again, for when requests have settled."""
        control = self.parts.work
        database = control.databases.get(self.database_id)
        if database is not None:
            seconds = int((database.since + self.parts.settle - control.clock()).total_seconds())
            control.send_on(self.turn.job, delay=max(0, seconds))

    def _database(self) -> Database:
        """The database, when the backup may be written into it at this moment. Raises: JobFailedError."""
        database = self.parts.work.databases.get(self.database_id)
        if database is None or database.status is not Status.RESTORING:
            raise JobFailedError(GONE)
        self._backup()
        return database

    def _backup(self) -> Backup:
        """The backup, within its period. Raises: JobFailedError."""
        control = self.parts.work
        job = control.jobs.get(self.database_id, self.turn.job.detail["backup"])
        try:
            return ready_backup(job, control.policy, control.clock())
        except UnknownBackupError:
            raise JobFailedError(EXPIRED) from None

    def _settle(self, database: Database) -> None:
        """Wait until no request is under way that was let in before the database closed."""
        if self.parts.work.clock() < database.since + self.parts.settle:
            raise OutOfTimeError
        others = [job for job in self.parts.work.jobs.running(self.database_id) if job.id != self.turn.job.id]
        if any(job.stuck_since is None for job in others):  # what is stuck fails at its next look at the database
            raise JobFailedError(BUSY)

    def _choose_copy(self, database: Database, seals: Seals) -> None:
        """Find a copy that is whole, that of the database's own region first; nothing was written until then."""
        backup = self._backup()
        unreachable: Exception | None = None
        for copy in sorted(backup.copies, key=lambda copy: copy.region != database.region):
            if copy.region in self.turn.job.detail.get(_BROKEN, []):
                continue
            try:
                self._check(backup, copy, seals)
            except (BackupBrokenError, ArchiveChangedError):
                broken = [*self.turn.job.detail.get(_BROKEN, []), copy.region]
                self._keep(0, {_BROKEN: broken, _SO_FAR: {}})
                continue
            except (BotoCoreError, ClientError) as error:
                unreachable = error
                self._keep(0, {_SO_FAR: {}})
                continue
            self.journal.move(stage=Stage.WRITING)
            self._keep(CHECKED, {_COPY: copy.region, _SO_FAR: {}})
            self.journal.keep(CHECKED)
            return
        if unreachable is not None:
            raise unreachable  # the message comes again, and finds the region back
        raise JobFailedError(NO_COPY)

    def _check(self, backup: Backup, copy: Copy, seals: Seals) -> None:
        found = self._reader(copy)

        def on_segment(so_far: Checked) -> None:
            self._database()
            plain: dict[str, Any] = {"frames": so_far.frames, "digest": so_far.digest}
            self._keep(self.turn.job.progress, {_SO_FAR: plain})
            self.turn.look_at_time()

        since = Checked(**self.turn.job.detail.get(_SO_FAR, {}))
        if found.bytes != backup.bytes or check(found, seals, since, on_segment).digest != backup.digest:
            raise BackupBrokenError("The copy is not the backup that was made.")

    def _write(self, host: Host, seals: Seals) -> None:
        backup = self._backup()
        used = self.turn.job.detail[_COPY]
        copy = next(copy for copy in backup.copies if copy.region == used)
        records, files = Records(host, self.database_id), Files(host, self.database_id)
        overwrite = bool(self.turn.job.detail["overwrite"])
        Incoming(
            host,
            self.journal,
            ArchiveReader(SealedReader(self._reader(copy), seals), limits=LIMITS),
            guard=self._database,
            read_line=lambda line, number, member: split_line(line),
            since=CHECKED,
            until=WRITTEN,
            choice=Lacking(backup, records, files, self.parts.ledger, overwrite),
        ).write()
        self.journal.move(stage=Stage.WRITTEN)
        self.journal.keep(WRITTEN)

    def _finish(self, database: Database) -> None:
        """End the restore and open the database, in one write."""
        control, place = self.parts.work, self.journal.place
        remove_large_file(control.host(database.region), self.turn.job)
        kept = {name: self.turn.job.detail[name] for name in ("backup", "overwrite", _COPY)}
        counts = {"records": place.records, "files": place.files, "withheld": place.withheld}
        opened = control.databases.change_operation(database, Status.ACTIVE, control.clock())
        if self.turn.end(JobStatus.DONE, kept | counts, opened):
            raise JobFailedError(GONE)

    def _reader(self, copy: Copy) -> Any:
        backup_id = self.turn.job.detail["backup"]
        return reader(self.parts.work.host(copy.region), backup_key(self.database_id, backup_id), copy.version)

    def _keep(self, progress: int, changes: dict[str, Any]) -> None:
        self.turn.keep(progress, self.turn.job.detail | changes)

    def _failed(self, reason: str) -> JobFailedError:
        written = self.journal.place.stage is not Stage.CHECKING
        return JobFailedError(reason.rstrip(".") + (PARTLY if written else ""))
