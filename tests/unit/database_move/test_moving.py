"""A move from its message to its end, and what may come between."""

import pytest

from database_move.place import Stage
from privacy.hosting.transfers import export_key, staging_key
from privacy.models.databases import Status
from privacy.models.ids import new_id
from privacy.models.jobs import JobStatus
from privacy.tables.keys import KeyState
from privacy.tables.store import transact
from tests.simulation.faults import Call
from tests.unit.database_export.world import SMALL, content_of, database, fill, host, jobs
from tests.unit.database_move.world import (
    World,
    in_transfer,
    job_of,
    key_state,
    left_in,
    now_in,
    ready_export,
    row,
    stage_of,
    upload,
)
from tests.unit.engine import SetClock

pytestmark = pytest.mark.usefixtures("stores")


@pytest.mark.promise("databases.region")
@pytest.mark.parametrize(("origin", "goal"), [("asia", "americas"), ("americas", "asia")])
def test_a_moved_database_is_whole_in_its_new_region_and_gone_from_the_old_one(
    clock: SetClock, origin: str, goal: str
) -> None:
    made = database(clock(), region=origin)
    fill(made)
    world = World(clock)
    job = world.moved(made, goal)
    assert (job.status, job.progress, job.error) == (JobStatus.DONE, 100, None)
    assert job.detail == {"from": origin, "to": goal, "records": 3, "files": 2, "bytes": 1079}
    there = row(made)
    assert (there.region, there.status) == (goal, Status.ACTIVE)
    assert now_in(made) == SMALL
    assert left_in(origin, made.id) == []
    assert key_state(made, origin) is KeyState.STANDBY
    assert key_state(made, goal) is KeyState.OPEN


@pytest.mark.promise("databases.region")
def test_exports_and_uploads_move_along_and_unfinished_uploads_are_to_be_begun_anew(clock: SetClock) -> None:
    made = database(clock())
    fill(made)
    export, complete, opened = (
        ready_export(made, clock),
        upload(made, clock, JobStatus.COMPLETE),
        upload(made, clock, JobStatus.OPEN),
    )
    World(clock).moved(made, "americas")
    assert in_transfer("americas", export_key(made.id, export.id)) == b"PK an export"
    assert in_transfer("americas", staging_key(made.id, complete.id)) == b"film"
    assert job_of(export).status is JobStatus.READY
    assert job_of(complete).status is JobStatus.COMPLETE
    assert job_of(opened).status is JobStatus.FAILED
    assert left_in("asia", made.id) == []
    assert content_of(row(made)) == SMALL


@pytest.mark.promise("databases.region", "exports.retention")
@pytest.mark.parametrize("stage", [Stage.SETTLING, Stage.SWITCHED])
def test_an_export_that_expires_on_the_way_is_in_no_region_afterwards(clock: SetClock, stage: Stage) -> None:
    made = database(clock())
    kept, gone = ready_export(made, clock), ready_export(made, clock)
    clock.advance(days=6, hours=23, minutes=58)
    newer = ready_export(made, clock)
    world = World(clock)
    job = world.ask(made, "americas")
    world.run(until=lambda: stage_of(job) is stage)
    assert in_transfer("americas", export_key(made.id, gone.id)) == b"PK an export"
    clock.advance(seconds=120)
    world.tick()  # removes both where the database is
    world.run()
    assert in_transfer("americas", export_key(made.id, newer.id)) == b"PK an export"
    assert len(left_in("americas", made.id)) == 1
    assert left_in("asia", made.id) == []
    assert (job_of(kept).status, job_of(gone).status) == (JobStatus.READY, JobStatus.READY)


@pytest.mark.promise("databases.region", "exports.retention")
@pytest.mark.parametrize(("seconds", "moves"), [(-1, True), (0, False)])
def test_an_export_moves_along_until_the_second_at_which_it_expires(clock: SetClock, seconds: int, moves: bool) -> None:
    made = database(clock())
    export = ready_export(made, clock)
    world = World(clock)
    job = world.ask(made, "americas")
    clock.advance(days=7, seconds=seconds)
    world.deliver(world.broker.waiting[0])
    assert stage_of(job) is Stage.SETTLING
    assert (in_transfer("americas", export_key(made.id, export.id)) is not None) is moves


@pytest.mark.promise("databases.region")
def test_an_upload_that_is_used_on_the_way_leaves_nothing_behind(clock: SetClock) -> None:
    made = database(clock())
    used, swept = upload(made, clock, JobStatus.COMPLETE), upload(made, clock, JobStatus.COMPLETE)
    world = World(clock)
    job = world.ask(made, "americas")

    def use() -> None:
        transact(jobs().table.client, [jobs().use_operation(used, new_id("job"))])
        jobs().remove(swept)
        place = host("asia")
        for gone in (used, swept):
            place.s3.delete_object(Bucket=place.transfer_bucket, Key=staging_key(made.id, gone.id))

    world.run(until=lambda: stage_of(job) is Stage.SETTLING)
    assert in_transfer("americas", staging_key(made.id, used.id)) == b"film"
    use()
    world.run()
    assert left_in("americas", made.id) == []
    assert left_in("asia", made.id) == []


@pytest.mark.promise("databases.region")
def test_what_was_brought_and_not_checked_is_brought_again(clock: SetClock) -> None:
    made = database(clock())
    export = ready_export(made, clock)
    world = World(clock)
    job = world.ask(made, "americas")
    key = export_key(made.id, export.id)

    def corrupted(number: int, call: Call) -> str | None:
        """The worker dies right after the copy, of which a byte is wrong."""
        if call.name == "copy_object" and not done:
            done.append(number)
            return "crash-after"
        return None

    done: list[int] = []
    world.faults.fault = corrupted
    world.deliver(world.broker.waiting[0])
    assert done
    place = host("americas")
    place.s3.put_object(Bucket=place.transfer_bucket, Key=key, Body=b"PK an expXrt")
    world.run()
    assert job_of(job).status is JobStatus.DONE
    assert in_transfer("americas", key) == b"PK an export"
