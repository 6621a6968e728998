"""What is due, derived from state: nothing is lost by a tick that failed to come, nothing done twice by two."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from datetime import datetime, timedelta

from database_expiry.parts import Parts
from privacy.hosting.leftovers import Leftovers
from privacy.hosting.transfers import export_prefix, staging_key
from privacy.models.databases import Database, Status
from privacy.models.jobs import LEASE_SECONDS, Job, JobStatus, Kind
from privacy.models.removals import SILENCE, Removal, opened
from privacy.removal.stores import Objects
from privacy.removal.sweep import SweepError, Swept, sweep
from privacy.tables.store import ConditionFailedError

HasTime = Callable[[], bool]

IN_FLIGHT = timedelta(seconds=30)
"""How long a request that began before an upload's end may still be at work (API Gateway ends it after 29 s)."""

QUEUE_OF = {Kind.EXPORT: "export", Kind.IMPORT: "import", Kind.FILE: "import"}
"""The queue that does a kind of work."""


@dataclass(frozen=True, slots=True)
class Outcome:
    """What a tick did to one store: what was removed, what stalled, and the error with which some of it failed."""

    swept: Swept
    stalled: int = 0
    error: Exception | None = None


def sweep_all(parts: Parts, has_time: HasTime) -> Iterator[Outcome]:
    """Do all that is due, store by store until time is up; a store that fails keeps no other from its turn.

    First what only sends messages: it is quick, and others do the work meanwhile.
    """
    yield _together(_guarded("databases", parts, has_time, _end_grace), _guarded("databases", parts, has_time, _wake))
    yield _guarded("jobs", parts, has_time, _requeue)
    yield _guarded("exports", parts, has_time, _remove_exports)
    yield _guarded("uploads", parts, has_time, _remove_uploads)
    yield _guarded("leftovers", parts, has_time, _remove_leftovers)


def _guarded(store: str, parts: Parts, has_time: HasTime, work: Callable[[Parts, HasTime], Outcome]) -> Outcome:
    try:
        return work(parts, has_time)
    except SweepError as error:
        return Outcome(error.swept, error=error)
    except Exception as error:  # reported, and raised in the end: see the handler
        return Outcome(Swept(store, 0, 0, left=True), error=error)


def _together(one: Outcome, other: Outcome) -> Outcome:
    swept = Swept(
        one.swept.store,
        removed=one.swept.removed + other.swept.removed,
        lag_seconds=max(one.swept.lag_seconds, other.swept.lag_seconds),
        left=one.swept.left or other.swept.left,
        failed=one.swept.failed + other.swept.failed,
    )
    return Outcome(swept, one.stalled + other.stalled, one.error or other.error)


def _end_grace(parts: Parts, has_time: HasTime) -> Outcome:
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

    return Outcome(sweep("databases", due, end, parts.clock, has_time))


def _wake(parts: Parts, has_time: HasTime) -> Outcome:
    """Deletions that make no progress: they are queued again, and each tick reports them until they go on."""
    now = parts.clock()
    seen = 0

    def stalled() -> Iterator[tuple[tuple[Database, Removal], datetime]]:
        nonlocal seen
        for database in parts.databases.waiting(Status.DELETING, now - SILENCE):
            # One whose first message was lost has no journal yet.
            removal = parts.removals.get(database.id) or opened(database, database.since)
            if removal.is_stalled(now):
                seen += 1
                yield (database, removal), removal.active_at + SILENCE

    def wake(waiting: tuple[Database, Removal]) -> bool:
        database, removal = waiting
        if removal.wants_waking(now):
            _send_start(parts, database)
            parts.removals.begin(removal)
            parts.removals.revive(database.id, now)
        return True

    try:
        swept = sweep("databases", stalled(), wake, parts.clock, has_time)
    except SweepError as error:
        return Outcome(replace(error.swept, removed=0), seen, error)
    return Outcome(replace(swept, removed=0), seen)


def _requeue(parts: Parts, has_time: HasTime) -> Outcome:
    """Exports, imports and files whose message or worker was lost."""
    now = parts.clock()
    due = (
        (job, job.lease_until or job.created_at + timedelta(seconds=LEASE_SECONDS)) for job in parts.jobs.stalled(now)
    )

    def requeue(job: Job) -> bool:
        database = parts.databases.get(job.database_id)
        if database is None or database.status in (Status.DELETING, Status.DESTROYED):
            return False  # the deletion takes its jobs along
        queue = QUEUE_OF[job.kind]
        name = "export_id" if job.kind is Kind.EXPORT else "job_id"
        message = {"database_id": job.database_id, name: job.id}
        parts.queues.send(queue, parts.policy.regions[database.region].aws, message)
        return parts.jobs.touch(job, now)

    try:
        swept = sweep("jobs", due, requeue, parts.clock, has_time)
    except SweepError as error:
        return Outcome(replace(error.swept, removed=0), error.swept.removed, error)
    return Outcome(replace(swept, removed=0), swept.removed)


def _remove_exports(parts: Parts, has_time: HasTime) -> Outcome:
    """The files of exports whose period is over (promise exports.retention); their items still answer `expired`."""
    now, period = parts.clock(), parts.policy.retention["exports.file"]
    due = (
        (job, period.after(job.finished_at or job.created_at))
        for job in parts.jobs.due(Kind.EXPORT, period.latest_origin_over(now))
    )

    def remove(job: Job) -> bool:
        _empty(parts, job, export_prefix(job.database_id, job.id))
        parts.jobs.file_removed(job)
        return True

    return Outcome(sweep("exports", due, remove, parts.clock, has_time))


def _remove_uploads(parts: Parts, has_time: HasTime) -> Outcome:
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

    return Outcome(sweep("uploads", due, remove, parts.clock, has_time))


def _remove_leftovers(parts: Parts, has_time: HasTime) -> Outcome:
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

    return Outcome(sweep("leftovers", due, remove, parts.clock, has_time))


def _empty(parts: Parts, job: Job, prefix: str) -> None:
    """Remove everything under a prefix of the transfer bucket, in the database's region (in every one, should the
    database be unknown).
    """
    database = parts.databases.get(job.database_id)
    for region in [database.region] if database else list(parts.policy.regions):
        host = parts.host(region)
        objects = Objects(job.kind.value, job.id, region, host.s3, host.transfer_bucket, (prefix,))
        while things := objects.left():
            objects.remove(things)


def _send_start(parts: Parts, database: Database) -> None:
    region = parts.policy.regions[database.region].aws
    parts.queues.send("deletion", region, {"database_id": database.id, "step": "start"})
