"""Writing a database out: models in the order of their names, then files, as one ZIP that is streamed to S3.

A worker that is nearly out of time, or dies, leaves a journal: the ZIP's directory so far, the parts uploaded and the
place in the database. The next one goes on there. An export holds what each record and file was when it was reached;
its manifest is made from the bytes that were written, so the two always agree.
"""

import time
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any

from botocore.exceptions import BotoCoreError, ClientError

from database_export.parts import Parts
from privacy.archive import journal
from privacy.archive.errors import ArchiveTooLargeError, UploadLostError
from privacy.archive.multipart import MultipartStream, StoredObject, abort_all, completed
from privacy.archive.names import FILES, is_compressible
from privacy.archive.pieces import RecordPieces
from privacy.archive.ranges import RangeReader, object_sha256
from privacy.archive.writer import ArchiveWriter
from privacy.consumer import HasTime
from privacy.hosting import Host
from privacy.hosting.files import File, Files
from privacy.hosting.records import Record, Records
from privacy.hosting.transfers import export_key, journal_key
from privacy.models import rawjson
from privacy.models.databases import Database, DatabaseDestroyedError, DatabaseStateError, Status, open_for_export
from privacy.models.jobs import Job, JobStatus
from privacy.tables.store import TransactionRefusedError, transact
from privacy.vault.keys import KeyDestroyedError

CHUNK_BYTES = 256 * 1024
SAVE_BYTES = 64 * 1024 * 1024
"""A journal is kept after this many bytes of archive, at the next end of a member."""
SAVE_SECONDS = 60.0
_LOOK_AT_TIME = 256
"""Records between two looks at the time."""

GONE = "the database is being deleted; there is nothing to export any more"
TOO_LARGE = "the database is larger than one archive can be"


class LostLeaseError(Exception):
    """Another worker has taken this export over."""


class OutOfTimeError(Exception):
    """The worker's time is nearly up: its place is journalled, and the next one goes on."""


@dataclass(slots=True)
class Place:
    """How far an export has come: `model` is the one being written (by name), `after` the cursor in it or in the
    files, `files` that the records are done.
    """

    model: str = ""
    after: str | None = None
    files: bool = False

    def passed(self, model: str) -> bool:
        """Whether a model is written already."""
        return self.files or model < self.model

    def plain(self) -> dict[str, Any]:
        """As JSON values."""
        return {"model": self.model, "after": self.after, "files": self.files}


class Exporter:
    """One worker's turn at one export."""

    def __init__(self, parts: Parts, database_id: str, export_id: str) -> None:
        self.parts = parts
        self.database_id = database_id
        self.export_id = export_id
        self.key = export_key(database_id, export_id)

    def work(self, has_time: HasTime) -> None:
        """Take the export as far as time allows; a repeated or late message changes nothing."""
        job = self.parts.jobs.take(self.database_id, self.export_id, self.parts.clock())
        if job is None:
            return
        try:
            database = self._exportable()
        except (DatabaseStateError, DatabaseDestroyedError, KeyDestroyedError):
            self._fail(job, GONE)
            return
        host = self.parts.host(database.region)
        try:
            Turn(self, job, database, host, has_time).run()
        except OutOfTimeError:
            self._send_on(host)
        except LostLeaseError:
            return
        except KeyDestroyedError:
            self._clean(host, also_archive=True)
            self._fail(job, GONE)
        except ArchiveTooLargeError:
            self._clean(host, also_archive=True)
            self._fail(job, TOO_LARGE)
        except BaseException:
            # The message comes again; the journal is as it was last saved.
            with suppress(Exception):
                self._release(job)
            raise

    def _exportable(self) -> Database:
        database = self.parts.databases.get(self.database_id)
        if database is None:
            raise KeyDestroyedError
        return open_for_export(database, self.parts.policy, self.parts.clock())

    def _send_on(self, host: Host) -> None:
        message = {"database_id": self.database_id, "export_id": self.export_id}
        self.parts.queues.send("export", host.aws_region, message)

    def _release(self, job: Job) -> None:
        current = self.parts.jobs.get(job.database_id, job.id)
        if current is not None and current.lease_until is not None:
            self.parts.jobs.release(current, self.parts.clock())

    def _fail(self, job: Job, why: str) -> None:
        current = self.parts.jobs.get(job.database_id, job.id) or job
        operation = self.parts.jobs.finish_operation(current, JobStatus.FAILED, self.parts.clock(), error=why)
        with suppress(TransactionRefusedError):
            transact(self.parts.dynamodb, [operation])

    def _clean(self, host: Host, *, also_archive: bool) -> None:
        abort_all(host.s3, host.transfer_bucket, self.key)
        journal.clear(host.s3, host.transfer_bucket, journal_key(self.database_id, self.export_id))
        if also_archive:
            host.s3.delete_object(Bucket=host.transfer_bucket, Key=self.key)


class Turn:
    """The writing itself: one open archive, one place."""

    def __init__(self, exporter: Exporter, job: Job, database: Database, host: Host, has_time: HasTime) -> None:
        self.exporter = exporter
        self.parts = exporter.parts
        self.job = job
        self.database = database
        self.host = host
        self.has_time = has_time
        self.records = Records(host, database.id)
        self.files = Files(host, database.id)
        self.total = max(1, database.counts.bytes if database.counts else 1)
        self.written = 0
        self.saved_at = time.monotonic()
        self.saved_bytes = 0

    def run(self) -> None:
        """Write what is left to write, and finish the export."""
        found = completed(self.host.s3, self.host.transfer_bucket, self.exporter.key)
        if found is not None:  # the last worker died between the archive's last byte and the journal
            self._finish(found)
            return
        writer, place = self._open()
        with writer:
            self._write_records(writer, place)
            self._write_files(writer, place)
            name = self.database.name or ""
            version = self.parts.policy.version.isoformat()
            archive = writer.close(database=name, created_at=self.job.created_at, policy_version=version)
        self._finish(StoredObject(archive.bytes, archive.etag, archive.sha256))

    def _open(self) -> tuple[ArchiveWriter, Place]:
        s3, bucket = self.host.s3, self.host.transfer_bucket
        options: dict[str, Any] = {
            "bucket": bucket,
            "key": self.exporter.key,
            "scratch": journal_key(self.database.id, self.exporter.export_id) + "/",
        }
        saved = journal.load(s3, bucket, journal_key(self.database.id, self.exporter.export_id))
        if saved is not None:
            with suppress(UploadLostError):
                stream = MultipartStream.resume(s3, saved["archive"]["stream"], **options)
                self.written = saved["written"]
                return ArchiveWriter.resume(stream, saved["archive"]), Place(**saved["place"])
        # From the beginning: whatever an earlier worker left behind belongs to nobody.
        self.exporter._clean(self.host, also_archive=False)
        return ArchiveWriter(MultipartStream(s3, **options)), Place()

    def _write_records(self, writer: ArchiveWriter, place: Place) -> None:
        for model, tag in self.records.models():
            if place.passed(model):
                continue
            if model != place.model:
                place.model, place.after = model, None
            pieces = RecordPieces(writer, model, modified=self.job.created_at)
            for number, (cursor, record) in enumerate(self.records.every(tag, place.after), 1):
                line = _line(record)
                ended = pieces.add(line)
                place.after = cursor
                self.written += len(record.data)
                if ended:
                    self._maybe_save(writer, place)
                elif number % _LOOK_AT_TIME == 0 and self._is_time_to_save():
                    pieces.cut()
                    self._maybe_save(writer, place)
            pieces.cut()
        if not place.files:
            place.model, place.after, place.files = "", None, True

    def _write_files(self, writer: ArchiveWriter, place: Place) -> None:
        for cursor, listed in self.files.every(place.after):
            self._write_file(writer, listed)
            place.after = cursor
            self._maybe_save(writer, place)

    def _write_file(self, writer: ArchiveWriter, listed: File) -> None:
        for file in self._still_there(listed):
            try:
                body = self.files.open(file)
            except ClientError as error:
                if error.response["Error"]["Code"] not in ("NoSuchVersion", "NoSuchKey"):
                    raise
                continue  # replaced or deleted since it was listed: look again
            modified = datetime.fromisoformat(file.updated_at)
            with writer.member(
                FILES + file.path,
                modified=modified,
                compress=is_compressible(file.path, file.content_type),
                size=file.bytes,
                media_type=file.content_type,
            ) as output:
                while chunk := body.read(CHUNK_BYTES):
                    output.write(chunk)
            self.written += file.bytes
            return

    def _still_there(self, listed: File) -> Iterator[File]:
        yield listed
        current = self.files.get(listed.path)
        if current is not None:
            yield current

    def _is_time_to_save(self) -> bool:
        return not self.has_time() or time.monotonic() - self.saved_at > SAVE_SECONDS

    def _maybe_save(self, writer: ArchiveWriter, place: Place) -> None:
        """Keep the journal when enough was written or time has passed; stop here when time is up."""
        if not self._is_time_to_save() and writer.offset - self.saved_bytes < SAVE_BYTES:
            return
        self._save(writer, place)
        if not self.has_time():
            writer.abandon()
            if self.parts.jobs.release(self.job, self.parts.clock()) is None:
                raise LostLeaseError
            raise OutOfTimeError

    def _save(self, writer: ArchiveWriter, place: Place) -> None:
        self.exporter._exportable()
        state = {"archive": writer.state(), "place": place.plain(), "written": self.written}
        key = journal_key(self.database.id, self.exporter.export_id)
        journal.save(self.host.s3, self.host.transfer_bucket, key, state)
        progress = min(99, self.written * 100 // self.total)
        kept = self.parts.jobs.keep(self.job, self.parts.clock(), progress=progress, detail=self.job.detail)
        if kept is None:
            writer.abandon()
            raise LostLeaseError
        self.job = kept
        self.saved_at, self.saved_bytes = time.monotonic(), writer.offset

    def _finish(self, stored: StoredObject) -> None:
        digest = stored.sha256
        if digest is None:
            transient = (BotoCoreError, OSError)
            reader = RangeReader(self.host.s3, self.host.transfer_bucket, self.exporter.key, transient=transient)
            digest = object_sha256(reader)
        detail = {**self.job.detail, "bytes": stored.bytes, "sha256": digest}
        jobs, databases = self.parts.jobs, self.parts.databases
        # Ready only if the database may still be exported at that very moment: else the archive goes at once.
        check = databases.check_operation(self.database.id, Status.ACTIVE, Status.DEACTIVATED)
        done = jobs.finish_operation(self.job, JobStatus.READY, self.parts.clock(), detail=detail)
        try:
            transact(self.parts.dynamodb, [check, done])
        except TransactionRefusedError as refused:
            if 0 in refused.failed:
                raise KeyDestroyedError from None
            raise LostLeaseError from None
        self.job = replace(self.job, status=JobStatus.READY)
        self.exporter._clean(self.host, also_archive=False)


def _line(record: Record) -> bytes:
    return rawjson.splice({"key": record.key, "data": record.data, "updated_at": record.updated_at})
