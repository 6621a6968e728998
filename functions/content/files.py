"""Files: bytes in and out, small ones through us, large ones by upload and by link."""

from dataclasses import dataclass
from datetime import timedelta
from typing import Any
from urllib.parse import quote

from pydantic import TypeAdapter

from content.access import Content
from content.parts import Parts
from privacy.hosting.files import File
from privacy.hosting.transfers import staging_key
from privacy.models.databases import DatabaseStateError, Status, UnknownContentError
from privacy.models.fields import BYTES, ContentType, FilePath, checked
from privacy.models.ids import database_of, new_id
from privacy.models.jobs import Job, JobStateError, JobStatus, Kind, Source, living_upload, usable_upload
from privacy.policy import Policy
from privacy.tables.deletions import Deletions
from privacy.tables.store import TransactionRefusedError

MAX_INLINE_BYTES = 4_194_304
"""What goes through us: 4 MB (api.md)."""

_PATH: TypeAdapter[str] = TypeAdapter(FilePath)
_TYPE: TypeAdapter[str] = TypeAdapter(ContentType)


@dataclass(frozen=True, slots=True)
class Found:
    """A file to send: its bytes, or a link to them when they are too many."""

    file: File
    content: bytes | None
    link: str | None


def checked_path(text: str | None) -> str:
    """A file's path. Raises: InvalidFieldsError."""
    return checked(_PATH, "path", text or "")


def checked_type(text: str | None, field: str = "Content-Type") -> str:
    """A content type, or the one for bytes of any kind when none was sent. Raises: InvalidFieldsError."""
    return checked(_TYPE, field, (text or "").strip() or BYTES)


def put(content: Content, path: str, content_type: str, body: bytes) -> dict[str, Any]:
    """Store a small file. Raises: KeyDestroyedError, StoreBusyError."""
    return shown(content.files.put(path, content_type, body, content.now))


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


def get(content: Content, path: str, policy: Policy, *, directly: bool) -> Found:
    """A file; `directly` says whether the caller can be given bytes. Raises: UnknownContentError, KeyDestroyedError."""
    found = content.files.read(path, at_most=MAX_INLINE_BYTES if directly else -1)
    if found is None:
        raise UnknownContentError
    file, body = found
    if body is not None:
        return Found(file, body, None)
    life = policy.retention["files.link"].after(content.now) - content.now
    return Found(file, None, content.files.link(file, life // timedelta(seconds=1)))


def delete(content: Content, ledger: Deletions, path: str) -> None:
    """Delete a file. Raises: UnknownContentError, KeyDestroyedError, KeyClosedError, StoreBusyError."""
    if not content.files.delete(path, ledger, content.now):
        raise UnknownContentError


def page(content: Content, limit: int, cursor: str | None) -> tuple[list[dict[str, Any]], str | None]:
    """Some of the files, and the place to go on from. Raises: CursorError, KeyDestroyedError."""
    found = content.files.page(limit=limit, cursor=cursor)
    return [shown(file) for file in found.files], found.cursor


def shown(file: File) -> dict[str, Any]:
    """A file in a list."""
    return {
        "path": file.path,
        "bytes": file.bytes,
        "sha256": file.sha256,
        "content_type": file.content_type,
        "updated_at": file.updated_at,
    }


def headers(file: File) -> dict[str, str]:
    """What goes with a file's bytes: it is saved and never rendered, under the last part of its path (RFC 6266)."""
    name = quote(file.path.rsplit("/", 1)[-1], safe="")
    return {"Content-Disposition": f"attachment; filename*=UTF-8''{name}"}
