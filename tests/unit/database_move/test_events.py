"""The sample events, messages that ask for nothing, and what no log, message or job may hold of the content."""

import json

import pytest

from database_move import app
from database_move.parts import MoveSettings, assemble
from database_move.place import Stage
from privacy.models.databases import Status
from privacy.models.ids import new_id
from privacy.models.jobs import Job, JobStatus, Kind
from privacy.settings import load
from privacy.tables.store import transact
from tests.simulation.faults import Call
from tests.template.source import ROOT
from tests.unit import engine
from tests.unit.database_export.world import Content, content_of, database, databases, fill, host, jobs
from tests.unit.database_move.world import MOVE, World, job_of, left_in, now_in, row, stage_of
from tests.unit.engine import Context, SetClock, failures, sample

pytestmark = pytest.mark.usefixtures("stores")

DATABASE, JOB = "db_abcdefghijklmnopqrstuvwxyz", "job_abcdefghijklmnopqrstuvwxyz"

CASES = {
    "move": (0, True),
    "repeated": (0, True),
    "bad-no-json": (1, False),
    "bad-field-missing": (1, False),
    "bad-one-in-a-batch": (1, True),
    "bad-unknown-job": (0, False),
}


@pytest.mark.parametrize("name", CASES)
def test_a_sample_event_does_what_its_name_says(clock: SetClock, name: str) -> None:
    for region in ("asia", "americas"):
        host(region).keyring.keys.table.delete({"database_id": DATABASE})
    databases().table.delete({"id": DATABASE})
    jobs().table.delete({"database_id": DATABASE, "id": JOB})
    made = database(clock(), id=DATABASE)
    job = Job(DATABASE, JOB, Kind.MOVE, JobStatus.QUEUED, clock(), detail={"from": "asia", "to": "americas"})
    transact(jobs().table.client, [databases().move_operation(made, job.id), jobs().create_operation(job)])
    world = World(clock)
    parts = assemble(load(MoveSettings, engine.environment(MOVE)), clock, world.faults)
    answer = app.build(lambda: parts)(sample(f"database_move/{name}"), Context())
    failed, begun = CASES[name]
    assert len(failures(answer)) == failed
    assert stage_of(job) is (Stage.SETTLING if begun else Stage.COPYING)
    assert row(made).status is (Status.MOVING if begun else Status.ACTIVE)


def test_an_event_of_another_shape_is_refused(clock: SetClock) -> None:
    parts = assemble(load(MoveSettings, engine.environment(MOVE)), clock, World(clock).faults)
    answer = app.build(lambda: parts)(sample("database_move/bad-unknown-event"), Context())
    assert answer == {"error": "this is not a batch of messages of ours"}


def test_every_sample_event_is_tried() -> None:
    found = {path.stem for path in (ROOT / "events/database_move").glob("*.json")}
    assert found == {*CASES, "bad-unknown-event"}


@pytest.mark.promise("databases.region")
def test_a_message_that_comes_again_long_after_changes_nothing(clock: SetClock) -> None:
    made = database(clock())
    fill(made)
    world = World(clock)
    job = world.moved(made, "americas")
    before, calls = (job_of(job), row(made), now_in(made)), len(world.faults.calls)
    for region in ("asia", "americas"):
        world.send(job, region)
        world.run()
    assert (job_of(job), row(made), now_in(made)) == before
    assert not [call for call in world.faults.calls[calls:] if call.writes and call.name not in ("update_item",)]


@pytest.mark.promise("databases.region")
@pytest.mark.parametrize("kind", [Kind.IMPORT, Kind.EXPORT, Kind.UPLOAD])
def test_a_message_that_names_another_kind_of_job_takes_nobody_s_lease(clock: SetClock, kind: Kind) -> None:
    made = database(clock())
    job = Job(made.id, new_id("job"), kind, JobStatus.QUEUED, clock())
    jobs().create(job)
    world = World(clock)
    world.send(job, "asia")
    assert not world.deliver(world.broker.waiting[0])
    assert job_of(job) == job


@pytest.mark.promise("databases.region")
def test_a_message_for_a_database_that_nobody_has_is_done_with(clock: SetClock) -> None:
    world = World(clock)
    world.send(Job(new_id("db"), new_id("job"), Kind.MOVE, JobStatus.QUEUED, clock()), "americas")
    assert world.deliver(world.broker.waiting[0])


@pytest.mark.promise("databases.region")
def test_there_and_back_again(clock: SetClock) -> None:
    made = database(clock())
    fill(made)
    world, content = World(clock), content_of(made)
    assert world.moved(made, "americas").status is JobStatus.DONE
    assert world.moved(row(made), "asia").status is JobStatus.DONE
    assert (row(made).region, now_in(made)) == ("asia", content)
    assert left_in("americas", made.id) == []


CANARY = "canary-7f3a"
MARKED = Content(
    {(f"model-{CANARY}", f"{CANARY}@example.org"): (b'{"name":"%s"}' % CANARY.encode(), "2026-01-01T00:00:00Z")},
    {f"{CANARY}/{CANARY}.txt": (f"text/{CANARY}", CANARY.encode(), "2026-01-01T00:00:00Z")},
)


@pytest.mark.promise("security.measures")
def test_nothing_of_the_content_is_in_a_log_a_message_or_a_job(
    clock: SetClock, capsys: pytest.CaptureFixture[str]
) -> None:
    made, world, failed = database(clock(), name=f"{CANARY} Ltd"), World(clock), list[int]()
    fill(made, MARKED)

    def fault(number: int, call: Call) -> str | None:
        if call.name in ("copy_object", "batch_write_item") and len(failed) < 4:
            failed.append(number)
            return "timeout-after"
        return None

    world.faults.fault = fault
    assert world.moved(made, "americas").status is JobStatus.DONE
    assert failed
    assert now_in(made) == MARKED
    logged = capsys.readouterr()
    sent = [message.body for message in world.broker.sent]
    for text in (logged.out, logged.err, *sent, *[repr(item) for item in engine.items("jobs")]):
        assert CANARY not in text
    assert "ReadTimeoutError" in logged.out
    assert all(set(json.loads(body)) == {"database_id", "job_id"} for body in sent)
