"""What keeps a move from ending, and that nothing of it is left then."""

from typing import Any

import pytest
from botocore.exceptions import EndpointConnectionError

from database_move import moving
from database_move.place import Stage
from privacy.hosting.records import Records, new_record
from privacy.models.databases import Database, Status
from privacy.models.ids import new_id
from privacy.models.jobs import Job, JobStatus
from privacy.tables.keys import KeyState
from tests.unit import engine
from tests.unit.database_export.world import SMALL, Content, content_of, database, databases, fill, host, jobs
from tests.unit.database_move.world import World, job_of, key_state, left_in, now_in, row, stage_of
from tests.unit.engine import AMERICAS, NOON, SetClock

pytestmark = pytest.mark.usefixtures("stores")


def stays(made: Database, job: Job, reason: str, status: Status = Status.ACTIVE) -> None:
    """The move failed, and all is as it was: the database takes writes, and nothing of it is in the other region."""
    ended = job_of(job)
    assert (ended.status, ended.error) == (JobStatus.FAILED, reason)
    assert (row(made).region, row(made).status) == ("asia", status)
    assert content_of(made) == SMALL
    assert left_in("americas", made.id) == []
    assert key_state(made, "asia") is KeyState.OPEN
    assert key_state(made, "americas") is KeyState.STANDBY
    Records(host("asia"), made.id).put(new_record("movies", "later", b"{}", NOON))


@pytest.mark.promise("databases.region")
@pytest.mark.parametrize("stage", [Stage.COPYING, Stage.COMPARING, Stage.VERIFYING, Stage.SWITCHING])
def test_a_region_that_is_out_of_reach_for_a_quarter_of_an_hour_undoes_the_move(
    clock: SetClock, monkeypatch: pytest.MonkeyPatch, stage: Stage
) -> None:
    made = database(clock())
    fill(made)
    world = World(clock)
    job = world.ask(made, "americas")
    down: list[bool] = []
    began, inner = clock(), world.faults.clients
    world.faults.clients = lambda service, region: _Region(inner(service, region), region, down)
    world.during(job, stage, lambda: down.append(True))
    world.run(until=lambda: bool(down) and "failing" in job_of(job).detail)
    assert clock() - began >= moving.PATIENCE
    assert row(made).status is Status.ACTIVE
    assert not job_of(job).is_over()  # what was copied is still there, and is not forgotten
    down.clear()
    world.run()
    stays(made, job, moving.STUCK)


class _Region:
    """A client of a region that may not answer."""

    def __init__(self, inner: Any, region: str, down: list[bool]) -> None:
        self._inner, self._region, self._down = inner, region, down

    def __getattr__(self, name: str) -> Any:
        found = getattr(self._inner, name)

        def call(**arguments: Any) -> Any:
            if self._down and self._region == AMERICAS:
                raise EndpointConnectionError(endpoint_url="https://down.invalid")
            return found(**arguments)

        return found if name in ("exceptions", "meta") else call


@pytest.mark.promise("databases.region")
def test_a_short_outage_only_delays_it(clock: SetClock) -> None:
    made = database(clock())
    fill(made)
    world = World(clock)
    job = world.ask(made, "americas")
    failed: list[int] = []

    def once(number: int, call: Any) -> str | None:
        if not failed and stage_of(job) is Stage.COMPARING:
            failed.append(number)
            return "timeout-after"
        return None

    world.faults.fault = once
    world.run()
    assert failed
    assert row(made).region == "americas"
    assert now_in(made) == SMALL


@pytest.mark.promise("databases.region")
def test_a_file_whose_bytes_are_not_its_own_is_not_moved_and_its_move_fails(clock: SetClock) -> None:
    made = database(clock())
    fill(made)
    place = host("asia")
    rows = [item for item in _items(made) if item["id"].startswith("f#") and item["size"]]
    answer = place.s3.put_object(Bucket=place.content_bucket, Key=rows[0]["key"], Body=b"flipped")
    place.content.put(rows[0] | {"version": answer["VersionId"]})
    world = World(clock)
    job = world.moved(made, "americas")
    assert (job.status, job.error) == (JobStatus.FAILED, moving.BROKEN)
    assert (row(made).region, row(made).status) == ("asia", Status.ACTIVE)
    assert left_in("americas", made.id) == []


@pytest.mark.promise("databases.region")
def test_a_file_whose_object_is_gone_fails_the_move_while_it_could_still_be_looked_at(clock: SetClock) -> None:
    made = database(clock())
    fill(made)
    place = host("asia")
    row_of = next(item for item in _items(made) if item["id"].startswith("f#"))
    place.s3.delete_object(Bucket=place.content_bucket, Key=row_of["key"], VersionId=row_of["version"])
    job = World(clock).moved(made, "americas")
    assert (job.status, job.error) == (JobStatus.FAILED, moving.BROKEN)
    assert (row(made).region, row(made).status) == ("asia", Status.ACTIVE)
    assert left_in("americas", made.id) == []


@pytest.mark.promise("databases.region")
@pytest.mark.parametrize("opens", [True, False])
def test_another_key_in_the_other_region_fails_the_move(clock: SetClock, opens: bool) -> None:
    made, keyring = database(clock()), host("americas").keyring
    records = Content(SMALL.records)  # of which nothing is opened on its way
    fill(made, records)
    context = {"database": made.id if opens else new_id("db")}
    wrapped = keyring.kms.encrypt(KeyId=keyring.master_key, Plaintext=bytes(32), EncryptionContext=context)
    theirs = keyring.keys.table.get({"database_id": made.id}) or {}
    keyring.keys.table.put(theirs | {"wrapped": wrapped["CiphertextBlob"]})
    job = World(clock).moved(made, "americas")
    assert (job.status, job.error) == (JobStatus.FAILED, moving.BROKEN)
    assert content_of(made) == records
    assert left_in("americas", made.id) == []


@pytest.mark.promise("databases.region")
def test_a_missing_key_in_the_other_region_is_completed(clock: SetClock) -> None:
    made = database(clock())
    fill(made)
    host("americas").keyring.keys.table.delete({"database_id": made.id})
    assert World(clock).moved(made, "americas").status is JobStatus.DONE
    assert now_in(made) == SMALL


@pytest.mark.promise("databases.region")
@pytest.mark.parametrize("stage", [Stage.COPYING, Stage.WAITING])
def test_a_database_that_is_cancelled_meanwhile_stays(clock: SetClock, stage: Stage) -> None:
    made = database(clock())
    fill(made)
    world = World(clock)
    job = world.ask(made, "americas")
    assert not world.during(job, stage, lambda: databases().change(made, Status.DEACTIVATED, clock()))
    world.run()
    stays(made, job, moving.CLOSED, Status.DEACTIVATED)


@pytest.mark.promise("databases.region")
def test_somebody_who_writes_past_all_fences_cannot_make_it_switch(clock: SetClock) -> None:
    made = database(clock())
    fill(made)
    world = World(clock)
    job = world.ask(made, "americas")
    key, records, count = host("asia").keyring.key(made.id), Records(host("asia"), made.id), 0

    def write() -> None:
        nonlocal count
        if stage_of(job) is Stage.VERIFYING:
            count += 1
            item = records._item(key, new_record("movies", f"past.{count}", b"{}", NOON))
            host("asia").content.put(item)

    world.faults.meanwhile = write
    world.run()
    assert (job_of(job).status, job_of(job).error) == (JobStatus.FAILED, moving.RESTLESS)
    assert (row(made).region, row(made).status) == ("asia", Status.ACTIVE)
    assert left_in("americas", made.id) == []


@pytest.mark.promise("databases.region")
def test_what_was_written_late_is_brought_in_another_round(clock: SetClock) -> None:
    made = database(clock())
    fill(made)
    world = World(clock)
    job = world.ask(made, "americas")
    key, records = host("asia").keyring.key(made.id), Records(host("asia"), made.id)
    item = records._item(key, new_record("movies", "late", b"{}", NOON))
    assert not world.during(job, Stage.VERIFYING, lambda: host("asia").content.put(item))
    world.run()
    assert job_of(job).status is JobStatus.DONE
    assert ("movies", "late") in now_in(made).records


@pytest.mark.promise("databases.region")
@pytest.mark.parametrize("is_gone", [True, False])
def test_no_database_says_for_ever_that_it_is_being_moved(clock: SetClock, is_gone: bool) -> None:
    made = database(clock())
    fill(made)
    world = World(clock)
    job = world.ask(made, "americas")
    world.run(until=lambda: stage_of(job) is Stage.SETTLING)
    world.broker.waiting.clear()
    if is_gone:
        jobs().remove(job)
    else:
        over = jobs().table.get({"database_id": job.database_id, "id": job.id}) or {}
        jobs().table.put(over | {"status": "failed", "due_shard": None, "due_from": None})
    assert row(made).status is Status.MOVING
    world.asked.clear()
    clock.advance(minutes=19, seconds=59)
    assert world.tick()
    assert not world.broker.waiting
    clock.advance(seconds=1)
    answer = world.tick()
    assert answer
    assert answer["jobs"]["stalled"] >= 1
    world.run()
    assert (row(made).status, key_state(made, "asia")) == (Status.ACTIVE, KeyState.OPEN)
    assert content_of(made) == SMALL


@pytest.mark.promise("databases.region")
@pytest.mark.parametrize("stage", [Stage.COPYING, Stage.SETTLING, Stage.SWITCHED])
def test_a_worker_that_is_lost_is_replaced_by_the_sweep(clock: SetClock, stage: Stage) -> None:
    made = database(clock())
    fill(made)
    world = World(clock)
    job = world.ask(made, "americas")
    world.run(until=lambda: stage_of(job) is stage)
    world.broker.waiting.clear()
    world.run()
    assert job_of(job).status is JobStatus.DONE
    assert row(made).region == "americas"
    assert now_in(made) == SMALL
    assert left_in("asia", made.id) == []


@pytest.mark.promise("databases.region")
@pytest.mark.parametrize("fault", ["crash-after", "timeout-after"])
@pytest.mark.parametrize("nth", [0, 1, 2])
def test_a_worker_that_is_lost_in_the_middle_of_the_switch_has_made_it_or_not(
    clock: SetClock, fault: str, nth: int
) -> None:
    """Its writes: the key is opened there, the database is switched, the journal goes on."""
    made = database(clock())
    fill(made)
    world = World(clock)
    job = world.ask(made, "americas")
    writes: list[str] = []

    def at_the_write(_number: int, call: Any) -> str | None:
        if not call.writes or len(writes) > nth or stage_of(job) is not Stage.SWITCHING:
            return None
        writes.append(call.name)
        return fault if len(writes) > nth else None

    world.faults.fault = at_the_write
    world.run()
    assert len(writes) == nth + 1
    assert job_of(job).status is JobStatus.DONE
    assert (row(made).region, row(made).status) == ("americas", Status.ACTIVE)
    assert now_in(made) == SMALL
    assert left_in("asia", made.id) == []


def _items(made: Database) -> list[dict[str, Any]]:
    return [item for item in engine.items("content") if item["place"].startswith(made.id)]
