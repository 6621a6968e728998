"""A move from its message to its end: the database is where its owner asked for, or it is where it was.

Copy while it is written to; close it for writes and let them settle; compare until both sides are equal; open the
destination and switch in one conditional write; destroy the old copy and look again. What fails before the switch is
undone, and a deletion wins at any time (promise databases.region).
"""

from collections.abc import Callable
from contextlib import suppress
from datetime import datetime, timedelta

from database_move.parts import Parts
from database_move.passes import Pass
from database_move.place import AFTER_THE_SWITCH, Journal, Stage
from privacy.clock import rfc3339
from privacy.consumer import HasTime
from privacy.hosting import Host
from privacy.hosting.copying import CopyBrokenError, Copying
from privacy.models.databases import Database, Status
from privacy.models.ids import is_id
from privacy.models.jobs import JobStatus, Kind
from privacy.queues import MalformedMessageError
from privacy.removal.stores import copies_in, empty
from privacy.tables.store import ConditionFailedError
from privacy.vault.keys import KeyBrokenError, KeyDestroyedError
from privacy.vault.sealing import SealBrokenError
from privacy.work import JobFailedError, LostLeaseError, NoProgressError, OutOfTimeError, Turn, take

CLOSED = "the database was closed in the meantime; it stays in its region"
STUCK = "a region could not be reached, or the move could not go on, for too long; the database stays in its region"
TOO_LARGE = "something in the database is too large to be moved; it stays in its region"
BROKEN = "something in the database is not as it was stored; it stays in its region, and our staff must look at it"
RESTLESS = "the two regions did not become equal; the database stays in its region"

PATIENCE = timedelta(minutes=15)
"""How long a move may make no progress before it is undone: while it moves, a database takes no writes."""

JOBS_SECONDS = 30
"""Between two looks whether the exports, imports and backups that were begun are over."""

ROUNDS = 3
"""Comparisons that may end in a difference. After the first there is none, unless somebody writes past all fences."""

_GONE = (Status.DELETING, Status.DESTROYED)


def move(parts: Parts, database_id: str, job_id: str, has_time: HasTime) -> None:
    """Take a move as far as time allows; a late or repeated message changes nothing. Raises: MalformedMessageError."""
    if not is_id("db", database_id) or not is_id("job", job_id):
        raise MalformedMessageError("the message names no move")
    job = parts.work.jobs.get(database_id, job_id)
    if job is not None and job.kind is not Kind.MOVE:
        raise MalformedMessageError("the message names another kind of job")
    turn = take(parts.work.jobs, parts.work.clock, has_time, database_id, job_id)
    if turn is None:
        _release(parts, database_id, job_id)
        return
    mover = Mover(parts, turn)
    turn.run(mover.work, tidy=mover.tidy, send_on=mover.send_on, patience=None)  # a move has a patience of its own


class Mover:
    """One worker's turn at one move."""

    def __init__(self, parts: Parts, turn: Turn) -> None:
        self.parts = parts
        self.turn = turn
        self.journal = Journal(turn)
        self.id = turn.job.database_id
        self.origin, self.goal = turn.job.detail["from"], turn.job.detail["to"]
        self.delay = 0
        """Seconds until the next worker has something to do."""
        self.ended = False

    def work(self) -> None:
        """Go from stage to stage until the move has ended. Raises: JobFailedError, and what `Turn.run` knows."""
        stages: dict[Stage, Callable[[Database], None]] = {
            Stage.COPYING: self._copy,
            Stage.WAITING: self._wait_for_jobs,
            Stage.CLOSING: self._close,
            Stage.SETTLING: self._settle,
            Stage.COMPARING: self._compare,
            Stage.VERIFYING: self._verify,
            Stage.SWITCHING: self._switch,
            Stage.SWITCHED: self._end_uploads,
            Stage.EMPTYING: self._empty_origin,
        }
        try:
            while not self.ended:
                stages[self.journal.place.stage](self._database())
        except (CopyBrokenError, SealBrokenError, KeyBrokenError):
            raise JobFailedError(BROKEN) from None
        except KeyDestroyedError:
            self._database()
            raise JobFailedError(BROKEN) from None  # no deletion took it
        except (JobFailedError, LostLeaseError, OutOfTimeError):
            raise
        except NoProgressError:
            self._give_up(TOO_LARGE)
            raise
        except Exception:  # also a defect of ours may not keep a database closed
            self._give_up(STUCK)
            raise

    def tidy(self) -> None:
        """Undo a move that failed: the database is open where it was, and nothing of it is where it was to go.

        Also when its deletion took the job away: what this worker had still to write is found by its last listing, but
        is better gone before.
        """
        database = self.parts.work.databases.get(self.id)
        if database is None or database.region != self.origin:
            return
        destination = self._host(self.goal)
        if database.status in _GONE:
            self._empty(destination, lambda: None)
            return
        reopen(self.parts, database)
        with suppress(KeyDestroyedError):  # or there never was one
            destination.keyring.close(self.id)
        self._empty(destination, self._note)

    def send_on(self) -> None:
        """Queue the move again."""
        self.parts.work.send_on(self.turn.job, delay=self.delay)

    # --- the stages ------------------------------------------------------------------------------------------------

    def _copy(self, database: Database) -> None:
        """Bring what is there, while the database is written to: what changes meanwhile is brought again later."""
        self._only_while(database, Status.ACTIVE)
        origin, destination = self._host(self.origin), self._host(self.goal)
        origin.keyring.replicate(self.id, self._now())
        if destination.keyring.key(self.id, fresh=True) != origin.keyring.key(self.id, fresh=True):
            raise KeyBrokenError("the regions hold different keys")
        self._pass(Status.ACTIVE).bring()
        self.journal.enter(Stage.WAITING)

    def _wait_for_jobs(self, database: Database) -> None:
        """Let what was begun be finished; then take no more writes and no more jobs."""
        if database.status is Status.MOVING and database.moving == self.turn.job.id:
            self.journal.enter(Stage.CLOSING, closed_at=rfc3339(database.since))
            return
        self._only_while(database, Status.ACTIVE)
        if self._others_run():
            self.journal.keep(0)
            self._wait(JOBS_SECONDS)
        with suppress(ConditionFailedError):
            self.parts.work.databases.change(database, Status.MOVING, self._now())

    def _close(self, database: Database) -> None:
        """Close the region for writes, unless a job was begun in the last moment: then the database opens again."""
        keyring = self._host(self.origin).keyring
        if database.status is Status.ACTIVE or self._others_run():
            keyring.open(self.id)
            if database.status is Status.MOVING:
                with suppress(ConditionFailedError):
                    self.parts.work.databases.change(database, Status.ACTIVE, self._now())
            self.journal.enter(Stage.WAITING)
            return
        self._only_while(database, Status.MOVING)
        keyring.close(self.id)
        self.journal.enter(Stage.SETTLING, settles_at=self._settles_at())

    def _settle(self, database: Database) -> None:
        """Wait for the writes that had passed the fence: a batch looks at it only once."""
        self._wait_until_settled()
        self.journal.enter(Stage.COMPARING)

    def _compare(self, database: Database) -> None:
        """Bring what has changed since it was copied; nothing changes any more."""
        self._only_while(database, Status.MOVING)
        whole = self._pass(Status.MOVING)
        if whole.bring():
            raise JobFailedError(BROKEN)  # a row whose object is nowhere
        whole.clear(switched=False)
        self.journal.enter(Stage.VERIFYING, differences=0, records=0, files=0, bytes=0)

    def _verify(self, database: Database) -> None:
        """Read both sides afresh: what is there is counted, and must be the same."""
        self._only_while(database, Status.MOVING)
        self._pass(Status.MOVING).compare()
        if not self.journal.place.differences:
            self.journal.enter(Stage.SWITCHING)
        elif self.journal.place.round + 1 < ROUNDS:
            self.journal.enter(Stage.COMPARING, round=self.journal.place.round + 1)
        else:
            raise JobFailedError(RESTLESS)

    def _switch(self, database: Database) -> None:
        """The one write from which on the database is in the other region, and open there."""
        if database.region == self.origin:
            self._only_while(database, Status.MOVING)
            self._host(self.goal).keyring.open(self.id)
            try:
                self.parts.work.databases.switch(database, self.goal, self._now())
            except ConditionFailedError:
                return  # it is looked at anew: deleted, or switched by a call whose answer was lost
        self.journal.enter(Stage.SWITCHED, settles_at=self._settles_at())

    def _end_uploads(self, database: Database) -> None:
        """Uploads whose parts went to the old region cannot be joined in the new one: they are to be begun anew."""
        jobs, closed_at = self.parts.work.jobs, datetime.fromisoformat(self.journal.place.closed_at)
        for job in list(jobs.of_database(self.id)):
            if job.kind is Kind.UPLOAD and job.status is JobStatus.OPEN and job.created_at <= closed_at:
                jobs.settle(job, JobStatus.FAILED)
        self._pass(*Status).clear(switched=True)
        self._wait_until_settled()
        self.journal.enter(Stage.EMPTYING)

    def _empty_origin(self, database: Database) -> None:
        """Destroy the old copy, and end the move once another listing of every store has found nothing."""
        if database.region != self.goal:
            raise LostLeaseError  # never empty where a database lives
        self._empty(self._host(self.origin), self._note)
        place = self.journal.place
        counted = {"records": place.records, "files": place.files, "bytes": place.bytes}
        self.turn.end(JobStatus.DONE, {"from": self.origin, "to": self.goal, **counted})
        self.ended = True

    # --- what they share -------------------------------------------------------------------------------------------

    def _database(self) -> Database:
        """The database as it is now. Raises: LostLeaseError when its deletion takes the job along."""
        database = self.parts.work.databases.get(self.id)
        if database is None or database.status in _GONE:
            raise LostLeaseError
        return database

    def _only_while(self, database: Database, *states: Status) -> None:
        """Raises: JobFailedError when somebody else has changed the database's state."""
        if database.status not in states:
            raise JobFailedError(CLOSED)

    def _give_up(self, reason: str) -> None:
        """Raises: JobFailedError when there was no progress for too long, and the switch has not been made."""
        silent_since = datetime.fromisoformat(self.journal.place.at)
        if self.journal.place.stage in AFTER_THE_SWITCH or self._now() < silent_since + PATIENCE:
            return
        if self._database().region == self.origin:  # the answer to the switch may have been lost
            raise JobFailedError(reason) from None

    def _pass(self, *states: Status) -> Pass:
        work = self.parts.work
        copying = Copying(self._host(self.origin), self._host(self.goal), self.id, self.turn.look_at_time)

        def allowed() -> None:
            self._only_while(self._database(), *states)

        return Pass(copying, self.journal, work.jobs, work.policy, work.clock, allowed)

    def _others_run(self) -> bool:
        return any(job.id != self.turn.job.id for job in self.parts.work.jobs.running(self.id))

    def _empty(self, host: Host, after_each: Callable[[], None]) -> None:
        """Empty a region of the database: list after list, until a whole round has found nothing."""
        found = True
        while found:
            found = False
            for store in copies_in(self.id, host):
                found = empty(store, after_each) or found

    def _note(self) -> None:
        self.journal.keep_when_due(0)

    def _wait(self, seconds: int) -> None:
        """End the turn; the next one begins after some seconds."""
        self.delay = max(1, seconds)
        raise OutOfTimeError

    def _wait_until_settled(self) -> None:
        if not self.journal.settled():
            left = datetime.fromisoformat(self.journal.place.settles_at) - self._now()
            self._wait(int(left.total_seconds()))

    def _settles_at(self) -> str:
        return rfc3339(self._now() + timedelta(seconds=self.parts.drain_seconds))

    def _host(self, region: str) -> Host:
        return self.parts.work.host(region)

    def _now(self) -> datetime:
        return self.parts.work.clock()


def reopen(parts: Parts, database: Database) -> None:
    """Open a database for writes where its content is. Repeated, it stays open."""
    if database.status in (Status.ACTIVE, Status.MOVING):
        with suppress(KeyDestroyedError):
            parts.work.host(database.region).keyring.open(database.id)
    if database.status is Status.MOVING:
        with suppress(ConditionFailedError):
            parts.work.databases.change(database, Status.ACTIVE, parts.work.clock())


def _release(parts: Parts, database_id: str, job_id: str) -> None:
    """A database that says it is being moved by a job that is over is not: it opens again where its content is."""
    database = parts.work.databases.get(database_id)
    if database is None or database.status is not Status.MOVING or database.moving != job_id:
        return
    job = parts.work.jobs.get(database_id, job_id)
    if job is None or job.is_over():
        reopen(parts, database)
