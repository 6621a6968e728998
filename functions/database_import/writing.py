"""A checked archive's records and files on their way into the database.

They go in batches, so that calls overlap and memory does not grow with the archive.
"""

from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from datetime import UTC, datetime

from database_import.place import Journal
from database_import.rules import BYTES, read_line, split_line
from database_import.target import Target
from privacy.archive.multipart import MultipartStream, abort_all
from privacy.archive.reader import CHUNK_BYTES, ArchiveReader, Member
from privacy.aws import POOL
from privacy.clock import rfc3339
from privacy.hosting.files import Files
from privacy.hosting.records import Record, Records
from privacy.hosting.transfers import Transfers, staging_key

BATCH_RECORDS = 1000
BATCH_FILES = POOL
BATCH_BYTES = 8 * 1024 * 1024
"""A batch that holds one of these, or more, is written: right before, the database is asked whether it is open."""

SMALL_BYTES = 8 * 1024 * 1024
"""A file that is held whole; a larger one is streamed to the transfer bucket and moved from there."""


@dataclass(frozen=True, slots=True)
class SmallFile:
    """A file that waits to be written."""

    path: str
    content_type: str
    content: bytes
    updated_at: str


@dataclass(slots=True)
class Batch:
    """What is read and not yet written."""

    records: list[Record] = field(default_factory=list)
    files: list[SmallFile] = field(default_factory=list)
    bytes: int = 0

    def is_full(self) -> bool:
        """Whether it is to be written now."""
        many = len(self.records) >= BATCH_RECORDS or len(self.files) >= BATCH_FILES
        return many or self.bytes >= BATCH_BYTES


class Writing:
    """One worker's part of the writing, from the journal's place on."""

    def __init__(self, target: Target, journal: Journal, reader: ArchiveReader, *, since: int, until: int) -> None:
        """The progress goes from `since` to `until` percent."""
        database = target.database()
        host = target.parts.host(database.region)
        self._target = target
        self._journal = journal
        self._reader = reader
        self._records = Records(host, database.id)
        self._files = Files(host, database.id)
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
            elif member.file_path is not None and member.entry.bytes <= SMALL_BYTES:
                self._add_file(member, member.file_path)
            elif member.file_path is not None:
                self._write_batch()
                self._write_large_file(member, member.file_path)
            self._reached = (index + 1, 0)
            self._write_batch_when_full()
        self._write_batch()

    def _add_records(self, index: int, member: Member, model: str, done: int) -> None:
        plain = self._journal.place.plain
        for number, text in enumerate(self._reader.lines(member), 1):
            if number <= done:
                continue
            line = split_line(text) if plain else read_line(text, number, member)
            self._batch.records.append(Record(model, line.key, line.data, line.updated_at))
            self._batch.bytes += len(line.data)
            self._reached = (index, number)
            self._write_batch_when_full()

    def _add_file(self, member: Member, path: str) -> None:
        with self._reader.open(member) as stream:
            content = b"".join(iter(lambda: stream.read(CHUNK_BYTES), b""))
        self._batch.files.append(SmallFile(path, member.entry.media_type or BYTES, content, _updated_at(member)))
        self._batch.bytes += len(content)

    def _write_large_file(self, member: Member, path: str) -> None:
        """Stream a file to the transfer bucket, and make it the file by a copy inside S3."""
        host, key = self._files.host, _large_file_key(self._target)
        self._target.database()
        self._journal.keep(self._progress())  # time may run out within the file: the next worker begins it anew
        stream = MultipartStream(host.s3, bucket=host.transfer_bucket, key=key, scratch=f"{key}/")
        with stream, self._reader.open(member) as source:
            while chunk := source.read(CHUNK_BYTES):
                stream.write(chunk)
                self._target.turn.look_at_time()
            stream.finish()
        self._target.database()
        place = self._journal.place
        content_type, size = member.entry.media_type or BYTES, member.entry.bytes
        self._files.adopt(
            path,
            content_type,
            {"Bucket": host.transfer_bucket, "Key": key},
            size,
            member.entry.sha256,
            self._target.parts.clock(),
            updated_at=_updated_at(member),
        )
        self._journal.move(files=place.files + 1, bytes=place.bytes + size)

    def _progress(self) -> int:
        """Percent; the place counts no more bytes than the archive holds."""
        return self._since + (self._until - self._since) * self._journal.place.bytes // self._total

    def _write_batch_when_full(self) -> None:
        if self._batch.is_full():
            self._write_batch()

    def _write_batch(self) -> None:
        batch, self._batch = self._batch, Batch()
        if batch.records or batch.files:
            self._target.database()
        elif self._reached == (self._journal.place.member, self._journal.place.line):
            return
        if batch.records:
            self._records.put_all(batch.records)
        if batch.files:
            with ThreadPoolExecutor(BATCH_FILES, thread_name_prefix="files") as pool:
                list(pool.map(self._put, batch.files))
        member, line = self._reached
        place = self._journal.place
        self._journal.move(
            member=member,
            line=line,
            records=place.records + len(batch.records),
            files=place.files + len(batch.files),
            bytes=place.bytes + batch.bytes,
        )
        self._journal.keep_when_due(self._progress())

    def _put(self, file: SmallFile) -> None:
        now = self._target.parts.clock()
        self._files.put(file.path, file.content_type, file.content, now, updated_at=file.updated_at)


def remove_large_file(target: Target) -> None:
    """Remove what a large file left on its way, be it complete or not."""
    host, key = target.host(), _large_file_key(target)
    abort_all(host.s3, host.transfer_bucket, key)
    Transfers(host).remove(key)


def _large_file_key(target: Target) -> str:
    job = target.turn.job
    return f"{staging_key(job.database_id, job.id)}.file"


def _updated_at(member: Member) -> str:
    """When a file was last written, as the manifest says it; else as the ZIP does, to two seconds."""
    if member.entry.updated_at is not None:
        return member.entry.updated_at
    try:
        return rfc3339(datetime(*member.slot.info.date_time, tzinfo=UTC))
    except ValueError:
        return rfc3339(datetime(1980, 1, 1, tzinfo=UTC))
