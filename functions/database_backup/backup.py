"""A backup from its message to its end: written, copied, read back in every region; or failed, and nothing left of it.

It is written where the database lies, sealed under the database's data key, and copied inside S3. Each copy is read
back and opened with the key as its own region holds it, so that the loss of the other region loses nothing
(promise databases.backups).
"""

from dataclasses import replace
from datetime import datetime
from typing import Any

from database_backup.stand import Stand
from privacy.archive.errors import ArchiveError
from privacy.archive.reader import ArchiveReader
from privacy.clock import rfc3339
from privacy.consumer import HasTime
from privacy.hosting import Host
from privacy.hosting.files import Files
from privacy.hosting.records import Records
from privacy.models.backups import PREFIX, Backup, Copy
from privacy.models.databases import Database, Status
from privacy.models.ids import database_of
from privacy.models.jobs import JobStatus
from privacy.portability.copies import (
    LIMITS,
    Copying,
    SealedShelf,
    Stored,
    backup_key,
    reader,
    remove,
    stored,
)
from privacy.portability.files import FileLostError
from privacy.portability.sealed import BackupBrokenError, Checked, SealedReader, Seals, check
from privacy.portability.shelf import make
from privacy.queues import MalformedMessageError
from privacy.vault.keys import KeyBrokenError, KeyDestroyedError
from privacy.vault.sealing import SealBrokenError
from privacy.work import BROKEN, JobFailedError, Parts, Turn, take

GONE = "the database is being deleted; there is nothing to back up any more"
MOVED = "the database was moved to another region before its backup was complete"
KEY_BROKEN = "the data key does not open in every region"
DIFFERENT = "The copies of the backup are not the same."

_READABLE = (Status.ACTIVE, Status.DEACTIVATED, Status.MOVING)
"""A backup that was begun goes on in these; no restore begins before it is over."""

_NEARLY = 99
"""Percent, once all is written."""


def back_up(parts: Parts, database_id: str, backup_id: str, has_time: HasTime) -> None:
    """Take a backup as far as time allows; a late or repeated message changes nothing.

    Raises: MalformedMessageError.
    """
    if database_of(PREFIX, backup_id) != database_id:
        raise MalformedMessageError("the message names no backup of this database")
    turn = take(parts.jobs, parts.clock, has_time, database_id, backup_id)
    if turn is not None:
        worker = BackingUp(parts, turn)
        turn.run(worker.work, tidy=worker.tidy, send_on=worker.send_on)


class BackingUp:
    """One worker's turn at one backup."""

    def __init__(self, parts: Parts, turn: Turn) -> None:
        self.parts = parts
        self.turn = turn
        self.database_id, self.id = turn.job.database_id, turn.job.id

    def work(self) -> None:
        """Do what is left, and make the backup ready. Raises: JobFailedError, and what `Turn.run` knows."""
        try:
            self._begin()
            self._write()
            for region in self._regions:
                self._copy(region)
            digests = {region: self._verified(region) for region in self._regions}
            self._finish(digests)
        except KeyDestroyedError:
            raise JobFailedError(GONE) from None
        except KeyBrokenError:
            raise JobFailedError(KEY_BROKEN) from None
        except (SealBrokenError, FileLostError):
            raise JobFailedError(BROKEN) from None
        except ArchiveError as error:
            self._readable()  # a deletion takes the backup from under its writer: then that is the reason
            raise JobFailedError(f"the backup cannot be made: {error}") from None

    def tidy(self) -> None:
        """Remove all that the backup has stored, in every region."""
        for region in self.parts.policy.regions:
            remove(self._host(region), self.database_id, self.id)

    def send_on(self) -> None:
        """Queue the backup again."""
        self.parts.send_on(self.turn.job)

    def _begin(self) -> None:
        database = self._readable()
        stand = Stand.of(self.turn.job) or Stand(database.region)
        self._host(stand.region).keyring.replicate(self.database_id, self.parts.clock())
        self._keep(stand)

    def _write(self) -> None:
        stand = self._stand
        if stand.region in stand.versions:
            return
        database, host = self._readable(), self._host(stand.region)
        make(
            SealedShelf.of(host, self._seals(stand.region)),
            self.turn,
            Records(host, self.database_id),
            Files(host, self.database_id),
            guard=self._readable,
            name=self.database_id,
            policy=self.parts.policy,
            counts=database.counts,
        )
        ended_at = rfc3339(self.parts.clock())
        original = self._original(host)
        versions = {stand.region: original.version}
        self._keep(replace(stand, ended_at=ended_at, bytes=original.bytes, versions=versions))

    def _original(self, host: Host) -> Stored:
        found = stored(host, self._key)
        if found is None:
            raise BackupBrokenError("The backup is not in its place.")
        return found

    def _copy(self, region: str) -> None:
        stand = self._stand
        if region in stand.versions:
            return

        def on_begin(upload: str) -> None:
            self._keep(replace(self._stand, upload=upload))

        def on_parts() -> None:
            self._readable()
            self.turn.look_at_time()

        original = Stored(stand.bytes, stand.versions[stand.region])
        copying = Copying(self._host(stand.region), self._host(region), self._key, original, stand.upload)
        version = copying.copy(on_begin, on_parts)
        self._keep(replace(self._stand, upload="", versions=stand.versions | {region: version}))

    def _verified(self, region: str) -> str:
        """The digest of a region's copy, which was read back and opened with the key that lies there."""
        stand = self._stand
        checked = stand.checked_of(region)
        if region in stand.verified:
            return checked.digest
        seals = self._seals(region)
        copy = reader(self._host(region), self._key, stand.versions[region])
        if copy.bytes != stand.bytes:
            raise BackupBrokenError(DIFFERENT)

        def on_segment(so_far: Checked) -> None:
            self._readable()
            self._keep(self._with_checked(region, so_far))
            self.turn.look_at_time()

        whole = check(copy, seals, checked, on_segment)
        ArchiveReader(SealedReader(copy, seals), limits=LIMITS)  # what cannot be opened is no backup
        stand = self._with_checked(region, whole)
        self._keep(replace(stand, verified=stand.verified | {region: rfc3339(self.parts.clock())}))
        return whole.digest

    def _with_checked(self, region: str, checked: Checked) -> Stand:
        plain: dict[str, Any] = {"frames": checked.frames, "digest": checked.digest}
        return replace(self._stand, checked=self._stand.checked | {region: plain})

    def _finish(self, digests: dict[str, str]) -> None:
        """Make the backup ready, if its database is still there at that very moment: else all of it goes at once."""
        stand = self._stand
        if len(set(digests.values())) != 1:
            raise BackupBrokenError(DIFFERENT)
        for region, version in stand.versions.items():
            remove(self._host(region), self.database_id, self.id, but=version)
        backup = Backup(
            self.database_id,
            self.id,
            begun_at=self.turn.job.created_at,
            ended_at=datetime.fromisoformat(stand.ended_at),
            bytes=stand.bytes,
            digest=digests[stand.region],
            copies=tuple(
                Copy(region, stand.versions[region], datetime.fromisoformat(stand.verified[region]))
                for region in sorted(stand.versions)
            ),
        )
        noted = self.parts.databases.backed_up_operation(self.database_id, backup.begun_at)
        if self.turn.end(JobStatus.READY, backup.detail(), noted):
            raise JobFailedError(GONE)

    def _readable(self) -> Database:
        """The database, when its content may be read at this moment, where the backup is written. Raises:
        JobFailedError.
        """
        database = self.parts.databases.get(self.database_id)
        if database is None or database.status in (Status.DELETING, Status.DESTROYED):
            raise JobFailedError(GONE)
        if database.status not in _READABLE:
            raise JobFailedError(f"the database is {database.status.value}; it cannot be backed up")
        stand = Stand.of(self.turn.job)
        if stand is not None and stand.region != database.region:
            raise JobFailedError(MOVED)
        return database

    def _keep(self, stand: Stand) -> None:
        progress = _NEARLY if stand.versions else self.turn.job.progress
        self.turn.keep(progress, stand.in_detail(self.turn.job))

    def _seals(self, region: str) -> Seals:
        return Seals(self._host(region).keyring.key(self.database_id, fresh=True), self.id)

    @property
    def _stand(self) -> Stand:
        stand = Stand.of(self.turn.job)
        if stand is None:
            raise LookupError("the backup was not begun")
        return stand

    @property
    def _regions(self) -> list[str]:
        """All regions, that of the database first."""
        first = self._stand.region
        return [first, *(region for region in self.parts.policy.regions if region != first)]

    def _host(self, region: str) -> Host:
        return self.parts.host(region)

    @property
    def _key(self) -> str:
        return backup_key(self.database_id, self.id)
