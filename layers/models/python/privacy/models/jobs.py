"""Work that a queue does for a database: exports, imports, file uploads; and how its progress is told."""

from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum
from typing import Any

from privacy.policy import Policy


class Kind(StrEnum):
    """What a job does. `file` puts an uploaded file in its place; `upload` is the upload itself."""

    EXPORT = "export"
    IMPORT = "import"
    FILE = "file"
    UPLOAD = "upload"


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


LEASE_SECONDS = 960
"""How long a worker may be silent before another takes its work over: Lambda's 15 minutes and one more."""


@dataclass(frozen=True, slots=True)
class Job:
    """A piece of asynchronous work. It holds ids, counts and digests, never content.

    `progress` runs from 0 to 100 (percent). `error` is one of our own sentences. `detail` is the kind's own plain
    data (numbers, text, bytes and lists of them). `finished_at` is when it became done, ready or failed.
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
    detail: dict[str, Any] = field(default_factory=dict)

    def is_over(self) -> bool:
        """Whether no worker has anything left to do."""
        return self.status in (JobStatus.DONE, JobStatus.READY, JobStatus.FAILED)

    def file_expires_at(self, policy: Policy) -> datetime | None:
        """When a ready export's file is gone (promise exports.retention)."""
        return policy.retention["exports.file"].after(self.finished_at) if self.finished_at else None
