"""A worker's turn at a job: the lease, the journal and the one end."""

from collections.abc import Callable
from typing import Any

import pytest
from boto3.dynamodb.conditions import Attr

from privacy.aws import client
from privacy.models.ids import new_id
from privacy.models.jobs import LEASE_SECONDS, Job, JobStatus, Kind
from privacy.tables.jobs import Jobs
from privacy.tables.store import Table, epoch
from privacy.work import JobFailedError, LostLeaseError, NoProgressError, OutOfTimeError, Turn, take
from tests.unit import engine
from tests.unit.engine import SetClock

pytestmark = pytest.mark.usefixtures("stores")


def asked() -> Job:
    job = Job(new_id("db"), new_id("job"), Kind.IMPORT, JobStatus.QUEUED, engine.NOON, detail={"source": "x"})
    Jobs(engine.table("jobs")).create(job)
    return job


def turn_at(job: Job, clock: SetClock, *, in_time: bool = True, table: Table | None = None) -> Turn:
    turn = take(Jobs(table or engine.table("jobs")), clock, lambda: in_time, job.database_id, job.id)
    assert turn is not None
    return turn


def now(job: Job) -> Job:
    found = Jobs(engine.table("jobs")).get(job.database_id, job.id)
    assert found is not None
    return found


class Seen:
    """What a turn asked for."""

    def __init__(self) -> None:
        self.calls: list[str] = []

    def run(self, turn: Turn, error: Exception | None = None) -> None:
        def work() -> None:
            self.calls.append("work")
            if error:
                raise error

        turn.run(work, tidy=self.note("tidy"), send_on=self.note("send on"))

    def note(self, name: str) -> Callable[[], None]:
        return lambda: self.calls.append(name)


def test_what_cannot_be_done_is_tidied_up_and_then_failed_with_its_reason(clock: SetClock) -> None:
    job, seen = asked(), Seen()
    seen.run(turn_at(job, clock), JobFailedError("it is full"))
    assert seen.calls == ["work", "tidy"]
    assert (now(job).status, now(job).error, now(job).detail) == (JobStatus.FAILED, "it is full", {"source": "x"})


def test_a_worker_that_dies_while_it_tidies_up_leaves_its_reason_to_the_next(clock: SetClock) -> None:
    job = asked()

    def die() -> None:
        raise ConnectionError

    def work() -> None:
        raise JobFailedError("it is full")

    with pytest.raises(ConnectionError):
        turn_at(job, clock).run(work, tidy=die, send_on=die)
    assert now(job).status is JobStatus.RUNNING
    seen = Seen()
    seen.run(turn_at(job, clock))
    assert seen.calls == ["tidy"]
    assert now(job).error == "it is full"


def test_when_time_is_up_the_lease_is_given_back_before_the_job_is_sent_on(clock: SetClock) -> None:
    job, seen = asked(), Seen()
    turn = turn_at(job, clock)

    def work() -> None:
        turn.keep(40)
        raise OutOfTimeError

    turn.run(work, tidy=seen.note("tidy"), send_on=lambda: seen.calls.append(f"send on, lease {now(job).lease_until}"))
    assert seen.calls == ["send on, lease None"]
    assert (now(job).status, now(job).progress) == (JobStatus.RUNNING, 40)


@pytest.mark.parametrize("error", [LostLeaseError(), OutOfTimeError()])
def test_a_job_that_is_gone_with_its_database_is_tidied_up(clock: SetClock, error: Exception) -> None:
    job, seen = asked(), Seen()
    turn = turn_at(job, clock)
    turn.jobs.remove(job)
    seen.run(turn, error)
    assert seen.calls == ["work", "tidy"]


@pytest.mark.parametrize("error", [LostLeaseError(), OutOfTimeError(), JobFailedError("it is full"), ValueError()])
def test_a_job_that_another_worker_has_is_left_as_it_is(clock: SetClock, error: Exception) -> None:
    job, seen = asked(), Seen()
    turn = turn_at(job, clock)
    clock.advance(seconds=LEASE_SECONDS)
    other = turn_at(job, clock)
    if isinstance(error, ValueError):
        with pytest.raises(ValueError, match=r"^$"):
            seen.run(turn, error)
    else:
        seen.run(turn, error)
    assert seen.calls == ["work"]
    assert now(job) == other.job


def test_an_unforeseen_error_gives_the_lease_back(clock: SetClock) -> None:
    job, seen = asked(), Seen()
    with pytest.raises(ValueError, match=r"^$"):
        seen.run(turn_at(job, clock), ValueError())
    assert now(job).lease_until is None
    turn_at(job, clock)


class Repeating:
    """A DynamoDB client that repeats each update, as the SDK does when an answer was lost."""

    def __init__(self) -> None:
        self._inner = client("dynamodb", engine.HOME)
        self.on = False

    def __getattr__(self, name: str) -> Any:
        return getattr(self._inner, name)

    def update_item(self, **call: Any) -> Any:
        if self.on:
            self._inner.update_item(**call)
        return self._inner.update_item(**call)


def test_a_journal_entry_that_the_sdk_writes_twice_is_this_workers_own(clock: SetClock) -> None:
    job, dynamodb = asked(), Repeating()
    turn = turn_at(job, clock, table=Table(dynamodb, engine.table("jobs").name))
    clock.advance(seconds=10)
    dynamodb.on = True
    turn.keep(30, {"source": "x", "n": 1})
    assert (now(job), now(job).progress) == (turn.job, 30)


def test_a_journal_entry_after_the_lease_went_to_another_is_refused(clock: SetClock) -> None:
    job = asked()
    turn = turn_at(job, clock)
    table = engine.table("jobs")
    item = table.get({"database_id": job.database_id, "id": job.id})
    assert item is not None
    table.put(item | {"lease_until": epoch(clock()) + LEASE_SECONDS + 1})
    with pytest.raises(LostLeaseError):
        turn.keep(30)


def test_time_that_is_up_ends_a_step_and_is_an_error_when_a_turn_brought_nothing(clock: SetClock) -> None:
    turn_at(asked(), clock).look_at_time()
    turn = turn_at(asked(), clock, in_time=False)
    with pytest.raises(NoProgressError):
        turn.look_at_time()
    turn.keep(1)
    with pytest.raises(OutOfTimeError):
        turn.look_at_time()


def test_an_end_whose_conditions_do_not_hold_says_which(clock: SetClock) -> None:
    job = asked()
    turn = turn_at(job, clock)
    table = engine.table("databases")
    checks = [
        table.check_operation({"id": "a"}, Attr("id").not_exists()),
        table.check_operation({"id": "b"}, Attr("id").exists()),
    ]
    assert turn.end(JobStatus.DONE, {}, *checks) == (1,)
    assert now(job) == turn.job
    assert turn.end(JobStatus.DONE, {}, checks[0]) == ()
    assert now(job).status is JobStatus.DONE
    with pytest.raises(LostLeaseError):
        turn.end(JobStatus.DONE, {})
