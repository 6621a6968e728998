"""Files: bytes in and out, small ones through us, large ones by upload and by link."""

from typing import Any

from pydantic import TypeAdapter

from content.access import Content
from content.parts import Parts
from privacy.hosting import reading
from privacy.hosting.transfers import staging_key
from privacy.models.databases import DatabaseStateError, Status, UnknownContentError
from privacy.models.fields import BYTES, ContentType, checked
from privacy.models.ids import database_of, new_id
from privacy.models.jobs import Job, JobStateError, JobStatus, Kind, Source, living_upload, usable_upload
from privacy.tables.deletions import Deletions
from privacy.tables.store import TransactionRefusedError

_TYPE: TypeAdapter[str] = TypeAdapter(ContentType)


def checked_type(text: str | None, field: str = "Content-Type") -> str:
    """A content type, or the one for bytes of any kind when none was sent. Raises: InvalidFieldsError."""
    return checked(_TYPE, field, (text or "").strip() or BYTES)


def put(content: Content, path: str, content_type: str, body: bytes) -> dict[str, Any]:
    """Store a small file. Raises: KeyDestroyedError, StoreBusyError."""
    return reading.shown(content.files.put(path, content_type, body, content.now))


def adopt(parts: Parts, content: Content, path: str, upload_id: str) -> dict[str, str]:
    """Queue the way of a complete upload to its place as a file; repeated for the same path, the same job.

    Raises: UnknownJobError, JobStateError, KeyDestroyedError.
    """
    database = content.database
    known = database_of("upl", upload_id) == database.id
    upload = living_upload(parts.jobs.get(database.id, upload_id) if known else None, parts.policy, content.now)
    job = parts.jobs.get(database.id, upload.detail["job_id"]) if "job_id" in upload.detail else None
    if job is None:
        job = _begin(parts, content, path, usable_upload(upload, parts.policy, content.now))
    elif job.kind is not Kind.FILE or content.files.name(job.id, job.detail["sealed"])[0] != path:
        raise JobStateError("the upload was used already")
    if not job.is_over():
        parts.queues.send(job.queue, parts.policy.regions[database.region].aws, job.message)
    return {"job_id": job.id}


def _begin(parts: Parts, content: Content, path: str, upload: Job) -> Job:
    database, job_id = content.database, new_id("job")
    source = Source(database.region, staging_key(database.id, upload.id), int(upload.detail["bytes"]))
    content_type = content.files.type(upload.id, upload.detail["sealed"])
    sealed = content.files.sealed_name(job_id, path, content_type)
    detail = {"source": source.detail(), "sealed": sealed}
    job = Job(database.id, job_id, Kind.FILE, JobStatus.QUEUED, content.now, detail=detail)
    still_open = parts.databases.check_operation(database.id, Status.ACTIVE)
    operations = [still_open, parts.jobs.use_operation(upload, job.id), parts.jobs.create_operation(job)]
    try:
        parts.transact(operations)
    except TransactionRefusedError as refused:
        if 0 in refused.failed:
            raise DatabaseStateError("the database was closed in the meantime; look at it again") from None
        raise JobStateError("the upload was used already") from None
    return job


def delete(content: Content, ledger: Deletions, path: str) -> None:
    """Delete a file. Raises: UnknownContentError, KeyDestroyedError, KeyClosedError, StoreBusyError."""
    if not content.files.delete(path, ledger, content.now):
        raise UnknownContentError
