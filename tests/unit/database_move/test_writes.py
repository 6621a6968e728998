"""What is written while a database moves: neither lost nor doubled, whenever it comes."""

from collections.abc import Callable

import pytest

from database_move.place import Stage
from privacy.hosting.files import Files
from privacy.hosting.records import Records, new_record
from privacy.models.databases import Database, Status
from privacy.models.ids import new_id
from privacy.models.jobs import Job, JobStatus, Kind
from privacy.tables.keys import KeyState
from privacy.vault.keys import KeyClosedError
from tests.simulation.faults import Call
from tests.unit.database_export.world import SMALL, Content, content_of, database, databases, fill, host, jobs, ledger
from tests.unit.database_move.world import World, job_of, key_state, left_in, now_in, row, stage_of
from tests.unit.engine import NOON, SetClock

pytestmark = pytest.mark.usefixtures("stores")

OPEN = (Stage.COPYING, Stage.WAITING)
CLOSED = (Stage.SETTLING, Stage.COMPARING, Stage.VERIFYING, Stage.SWITCHING)
THERE = (Stage.SWITCHED, Stage.EMPTYING)


def write(made: Database) -> None:
    """A request of the owner's that looks at the database and does one of each."""
    place = host(row(made).region)
    records, files = Records(place, made.id), Files(place, made.id)
    records.put(new_record("movies", "m1", b'{"again":1}', NOON))
    records.put(new_record("movies", "m3", b'{"new":1}', NOON))
    records.put_all([new_record("movies", "m4", b"{}", NOON)])
    records.delete("movies", "m2", ledger(), NOON)
    files.put("empty", "text/plain", b"no longer", NOON)
    files.put("new", "text/plain", b"new", NOON)
    files.delete("pictures/\u00e9t\u00e9.png", ledger(), NOON)


WRITTEN = Content(
    {
        ("movies", "m1"): (b'{"again":1}', "2026-11-24T12:00:00Z"),
        ("movies", "m3"): (b'{"new":1}', "2026-11-24T12:00:00Z"),
        ("movies", "m4"): (b"{}", "2026-11-24T12:00:00Z"),
        ("a.2", "x@example.org"): SMALL.records["a.2", "x@example.org"],
    },
    {
        "empty": ("text/plain", b"no longer", "2026-11-24T12:00:00Z"),
        "new": ("text/plain", b"new", "2026-11-24T12:00:00Z"),
    },
)


@pytest.mark.promise("databases.region")
@pytest.mark.parametrize("stage", [*OPEN, *THERE])
def test_what_is_written_while_the_database_is_open_is_there_afterwards(clock: SetClock, stage: Stage) -> None:
    made = database(clock())
    fill(made)
    world = World(clock)
    job = world.ask(made, "americas")
    done = world.during(job, stage, lambda: write(made))
    world.run()
    assert done
    assert job_of(job).status is JobStatus.DONE
    assert now_in(made) == WRITTEN
    assert row(made).region == "americas"
    assert left_in("asia", made.id) == []


@pytest.mark.promise("databases.region")
@pytest.mark.parametrize("stage", CLOSED)
def test_a_write_while_it_is_closed_is_refused_and_a_read_is_answered(clock: SetClock, stage: Stage) -> None:
    made = database(clock())
    fill(made)
    world = World(clock)
    job = world.ask(made, "americas")

    def refused(call: Callable[[], object]) -> None:
        with pytest.raises(KeyClosedError):
            call()

    def look() -> None:
        assert row(made).status is Status.MOVING
        assert row(made).region == "asia"
        records, files = Records(host("asia"), made.id), Files(host("asia"), made.id)
        refused(lambda: records.put(new_record("movies", "m1", b'{"again":1}', NOON)))
        refused(lambda: records.put_all([new_record("movies", "m4", b"{}", NOON)]))
        refused(lambda: records.delete("movies", "m2", ledger(), NOON))
        refused(lambda: files.put("new", "text/plain", b"new", NOON))
        refused(lambda: files.delete("empty", ledger(), NOON))
        # A note of what was not deleted would keep it from coming back with a restore.
        named = [*records.places([new_record("movies", "m2", b"{}", NOON)]), files.place("empty")]
        assert ledger().of(named) == {}
        assert content_of(made) == SMALL

    done = world.during(job, stage, look)
    world.run()
    assert done
    assert now_in(made) == SMALL
    assert left_in("asia", made.id) == []


@pytest.mark.promise("databases.region")
def test_a_batch_that_had_passed_the_fence_is_waited_for(clock: SetClock) -> None:
    made = database(clock())
    fill(made)
    world = World(clock)
    job = world.ask(made, "americas")
    world.run(until=lambda: stage_of(job) is Stage.SETTLING)
    late = Records(host("asia"), made.id)
    key = host("asia").keyring.key(made.id)
    host("asia").content.put(late._item(key, new_record("movies", "late", b"{}", NOON)))
    world.run()
    assert now_in(made).records["movies", "late"] == (b"{}", "2026-11-24T12:00:00Z")


@pytest.mark.promise("databases.region")
def test_the_database_takes_writes_again_within_minutes(clock: SetClock) -> None:
    made = database(clock())
    fill(made)
    world = World(clock)
    job = world.ask(made, "americas")
    world.run(until=lambda: row(made).status is Status.MOVING)
    closed_at = clock()
    world.run(until=lambda: row(made).status is Status.ACTIVE)
    assert (clock() - closed_at).total_seconds() == 60  # DrainSeconds
    assert stage_of(job) is Stage.SWITCHED


@pytest.mark.promise("databases.region")
@pytest.mark.parametrize("kind", [Kind.EXPORT, Kind.IMPORT, Kind.FILE, Kind.BACKUP])
def test_work_that_was_begun_is_waited_for_while_the_database_stays_open(clock: SetClock, kind: Kind) -> None:
    made = database(clock())
    fill(made)
    world = World(clock)
    job = world.ask(made, "americas")
    running = Job(made.id, new_id("job"), kind, JobStatus.QUEUED, clock())
    jobs().create(running)
    world.run(until=lambda: stage_of(job) is Stage.WAITING)
    clock.advance(minutes=10)
    world.run(until=lambda: world.turns >= 5)
    assert (stage_of(job), row(made).status) == (Stage.WAITING, Status.ACTIVE)
    write(made)
    end(running, clock)
    world.run()
    assert row(made).region == "americas"
    assert now_in(made) == WRITTEN


@pytest.mark.promise("databases.region")
def test_work_that_began_in_the_last_moment_opens_the_database_again(clock: SetClock) -> None:
    made = database(clock())
    fill(made)
    world = World(clock)
    job = world.ask(made, "americas")
    running = Job(made.id, new_id("job"), Kind.IMPORT, JobStatus.QUEUED, clock())
    done = world.during(job, Stage.CLOSING, lambda: jobs().create(running))
    world.run(until=lambda: bool(done))
    assert done
    assert (stage_of(job), row(made).status) == (Stage.WAITING, Status.ACTIVE)
    write(made)
    end(running, clock)
    world.run()
    assert row(made).region == "americas"
    assert now_in(made) == WRITTEN


@pytest.mark.promise("databases.region")
def test_a_database_that_opens_again_is_open_also_after_a_worker_that_had_closed_it(clock: SetClock) -> None:
    made = database(clock())
    fill(made)
    world = World(clock)
    job = world.ask(made, "americas")
    running = Job(made.id, new_id("job"), Kind.IMPORT, JobStatus.QUEUED, clock())

    def dies(number: int, call: Call) -> str | None:
        if stage_of(job) is Stage.CLOSING and call.name == "update_item" and jobs().get(made.id, running.id) is None:
            jobs().create(running)
            return "crash-after"  # the key is closed, and nobody noted it
        return None

    world.faults.fault = dies
    world.deliver(world.broker.waiting[0])
    assert key_state(made, "asia") is KeyState.STANDBY
    world.run(until=lambda: stage_of(job) is Stage.WAITING)
    assert row(made).status is Status.ACTIVE
    write(made)
    end(running, clock)
    world.run()
    assert now_in(made) == WRITTEN


def end(running: Job, clock: SetClock) -> None:
    taken = jobs().take(running.database_id, running.id, clock())
    assert taken
    operation = jobs().finish_operation(taken, JobStatus.DONE, clock())
    databases().table.client.transact_write_items(TransactItems=[operation])
