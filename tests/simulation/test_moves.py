"""A move that is killed at any call, interrupted at any time, or overtaken by a deletion at any stage."""

import pytest

from database_move.moving import TOO_LARGE
from database_move.place import Stage
from privacy.models.databases import Database, Status
from privacy.models.jobs import Job, JobStatus
from privacy.removal.stores import copies_in
from privacy.tables.keys import KeyState
from tests.simulation.faults import Call
from tests.simulation.world import World as DeletionWorld
from tests.unit import engine
from tests.unit.database_export.world import SMALL, database, databases, fill, host, jobs
from tests.unit.database_move.world import (
    QUEUE,
    World,
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


def planted(clock: SetClock) -> Database:
    made = database(clock())
    fill(made)
    ready_export(made, clock)
    upload(made, clock, JobStatus.COMPLETE)
    upload(made, clock, JobStatus.OPEN)
    return made


def is_moved(made: Database, job: Job, place: str) -> None:
    assert (job_of(job).status, job_of(job).error) == (JobStatus.DONE, None), place
    assert (row(made).region, row(made).status) == ("americas", Status.ACTIVE), place
    assert now_in(made) == SMALL, place
    assert left_in("asia", made.id) == [], place
    assert len([found for found in left_in("americas", made.id) if found.startswith("object")]) == 4, place
    assert (key_state(made, "asia"), key_state(made, "americas")) == (KeyState.STANDBY, KeyState.OPEN), place


@pytest.mark.promise("databases.region")
@pytest.mark.parametrize("fault", ["crash-before", "crash-after", "timeout-after", "twice"])
def test_whatever_befalls_any_single_call_of_a_move_it_ends_where_it_was_to_go(
    clock: SetClock, seeds: int, fault: str, capsys: pytest.CaptureFixture[str]
) -> None:
    made = planted(clock)
    before = engine.moment(clock)
    unbroken = World(clock)
    is_moved(made, unbroken.moved(made, "americas"), "unbroken")
    calls = unbroken.faults.calls
    # Between two writes a crash finds the same state, wherever it comes. `make prove` goes through all calls,
    # `make test` through every fifth write for a crash and every thirtieth for the rest.
    points = [number for number, call in enumerate(calls, 1) if seeds or call.writes]
    assert len(points) > 20

    for point in points if seeds else points[:: 5 if fault == "crash-after" else 30]:
        engine.back_to(before)
        world = World(clock, ticks=bool(seeds) or not fault.startswith("crash"))

        def befalls(number: int, call: Call, point: int = point) -> str | None:
            return fault if number == point else None

        world.faults.fault = befalls
        job = world.moved(made, "americas")
        is_moved(made, job, f"{fault} at call {point}, {calls[point - 1]}")
    assert "\u00e9t\u00e9" not in "".join(capsys.readouterr())


@pytest.mark.promise("databases.region")
@pytest.mark.parametrize("per_call", [1.0, 2.0])
def test_a_move_goes_on_past_a_worker_s_time(clock: SetClock, per_call: float) -> None:
    made, world = planted(clock), World(clock, seconds=160.0, per_call=per_call)
    job = world.moved(made, "americas")
    is_moved(made, job, f"{world.turns} turns")
    assert world.turns >= 4


@pytest.mark.promise("databases.region")
def test_what_no_worker_s_time_is_enough_for_undoes_the_move(clock: SetClock) -> None:
    made, world = planted(clock), World(clock, seconds=160.0, per_call=7.0)
    job = world.moved(made, "americas")
    assert (job.status, job.error) == (JobStatus.FAILED, TOO_LARGE)
    assert (row(made).region, row(made).status) == ("asia", Status.ACTIVE)
    assert now_in(made) == SMALL
    assert left_in("americas", made.id) == []


def delete(made: Database, clock: SetClock) -> None:
    """What a deletion does until its last listing, all between two calls of the mover."""
    databases().change(row(made), Status.DELETING, clock())
    for region in ("asia", "americas"):
        host(region).keyring.destroy(made.id, clock())
    for job in list(jobs().of_database(made.id)):
        jobs().remove(job)
    for region in ("asia", "americas"):
        for store in copies_in(made.id, host(region)):
            while things := store.left():
                store.remove(things)


@pytest.mark.promise("databases.region", "databases.deletion")
def test_a_deletion_before_any_call_of_a_move_wins_and_nothing_is_left(
    clock: SetClock, seeds: int, capsys: pytest.CaptureFixture[str]
) -> None:
    made = planted(clock)
    before = engine.moment(clock)
    unbroken = World(clock)
    unbroken.moved(made, "americas")
    calls = len(unbroken.faults.calls)
    for point in range(2, calls, 1 if seeds else 40):
        engine.back_to(before)
        world = World(clock)

        def overtaken(world: World = world, point: int = point) -> None:
            if len(world.faults.calls) >= point and row(made).status is not Status.DELETING:
                delete(made, clock)

        world.faults.meanwhile = overtaken
        world.ask(made, "americas")
        world.asked.clear()
        world.run(until=lambda world=world: not world.broker.waiting)  # type: ignore[misc]
        if len(world.faults.calls) < point:  # calls overlap, so a run may take a few less than another
            assert point > calls - 10
            break
        place = f"deleted before call {point}, {world.faults.calls[point - 1 :][:1]}"
        assert row(made).status is Status.DELETING, place
        assert left_in("asia", made.id) + left_in("americas", made.id) == [], place
        assert {key_state(made, region) for region in ("asia", "americas")} == {KeyState.DESTROYED}, place
        assert list(jobs().of_database(made.id)) == [], place
        assert not world.broker.dead, place
    assert "\u00e9t\u00e9" not in "".join(capsys.readouterr())


@pytest.mark.promise("databases.region", "databases.deletion", "databases.destroyed")
@pytest.mark.parametrize("stage", [Stage.COPYING, Stage.SETTLING, Stage.SWITCHED])
def test_the_deletion_worker_and_the_mover_beside_each_other_leave_nothing(clock: SetClock, stage: Stage) -> None:
    made, world = planted(clock), World(clock)
    job = world.ask(made, "americas")
    world.run(until=lambda: stage_of(job) is stage)
    deletion = DeletionWorld(clock)
    deletion.broker = world.broker
    databases().change(row(made), Status.DELETING, clock())
    deletion.start(row(made))

    def destroyed() -> bool:
        for message in world.broker.due(QUEUE):
            world.deliver(message)
        return row(made).status is Status.DESTROYED

    deletion.run(until=destroyed, ticks=True)
    assert left_in("asia", made.id) + left_in("americas", made.id) == []
    assert {key_state(made, region) for region in ("asia", "americas")} == {KeyState.DESTROYED}
    assert list(jobs().of_database(made.id)) == []
