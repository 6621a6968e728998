"""A backup of a database: where its copies lie, how long it is kept, and what of it may come back
(promise databases.backups).
"""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from privacy.clock import rfc3339
from privacy.models.jobs import Job, JobStatus, Kind
from privacy.policy import Policy

PREFIX = "bak"
"""What a backup's id begins with; the database's own follows."""

IN_FLIGHT = timedelta(seconds=60)
"""How long what a request does may come after the time that it noted: API Gateway ends it after 29 s, and the clocks
of two functions may differ. Restores count with it on both sides: deletions of so long before a backup, and requests of
so long before a restore.
"""


class UnknownBackupError(LookupError):
    """The database has no such backup, or it is not ready, or its period is over."""


@dataclass(frozen=True, slots=True)
class Copy:
    """A copy of a backup in a Cloud Region: the one version of its object, and when it was last read back and found
    whole.
    """

    region: str
    version: str
    verified_at: datetime


@dataclass(frozen=True, slots=True)
class Backup:
    """A backup that is ready. `begun_at` is when it was asked for, `ended_at` when the last of the content had been
    read. `bytes` and `digest` (a chain of SHA-256, see `portability.sealed`) are those of its sealed object, which all
    copies have in common.
    """

    database_id: str
    id: str
    begun_at: datetime
    ended_at: datetime
    bytes: int
    digest: str
    copies: tuple[Copy, ...]

    def expires_at(self, policy: Policy) -> datetime:
        """From this second on it is gone."""
        return policy.retention["backups.kept"].after(self.begun_at)

    def detail(self) -> dict[str, Any]:
        """As the job's detail."""
        return {
            "ended_at": rfc3339(self.ended_at),
            "bytes": self.bytes,
            "digest": self.digest,
            "copies": [
                {"region": copy.region, "version": copy.version, "verified_at": rfc3339(copy.verified_at)}
                for copy in self.copies
            ],
        }

    def brings_back(self, updated_at: datetime, deleted_at: datetime | None) -> bool:
        """Whether a record or file that the backup holds may come back, though its place was deleted at some time.

        It may when the deletion had taken effect before the backup was begun: then it was written anew, or it would not
        be in the backup. A deletion since then counts, unless its `updated_at` says that it was written again between
        the deletion and the reading. A time after the reading says nothing. Archives that people bring name their own
        times; an import takes none for later than when it was asked for, so for later than a deletion of what it wrote.
        In the same second, the deletion wins.
        """
        if deleted_at is None or deleted_at + IN_FLIGHT <= self.begun_at:
            return True
        return deleted_at < updated_at <= self.ended_at


def ready_backup(job: Job | None, policy: Policy, now: datetime) -> Backup:
    """A job as the backup that it made, within its period. Raises: UnknownBackupError."""
    if job is None or job.kind is not Kind.BACKUP or job.status is not JobStatus.READY:
        raise UnknownBackupError
    backup = _backup(job, job.detail)
    if backup.expires_at(policy) <= now:
        raise UnknownBackupError
    return backup


def _backup(job: Job, detail: Mapping[str, Any]) -> Backup:
    return Backup(
        database_id=job.database_id,
        id=job.id,
        begun_at=job.created_at,
        ended_at=datetime.fromisoformat(detail["ended_at"]),
        bytes=int(detail["bytes"]),
        digest=detail["digest"],
        copies=tuple(
            Copy(copy["region"], copy["version"], datetime.fromisoformat(copy["verified_at"]))
            for copy in detail["copies"]
        ),
    )
