"""Work that a queue does for a database: exports, imports, file uploads; and how its progress is told."""

from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum
from typing import Any

from privacy.policy import Policy


class Kind(StrEnum):
    """What a job does. `file` puts an uploaded file in its place; `upload` is the upload itself; `move` brings the
    database to another Cloud Region.
    """

    EXPORT = "export"
    IMPORT = "import"
    FILE = "file"
    UPLOAD = "upload"
    BACKUP = "backup"
    RESTORE = "restore"
    MOVE = "move"
    ACCOUNT = "account"
    """An export of what is held about a person; its `database_id` is their account's id."""


_QUEUES = {Kind.FILE: "import", Kind.ACCOUNT: "account-export"} | {
    kind: kind.value for kind in (Kind.EXPORT, Kind.IMPORT, Kind.BACKUP, Kind.RESTORE, Kind.MOVE)
}


class JobStatus(StrEnum):
    """`queued`, `running`, then `done` (an export: `ready`) or `failed`; an upload is `open` until it is used."""

    QUEUED = "queued"
    RUNNING = "running"
    DONE = "done"
    READY = "ready"
    FAILED = "failed"
    OPEN = "open"
    COMPLETE = "complete"


class UnknownJobError(LookupError):
    """There is no such job, export or upload in this database."""


class JobStateError(Exception):
    """The job, export or upload is in a state that does not allow this."""

    def __init__(self, reason: str) -> None:
        super().__init__(reason)
        self.reason = reason


@dataclass(frozen=True, slots=True)
class Source:
    """What an import or a file is made from: an object in the transfer bucket of a Cloud Region, of some bytes.

    `staged` says that it was brought for this job alone, so that whoever ends the job removes it; another database's
    export is not.
    """

    region: str
    key: str
    bytes: int
    staged: bool = True

    def detail(self) -> dict[str, Any]:
        """As the job's `detail["source"]`."""
        return {"region": self.region, "key": self.key, "bytes": self.bytes, "staged": self.staged}

    @classmethod
    def of(cls, job: "Job") -> "Source":
        """What an import's or a file's job holds. Raises: KeyError for a job of another kind."""
        found = job.detail["source"]
        return cls(found["region"], found["key"], int(found["bytes"]), bool(found["staged"]))


LEASE_SECONDS = 960
"""How long a worker may be silent before another takes its work over: Lambda's 15 minutes and one more."""


@dataclass(frozen=True, slots=True)
class Job:
    """A piece of asynchronous work. It holds ids, counts and digests, never content.

    `progress` runs from 0 to 100 (percent). `error` is one of our own sentences. `finished_at` is when it became done,
    ready or failed. `stuck_since` is when it first went wrong since it last made progress, and `failures` how often it
    did; whatever it was may pass, so a worker is expected again. `detail` is the kind's own plain data (numbers, text,
    bytes, lists and dicts of them); beside what
    the worker journals there:

    - export, once ready: `bytes`, `sha256` (hexadecimal) of the ZIP;
    - import: `source` (a `Source`);
    - file: `source`, and `sealed`: path and content type (`hosting.Files.sealed_name`);
    - upload: `bytes` as announced, `sealed` (the content type, `hosting.Files.sealed_type`), `s3_upload`; once it was
      used, `job_id` of the job that it went to.
    """

    database_id: str
    id: str
    kind: Kind
    status: JobStatus
    created_at: datetime
    progress: int = 0
    error: str | None = None
    finished_at: datetime | None = None
    lease_until: datetime | None = None
    stuck_since: datetime | None = None
    failures: int = 0
    detail: dict[str, Any] = field(default_factory=dict)

    @property
    def queue(self) -> str:
        """The queue whose worker does it. Raises: KeyError for an upload, which is nobody's work."""
        return _QUEUES[self.kind]

    @property
    def message(self) -> dict[str, str]:
        """What its queue is told."""
        if self.kind is Kind.ACCOUNT:
            return {"account_id": self.database_id, "export_id": self.id}
        return {"database_id": self.database_id, "export_id" if self.kind is Kind.EXPORT else "job_id": self.id}

    def is_over(self) -> bool:
        """Whether no worker has anything left to do."""
        return self.status in (JobStatus.DONE, JobStatus.READY, JobStatus.FAILED)

    def is_expired(self, policy: Policy, now: datetime) -> bool:
        """Whether an export's file is gone for its readers, be it still there or not (promise exports.retention)."""
        expires_at = self.file_expires_at(policy)
        return self.status is JobStatus.READY and expires_at is not None and expires_at <= now

    def file_expires_at(self, policy: Policy) -> datetime | None:
        """When a ready export's file is gone (promise exports.retention)."""
        return policy.retention["exports.file"].after(self.finished_at) if self.finished_at else None


def living_upload(job: Job | None, policy: Policy, now: datetime) -> Job:
    """An upload, be it open, complete or used, within its period: from the very second at which that ends it is gone.

    Raises: UnknownJobError.
    """
    if job is None or job.kind is not Kind.UPLOAD or policy.retention["uploads"].over(job.created_at, now):
        raise UnknownJobError
    return job


def usable_upload(job: Job | None, policy: Policy, now: datetime) -> Job:
    """An upload that is complete and not used yet. Raises: UnknownJobError, JobStateError."""
    upload = living_upload(job, policy, now)
    if upload.status is not JobStatus.COMPLETE:
        reason = "was used already" if upload.status is JobStatus.DONE else "is not complete"
        raise JobStateError(f"the upload {reason}")
    return upload
