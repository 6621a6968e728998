"""Backups by schedule: when one is due, one at a time, and when one is over (promise databases.backups)."""

from datetime import timedelta
from typing import Any

import pytest

from privacy.models.databases import Database, Status
from privacy.models.ids import new_id_within
from privacy.models.jobs import LEASE_SECONDS, Job, JobStatus, Kind
from privacy.portability.copies import backup_key
from privacy.tables.store import TransactionRefusedError, transact
from tests.simulation.faults import Call
from tests.simulation.world import World
from tests.unit import engine
from tests.unit.database_deletion import planted
from tests.unit.database_deletion.planted import POLICY
from tests.unit.engine import SetClock

pytestmark = [pytest.mark.usefixtures("stores"), pytest.mark.promise("databases.backups")]

DAY, SECOND = timedelta(days=1), timedelta(seconds=1)
EVERY, KEPT = POLICY.retention["backups.every"], POLICY.retention["backups.kept"]


@pytest.fixture
def world(stores: None, clock: SetClock) -> World:
    return World(clock)


def tick(world: World) -> dict[str, Any]:
    answer = world.tick()
    assert answer is not None
    return answer


def begun(world: World, made: Database) -> list[Job]:
    """The backups of a database; each was sent where the database lies."""
    found = list(planted.jobs().of_database(made.id, "bak"))
    sent = [(message.region, message.ids["job_id"]) for message in world.broker.sent if message.queue == "backup"]
    region = POLICY.regions[made.region].aws
    assert {(region, job.id) for job in found if not job.is_over()} <= set(sent)
    return found


def finish(job: Job, world: World, status: JobStatus = JobStatus.READY) -> Job:
    """End a backup as its worker does."""
    held = planted.jobs().take(job.database_id, job.id, world.clock())
    assert held is not None
    operations = [planted.jobs().finish_operation(held, status, world.clock())]
    if status is JobStatus.READY:
        operations.append(planted.databases().backed_up_operation(job.database_id, job.created_at))
    transact(engine.table("jobs").client, operations)
    found = planted.jobs().get(job.database_id, job.id)
    assert found is not None
    return found


@pytest.mark.parametrize("region", ["asia", "americas"])
def test_a_database_is_due_at_once_and_when_its_last_backup_is_as_old_as_it_may_get(world: World, region: str) -> None:
    made = planted.database(world.clock(), region=region)
    assert tick(world)["backups"] == {"removed": 1, "lag_seconds": 0, "left": False}
    (job,) = begun(world, made)
    assert (job.kind, job.status, job.created_at) == (Kind.BACKUP, JobStatus.QUEUED, world.clock())

    finish(job, world)
    world.clock.set(EVERY.after(job.created_at) - SECOND)
    assert tick(world)["backups"]["removed"] == 0
    world.clock.advance(seconds=1)
    assert tick(world)["backups"]["removed"] == 1
    assert len(begun(world, made)) == 2


def test_one_backup_of_a_database_at_a_time_and_the_lag_grows_until_it_is_ready(world: World) -> None:
    made = planted.database(world.clock())
    world.clock.advance(days=1)
    tick(world)
    for hours in (1, 5, 30):
        world.clock.set(EVERY.after(made.created_at) + timedelta(hours=hours))
        assert tick(world)["backups"] == {"removed": 0, "lag_seconds": hours * 3600, "left": False}
    (job,) = begun(world, made)
    finish(job, world)
    # It was begun a day after the database, which is 30 hours ago: the next one is six hours late.
    assert tick(world)["backups"] == {"removed": 1, "lag_seconds": 6 * 3600, "left": False}


def test_a_backup_that_failed_is_begun_anew_after_an_hour_and_leaves_no_item(world: World) -> None:
    made = planted.database(world.clock())
    world.clock.advance(days=1)
    tick(world)
    failed = finish(begun(world, made)[0], world, JobStatus.FAILED)
    world.clock.advance(seconds=3599)
    assert tick(world)["backups"]["removed"] == 0
    world.clock.advance(seconds=1)
    assert tick(world)["backups"]["removed"] == 1
    (job,) = begun(world, made)
    assert job.id != failed.id


@pytest.mark.parametrize("status", [Status.DEACTIVATED, Status.DELETING, Status.MOVING, Status.RESTORING])
def test_only_an_active_database_is_backed_up_and_a_reactivated_one_at_once(world: World, status: Status) -> None:
    made = planted.database(world.clock())
    changed = planted.databases().change(made, status, world.clock())
    world.clock.advance(days=3)
    assert tick(world)["backups"] == {"removed": 0, "lag_seconds": 0, "left": False}
    assert begun(world, made) == []
    if status is not Status.DELETING:
        planted.databases().change(changed, Status.ACTIVE, world.clock())
        assert tick(world)["backups"] == {"removed": 1, "lag_seconds": 2 * 24 * 3600, "left": False}


def test_a_database_that_leaves_its_state_after_the_index_was_read_gets_none(world: World) -> None:
    made = planted.database(world.clock())
    world.clock.advance(days=1)
    waiting = [made]

    def leave(number: int, call: Call) -> None:
        if waiting and call.name == "transact_write_items":
            planted.databases().change(waiting.pop(), Status.DEACTIVATED, world.clock())

    world.faults.fault = leave
    assert tick(world)["backups"]["removed"] == 0
    assert (waiting, begun(world, made)) == ([], [])


def test_two_ticks_at_once_begin_one_backup(world: World) -> None:
    made = planted.database(world.clock())
    world.clock.advance(days=1)
    stale = next(planted.databases().unsaved(world.clock()))[0]
    tick(world)
    job = Job(made.id, new_id_within("bak", made.id), Kind.BACKUP, JobStatus.QUEUED, world.clock())
    with pytest.raises(TransactionRefusedError):
        transact(
            engine.table("jobs").client,
            [planted.databases().backup_operation(stale, job.id), planted.jobs().create_operation(job)],
        )
    assert len(begun(world, made)) == 1


@pytest.mark.parametrize("kind", [Kind.BACKUP, Kind.RESTORE])
def test_a_backup_or_restore_whose_message_was_lost_is_queued_again(world: World, kind: Kind) -> None:
    made = planted.database(world.clock())
    job_id = new_id_within("bak", made.id) if kind is Kind.BACKUP else "job_" + "a" * 26
    planted.jobs().create(Job(made.id, job_id, kind, JobStatus.QUEUED, world.clock()))
    world.clock.advance(seconds=LEASE_SECONDS)
    assert tick(world)["jobs"]["stalled"] == 1
    (message,) = [message for message in world.broker.sent if message.ids["job_id"] == job_id]
    assert (message.queue, message.ids) == (kind.value, {"database_id": made.id, "job_id": job_id})


# --- what is over --------------------------------------------------------------------------------------------------


def lying() -> list[tuple[str, str]]:
    """Region and key of all versions, markers and open uploads in the backup buckets."""
    found: list[tuple[str, str]] = []
    for region in POLICY.regions:
        place = planted.host(region)
        answer = place.s3.list_object_versions(Bucket=place.backup_bucket)
        entries = [*answer.get("Versions", []), *answer.get("DeleteMarkers", [])]
        entries += place.s3.list_multipart_uploads(Bucket=place.backup_bucket).get("Uploads", [])
        found += [(region, entry["Key"]) for entry in entries]
    return sorted(found)


def ready(made: Database, world: World) -> Job:
    """A backup that is ready, in both regions, with older versions, a marker and a broken-off upload beside it."""
    job = Job(made.id, new_id_within("bak", made.id), Kind.BACKUP, JobStatus.QUEUED, world.clock())
    planted.jobs().create(job)
    for region in POLICY.regions:
        place, key = planted.host(region), backup_key(made.id, job.id)
        for body in (b"older", b"sealed"):
            place.s3.put_object(Bucket=place.backup_bucket, Key=key, Body=body)
        place.s3.put_object(Bucket=place.backup_bucket, Key=f"{key}.x", Body=b"x")
        place.s3.delete_object(Bucket=place.backup_bucket, Key=f"{key}.x")
        place.s3.create_multipart_upload(Bucket=place.backup_bucket, Key=key)
    return finish(job, world)


def test_a_backup_goes_from_both_regions_with_all_versions_when_its_period_ends(world: World) -> None:
    made = planted.database(world.clock(), region="americas")
    job = ready(made, world)
    planted.databases().change(made, Status.DEACTIVATED, world.clock())
    there = lying()
    assert len(there) == 10

    world.clock.set(KEPT.after(job.created_at) - SECOND)
    assert tick(world)["old-backups"]["removed"] == 0
    assert lying() == there

    world.clock.advance(seconds=1)
    assert tick(world)["old-backups"] == {"removed": 1, "lag_seconds": 0, "left": False}
    assert lying() == []
    assert planted.jobs().get(made.id, job.id) is None


def test_the_period_runs_from_the_beginning_and_a_younger_backup_stays(world: World) -> None:
    made = planted.database(world.clock())
    old = ready(made, world)
    world.clock.advance(hours=1)
    young = ready(made, world)
    planted.databases().change(made, Status.DEACTIVATED, world.clock())
    world.clock.set(KEPT.after(young.created_at) - SECOND)
    assert tick(world)["old-backups"] == {"removed": 1, "lag_seconds": 3599, "left": False}
    assert {key.split(".")[0] for _, key in lying()} == {backup_key(made.id, young.id).split(".")[0]}
    assert planted.jobs().get(made.id, old.id) is None


def test_no_backup_outlives_the_grace_period_of_its_database() -> None:
    assert KEPT.after(engine.NOON) < POLICY.retention["databases.grace"].after(engine.NOON)
