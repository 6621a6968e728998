"""What is due, derived from state: nothing is lost by a tick that failed to come, nothing done twice by two."""

from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import replace
from datetime import datetime, timedelta
from functools import partial
from typing import TypeVar

from database_expiry import backups, overdue, recordings
from database_expiry.parts import Parts
from privacy.hosting.leftovers import Leftovers
from privacy.hosting.transfers import export_prefix, staging_key
from privacy.models.databases import Database, Status
from privacy.models.jobs import LEASE_SECONDS, Job, JobStatus, Kind
from privacy.models.removals import SILENCE, Removal, opened
from privacy.removal.stores import Objects, empty
from privacy.removal.sweep import HasTime, SweepError, Swept, sweep
from privacy.schedules import Sweep
from privacy.tables.store import ConditionFailedError

T = TypeVar("T")

IN_FLIGHT = timedelta(seconds=30)
"""How long a request that began before an upload's end may still be at work (API Gateway ends it after 29 s)."""


def sweeps(parts: Parts) -> dict[str, Sequence[Sweep]]:
    """What does all that is due, by store: first what only sends messages, for others do that work meanwhile."""
    return {
        "databases": [partial(_end_grace, parts), partial(_wake, parts)],
        "jobs": [partial(_requeue, parts), partial(_release_moves, parts)],
        "exports": [partial(_remove_exports, parts)],
        "uploads": [partial(_remove_uploads, parts)],
        "leftovers": [partial(_remove_leftovers, parts)],
        **backups.sweeps(parts),
        **recordings.sweeps(parts),
        **overdue.sweeps(parts),
    }


def _end_grace(parts: Parts, has_time: HasTime) -> Swept:
    """Databases at whose grace period's end nobody had changed their mind (promise databases.grace)."""
    now, grace = parts.clock(), parts.policy.retention["databases.grace"]
    due = (
        (database, grace.after(database.since))
        for database in parts.databases.waiting(Status.DEACTIVATED, grace.latest_origin_over(now))
    )

    def end(database: Database) -> bool:
        try:
            parts.databases.change(database, Status.DELETING, now)
        except ConditionFailedError:
            return False  # reactivated, or given up by its owner, after the index was read
        _send_start(parts, database)
        return True

    return sweep(due, end, parts.clock, has_time)


def _wake(parts: Parts, has_time: HasTime) -> Swept:
    """Deletions that make no progress: they are queued again, and each tick reports them until they go on."""
    now = parts.clock()

    def stalled() -> Iterator[tuple[tuple[Database, Removal], datetime]]:
        for database in parts.databases.waiting(Status.DELETING, now - SILENCE):
            # One whose first message was lost has no journal yet.
            removal = parts.removals.get(database.id) or opened(database, database.since)
            if removal.is_stalled(now):
                yield (database, removal), removal.active_at + SILENCE

    def wake(waiting: tuple[Database, Removal]) -> bool:
        database, removal = waiting
        if removal.wants_waking(now):
            _send_start(parts, database)
            parts.removals.begin(removal)
            parts.removals.revive(database.id, now)
        return True

    return _restart(stalled(), wake, parts, has_time)


def _requeue(parts: Parts, has_time: HasTime) -> Swept:
    """Exports (of a database, or of a person), imports and files whose message or worker was lost."""
    now = parts.clock()
    due = (
        (job, job.lease_until or job.created_at + timedelta(seconds=LEASE_SECONDS)) for job in parts.jobs.stalled(now)
    )

    def requeue(job: Job) -> bool:
        if job.kind is Kind.ACCOUNT:
            region = parts.home
        else:
            database = parts.databases.get(job.database_id)
            if database is None or database.status in (Status.DELETING, Status.DESTROYED):
                return False  # the deletion takes its jobs along
            region = database.region
        parts.queues.send(job.queue, parts.policy.regions[region].aws, job.message)
        return parts.jobs.touch(job, now)

    return _restart(due, requeue, parts, has_time)


def _release_moves(parts: Parts, has_time: HasTime) -> Swept:
    """Databases that say they are being moved by a job that is over, or gone: the mover opens them again where they
    are. A move that is not over is like any other job.
    """
    now = parts.clock()

    def forgotten() -> Iterator[tuple[tuple[Database, str], datetime]]:
        for database in parts.databases.waiting(Status.MOVING, now - SILENCE):
            job = parts.jobs.get(database.id, database.moving) if database.moving else None
            if database.moving and (job is None or job.is_over()):
                yield (database, database.moving), database.since + SILENCE

    def release(found: tuple[Database, str]) -> bool:
        database, job_id = found
        message = {"database_id": database.id, "job_id": job_id}
        parts.queues.send("move", parts.policy.regions[database.region].aws, message)
        return True

    return _restart(forgotten(), release, parts, has_time)


def _restart(
    stalled: Iterable[tuple[T, datetime]], restart: Callable[[T], bool], parts: Parts, has_time: HasTime
) -> Swept:
    """Sweep what stalled: nothing is removed, and what was found is counted, also when it could not be restarted."""
    try:
        return _as_stalled(sweep(stalled, restart, parts.clock, has_time))
    except SweepError as error:
        raise SweepError(_as_stalled(error.swept)) from error.__cause__


def _as_stalled(swept: Swept) -> Swept:
    return replace(swept, removed=0, stalled=swept.removed + swept.failed)


def _remove_exports(parts: Parts, has_time: HasTime) -> Swept:
    """The files of exports whose period is over (promise exports.retention); their items still answer `expired`."""
    now, period = parts.clock(), parts.policy.retention["exports.file"]
    due = (
        (job, period.after(job.finished_at or job.created_at))
        for kind in (Kind.EXPORT, Kind.ACCOUNT)
        for job in parts.jobs.due(kind, period.latest_origin_over(now))
    )

    def remove(job: Job) -> bool:
        _empty(parts, job, export_prefix(job.database_id, job.id))
        parts.jobs.file_removed(job)
        return True

    return sweep(due, remove, parts.clock, has_time)


def _remove_uploads(parts: Parts, has_time: HasTime) -> Swept:
    """Uploads that nothing used within their period: the parts, the object, then the item that tells of them."""
    now, period = parts.clock(), parts.policy.retention["uploads"]
    due = (
        (job, period.after(job.created_at))
        for job in parts.jobs.due(Kind.UPLOAD, period.latest_origin_over(now - IN_FLIGHT))
    )

    def remove(job: Job) -> bool:
        current = parts.jobs.get(job.database_id, job.id)
        if current is None or current.status is JobStatus.DONE:
            return False  # used, or removed, after the index was read
        _empty(parts, job, staging_key(job.database_id, job.id))
        parts.jobs.remove(job)
        return True

    return sweep(due, remove, parts.clock, has_time)


def _remove_leftovers(parts: Parts, has_time: HasTime) -> Swept:
    """Objects that no file's row names, in every region: a writer died, or the call that should have removed them."""
    now = parts.clock()
    due = (
        ((region, note), over)
        for region in parts.policy.regions
        for note, over in Leftovers(parts.host(region)).due(now)
    )

    def remove(leftover: tuple[str, str]) -> bool:
        region, note = leftover
        return Leftovers(parts.host(region)).sweep(note)

    return sweep(due, remove, parts.clock, has_time)


def _empty(parts: Parts, job: Job, prefix: str) -> None:
    """Remove everything under a prefix of the transfer bucket, in the database's region (in every one, should the
    database be unknown).
    """
    database = parts.databases.get(job.database_id)
    for region in [database.region] if database else list(parts.policy.regions):
        host = parts.host(region)
        empty(Objects(job.kind.value, job.id, region, host.s3, host.transfer_bucket, (prefix,)))


def _send_start(parts: Parts, database: Database) -> None:
    region = parts.policy.regions[parts.home].aws
    parts.queues.send("deletion", region, {"database_id": database.id, "step": "start"})
