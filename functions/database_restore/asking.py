"""An operator asks for a restore, or how far one is. What cannot be done is refused, and nothing changes."""

from typing import Any

from database_restore.parts import Parts
from privacy.clock import rfc3339
from privacy.models.backups import IN_FLIGHT, PREFIX, Backup, UnknownBackupError, ready_backup
from privacy.models.databases import Database, Status
from privacy.models.ids import database_of, is_id, new_id
from privacy.models.jobs import Job, JobStatus, Kind
from privacy.portability.journal import Place
from privacy.tables.store import TransactionRefusedError, transact

_ASK, _FOLLOW = frozenset({"database_id", "backup_id"}), frozenset({"database_id", "job_id"})
_OVERWRITE = "overwrite"


class RestoreRefusedError(Exception):
    """The restore is not begun. `reason` is one of our own sentences."""

    def __init__(self, reason: str) -> None:
        super().__init__(reason)
        self.reason = reason


def is_call(event: Any) -> bool:
    """Whether an event is an operator's: `{database_id, backup_id, overwrite?}` or `{database_id, job_id}`."""
    return isinstance(event, dict) and event.keys() - {_OVERWRITE} in (_ASK, _FOLLOW)


def answer(parts: Parts, call: dict[str, Any]) -> dict[str, Any]:
    """What an operator is told: the job, or its state, or `{error}`."""
    try:
        return _follow(parts, call) if "job_id" in call else _ask(parts, call)
    except RestoreRefusedError as refused:
        return {"error": refused.reason}


def _ask(parts: Parts, call: dict[str, Any]) -> dict[str, Any]:
    """Close the database and queue its restore. Raises: RestoreRefusedError."""
    control, now = parts.work, parts.work.clock()
    overwrite = call.get(_OVERWRITE, False)
    if not isinstance(overwrite, bool):
        raise RestoreRefusedError("overwrite is true or false")
    database = _database(parts, call["database_id"])
    backup = _backup(parts, database, call["backup_id"])
    busy = next((job for job in control.jobs.running(database.id) if job.stuck_since is None), None)
    if busy is not None:
        raise RestoreRefusedError(f"the database has work under way ({busy.kind.value}); wait until it is over")
    detail = {"backup": backup.id, "overwrite": overwrite}
    job = Job(database.id, new_id("job"), Kind.RESTORE, JobStatus.QUEUED, now, detail=detail)
    closed = control.databases.change_operation(database, Status.RESTORING, now)
    try:
        transact(control.jobs.table.client, [closed, control.jobs.create_operation(job)])
    except TransactionRefusedError:
        raise RestoreRefusedError("the database is being changed; look at it again") from None
    control.send_on(job, delay=int(parts.settle.total_seconds()))
    return {"job_id": job.id, "status": job.status.value}


def _database(parts: Parts, database_id: Any) -> Database:
    known = isinstance(database_id, str) and is_id("db", database_id)
    database = parts.work.databases.get(database_id) if known else None
    if database is None:
        raise RestoreRefusedError("there is no such database")
    if database.status in (Status.DELETING, Status.DESTROYED):
        raise RestoreRefusedError("the database is destroyed, or is being so; nothing of it can come back")
    if database.status is not Status.ACTIVE:
        raise RestoreRefusedError(f"the database is {database.status.value}; only an active one can be restored")
    return database


def _backup(parts: Parts, database: Database, backup_id: Any) -> Backup:
    mine = isinstance(backup_id, str) and database_of(PREFIX, backup_id) == database.id
    now = parts.work.clock()
    try:
        backup = ready_backup(parts.work.jobs.get(database.id, backup_id) if mine else None, parts.work.policy, now)
    except UnknownBackupError:
        raise RestoreRefusedError("the database has no such backup, or its period is over") from None
    if not parts.ledger.covers(backup.begun_at - IN_FLIGHT, now):
        raise RestoreRefusedError("the backup is older than the ledger of deletions; it could bring something back")
    return backup


def _follow(parts: Parts, call: dict[str, Any]) -> dict[str, Any]:
    database_id, job_id = call["database_id"], call["job_id"]
    known = isinstance(database_id, str) and isinstance(job_id, str) and is_id("db", database_id)
    job = parts.work.jobs.get(database_id, job_id) if known and is_id("job", job_id) else None
    if job is None or job.kind is not Kind.RESTORE:
        raise RestoreRefusedError("there is no such restore")
    place = Place.of(job)
    counts = {"records": place.records, "files": place.files, "withheld": place.withheld}
    counts |= {name: job.detail[name] for name in counts if name in job.detail}
    shown: dict[str, Any] = {"status": job.status.value, "progress": job.progress, **counts}
    if job.error:
        shown["reason"] = job.error
    if job.finished_at:
        shown["finished_at"] = rfc3339(job.finished_at)
    return shown
