"""What a tick of database expiry finds due, to the second (promises databases.grace, exports.retention)."""

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from database_expiry import app, overdue
from database_expiry.parts import Parts, assemble
from privacy.hosting.leftovers import GRACE, Leftover, Leftovers
from privacy.hosting.transfers import staging_key
from privacy.models.databases import Database, DatabaseStateError, Status, can_reactivate
from privacy.models.ids import new_id
from privacy.models.jobs import LEASE_SECONDS, Job, JobStatus, Kind
from privacy.models.removals import SILENCE, opened
from privacy.schedules import SweepFailedError
from privacy.settings import Deployment, load
from privacy.tables.store import transact
from tests.simulation.broker import Broker
from tests.simulation.world import World
from tests.unit import engine
from tests.unit.database_deletion import planted
from tests.unit.database_deletion.planted import CANARY, EXPIRY, POLICY
from tests.unit.engine import Context, SetClock, gauges, sample, schedule_event

SECOND = timedelta(seconds=1)

NOTHING = {"removed": 0, "lag_seconds": 0, "left": False}
QUIET = {
    "databases": {**NOTHING, "stalled": 0},
    "jobs": {**NOTHING, "stalled": 0},
    "exports": NOTHING,
    "uploads": NOTHING,
    "leftovers": NOTHING,
    "recordings": {**NOTHING, "held": 0},
    **{f"deletion.{store}": NOTHING for store in overdue.STORES},
}
"""The answer of a tick that finds nothing due; what it does about backups is told in test_backups.py."""


@pytest.fixture
def world(stores: None, clock: SetClock) -> World:
    return World(clock)


def tick(world: World) -> dict[str, Any]:
    answer = world.tick()
    assert answer is not None
    return ours(answer)


def ours(answer: dict[str, Any]) -> dict[str, Any]:
    return {store: swept for store, swept in answer.items() if store in QUIET}


def sent(broker: Broker) -> list[tuple[str, str, dict[str, str]]]:
    return [(message.queue, message.region, message.ids) for message in broker.sent if message.queue != "backup"]


def lying(database: Database) -> list[str]:
    """What there is of a database, but the backups that are begun of it."""
    return [place for place in planted.left(database.id) if "bak_" not in place]


def parts(world: World) -> Parts:
    return assemble(load(Deployment, engine.environment(EXPIRY)), world.clock, world.faults)


def deactivated(world: World, region: str = "asia") -> Database:
    made = planted.database(world.clock(), region=region)
    return planted.databases().change(made, Status.DEACTIVATED, world.clock())


def status(database: Database) -> Status:
    found = planted.databases().get(database.id)
    assert found
    return found.status


# --- grace -----------------------------------------------------------------------------------------------------------


@pytest.mark.promise("databases.grace")
@pytest.mark.parametrize("region", ["asia", "americas"])
def test_at_the_end_of_the_21st_day_and_not_a_second_before_destruction_begins(world: World, region: str) -> None:
    database = deactivated(world, region)
    end = database.since + timedelta(days=21)

    world.clock.set(end - SECOND)
    assert tick(world) == QUIET
    assert status(database) is Status.DEACTIVATED
    assert can_reactivate(database, POLICY, world.clock()) == database

    world.clock.set(end)
    with pytest.raises(DatabaseStateError):
        can_reactivate(database, POLICY, world.clock())
    assert tick(world)["databases"] == {"removed": 1, "lag_seconds": 0, "left": False, "stalled": 0}
    assert status(database) is Status.DELETING
    assert sent(world.broker) == [("deletion", "ap-southeast-1", {"database_id": database.id, "step": "start"})]


@pytest.mark.promise("databases.grace")
def test_a_database_that_its_owner_took_back_stays(world: World) -> None:
    database = deactivated(world)
    world.clock.advance(days=20)
    planted.databases().change(database, Status.ACTIVE, world.clock())
    world.clock.advance(days=20)

    assert tick(world) == QUIET
    assert status(database) is Status.ACTIVE
    assert sent(world.broker) == []


@pytest.mark.promise("databases.grace")
def test_a_database_that_was_taken_back_and_cancelled_again_has_its_whole_grace_again(world: World) -> None:
    database = deactivated(world)
    world.clock.advance(days=20)
    database = planted.databases().change(database, Status.ACTIVE, world.clock())
    planted.databases().change(database, Status.DEACTIVATED, world.clock())

    world.clock.advance(days=21, seconds=-1)
    assert tick(world) == QUIET
    world.clock.advance(seconds=1)
    assert tick(world)["databases"]["removed"] == 1


@pytest.mark.promise("databases.grace")
def test_a_database_that_is_taken_back_while_the_tick_runs_stays(world: World) -> None:
    database = deactivated(world)
    world.clock.set(database.since + timedelta(days=21))

    def reactivate() -> None:
        if [call.name for call in world.faults.calls][-1] == "update_item":
            return
        if status(database) is Status.DEACTIVATED and len(world.faults.calls) > 15:
            planted.databases().change(database, Status.ACTIVE, world.clock())

    world.faults.meanwhile = reactivate
    assert tick(world) == QUIET
    assert status(database) is Status.ACTIVE
    assert sent(world.broker) == []


@pytest.mark.promise("databases.grace", "databases.deletion", "exports.retention")
def test_after_three_days_without_a_tick_one_clears_all_and_a_second_does_nothing_more(world: World) -> None:
    databases = [deactivated(world, region) for region in ("asia", "americas") for _ in range(20)]
    world.clock.advance(days=14)
    exported = planted.database(world.clock())
    exports = [planted.export(exported, world.clock()) for _ in range(3)]
    world.clock.advance(days=6)
    uploads = [planted.upload(exported, world.clock()) for _ in range(3)]
    world.clock.advance(days=4)

    answer = tick(world)

    three_days = 3 * 24 * 3600
    assert answer["databases"] == {"removed": 40, "lag_seconds": three_days, "left": False, "stalled": 0}
    assert answer["exports"] == {"removed": 3, "lag_seconds": three_days, "left": False}
    assert answer["uploads"] == {"removed": 3, "lag_seconds": three_days, "left": False}
    assert {status(database) for database in databases} == {Status.DELETING}
    assert [item for item in planted.left(exported.id) if "exports/" in item or "staging/" in item] == []
    assert len(exports) == len(uploads) == 3
    messages = len(sent(world.broker))
    assert messages == 40

    assert tick(world) == QUIET
    assert len(sent(world.broker)) == messages


# --- stalled deletions -----------------------------------------------------------------------------------------------


@pytest.mark.promise("databases.deletion")
def test_a_deletion_whose_first_message_was_lost_is_woken_after_twenty_minutes(world: World) -> None:
    database = planted.give_up(planted.database(world.clock()), world.clock())

    world.clock.set(database.since + SILENCE - SECOND)
    assert tick(world) == QUIET
    world.clock.set(database.since + SILENCE)
    assert tick(world)["databases"] == {"removed": 0, "lag_seconds": 0, "left": False, "stalled": 1}

    assert sent(world.broker) == [("deletion", "ap-southeast-1", {"database_id": database.id, "step": "start"})]
    removal = planted.removals().get(database.id)
    assert removal
    assert removal.active_at == database.since  # waking is no progress
    assert removal.revived_at == world.clock()


@pytest.mark.promise("databases.deletion")
def test_a_deletion_that_stays_stalled_is_reported_at_each_tick_and_woken_every_twenty_minutes(world: World) -> None:
    database = planted.give_up(planted.database(world.clock()), world.clock())
    world.clock.advance(hours=2)
    first, again = tick(world), tick(world)

    assert first["databases"]["stalled"] == again["databases"]["stalled"] == 1
    assert first["databases"]["lag_seconds"] == 2 * 3600 - SILENCE.seconds
    assert len(sent(world.broker)) == 1

    world.clock.advance(minutes=20, seconds=-1)
    assert tick(world)["databases"]["stalled"] == 1
    assert len(sent(world.broker)) == 1
    world.clock.advance(seconds=1)
    tick(world)
    assert len(sent(world.broker)) == 2
    assert status(database) is Status.DELETING


@pytest.mark.promise("databases.deletion")
def test_a_deletion_that_goes_on_is_left_alone(world: World) -> None:
    database = planted.give_up(planted.database(world.clock()), world.clock())
    planted.removals().begin(opened(database, world.clock()))
    world.clock.advance(hours=3)
    planted.removals().note(database.id, world.clock())

    assert tick(world) == QUIET
    assert sent(world.broker) == []


# --- overdue deletions -----------------------------------------------------------------------------------------------


def late(answer: dict[str, Any]) -> dict[str, int]:
    """How late the deletion is in each store that is not done, in seconds."""
    told = {store: swept["lag_seconds"] for store, swept in answer.items() if store.startswith("deletion.")}
    return {store.removeprefix("deletion."): seconds for store, seconds in told.items() if seconds}


@pytest.mark.promise("databases.deletion")
@pytest.mark.parametrize("region", ["asia", "americas"])
def test_a_deletion_is_overdue_in_every_store_a_day_after_it_was_asked_for_and_not_a_second_before(
    world: World, region: str
) -> None:
    database = planted.give_up(planted.database(world.clock(), region=region), world.clock())

    world.clock.set(database.since + timedelta(days=1))
    assert late(tick(world)) == {}  # late by no second yet
    world.clock.advance(seconds=1)
    assert late(tick(world)) == dict.fromkeys(overdue.STORES, 1)
    world.clock.advance(days=40)
    assert late(tick(world)) == dict.fromkeys(overdue.STORES, 40 * 24 * 3600 + 1)


@pytest.mark.promise("databases.deletion")
@pytest.mark.parametrize("letters", ["ab", "ba"])  # whichever is found first
def test_each_store_tells_of_the_oldest_deletion_that_is_not_done_with_it(
    world: World, letters: str, capsys: pytest.CaptureFixture[str]
) -> None:
    made = [planted.database(world.clock(), database_id="db_" + letter * 26) for letter in letters]
    old, young = (planted.with_counts(database, 0, 0, world.clock()) for database in made)
    old = planted.give_up(old, world.clock())
    world.clock.advance(hours=3)
    planted.give_up(young, world.clock())
    world.start(old)
    world.drain()  # it settles: all but the certificate is done
    world.broker.waiting.clear()
    world.clock.set(old.since + timedelta(days=2))

    told = late(tick(world))

    day, hours = 24 * 3600, 3 * 3600
    assert told == dict.fromkeys(overdue.STORES, day - hours) | {"certificate": day}
    figures = gauges(capsys.readouterr().out)
    assert figures["deletion.certificate"]["RemovalLagSeconds"] == day
    assert figures["deletion.backups"]["RemovalLagSeconds"] == day - hours
    world.run(until=lambda: planted.is_destroyed(young.id), ticks=True)  # the tick has woken both
    assert planted.is_destroyed(old.id)
    assert late(tick(world)) == {}


# --- exports ---------------------------------------------------------------------------------------------------------


@pytest.mark.promise("exports.retention")
@pytest.mark.parametrize("region", ["asia", "americas"])
def test_an_export_goes_seven_days_after_it_was_ready_and_not_a_second_before(world: World, region: str) -> None:
    made = planted.database(world.clock(), region=region)
    job = planted.export(made, world.clock())
    other = planted.export(made, world.clock() + timedelta(hours=1))
    end = world.clock() + timedelta(days=7)

    world.clock.set(end - SECOND)
    assert tick(world) == QUIET
    world.clock.set(end)
    assert tick(world)["exports"] == {"removed": 1, "lag_seconds": 0, "left": False}

    assert not any(f"/{job.id}" in item for item in planted.left(made.id))
    assert any(f"/{other.id}.zip" in item for item in planted.left(made.id))
    kept = planted.jobs().get(made.id, job.id)
    assert kept  # it answers `expired` from now on
    assert kept.status is JobStatus.READY


@pytest.mark.promise("exports.retention")
def test_seven_days_pass_over_the_end_of_a_month_and_a_leap_day(world: World) -> None:
    world.clock.set(datetime(2028, 2, 25, 23, 59, 59, tzinfo=UTC))
    made = planted.database(world.clock())
    planted.export(made, world.clock())
    world.clock.set(datetime(2028, 3, 3, 23, 59, 58, tzinfo=UTC))
    assert tick(world)["exports"]["removed"] == 0
    world.clock.set(datetime(2028, 3, 3, 23, 59, 59, tzinfo=UTC))
    assert tick(world)["exports"]["removed"] == 1


# --- uploads ---------------------------------------------------------------------------------------------------------


def test_an_unused_upload_goes_after_a_day_once_no_request_can_be_at_work_with_it(world: World) -> None:
    made = planted.database(world.clock(), region="americas")
    upload = planted.upload(made, world.clock())
    end = world.clock() + timedelta(days=1)

    world.clock.set(end + timedelta(seconds=29))
    assert tick(world) == QUIET
    world.clock.set(end + timedelta(seconds=30))
    assert tick(world)["uploads"] == {"removed": 1, "lag_seconds": 30, "left": False}
    assert lying(made) == []
    assert planted.jobs().get(made.id, upload.id) is None


@pytest.mark.parametrize("step", [JobStatus.COMPLETE, JobStatus.FAILED])
def test_an_upload_that_was_joined_or_failed_goes_all_the_same(world: World, step: JobStatus) -> None:
    made = planted.database(world.clock())
    planted.jobs().settle(planted.upload(made, world.clock()), step)
    world.clock.advance(days=2)

    assert tick(world)["uploads"]["removed"] == 1
    assert lying(made) == []


def test_an_upload_that_a_job_took_over_stays_for_it(world: World) -> None:
    made = planted.database(world.clock())
    upload = planted.jobs().settle(planted.upload(made, world.clock()), JobStatus.COMPLETE)
    assert upload
    transact(planted.jobs().table.client, [planted.jobs().use_operation(upload, new_id("job"))])
    world.clock.advance(days=2)

    assert tick(world) == QUIET
    assert any(staging_key(made.id, upload.id) in item for item in planted.left(made.id))


# --- stalled jobs ----------------------------------------------------------------------------------------------------


@pytest.mark.promise("databases.export")
@pytest.mark.parametrize(
    ("kind", "queue", "field"),
    [
        (Kind.EXPORT, "export", "export_id"),
        (Kind.IMPORT, "import", "job_id"),
        (Kind.FILE, "import", "job_id"),
    ],
)
def test_work_that_nobody_was_heard_of_for_a_lease_is_queued_again_once(
    world: World, kind: Kind, queue: str, field: str
) -> None:
    made = planted.database(world.clock(), region="americas")
    job = Job(made.id, new_id("job"), kind, JobStatus.QUEUED, world.clock())
    planted.jobs().create(job)

    world.clock.advance(seconds=LEASE_SECONDS - 1)
    assert tick(world) == QUIET
    world.clock.advance(seconds=1)
    assert tick(world)["jobs"]["stalled"] == 1

    assert sent(world.broker) == [(queue, "us-east-1", {"database_id": made.id, field: job.id})]
    assert tick(world) == QUIET
    assert len(sent(world.broker)) == 1


def test_work_whose_worker_lives_is_left_alone(world: World) -> None:
    made = planted.database(world.clock())
    job = Job(made.id, new_id("exp"), Kind.EXPORT, JobStatus.QUEUED, world.clock())
    planted.jobs().create(job)
    world.clock.advance(hours=1)
    planted.jobs().take(made.id, job.id, world.clock())
    world.clock.advance(seconds=LEASE_SECONDS - 1)

    assert tick(world) == QUIET
    world.clock.advance(seconds=1)
    assert tick(world)["jobs"]["stalled"] == 1


def test_work_of_a_database_that_is_being_deleted_is_not_woken(world: World) -> None:
    made = planted.database(world.clock())
    planted.jobs().create(Job(made.id, new_id("exp"), Kind.EXPORT, JobStatus.QUEUED, world.clock()))
    world.clock.advance(hours=1)
    planted.give_up(made, world.clock())

    assert tick(world) == QUIET
    assert sent(world.broker) == []


# --- leftovers -------------------------------------------------------------------------------------------------------


def test_an_object_that_no_row_names_goes_when_no_writer_can_be_at_work_with_it(world: World) -> None:
    made = planted.database(world.clock(), region="americas")
    host, key = planted.host("americas"), f"{made.id}/{'0' * 32}/{'1' * 16}"
    Leftovers(host).note(Leftover(world.clock(), key))
    host.s3.put_object(Bucket=host.content_bucket, Key=key, Body=b"x")

    world.clock.advance(seconds=GRACE.seconds - 1)
    assert tick(world) == QUIET
    world.clock.advance(seconds=1)
    assert tick(world)["leftovers"]["removed"] == 1
    assert lying(made) == []


# --- one that fails, time that runs out, what is no tick -------------------------------------------------------------


def test_one_that_fails_keeps_no_other_from_being_done_and_raises_the_alarm(
    world: World, capsys: pytest.CaptureFixture[str]
) -> None:
    databases = [deactivated(world) for _ in range(5)]
    made = planted.database(world.clock())
    planted.export(made, world.clock())
    world.clock.advance(days=22)
    failed = 0

    def first_send_fails(number: int, call: Any) -> str | None:
        nonlocal failed
        if call.name == "send_message" and not failed:
            failed = number
            return "timeout-after"
        return None

    world.faults.fault = first_send_fails
    with pytest.raises(SweepFailedError, match=r"^not swept: databases$") as raised:
        app.build(lambda: parts(world))(schedule_event(world.clock()), Context())

    assert [status(database) for database in databases] == [Status.DELETING] * 5
    assert not any("exports/" in item for item in planted.left(made.id))
    output = capsys.readouterr()
    found = gauges(output.out)
    day = 24 * 3600
    assert found["databases"] == {"Removed": 4, "Failed": 1, "RemovalLagSeconds": day, "Left": 0, "Stalled": 0}
    assert found["exports"] == {"Removed": 1, "Failed": 0, "RemovalLagSeconds": 15 * day, "Left": 0}
    assert "ReadTimeoutError" in output.out + output.err
    assert CANARY not in output.out + output.err + str(raised.value)


def test_a_tick_stops_before_its_time_is_up_and_says_what_is_left(
    world: World, capsys: pytest.CaptureFixture[str]
) -> None:
    now = world.clock()
    for _ in range(260):  # a few more than are begun before the time is looked at
        planted.databases().create(
            Database(new_id("db"), "owner", "n", "asia", Status.DEACTIVATED, now, now, "2026-11-24")
        )
    world.clock.advance(days=30)

    answer = app.build(lambda: parts(world))(schedule_event(world.clock()), Context(seconds=10))

    assert answer["databases"]["left"]
    assert 0 < answer["databases"]["removed"] < 260
    assert gauges(capsys.readouterr().out)["databases"]["Left"] == 1
    assert tick(world)["databases"]["removed"] == 260 - answer["databases"]["removed"]


def test_the_sample_events_are_answered(world: World) -> None:
    handler = app.build(lambda: parts(world))
    assert "error" in handler(sample("database_expiry/bad-unknown-event"), Context())
    assert world.faults.calls == []
    assert ours(handler(sample("database_expiry/tick"), Context())) == QUIET


def test_a_tick_that_finds_nothing_due_still_publishes_every_gauge(
    world: World, capsys: pytest.CaptureFixture[str]
) -> None:
    tick(world)
    found = gauges(capsys.readouterr().out)
    assert set(found) > set(QUIET)
    assert all(set(values.values()) == {0} for values in found.values())


@pytest.mark.promise("databases.grace", "databases.deletion", "databases.destroyed")
def test_from_the_end_of_grace_to_the_tombstone(world: World) -> None:
    made = planted.database(world.clock())
    there = planted.fill(made, world.clock())
    cancelled = planted.databases().change(made, Status.DEACTIVATED, world.clock())
    world.clock.set(cancelled.since + timedelta(days=21))
    tick(world)  # exports and uploads of then went long before; what is left is the deletion's

    world.run(until=lambda: planted.is_destroyed(made.id))

    assert planted.left(made.id) == []
    removed = planted.removed(made.id)
    assert {store: removed[store] for store in ("records", "catalogue", "files")} == {
        store: there[store] for store in ("records", "catalogue", "files")
    }
