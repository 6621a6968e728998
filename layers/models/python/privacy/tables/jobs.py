"""The jobs table (home region): exports, imports, file uploads, each with the journal that it resumes from.

Key `database_id`, `id`. Index `due` (`due_shard` such as `export#0a`, `due_from`), sparse: a ready export since it was
ready, a backup since it was begun, an upload since it was opened, other work since it was last heard of. No item holds
content.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from boto3.dynamodb.conditions import Attr, Key

from privacy.models.jobs import LEASE_SECONDS, Job, JobStatus, Kind
from privacy.tables.store import SHARDS, ConditionFailedError, Item, Operation, Table, epoch, instant, shard_of

_WORK = "work"
_OPEN = (JobStatus.QUEUED, JobStatus.RUNNING)


@dataclass(frozen=True, slots=True)
class Jobs:
    """Typed access to the jobs table."""

    table: Table

    def create_operation(self, job: Job) -> Operation:
        """The write that creates a job; refused when its id is taken."""
        return self.table.put_operation(_item(job), Attr("id").not_exists())

    def create(self, job: Job) -> None:
        """Create a job. Raises: ConditionFailedError when its id is taken."""
        self.table.put(_item(job), Attr("id").not_exists())

    def get(self, database_id: str, job_id: str) -> Job | None:
        """A job by database and id, read consistently."""
        item = self.table.get({"database_id": database_id, "id": job_id})
        return _job(item) if item else None

    def of_database(self, database_id: str, prefix: str = "") -> Iterator[Job]:
        """Every job of a database, or those whose ids have a prefix, such as `bak`."""
        condition = Key("database_id").eq(database_id)
        for item in self.table.query(condition & Key("id").begins_with(f"{prefix}_") if prefix else condition):
            yield _job(item)

    def running(self, database_id: str) -> Iterator[Job]:
        """Every job of a database that a worker has yet to end. An upload is its owner's to use, not a worker's."""
        for job in self.of_database(database_id):
            if job.kind is not Kind.UPLOAD and not job.is_over():
                yield job

    def take(self, database_id: str, job_id: str, now: datetime) -> Job | None:
        """Take an open job's lease for this worker, or None when it is over, unknown, or another worker's.

        A worker that died is silent, and its lease runs out: then the next delivery goes on from the journal.
        """
        free = Attr("status").is_in([status.value for status in _OPEN]) & (
            Attr("lease_until").not_exists() | Attr("lease_until").lte(epoch(now))
        )
        return self._change(database_id, job_id, self._working(now) | {"due_shard": _due_shard(_WORK, job_id)}, free)

    def keep(self, job: Job, now: datetime, *, progress: int, detail: dict[str, Any]) -> Job | None:
        """Journal a worker's progress and renew its lease, or None when the lease is no longer its own."""
        changes = self._working(now) | {"progress": progress, "detail": detail}
        if progress > job.progress:
            changes |= {"stuck_since": None, "failures": None}
        return self._change(job.database_id, job.id, changes, _held(job))

    def release(self, job: Job, now: datetime, *, stuck: bool = False) -> Job | None:
        """Give a lease back before it ends, so that the next message can go on at once. `stuck` notes that something
        went wrong once more, since now unless it was noted before.
        """
        changes: Item = {"lease_until": None, "due_from": epoch(now)}
        if stuck:
            changes |= {"stuck_since": epoch(job.stuck_since or now), "failures": job.failures + 1}
        return self._change(job.database_id, job.id, changes, _held(job))

    def finish_operation(
        self,
        job: Job,
        status: JobStatus,
        now: datetime,
        *,
        detail: dict[str, Any] | None = None,
        error: str | None = None,
    ) -> Operation:
        """The write that ends a job as done, ready or failed; refused when the lease is no longer this worker's."""
        ready = status is JobStatus.READY
        ready_since = job.created_at if job.kind is Kind.BACKUP else now
        changes: Item = {
            "status": status.value,
            "progress": job.progress if status is JobStatus.FAILED else 100,
            "error": error,
            "finished_at": epoch(now),
            "lease_until": None,
            "detail": job.detail if detail is None else detail,
            "due_shard": _due_shard(job.kind.value, job.id) if ready else None,
            "due_from": epoch(ready_since) if ready else None,
        }
        return self.table.update_operation({"database_id": job.database_id, "id": job.id}, changes, _held(job))

    def settle(self, job: Job, to: JobStatus, detail: dict[str, Any] | None = None) -> Job | None:
        """Move an upload on (complete, done, failed) if it still is as it was read; None when it is not. Until it is
        used it stays due, for what of it lies in the transfer bucket.
        """
        due = None if to is JobStatus.DONE else _due_shard(Kind.UPLOAD.value, job.id)
        changes: Item = {"status": to.value, "due_shard": due, "due_from": epoch(job.created_at) if due else None}
        if detail is not None:
            changes["detail"] = detail
        return self._change(job.database_id, job.id, changes, Attr("status").eq(job.status.value))

    def use_operation(self, upload: Job, job_id: str) -> Operation:
        """The write that gives a complete upload to a job, once."""
        changes: Item = {
            "status": JobStatus.DONE.value,
            "detail": upload.detail | {"job_id": job_id},
            "due_shard": None,
            "due_from": None,
        }
        key = {"database_id": upload.database_id, "id": upload.id}
        return self.table.update_operation(key, changes, Attr("status").eq(JobStatus.COMPLETE.value))

    def due(self, kind: Kind, until: datetime) -> Iterator[Job]:
        """Ready exports (since they were ready), backups (since they were begun) or unused uploads (since they were
        opened) up to `until`.
        """
        yield from self._due(kind.value, until)

    def stalled(self, now: datetime) -> Iterator[Job]:
        """Queued or running work that nobody was heard of for longer than a lease: it is queued again."""
        yield from self._due(_WORK, now - timedelta(seconds=LEASE_SECONDS))

    def touch(self, job: Job, now: datetime) -> bool:
        """Note that a stalled job was queued again, unless somebody did in the meantime."""
        same = Attr("status").is_in([status.value for status in _OPEN]) & (
            Attr("lease_until").not_exists() | Attr("lease_until").lte(epoch(now))
        )
        return self._change(job.database_id, job.id, {"due_from": epoch(now)}, same) is not None

    def file_removed(self, job: Job) -> None:
        """Note that a job's file is gone, so that it is no longer due; its item still answers `expired`."""
        self._change(
            job.database_id, job.id, {"due_shard": None, "due_from": None}, Attr("status").eq(job.status.value)
        )

    def remove(self, job: Job) -> None:
        """Remove a job's item."""
        self.table.delete({"database_id": job.database_id, "id": job.id})

    def _due(self, what: str, until: datetime) -> Iterator[Job]:
        for shard in SHARDS:
            condition = Key("due_shard").eq(f"{what}#{shard}") & Key("due_from").lte(epoch(until))
            for item in self.table.query(condition, index="due"):
                yield _job(item)

    def _working(self, now: datetime) -> Item:
        until = epoch(now) + LEASE_SECONDS
        return {"status": JobStatus.RUNNING.value, "lease_until": until, "due_from": epoch(now)}

    def _change(self, database_id: str, job_id: str, changes: Item, when: Any) -> Job | None:
        try:
            return _job(self.table.update({"database_id": database_id, "id": job_id}, changes, when))
        except ConditionFailedError:
            return None


def _held(job: Job) -> Any:
    lease = epoch(job.lease_until) if job.lease_until else 0
    return Attr("status").eq(JobStatus.RUNNING.value) & Attr("lease_until").eq(lease)


def _due_shard(what: str, job_id: str) -> str:
    return f"{what}#{shard_of(job_id)}"


def _item(job: Job) -> Item:
    what = Kind.UPLOAD.value if job.kind is Kind.UPLOAD else _WORK
    return {
        "database_id": job.database_id,
        "id": job.id,
        "kind": job.kind.value,
        "status": job.status.value,
        "created_at": epoch(job.created_at),
        "progress": job.progress,
        "detail": job.detail,
        "due_shard": _due_shard(what, job.id),
        "due_from": epoch(job.created_at),
    }


def _job(item: Item) -> Job:
    return Job(
        database_id=item["database_id"],
        id=item["id"],
        kind=Kind(item["kind"]),
        status=JobStatus(item["status"]),
        created_at=instant(item["created_at"]),
        progress=item.get("progress", 0),
        error=item.get("error"),
        finished_at=instant(item["finished_at"]) if "finished_at" in item else None,
        lease_until=instant(item["lease_until"]) if "lease_until" in item else None,
        stuck_since=instant(item["stuck_since"]) if "stuck_since" in item else None,
        failures=item.get("failures", 0),
        detail=item.get("detail", {}),
    )
