"""The content routes while a database is moved to another region: reads are answered, writes are refused."""

from typing import Any

import pytest

from content.parts import Parts
from privacy.hosting import Host
from privacy.hosting.files import Files
from privacy.hosting.records import Records, new_record
from privacy.hosting.transfers import staging_key
from privacy.models.databases import MOVING_AWAY, Database, Status
from privacy.models.ids import new_id_within
from privacy.models.jobs import Job, JobStatus, Kind
from tests.unit.customers import Customer
from tests.unit.engine import NOON, items
from tests.unit.interference import once_before

pytestmark = pytest.mark.promise("databases.region")


@pytest.fixture
def moving(made: Database, parts: Parts, host: Host) -> Database:
    Records(host, made.id).put(new_record("contact", "ada", b'{"n":1}', NOON))
    Files(host, made.id).put("a.txt", "text/plain", b"bytes", NOON)
    return parts.databases.change(made, Status.MOVING, parts.clock())


@pytest.mark.parametrize(
    "path", ["models", "records/contact", "records/contact/ada", "files", "files/content?path=a.txt"]
)
def test_a_read_is_answered_from_where_the_database_still_is(ada: Customer, moving: Database, path: str) -> None:
    assert ada.get(f"/databases/{moving.id}/{path}").status == 200


NDJSON = {"Content-Type": "application/x-ndjson"}


@pytest.mark.parametrize(
    ("method", "path", "request_"),
    [
        ("PUT", "records/contact/ada", {"body": {"n": 2}}),
        ("DELETE", "records/contact/ada", {}),
        ("POST", "records/contact", {"body": '{"key":"a","data":{}}', "headers": NDJSON}),
        ("PUT", "files/content?path=a.txt", {"body": "other", "headers": {"Content-Type": "text/plain"}}),
        ("DELETE", "files/content?path=a.txt", {}),
    ],
)
def test_a_write_is_refused_and_says_when_to_come_again(
    ada: Customer, moving: Database, host: Host, method: str, path: str, request_: dict[str, Any]
) -> None:
    answer = ada.send(method, f"/databases/{moving.id}/{path}", **request_)
    assert (answer.status, answer.json()["detail"]) == (409, MOVING_AWAY)
    record = Records(host, moving.id).get("contact", "ada")
    assert record
    assert record.data == b'{"n":1}'
    assert items("deletions") == []


def test_no_upload_is_begun(ada: Customer, moving: Database) -> None:
    body = {"database_id": moving.id, "bytes": 9_000_000, "content_type": "text/plain"}
    answer = ada.post("/uploads", body=body)
    assert (answer.status, answer.json()["detail"]) == (409, MOVING_AWAY)


def test_a_file_is_not_begun_from_an_upload_once_the_database_is_closed(
    ada: Customer, made: Database, parts: Parts, host: Host
) -> None:
    """The job would be one that a move does not wait for: its request had looked before the database was closed."""
    upload_id = new_id_within("upl", made.id)
    detail = {"bytes": 4, "sealed": Files(host, made.id).sealed_type(upload_id, "text/plain"), "s3_upload": "x"}
    upload = Job(made.id, upload_id, Kind.UPLOAD, JobStatus.OPEN, NOON, detail=detail)
    parts.jobs.create(upload)
    assert parts.jobs.settle(upload, JobStatus.COMPLETE)
    host.s3.put_object(Bucket=host.transfer_bucket, Key=staging_key(made.id, upload_id), Body=b"film")

    def close() -> None:
        parts.databases.change(made, Status.MOVING, parts.clock())

    with once_before("dynamodb.TransactWriteItems", close):
        answer = ada.put(f"/databases/{made.id}/files/content?path=film&upload_id={upload_id}")
    assert answer.status == 409
    assert [job["kind"] for job in items("jobs")] == ["upload"]
    kept = parts.jobs.get(made.id, upload_id)
    assert kept
    assert kept.status is JobStatus.COMPLETE
