"""What a job's worker stands on, and its turn at the job: it holds the lease, journals its progress, hands over when
time is up, ends the job once.

A worker can die after any call, so what a turn does may be repeated from its last journal.
"""

import time
from abc import ABC, abstractmethod
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass, replace
from datetime import timedelta
from typing import Any, Generic, TypeVar

from privacy.aws import client
from privacy.clock import Clock, system_clock
from privacy.consumer import HasTime
from privacy.home import Clients, Home
from privacy.hosting import Host
from privacy.models.jobs import LEASE_SECONDS, Job, JobStatus
from privacy.policy import Policy
from privacy.queues import Queues
from privacy.settings import Deployment
from privacy.tables.databases import Databases
from privacy.tables.jobs import Jobs
from privacy.tables.store import Operation, TransactionRefusedError, transact

P = TypeVar("P", bound=Any)

KEEP_SECONDS = 5.0
"""Between two entries in a journal: what was done since the last one is done again after a crash."""

PATIENCE, ATTEMPTS = timedelta(minutes=15), 4
"""How long, and how often, a job may go wrong without any progress until it fails: work that waits for ever keeps
others waiting, and a database that is being restored closed.
"""

STUCK = "it went wrong again and again, and made no progress; our staff must look at it"
BROKEN = "a record or a file is not as it was stored; our staff must look at it"

_FAILING = "failing"
"""In a job's detail: why it fails, while what it leaves behind is still being removed."""


class LostLeaseError(Exception):
    """The job is another worker's by now, or is over, or gone with its database: this worker has no say in it."""


class OutOfTimeError(Exception):
    """The worker's time is nearly up: what it did is journalled, and the next one goes on."""


class NoProgressError(Exception):
    """A whole turn was too short for one step. The message fails, so that somebody hears of it."""


class JobFailedError(Exception):
    """The job cannot be done, now or later. `reason` is one of our own sentences, for its owner."""

    def __init__(self, reason: str) -> None:
        super().__init__(reason)
        self.reason = reason


@dataclass(frozen=True, slots=True)
class Parts:
    """The parts of a worker's container; databases and jobs are the control tables of the home region."""

    policy: Policy
    clock: Clock
    databases: Databases
    jobs: Jobs
    host: Callable[[str], Host]
    queues: Queues

    def send_on(self, job: Job, *, delay: int = 0) -> None:
        """Queue a job again where its database lies, to be begun no sooner than after `delay` seconds."""
        database = self.databases.get(job.database_id)
        if database is not None:
            self.queues.send(job.queue, self.policy.regions[database.region].aws, job.message, delay=delay)


def assemble(settings: Deployment, clock: Clock = system_clock, clients: Clients = client) -> Parts:
    """The parts as they are on AWS."""
    home = Home(settings, clients)
    return Parts(
        policy=home.policy,
        clock=clock,
        databases=Databases(home.table("databases")),
        jobs=Jobs(home.table("jobs")),
        host=home.hosts(),
        queues=home.queues(),
    )


@dataclass(slots=True)
class Turn:
    """One worker's turn at a job, which is as this worker last wrote it."""

    jobs: Jobs
    clock: Clock
    has_time: HasTime
    job: Job
    kept: bool = False
    """Whether this turn has journalled anything."""

    def keep(self, progress: int, detail: dict[str, Any] | None = None) -> None:
        """Journal the progress (percent) and renew the lease. Raises: LostLeaseError."""
        now, detail = self.clock(), self.job.detail if detail is None else detail
        job = self.jobs.keep(self.job, now, progress=progress, detail=detail)
        if job is None:
            # The SDK repeats a call whose answer was lost, and the condition fails on what the first one wrote.
            written = replace(
                self.job,
                progress=progress,
                detail=detail,
                lease_until=now + timedelta(seconds=LEASE_SECONDS),
            )
            if progress > self.job.progress:
                written = replace(written, stuck_since=None, failures=0)
            if self.jobs.get(written.database_id, written.id) != written:
                raise LostLeaseError
            job = written
        self.job = job
        self.kept = True

    def look_at_time(self) -> None:
        """End the turn within a step when time is up: what the step did since the last journal is done again.

        Raises: OutOfTimeError; NoProgressError when nothing was journalled, for then the next turn would fare no
        better.
        """
        if not self.has_time():
            raise OutOfTimeError if self.kept else NoProgressError

    def end(self, status: JobStatus, detail: dict[str, Any], *conditions: Operation) -> tuple[int, ...]:
        """End the job in one transaction with some conditions; which of them do not hold (none: the job is over).

        Raises: LostLeaseError.
        """
        done = self.jobs.finish_operation(self.job, status, self.clock(), detail=detail)
        try:
            transact(self.jobs.table.client, [*conditions, done])
        except TransactionRefusedError as refused:
            if refused.failed == (len(conditions),):
                raise LostLeaseError from None
            return refused.failed
        return ()

    def run(
        self,
        work: Callable[[], None],
        *,
        tidy: Callable[[], None],
        send_on: Callable[[], None],
        patience: timedelta | None = PATIENCE,
    ) -> None:
        """Do the work, which ends the job itself when it is done.

        `tidy` removes what the job has stored on its way: when it fails, or when its database takes it along. `send_on`
        queues the job again, once time is up. What else goes wrong is raised, and the lease given back, so that the
        next delivery goes on from the journal; when that lasts longer than `patience` the job fails (None: it never
        does).
        """
        try:
            try:
                if _FAILING in self.job.detail:
                    raise JobFailedError(self.job.detail[_FAILING])
                work()
            except JobFailedError as failure:
                self._fail(failure.reason, tidy)
        except OutOfTimeError:
            if self._release():
                send_on()
            else:
                self._leave(tidy)
        except LostLeaseError:
            self._leave(tidy)
        except Exception:
            with suppress(Exception):
                if self._is_stuck_for(patience):
                    self._fail(STUCK, tidy)
                else:
                    self._release(stuck=True)
            raise
        except BaseException:
            with suppress(Exception):
                self._release()
            raise

    def _fail(self, reason: str, tidy: Callable[[], None]) -> None:
        """The reason is journalled first: with its things gone, the next worker would see another one."""
        detail = {name: value for name, value in self.job.detail.items() if name != _FAILING}
        self.keep(self.job.progress, detail | {_FAILING: reason})
        tidy()
        failed = self.jobs.finish_operation(self.job, JobStatus.FAILED, self.clock(), detail=detail, error=reason)
        with suppress(TransactionRefusedError):
            transact(self.jobs.table.client, [failed])

    def _leave(self, tidy: Callable[[], None]) -> None:
        """Leave a lost job to whom it is now; when it is nobody's, its database being deleted, nothing of it stays."""
        if self.jobs.get(self.job.database_id, self.job.id) is None:
            tidy()

    def _is_stuck_for(self, patience: timedelta | None) -> bool:
        since = self.job.stuck_since
        if patience is None or since is None:
            return False
        return self.clock() >= since + patience and self.job.failures + 1 >= ATTEMPTS

    def _release(self, *, stuck: bool = False) -> bool:
        return self.jobs.release(self.job, self.clock(), stuck=stuck) is not None


class Journal(ABC, Generic[P]):
    """How far one worker's turn is: a place (a frozen dataclass), moved as it works, kept in the job now and then."""

    def __init__(self, turn: Turn, place: P) -> None:
        self.turn = turn
        self.place = place
        self._kept_at = time.monotonic()

    def move(self, **changes: Any) -> None:
        """Note what was done; a crash forgets it until it is kept."""
        self.place = replace(self.place, **changes)

    def keep(self, done: float) -> None:
        """Keep the place; `done` is how much that is, as the kind of work counts it. Raises: LostLeaseError."""
        self._keep(done)
        self._kept_at = time.monotonic()

    def keep_when_due(self, done: float) -> None:
        """Keep the place after a while; when time is up, keep it and end the turn.

        Raises: LostLeaseError, OutOfTimeError.
        """
        in_time = self.turn.has_time()
        if not in_time or time.monotonic() - self._kept_at > KEEP_SECONDS:
            self.keep(done)
        if not in_time:
            raise OutOfTimeError

    @abstractmethod
    def _keep(self, done: float) -> None:
        """Write the place into the job. Raises: LostLeaseError."""


def take(jobs: Jobs, clock: Clock, has_time: HasTime, database_id: str, job_id: str) -> Turn | None:
    """Take a job's lease, or None when there is nothing to do: it is over, unknown, or another worker's."""
    job = jobs.take(database_id, job_id, clock())
    return Turn(jobs, clock, has_time, job) if job else None
