"""Backups: which databases are due for one, and which backups are over (promise databases.backups)."""

from collections.abc import Sequence
from dataclasses import replace
from datetime import timedelta
from functools import partial

from database_expiry.parts import Parts
from privacy.models.backups import PREFIX
from privacy.models.databases import Database
from privacy.models.ids import new_id_within
from privacy.models.jobs import Job, JobStatus, Kind
from privacy.portability.copies import remove as remove_copy
from privacy.removal.sweep import HasTime, SweepError, Swept, sweep
from privacy.schedules import Sweep
from privacy.tables.store import TransactionRefusedError, transact

RETRY = timedelta(hours=1)
"""How long after a backup failed the next one is begun."""


def sweeps(parts: Parts) -> dict[str, Sequence[Sweep]]:
    """What begins backups, and what removes old ones. The lag of the first is how long a database's latest backup has
    been older than it may be, until the next one is ready.
    """
    return {"backups": [partial(_begin, parts)], "old-backups": [partial(_remove, parts)]}


def _begin(parts: Parts, has_time: HasTime) -> Swept:
    """Active databases whose latest backup is as old as it may get: each gets one, unless one is under way."""
    now, every = parts.clock(), parts.policy.retention["backups.every"]
    begun: list[str] = []
    due = ((database, every.after(since)) for database, since in parts.databases.unsaved(every.latest_origin_over(now)))

    def begin(database: Database) -> bool:
        latest = parts.jobs.get(database.id, database.backing_up) if database.backing_up else None
        if latest is not None and not latest.is_over():
            return True
        failed = latest is not None and latest.status is JobStatus.FAILED
        if latest is not None and failed and latest.finished_at is not None and now < latest.finished_at + RETRY:
            return True
        job = Job(database.id, new_id_within(PREFIX, database.id), Kind.BACKUP, JobStatus.QUEUED, now)
        operations = [parts.databases.backup_operation(database, job.id), parts.jobs.create_operation(job)]
        try:
            transact(parts.jobs.table.client, operations)
        except TransactionRefusedError:
            return True  # it left its state, or another tick was faster
        begun.append(job.id)
        parts.queues.send(job.queue, parts.policy.regions[database.region].aws, job.message)
        if latest is not None and failed:
            parts.jobs.remove(latest)
        return True

    try:
        return replace(sweep(due, begin, parts.clock, has_time), removed=len(begun))
    except SweepError as error:
        raise SweepError(replace(error.swept, removed=len(begun))) from error.__cause__


def _remove(parts: Parts, has_time: HasTime) -> Swept:
    """Backups whose period is over: every version in every region, then the item that tells of them."""
    now, period = parts.clock(), parts.policy.retention["backups.kept"]
    due = (
        (job, period.after(job.created_at))
        for job in parts.jobs.due(Kind.BACKUP, period.latest_origin_over(now))
        if period.over(job.created_at, now)
    )

    def remove(job: Job) -> bool:
        for region in parts.policy.regions:
            remove_copy(parts.host(region), job.database_id, job.id)
        parts.jobs.remove(job)
        return True

    return sweep(due, remove, parts.clock, has_time)
