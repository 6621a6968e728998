"""Uploads that wait to become recordings, and what lies in the buckets."""

from contextlib import suppress
from datetime import timedelta
from typing import Any

from database_expiry.app import build
from database_expiry.parts import assemble
from privacy.clock import rfc3339
from privacy.hosting import Host
from privacy.hosting.files import Files
from privacy.hosting.transfers import staging_key
from privacy.models.databases import Database
from privacy.models.ids import new_id_within
from privacy.models.jobs import Job, JobStatus, Kind
from privacy.models.recordings import IN_FLIGHT
from privacy.schedules import SweepFailedError
from privacy.settings import Deployment, load
from tests.unit.customers import Customer
from tests.unit.engine import NOON, Answer, Context, SetClock, environment, schedule_event

SECOND = timedelta(seconds=1)
CANARY = b"a canary of a session's recording"
KIND = "video/x-canary"


def uploaded(parts: Any, made: Database, content: bytes = CANARY, *, size: int | None = None) -> str:
    """A complete upload; `size` as it was announced."""
    host, upload_id = parts.host(made.region), new_id_within("upl", made.id)
    host.s3.put_object(Bucket=host.transfer_bucket, Key=staging_key(made.id, upload_id), Body=content)
    sealed = Files(host, made.id).sealed_type(upload_id, KIND)
    detail = {"bytes": size or len(content), "s3_upload": "x", "sealed": sealed}
    upload = Job(made.id, upload_id, Kind.UPLOAD, JobStatus.OPEN, parts.clock(), detail=detail)
    parts.jobs.create(upload)
    parts.jobs.settle(upload, JobStatus.COMPLETE)
    return upload_id


def bring(ada: Customer, upload_id: str, *, started_at: str = rfc3339(NOON), key: str | None = None) -> Answer:
    headers = {"Idempotency-Key": key} if key else {}
    return ada.post("/recordings", body={"upload_id": upload_id, "started_at": started_at}, headers=headers)


def recording(ada: Customer, parts: Any, made: Database, started_at: str = rfc3339(NOON)) -> str:
    """A recording; its id."""
    answer = bring(ada, uploaded(parts, made), started_at=started_at)
    assert answer.status == 201, answer.body
    return str(answer.json()["recording_id"])


def seen(ada: Customer) -> list[str]:
    answer = ada.get("/recordings")
    assert answer.status == 200, answer.body
    return [item["recording_id"] for item in answer.json()["items"]]


def lying(host: Host, bucket: str) -> list[str]:
    """The keys of all versions, markers and open uploads of a bucket of a region."""
    name = getattr(host, f"{bucket}_bucket")
    answer = host.s3.list_object_versions(Bucket=name)
    found = answer.get("Versions", []) + answer.get("DeleteMarkers", [])
    return [entry["Key"] for entry in found + host.s3.list_multipart_uploads(Bucket=name).get("Uploads", [])]


def swept(clock: SetClock) -> dict[str, Any]:
    """A tick of database expiry, once no request can be under way any more; what it did to recordings."""
    clock.set(clock() + IN_FLIGHT)
    return ticked(clock)


def ticked(clock: SetClock) -> dict[str, Any]:
    """A tick of database expiry, now."""
    parts = assemble(load(Deployment, environment("DatabaseExpiryFunction")), clock)
    handler = build(lambda: parts)
    for _ in range(4):
        # The threads of a sweep may meet in moto's S3, which is made for one: as Lambda does, it is tried again.
        with suppress(SweepFailedError):
            return _swept(handler, clock)
    return _swept(handler, clock)


def _swept(handler: Any, clock: SetClock) -> dict[str, Any]:
    told: dict[str, Any] = handler(schedule_event(clock()), Context())["recordings"]
    return told
