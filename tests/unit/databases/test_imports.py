"""Imports: into an empty database, one at a time, from a ZIP, an upload or an export of the caller's own."""

import json
from datetime import timedelta
from typing import Any

import pytest
from botocore.exceptions import EndpointConnectionError

from databases.parts import Parts
from privacy.hosting.files import Files
from privacy.hosting.records import Records, new_record
from privacy.hosting.transfers import Transfers, export_key, staging_key
from privacy.models.databases import Database, Status
from privacy.models.ids import new_id_within
from privacy.models.jobs import Job, JobStatus, Kind, Source
from privacy.tables.deletions import Deletions
from privacy.tables.store import transact
from tests.unit.customers import Customer, database, signed_in
from tests.unit.engine import AMERICAS, NOON, Answer, SetClock, items, messages, table
from tests.unit.interference import once_before

ZIP = b"PK\x03\x04 canary content"
AS_ZIP = {"Content-Type": "application/zip"}


@pytest.fixture
def made(parts: Parts, ada: Customer) -> Database:
    return database(parts, ada.owner, region="americas")


def bring(ada: Customer, made: Database, body: Any = ZIP, **headers: str) -> Answer:
    sent = headers if isinstance(body, dict) else AS_ZIP | headers
    return ada.post(f"/databases/{made.id}/import", body=body, headers=sent)


def upload(parts: Parts, made: Database, status: JobStatus = JobStatus.COMPLETE) -> str:
    upload_id = new_id_within("upl", made.id)
    job = Job(made.id, upload_id, Kind.UPLOAD, JobStatus.OPEN, parts.clock(), detail={"bytes": 7, "s3_upload": "x"})
    parts.jobs.create(job)
    if status is not JobStatus.OPEN:
        parts.jobs.settle(job, status)
    return upload_id


def ready_export(parts: Parts, of: Database) -> str:
    export_id = new_id_within("exp", of.id)
    parts.jobs.create(Job(of.id, export_id, Kind.EXPORT, JobStatus.QUEUED, parts.clock()))
    job = parts.jobs.take(of.id, export_id, parts.clock())
    assert job is not None
    detail = {"bytes": 99, "sha256": "ab"}
    transact(
        parts.jobs.table.client,
        [parts.jobs.finish_operation(job, JobStatus.READY, parts.clock(), detail=detail)],
    )
    return export_id


def job_of(parts: Parts, made: Database, answer: Answer) -> Job:
    assert answer.status == 202, answer.body
    job = parts.jobs.get(made.id, answer.json()["job_id"])
    assert job is not None
    return job


def finish(parts: Parts, job: Job, status: JobStatus) -> None:
    taken = parts.jobs.take(job.database_id, job.id, parts.clock())
    assert taken is not None
    transact(parts.jobs.table.client, [parts.jobs.finish_operation(taken, status, parts.clock(), error="ours")])


@pytest.mark.promise("databases.export")
def test_a_zip_is_staged_and_queued_where_the_database_lies(ada: Customer, parts: Parts, made: Database) -> None:
    job = job_of(parts, made, bring(ada, made))
    source = Source.of(job)
    assert (job.kind, source) == (Kind.IMPORT, Source("americas", staging_key(made.id, job.id), len(ZIP), staged=True))
    assert Transfers(parts.host("americas")).open(source.key).read() == ZIP
    assert [json.loads(body) for body in messages("import", AMERICAS)] == [{"database_id": made.id, "job_id": job.id}]
    assert ada.get(f"/databases/{made.id}/jobs/{job.id}").json() == {
        "kind": "import",
        "status": "queued",
        "progress": 0,
    }


@pytest.mark.promise("databases.export")
def test_a_complete_upload_is_imported_once(ada: Customer, parts: Parts, made: Database) -> None:
    upload_id = upload(parts, made)
    job = job_of(parts, made, bring(ada, made, {"upload_id": upload_id}))
    assert Source.of(job) == Source("americas", staging_key(made.id, upload_id), 7, staged=True)
    used = parts.jobs.get(made.id, upload_id)
    assert used is not None
    assert (used.status, used.detail["job_id"]) == (JobStatus.DONE, job.id)
    finish(parts, job, JobStatus.FAILED)
    assert bring(ada, made, {"upload_id": upload_id}).status == 409


@pytest.mark.promise("databases.export")
def test_an_export_of_another_database_of_the_callers_is_imported(ada: Customer, parts: Parts, made: Database) -> None:
    other = database(parts, ada.owner, region="asia")
    export_id = ready_export(parts, other)
    job = job_of(parts, made, bring(ada, made, {"export_id": export_id}))
    # It is not the job's own: whoever ends the job leaves it where it is.
    assert Source.of(job) == Source("asia", export_key(other.id, export_id), 99, staged=False)


@pytest.mark.promise("databases.ownership")
def test_somebody_elses_export_or_upload_is_unknown(ada: Customer, bob: Customer, parts: Parts, made: Database) -> None:
    theirs = database(parts, bob.owner)
    for body in ({"export_id": ready_export(parts, theirs)}, {"upload_id": upload(parts, theirs)}):
        assert bring(ada, made, body).status == 404
    assert messages("import", AMERICAS) == []


def test_an_upload_of_another_database_is_unknown_here(ada: Customer, parts: Parts, made: Database) -> None:
    assert bring(ada, made, {"upload_id": upload(parts, database(parts, ada.owner))}).status == 404


@pytest.mark.parametrize("status", [JobStatus.OPEN, JobStatus.FAILED])
def test_an_upload_that_is_not_complete_is_refused(
    ada: Customer, parts: Parts, made: Database, status: JobStatus
) -> None:
    assert bring(ada, made, {"upload_id": upload(parts, made, status)}).status == 409


@pytest.mark.parametrize(("seconds", "status"), [(-1, 202), (0, 404)])
def test_an_upload_is_gone_from_the_very_second_at_which_its_day_ends(
    ada: Customer, parts: Parts, made: Database, clock: SetClock, seconds: int, status: int
) -> None:
    upload_id = upload(parts, made)
    clock.set(NOON + timedelta(days=1, seconds=seconds))
    assert bring(ada, made, {"upload_id": upload_id}).status == status


@pytest.mark.promise("exports.retention")
def test_an_export_that_is_not_ready_or_has_expired_is_refused(
    ada: Customer, parts: Parts, made: Database, clock: SetClock
) -> None:
    other = database(parts, ada.owner)
    unready = new_id_within("exp", other.id)
    parts.jobs.create(Job(other.id, unready, Kind.EXPORT, JobStatus.QUEUED, NOON))
    assert bring(ada, made, {"export_id": unready}).status == 409
    export_id = ready_export(parts, other)
    clock.set(NOON + timedelta(days=7))
    assert bring(signed_in(ada, parts), made, {"export_id": export_id}).status == 409


@pytest.mark.parametrize("status", [Status.DELETING, Status.DESTROYED])
def test_an_export_of_a_database_that_goes_or_is_gone_is_unknown(
    ada: Customer, parts: Parts, made: Database, status: Status
) -> None:
    other = database(parts, ada.owner)
    export_id = ready_export(parts, other)
    other = parts.databases.change(other, Status.DELETING, NOON)
    if status is Status.DESTROYED:
        parts.databases.change(other, status, NOON)
    assert bring(ada, made, {"export_id": export_id}).status == 404


def test_a_body_that_names_no_single_source_is_refused(
    ada: Customer, made: Database, subtests: pytest.Subtests
) -> None:
    cases: list[tuple[dict[str, Any], str]] = [
        ({}, "upload_id"),
        ({"upload_id": "upl_a", "export_id": "exp_a"}, "upload_id"),
        ({"upload_id": 7}, "upload_id"),
        ({"export_id": None}, "upload_id"),
        ({"url": "https://example.org/x.zip"}, "(unknown)"),
    ]
    for body, field in cases:
        with subtests.test(body=body, field=field):
            answer = bring(ada, made, body)
            assert answer.status == 422
            assert field in answer.errors


@pytest.mark.parametrize(
    ("body", "headers", "status"),
    [
        (b"not a zip", AS_ZIP, 422),
        (b"", AS_ZIP, 422),
        (ZIP, {"Content-Type": "text/plain"}, 415),
        (ZIP, {"Content-Type": "application/json"}, 400),
        (b"{", {}, 400),
        (b"PK" + b"x" * 4_194_303, AS_ZIP, 413),
        (b"PK" + b"x" * 4_194_302, AS_ZIP, 202),
        (ZIP, {"Content-Type": "application/octet-stream"}, 202),
        (ZIP, {}, 202),
    ],
)
def test_a_body_is_a_zip_of_four_megabytes_at_most(
    ada: Customer, made: Database, body: bytes, headers: dict[str, str], status: int
) -> None:
    assert ada.post(f"/databases/{made.id}/import", body=body, headers=headers).status == status
    assert len(items("jobs")) == (status == 202)


def test_a_database_that_holds_a_record_or_a_file_takes_no_import(ada: Customer, parts: Parts, made: Database) -> None:
    host = parts.host("americas")
    Records(host, made.id).put(new_record("a", "b", b"{}", NOON))
    assert bring(ada, made).status == 409
    Records(host, made.id).delete("a", "b", Deletions(table("deletions"), parts.policy), NOON)
    Files(host, made.id).put("a", "a/a", b"", NOON)
    assert bring(ada, made).status == 409
    assert items("jobs") == []


@pytest.mark.parametrize("status", [Status.DEACTIVATED, Status.DELETING])
def test_only_an_active_database_takes_an_import(ada: Customer, parts: Parts, made: Database, status: Status) -> None:
    parts.databases.change(made, status, NOON)
    assert bring(ada, made).status == 409


def test_a_second_import_waits_until_the_first_is_over_however_that_ended(
    ada: Customer, parts: Parts, made: Database
) -> None:
    first = job_of(parts, made, bring(ada, made))
    assert bring(ada, made).status == 409
    finish(parts, first, JobStatus.FAILED)
    second = job_of(parts, made, bring(ada, made))
    assert second.id != first.id
    # The deletion of a database, or a sweep, may have taken the job: then nothing is under way.
    parts.jobs.remove(second)
    assert bring(ada, made).status == 202


def test_of_two_imports_at_once_one_begins_and_nothing_of_the_other_is_staged(
    ada: Customer, parts: Parts, made: Database
) -> None:
    with once_before("dynamodb.TransactWriteItems", lambda: bring(ada, made)):
        assert bring(ada, made).status == 409
    (job,) = items("jobs")
    staged = parts.host("americas").s3.list_objects_v2(Bucket=parts.host("americas").transfer_bucket)
    assert [entry["Key"] for entry in staged["Contents"]] == [staging_key(made.id, job["id"])]


def test_an_import_that_a_cancellation_overtakes_is_refused_and_leaves_its_upload_usable(
    ada: Customer, parts: Parts, made: Database
) -> None:
    upload_id = upload(parts, made)
    cancel = lambda: parts.databases.change(made, Status.DEACTIVATED, NOON)  # noqa: E731
    with once_before("dynamodb.TransactWriteItems", cancel):
        assert bring(ada, made, {"upload_id": upload_id}).status == 409
    kept = parts.jobs.get(made.id, upload_id)
    assert kept is not None
    assert kept.status is JobStatus.COMPLETE


@pytest.mark.parametrize("call", ["s3.PutObject", "sqs.SendMessage"])
def test_an_import_that_broke_off_is_carried_out_by_its_repetition(
    ada: Customer, parts: Parts, made: Database, call: str
) -> None:
    def down() -> None:
        raise EndpointConnectionError(endpoint_url="nowhere")

    key = {"Idempotency-Key": "one"}
    with once_before(call, down):
        assert bring(ada, made, ZIP, **key).status == 503
    job = job_of(parts, made, bring(ada, made, ZIP, **key))
    assert [item["id"] for item in items("jobs")] == [job.id]
    assert Transfers(parts.host("americas")).size(Source.of(job).key) == len(ZIP)
    assert len(messages("import", AMERICAS)) == 1


def test_the_same_key_with_another_zip_is_refused(ada: Customer, made: Database) -> None:
    bring(ada, made, ZIP, **{"Idempotency-Key": "one"})
    answer = bring(ada, made, ZIP + b"other", **{"Idempotency-Key": "one"})
    assert (answer.status, list(answer.errors)) == (422, ["Idempotency-Key"])


def test_a_job_tells_its_progress_and_what_went_wrong(ada: Customer, parts: Parts, made: Database) -> None:
    job = job_of(parts, made, bring(ada, made))
    finish(parts, job, JobStatus.FAILED)
    shown = ada.get(f"/databases/{made.id}/jobs/{job.id}").json()
    assert shown == {"kind": "import", "status": "failed", "progress": 0, "error": "ours"}
    for wrong in ("job_x", "job_" + "a" * 26, upload(parts, made)):
        assert ada.get(f"/databases/{made.id}/jobs/{wrong}").status == 404
