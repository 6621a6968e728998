"""Imports: an export of ours, into an empty database; and following them (promise databases.export).

The ZIP comes as the body, as an upload, or as an export of the caller's that lies ready. A database has one import at a
time: its item names the latest, and only when that one is over may another take its place, in the same transaction that
makes the job. So a worker that died leaves no mark to be cleared.
"""

from dataclasses import dataclass
from datetime import datetime
from typing import Any

from databases.exports import export_of
from databases.parts import Parts
from privacy.hosting.partitions import is_empty
from privacy.hosting.transfers import Transfers, export_key, staging_key
from privacy.models.databases import (
    Database,
    DatabaseStateError,
    Status,
    UnknownDatabaseError,
    existing,
    open_for_content,
)
from privacy.models.fields import Form, InvalidFieldsError
from privacy.models.ids import database_of, is_id, new_id
from privacy.models.jobs import Job, JobStateError, JobStatus, Kind, Source, UnknownJobError, usable_upload
from privacy.tables.store import Operation, TransactionRefusedError

Ids = dict[str, Any]

ZIP_BEGINS = b"PK"
"""Every ZIP does (APPNOTE 4.3.7, 4.3.16); the worker looks at the rest."""


class Stored(Form):
    """`POST /databases/{id}/import` of what is there: an upload of this database, or an export of the caller's."""

    upload_id: str | None = None
    export_id: str | None = None


@dataclass(frozen=True, slots=True)
class Zip:
    """`POST /databases/{id}/import` with the ZIP itself."""

    content: bytes


def checked(form: Stored) -> Stored:
    """The form, when it names one source. Raises: InvalidFieldsError."""
    if (form.upload_id is None) == (form.export_id is None):
        raise InvalidFieldsError([{"field": "upload_id", "message": "give either this or export_id"}])
    return form


def checked_zip(content: bytes) -> Zip:
    """The body, when it may be a ZIP. Raises: InvalidFieldsError."""
    if not content.startswith(ZIP_BEGINS):
        raise InvalidFieldsError([{"field": "body", "message": "must be a ZIP"}])
    return Zip(content)


def plan() -> Ids:
    """The id of a new import."""
    return {"job_id": new_id("job")}


def ask(parts: Parts, database: Database, brought: Zip | Stored, ids: Ids, now: datetime) -> Ids:
    """Queue an import. Repeated with the same ids it completes what is missing.

    Raises: DatabaseDestroyedError, DatabaseStateError (not active, not empty, being imported), UnknownJobError and
    JobStateError about its source.
    """
    open_for_content(database)
    job = parts.jobs.get(database.id, ids["job_id"])
    if job is None:
        _refuse_while_importing(parts, database)
        if not is_empty(parts.host(database.region), database.id):
            raise DatabaseStateError("the database is not empty; import into a new one")
        job = _begin(parts, database, brought, ids["job_id"], now)
    if job.is_over():
        return ids
    if isinstance(brought, Zip):
        # Only now, so that nothing is staged for an import that is refused. A worker that comes before finds nothing.
        Transfers(parts.host(database.region)).put(Source.of(job).key, brought.content)
    parts.send(job.queue, database.region, job.message)
    return ids


def follow(parts: Parts, owner: str, database_id: str, job_id: str) -> dict[str, Any]:
    """How far an import or a file's way to its place is.

    Raises: UnknownDatabaseError, DatabaseDestroyedError, UnknownJobError.
    """
    database = existing(parts.databases.of_owner(owner, database_id))
    job = parts.jobs.get(database.id, job_id) if is_id("job", job_id) else None
    if job is None:
        raise UnknownJobError
    shown = {"kind": job.kind.value, "status": job.status.value, "progress": job.progress}
    return shown | ({"error": job.error} if job.error else {})


def _begin(parts: Parts, database: Database, brought: Zip | Stored, job_id: str, now: datetime) -> Job:
    """Make the job and mark the database with it, all or nothing; an upload is used up by it."""
    upload: Job | None = None
    if isinstance(brought, Zip):
        source = Source(database.region, staging_key(database.id, job_id), len(brought.content))
    elif brought.upload_id is not None:
        upload = usable_upload(_upload(parts, database, brought.upload_id), parts.policy, now)
        source = Source(database.region, staging_key(database.id, upload.id), int(upload.detail["bytes"]))
    else:
        source = _export(parts, database.owner, brought.export_id or "", now)
    job = Job(database.id, job_id, Kind.IMPORT, JobStatus.QUEUED, now, detail={"source": source.detail()})
    operations: list[Operation] = [
        parts.databases.import_operation(database, job.id),
        parts.jobs.create_operation(job),
    ]
    if upload:
        operations.append(parts.jobs.use_operation(upload, job.id))
    try:
        parts.transact(operations)
    except TransactionRefusedError as refused:
        if refused.failed == (2,):
            raise JobStateError("the upload was used already") from None
        raise DatabaseStateError("the database is being imported into, or was closed; look at it again") from None
    return job


def _upload(parts: Parts, database: Database, upload_id: str) -> Job | None:
    return parts.jobs.get(database.id, upload_id) if database_of("upl", upload_id) == database.id else None


def _export(parts: Parts, owner: str, export_id: str, now: datetime) -> Source:
    """A ready export of a database of the caller's. Raises: UnknownJobError, JobStateError."""
    try:
        database = parts.databases.of_owner(owner, database_of("exp", export_id) or "")
    except UnknownDatabaseError:
        raise UnknownJobError from None
    if database.status in (Status.DELETING, Status.DESTROYED):
        raise UnknownJobError
    export = export_of(parts, database, export_id)
    if export.status is not JobStatus.READY or export.is_expired(parts.policy, now):
        raise JobStateError("the export is not ready, or has expired; export again")
    key = export_key(database.id, export.id)
    return Source(database.region, key, int(export.detail["bytes"]), staged=False)


def _refuse_while_importing(parts: Parts, database: Database) -> None:
    job = parts.jobs.get(database.id, database.importing) if database.importing else None
    if job is not None and not job.is_over():
        raise DatabaseStateError("the database is being imported into; follow that job")
