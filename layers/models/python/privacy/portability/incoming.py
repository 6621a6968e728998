"""A checked archive's records and files on their way into a database.

They go in batches, so that calls overlap and memory does not grow with the archive; who asks for it decides what of
them is written.
"""

from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from datetime import UTC, datetime
from enum import Enum, auto
from typing import Protocol

from privacy.archive.multipart import MultipartStream, abort_all
from privacy.archive.reader import CHUNK_BYTES, ArchiveReader, Member
from privacy.aws import POOL
from privacy.clock import rfc3339
from privacy.hosting import Host
from privacy.hosting.files import Files
from privacy.hosting.records import Record, Records
from privacy.hosting.transfers import Transfers, staging_key
from privacy.models.fields import BYTES
from privacy.models.jobs import Job, Kind
from privacy.portability.journal import Journal
from privacy.portability.lines import Line

BATCH_RECORDS = 1000
BATCH_FILES = POOL
BATCH_BYTES = 8 * 1024 * 1024
"""A batch that holds one of these, or more, is written: right before, the database is asked whether it is open."""

SMALL_BYTES = 8 * 1024 * 1024
"""A file that is held whole; a larger one is streamed to the transfer bucket and moved from there."""


class Verdict(Enum):
    """What becomes of a record or file of the archive: it is written, or it is there already, or it is withheld, for
    its owner deleted it.
    """

    WRITE = auto()
    THERE = auto()
    WITHHELD = auto()


@dataclass(frozen=True, slots=True)
class ArchivedFile:
    """A file of the archive, without its bytes; `updated_at` is RFC 3339, `sha256` hexadecimal."""

    path: str
    content_type: str
    bytes: int
    sha256: str
    updated_at: str


class Choice(Protocol):
    """Decides what of an archive is written."""

    def of_records(self, records: Sequence[Record]) -> Sequence[Verdict]:
        """A verdict for each record."""
        ...

    def of_file(self, file: ArchivedFile) -> Verdict:
        """A verdict for a file."""
        ...


class Everything:
    """All of an archive is written."""

    def of_records(self, records: Sequence[Record]) -> Sequence[Verdict]:
        """Each is."""
        return [Verdict.WRITE] * len(records)

    def of_file(self, file: ArchivedFile) -> Verdict:
        """It is."""
        del file
        return Verdict.WRITE


@dataclass(slots=True)
class Batch:
    """What is read and not yet written."""

    records: list[Record] = field(default_factory=list)
    files: list[tuple[ArchivedFile, bytes]] = field(default_factory=list)
    bytes: int = 0

    def is_full(self) -> bool:
        """Whether it is to be written now."""
        many = len(self.records) >= BATCH_RECORDS or len(self.files) >= BATCH_FILES
        return many or self.bytes >= BATCH_BYTES


class Incoming:
    """One worker's part of the writing, from the journal's place on.

    Arguments: `guard` raises when the database may not be written at this moment; `read_line` makes a record's line
    (and its number from 1, and its member) a record's key, data and time; the progress goes from `since` to `until`
    percent.

    An import writes no time later than when it was asked for: people name their own in an archive, and one to come
    could pass for a change made after a deletion (`Backup.brings_back`). That moment is the same for each worker, so
    what is written twice is the same. A restore writes the times as the backup has them, which the database had before.
    """

    def __init__(
        self,
        host: Host,
        journal: Journal,
        reader: ArchiveReader,
        *,
        guard: Callable[[], object],
        read_line: Callable[[bytes, int, Member], Line],
        since: int,
        until: int,
        choice: Choice | None = None,
    ) -> None:
        job = journal.turn.job
        database_id = job.database_id
        self._latest = rfc3339(job.created_at) if job.kind is Kind.IMPORT else None
        self._journal = journal
        self._reader = reader
        self._guard = guard
        self._read_line = read_line
        self._choice = choice or Everything()
        self._records = Records(host, database_id)
        self._files = Files(host, database_id)
        self._total = max(1, reader.totals.bytes)
        self._since, self._until = since, until
        self._batch = Batch()
        self._reached = (journal.place.member, journal.place.line)

    def write(self) -> None:
        """Write what is left.

        Raises: JobFailedError, ArchiveError, KeyDestroyedError, StoreBusyError, OutOfTimeError, LostLeaseError.
        """
        start, lines = self._reached
        for index, member in enumerate(self._reader.members[start:], start):
            if member.model is not None:
                self._add_records(index, member, member.model, lines if index == start else 0)
            elif member.file_path is not None:
                file = self._file(member, member.file_path)
                if file.bytes <= SMALL_BYTES:
                    self._add_file(member, file)
                else:
                    self._write_batch()
                    self._write_large_file(member, file)
            self._reached = (index + 1, 0)
            self._write_batch_when_full()
        self._write_batch()

    def _add_records(self, index: int, member: Member, model: str, done: int) -> None:
        for number, text in enumerate(self._reader.lines(member), 1):
            if number <= done:
                continue
            line = self._read_line(text, number, member)
            self._batch.records.append(Record(model, line.key, line.data, self._in_time(line.updated_at)))
            self._batch.bytes += len(line.data)
            self._reached = (index, number)
            self._write_batch_when_full()

    def _file(self, member: Member, path: str) -> ArchivedFile:
        entry = member.entry
        written = self._in_time(_updated_at(member))
        return ArchivedFile(path, entry.media_type or BYTES, entry.bytes, entry.sha256, written)

    def _in_time(self, updated_at: str) -> str:
        """A time that the archive names, or the latest that may be written; in this form they compare as texts."""
        return updated_at if self._latest is None else min(updated_at, self._latest)

    def _add_file(self, member: Member, file: ArchivedFile) -> None:
        with self._reader.open(member) as stream:
            content = b"".join(iter(lambda: stream.read(CHUNK_BYTES), b""))
        self._batch.files.append((file, content))
        self._batch.bytes += len(content)

    def _write_large_file(self, member: Member, file: ArchivedFile) -> None:
        """Stream a file to the transfer bucket, and make it the file by a copy inside S3."""
        self._guard()
        verdict = self._choice.of_file(file)
        if verdict is Verdict.WRITE:
            self._stream(member, file)
        self._count([verdict], files=1, read=file.bytes)

    def _stream(self, member: Member, file: ArchivedFile) -> None:
        host, turn = self._files.host, self._journal.turn
        key = _large_file_key(turn.job)
        self._journal.keep(self._progress())  # time may run out within the file: the next worker begins it anew
        stream = MultipartStream(host.s3, bucket=host.transfer_bucket, key=key, scratch=f"{key}/")
        with stream, self._reader.open(member) as source:
            while chunk := source.read(CHUNK_BYTES):
                stream.write(chunk)
                turn.look_at_time()
            stream.finish()
        self._guard()
        place = {"Bucket": host.transfer_bucket, "Key": key}
        facts = (file.bytes, file.sha256, turn.clock())
        self._files.adopt(file.path, file.content_type, place, *facts, updated_at=file.updated_at)

    def _progress(self) -> int:
        """Percent; the place counts no more bytes than the archive holds."""
        return self._since + (self._until - self._since) * self._journal.place.bytes // self._total

    def _write_batch_when_full(self) -> None:
        if self._batch.is_full():
            self._write_batch()

    def _write_batch(self) -> None:
        batch, self._batch = self._batch, Batch()
        if batch.records or batch.files:
            self._guard()
        elif self._reached == (self._journal.place.member, self._journal.place.line):
            return
        if batch.records:
            verdicts = self._choice.of_records(batch.records)
            chosen = [record for record, said in zip(batch.records, verdicts, strict=True) if said is Verdict.WRITE]
            if chosen:
                self._records.put_all(chosen)
            self._count(verdicts, records=1)
        if batch.files:
            with ThreadPoolExecutor(BATCH_FILES, thread_name_prefix="files") as pool:
                verdicts = list(pool.map(self._put, batch.files))
            self._count(verdicts, files=1)
        member, line = self._reached
        self._journal.move(member=member, line=line, bytes=self._journal.place.bytes + batch.bytes)
        self._journal.keep_when_due(self._progress())

    def _put(self, small: tuple[ArchivedFile, bytes]) -> Verdict:
        file, content = small
        verdict = self._choice.of_file(file)
        if verdict is Verdict.WRITE:
            now = self._journal.turn.clock()
            self._files.put(file.path, file.content_type, content, now, updated_at=file.updated_at)
        return verdict

    def _count(self, verdicts: Sequence[Verdict], *, records: int = 0, files: int = 0, read: int = 0) -> None:
        written, withheld = verdicts.count(Verdict.WRITE), verdicts.count(Verdict.WITHHELD)
        place = self._journal.place
        self._journal.move(
            records=place.records + records * written,
            files=place.files + files * written,
            withheld=place.withheld + withheld,
            bytes=place.bytes + read,
        )


def remove_large_file(host: Host, job: Job) -> None:
    """Remove what a large file left on its way, be it complete or not."""
    key = _large_file_key(job)
    abort_all(host.s3, host.transfer_bucket, key)
    Transfers(host).remove(key)


def _large_file_key(job: Job) -> str:
    return f"{staging_key(job.database_id, job.id)}.file"


def _updated_at(member: Member) -> str:
    """When a file was last written, as the manifest says it; else as the ZIP does, to two seconds."""
    if member.entry.updated_at is not None:
        return member.entry.updated_at
    try:
        return rfc3339(datetime(*member.slot.info.date_time, tzinfo=UTC))
    except ValueError:
        return rfc3339(datetime(1980, 1, 1, tzinfo=UTC))
