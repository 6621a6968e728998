"""One pass over all that a database has, on both sides: brought to be the same, or only compared.

Its steps are the sixteen shards of the content table, then the objects of files, then what is passing through (ready
exports, complete uploads). Where a pass ends within a step, the next worker goes on.
"""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import datetime
from typing import TypeVar

from database_move.place import Journal
from privacy.clock import Clock
from privacy.hosting.copying import Copying, Pair
from privacy.hosting.partitions import RECORD
from privacy.hosting.transfers import Transfers, export_key, staging_key
from privacy.models.ids import database_of
from privacy.models.jobs import Job, JobStatus, Kind
from privacy.policy import Policy
from privacy.tables.jobs import Jobs
from privacy.tables.store import SHARDS

T = TypeVar("T")

OBJECTS = len(SHARDS)
TRANSFERS = OBJECTS + 1
STEPS = TRANSFERS + 1


@dataclass(frozen=True, slots=True)
class Pass:
    """A pass of one worker. `allowed` is called before anything is written, and raises when it may not be any more."""

    copying: Copying
    journal: Journal
    jobs: Jobs
    policy: Policy
    clock: Clock
    allowed: Callable[[], None]

    def bring(self) -> int:
        """Make the destination be as the source; how many files were passed over, since they were being replaced.

        Raises: CopyBrokenError and what `Copying.bring` does, LostLeaseError, OutOfTimeError.
        """
        passed = 0
        for pairs in self._chunks():
            differing = [pair for pair in pairs if pair.differs]
            if differing:
                self.allowed()
                passed += self.copying.bring(differing)
        for placed in self._step(OBJECTS, self.copying.objects, lambda placed: placed.key):
            if placed.strays or placed.is_missing:
                self.allowed()
                self.copying.put_right(placed)
        for job in self._step(TRANSFERS, self._passing_through, lambda job: job.id):
            self._bring_transfer(job)
        return passed

    def compare(self) -> None:
        """Count what is there and what differs, into the journal. Raises: LostLeaseError, OutOfTimeError."""
        for pairs in self._chunks():
            self._count(pairs)
        for placed in self._step(OBJECTS, self.copying.objects, lambda placed: placed.key):
            self._differ(len(placed.strays) + placed.is_missing)
        for job in self._step(TRANSFERS, self._passing_through, lambda job: job.id):
            self._differ(not self.copying.is_transferred(_key(job)))

    def clear(self, *, switched: bool) -> None:
        """Remove at the destination what was brought and has expired, or was used, since. Once the database is
        `switched`, what has not expired is its workers' own.
        """
        now = self.clock()
        for key in self.copying.transferred():
            job_id = key.rsplit("/", 1)[1].removesuffix(".zip")
            job = self.jobs.get(self.copying.database_id, job_id)
            is_over = job is None and database_of("upl", job_id) is not None  # the sweep was there
            is_over = is_over or (job is not None and _has_expired(job, self.policy, now))
            if is_over or not (switched or _waits(job, self.policy, now)):
                Transfers(self.copying.destination).remove(key)

    def _chunks(self) -> Iterator[list[Pair]]:
        for number, shard in enumerate(SHARDS):

            def chunks(after: str, shard: str = shard) -> Iterator[list[Pair]]:
                return self.copying.chunks(shard, after)

            yield from self._step(number, chunks, lambda pairs: pairs[-1].id)

    def _step(self, number: int, things: Callable[[str], Iterator[T]], name: Callable[[T], str]) -> Iterator[T]:
        """The things of one step from the journal's place on; each is noted once it was dealt with."""
        if self.journal.place.step > number:
            return
        for thing in things(self.journal.place.after):
            yield thing
            self.journal.move(after=name(thing), pending="")
            self.journal.keep_when_due(number / STEPS)
        self.journal.move(step=number + 1, after="", pending="")
        self.journal.keep_when_due((number + 1) / STEPS)

    def _count(self, pairs: list[Pair]) -> None:
        place = self.journal.place
        there = [pair.there for pair in pairs if pair.there is not None]
        records = sum(item["id"].startswith(RECORD) for item in there)
        self.journal.move(
            records=place.records + records,
            files=place.files + len(there) - records,
            bytes=place.bytes + sum(item["size"] for item in there),
        )
        self._differ(sum(pair.differs for pair in pairs))

    def _differ(self, count: int) -> None:
        self.journal.move(differences=self.journal.place.differences + count)

    def _passing_through(self, after: str) -> Iterator[Job]:
        """Exports that may be downloaded and uploads that may be used."""
        now = self.clock()
        for job in self.jobs.of_database(self.copying.database_id):
            if job.id > after and _waits(job, self.policy, now):
                yield job

    def _bring_transfer(self, job: Job) -> None:
        """What was brought by a worker that died before it was checked is brought again."""
        key = _key(job)
        if job.id == self.journal.place.pending or not self.copying.is_transferred(key):
            self.allowed()
            self.journal.move(pending=job.id)
            self.journal.keep(TRANSFERS / STEPS)
            self.copying.bring_transfer(key, job.detail.get("sha256"))


def _waits(job: Job | None, policy: Policy, now: datetime) -> bool:
    """Whether a job's object may still be asked for."""
    if job is None or _has_expired(job, policy, now):
        return False
    waiting = {Kind.EXPORT: JobStatus.READY, Kind.UPLOAD: JobStatus.COMPLETE}
    return job.status is waiting.get(job.kind)


def _has_expired(job: Job, policy: Policy, now: datetime) -> bool:
    if job.kind is Kind.EXPORT and job.status is JobStatus.READY:
        expires_at = job.file_expires_at(policy)
        return expires_at is not None and expires_at <= now
    is_unused = job.kind is Kind.UPLOAD and job.status is not JobStatus.DONE  # a used one is its job's to remove
    return is_unused and policy.retention["uploads"].over(job.created_at, now)


def _key(job: Job) -> str:
    return (export_key if job.kind is Kind.EXPORT else staging_key)(job.database_id, job.id)
