"""The database that a job writes into, asked anew before every write; and the stored object that the job reads."""

import re
from dataclasses import dataclass

from botocore.exceptions import BotoCoreError

from privacy.archive.ranges import RangeReader
from privacy.hosting import Host
from privacy.hosting.transfers import EXPORTS, STAGING, Transfers
from privacy.models.databases import (
    Database,
    DatabaseDestroyedError,
    DatabaseStateError,
    Status,
    open_for_export,
    open_for_reading,
)
from privacy.models.jobs import JobStatus, Source
from privacy.work import JobFailedError, Parts, Turn

GONE = "the database is being deleted; nothing can be written into it any more"
SOURCE_GONE = "what was to be read is not there any more"

_EXPORT = re.compile(re.escape(EXPORTS) + r"([^/]+)/([^/]+)\.zip")


@dataclass(frozen=True, slots=True)
class Target:
    """A job's database, its source, and this worker's turn at the job."""

    parts: Parts
    turn: Turn

    @property
    def source(self) -> Source:
        """The object that the job reads."""
        return Source.of(self.turn.job)

    def database(self) -> Database:
        """The database, when its content may be written at this moment: a move to another region waits until the job
        is over, and then closes the database for writes. Raises: JobFailedError.
        """
        database = self._found()
        if database.status is Status.DELETING:
            raise JobFailedError(GONE)
        try:
            return open_for_reading(database)
        except DatabaseDestroyedError:
            raise JobFailedError(GONE) from None
        except DatabaseStateError as error:
            raise JobFailedError(error.reason) from None

    def host(self) -> Host:
        """Where the database's content lies. Raises: JobFailedError."""
        return self.parts.host(self._found().region)

    def opened(self) -> RangeReader:
        """The source, when it is this database's to read: what was staged for it, or an export of the same owner's
        that has not expired (promises databases.ownership, exports.retention).

        Raises: JobFailedError, ArchiveChangedError when it is not there.
        """
        source, job = self.source, self.turn.job
        mine = source.key.startswith(f"{STAGING}{job.database_id}/") if source.staged else self._is_own_export(source)
        if not mine:
            raise JobFailedError(SOURCE_GONE)
        host = self.parts.host(source.region)
        return RangeReader(host.s3, host.transfer_bucket, source.key, transient=(BotoCoreError, OSError))

    def remove_source(self) -> None:
        """Remove what was brought for this job alone; another database's export is not this job's to remove."""
        source = self.source
        if source.staged and source.key.startswith(f"{STAGING}{self.turn.job.database_id}/"):
            Transfers(self.parts.host(source.region)).remove(source.key)

    def end(self, *states: Status) -> None:
        """End the job as done, if the database is in one of some states at that very moment.

        Raises: JobFailedError, LostLeaseError.
        """
        job = self.turn.job
        check = self.parts.databases.check_operation(job.database_id, *states)
        # What an upload became is asked for when its request is repeated (content.files.adopt).
        kept = {name: value for name, value in job.detail.items() if name in ("source", "sealed")}
        if self.turn.end(JobStatus.DONE, kept, check):
            self.database()
            raise JobFailedError(GONE)

    def send_on(self) -> None:
        """Queue the job again."""
        self.parts.send_on(self.turn.job)

    def _found(self) -> Database:
        database = self.parts.databases.get(self.turn.job.database_id)
        if database is None:
            raise JobFailedError(GONE)
        return database

    def _is_own_export(self, source: Source) -> bool:
        match = _EXPORT.fullmatch(source.key)
        database = self.parts.databases.get(match[1]) if match else None
        if match is None or database is None or database.owner != self._found().owner:
            return False
        now = self.parts.clock()
        try:
            open_for_export(database, self.parts.policy, now, begun=True)
        except (DatabaseDestroyedError, DatabaseStateError):
            return False
        export = self.parts.jobs.get(database.id, match[2])
        expires_at = export.file_expires_at(self.parts.policy) if export else None
        ready = export is not None and export.status is JobStatus.READY
        return ready and expires_at is not None and now < expires_at
