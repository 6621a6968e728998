"""Uploads of what is larger than 4 MB: parts go straight to the transfer bucket, by links that live for an hour."""

from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta
from typing import Annotated, Any

from pydantic import Field

from content.access import Content, opened
from content.files import checked_type
from content.parts import Parts
from privacy.hosting.transfers import (
    MAX_UPLOAD_BYTES,
    PartsRefusedError,
    Transfers,
    staging_key,
)
from privacy.models.fields import Form, InvalidFieldsError
from privacy.models.ids import database_of, new_id_within
from privacy.models.jobs import Job, JobStateError, JobStatus, Kind, UnknownJobError, living_upload
from privacy.tables.store import ConditionFailedError

Ids = dict[str, Any]

MAX_PARTS = 10_000
"""https://docs.aws.amazon.com/AmazonS3/latest/userguide/qfacts.html"""


class NewUpload(Form):
    """`POST /uploads`."""

    database_id: str
    bytes: Annotated[int, Field(strict=True, ge=1, le=MAX_UPLOAD_BYTES)]
    content_type: str


class Part(Form):
    """A part that was stored, as S3 answered it."""

    number: Annotated[int, Field(strict=True, ge=1, le=MAX_PARTS)]
    etag: Annotated[str, Field(strict=True, pattern=r'^"?[0-9A-Za-z+/=_-]{1,128}"?$')]


class Completion(Form):
    """`POST /uploads/{id}/completion`."""

    parts: Annotated[list[Part], Field(min_length=1, max_length=MAX_PARTS)]


def plan(form: NewUpload) -> Ids:
    """The id of a new upload: it holds the database's, since the completion's route does not."""
    return {"upload_id": new_id_within("upl", form.database_id)}


def begin(parts: Parts, content: Content, form: NewUpload, ids: Ids) -> Ids:
    """Open an upload. Repeated with the same ids, the first one stays.

    Raises: InvalidFieldsError, KeyDestroyedError.
    """
    content_type = checked_type(form.content_type, "content_type")
    database_id, upload_id = content.database.id, ids["upload_id"]
    if parts.jobs.get(database_id, upload_id) is not None:
        return ids
    transfers, key = Transfers(content.host), staging_key(database_id, upload_id)
    s3_upload = transfers.begin(key)
    sealed = content.files.sealed_type(upload_id, content_type)
    detail = {"bytes": form.bytes, "s3_upload": s3_upload, "sealed": sealed}
    try:
        parts.jobs.create(Job(database_id, upload_id, Kind.UPLOAD, JobStatus.OPEN, content.now, detail=detail))
    except ConditionFailedError:
        transfers.abort(key, s3_upload)
    return ids


def links(parts: Parts, content: Content, ids: Ids) -> dict[str, Any]:
    """The links of an upload's parts, minted anew: they end with the upload at the latest.

    Raises: UnknownJobError.
    """
    upload = living_upload(parts.jobs.get(content.database.id, ids["upload_id"]), parts.policy, content.now)
    ends = min(
        parts.policy.retention["uploads.link"].after(content.now),
        parts.policy.retention["uploads"].after(upload.created_at),
    )
    seconds = (ends - content.now) // timedelta(seconds=1)
    key, size = staging_key(content.database.id, upload.id), int(upload.detail["bytes"])
    part_size, urls = Transfers(content.host).part_links(key, upload.detail["s3_upload"], size, seconds)
    return {"upload_id": upload.id, "part_size": part_size, "parts": urls}


def complete(parts: Parts, content: Content, upload_id: str, form: Completion) -> dict[str, str]:
    """Join an upload's parts; repeated, the same answer.

    Nothing is joined before the parts are known to be the announced content, so a wrong list of them may be put right.
    Once S3 has joined them there is no way back, and whoever comes next (a repetition after a crash, a request beside
    this one) notes what became of it.

    Raises: UnknownJobError, JobStateError, InvalidFieldsError when the parts are not those that are stored, or have not
    the announced size: the upload stays open.
    """

    def read() -> Job:
        return living_upload(parts.jobs.get(content.database.id, upload_id), parts.policy, content.now)

    upload = read()
    if upload.status is JobStatus.OPEN:
        size = _joined(content, upload, form)
        if size is not None:
            fits = size == int(upload.detail["bytes"])
            parts.jobs.settle(upload, JobStatus.COMPLETE if fits else JobStatus.FAILED)
        upload = read()
    if upload.status is JobStatus.OPEN:  # S3 knows neither its parts nor an object
        raise UnknownJobError
    if upload.status is JobStatus.FAILED:
        raise JobStateError("the upload failed; begin a new one")
    return {"upload_id": upload.id, "status": JobStatus.COMPLETE.value}


def _joined(content: Content, upload: Job, form: Completion) -> int | None:
    """Have S3 join the parts, unless it has already; the bytes of the object, or None when there is none (any more).

    Raises: InvalidFieldsError.
    """
    transfers, key = Transfers(content.host), staging_key(content.database.id, upload.id)
    s3_upload = upload.detail["s3_upload"]
    stored = transfers.parts(key, s3_upload)
    if stored is not None:
        _compare(form.parts, stored, int(upload.detail["bytes"]))
        sent = sorted((part.number, part.etag) for part in form.parts)
        try:
            transfers.complete(key, s3_upload, sent)
        except PartsRefusedError:
            raise _wrong("must be the parts that are stored, all but the last as large as part_size") from None
    return transfers.size(key)


def _compare(sent: Sequence[Part], stored: Mapping[int, tuple[str, int]], size: int) -> None:
    """Check that the parts are stored as they are named, and are the announced bytes together: S3 would join any of
    them, and forget the others.

    Raises: InvalidFieldsError.
    """
    if len({part.number for part in sent}) < len(sent):
        raise _wrong("must have each number once")
    errors: list[dict[str, str]] = []
    for place, part in enumerate(sent):
        if part.number not in stored:
            errors.append({"field": f"parts.{place}.number", "message": "names a part that is not stored"})
        elif part.etag.strip('"') != stored[part.number][0]:
            errors.append({"field": f"parts.{place}.etag", "message": "is not the ETag that this part was stored with"})
    if errors:
        raise InvalidFieldsError(errors)
    if sum(stored[part.number][1] for part in sent) != size:
        raise _wrong("must have as many bytes together as were announced; name every part, or send some again")


def content_of(parts: Parts, owner: str, upload_id: str, now: datetime) -> Content:
    """The content of the database that an upload's id names. Raises: UnknownJobError for an id that names none."""
    database_id = database_of("upl", upload_id)
    if database_id is None:
        raise UnknownJobError
    return opened(parts, owner, database_id, now)


def _wrong(message: str) -> InvalidFieldsError:
    return InvalidFieldsError([{"field": "parts", "message": message}])
