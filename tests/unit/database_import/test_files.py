"""An uploaded file's way to its place: whole and once, or a clear reason and no file."""

import hashlib

import pytest

from privacy.models.databases import Database, Status
from privacy.models.ids import new_id
from privacy.models.jobs import LEASE_SECONDS, Job, JobStatus, Kind, Source
from tests.unit import engine
from tests.unit.database_export.world import (
    Before,
    Content,
    Dying,
    content_of,
    database,
    databases,
    deliver,
    files_of,
    finished,
    host,
    in_transfer,
    job_of,
    jobs,
    ledger,
    staged,
)
from tests.unit.engine import SetClock

pytestmark = pytest.mark.usefixtures("stores")

BODY = bytes(range(256)) * 20_000
PATH = "films/été.mp4"
GONE = "the database is being deleted; nothing can be written into it any more"


def asked_file(made: Database, source: Source, clock: SetClock, path: str = PATH) -> Job:
    """A file whose upload is complete, as `PUT …/files/content?upload_id=` leaves it."""
    job_id = new_id("job")
    detail = {"source": source.detail(), "sealed": files_of(made).sealed_name(job_id, path, "video/mp4")}
    job = Job(made.id, job_id, Kind.FILE, JobStatus.QUEUED, clock(), detail=detail)
    jobs().create(job)
    return job


@pytest.mark.promise("databases.ownership")
@pytest.mark.parametrize("region", ["asia", "americas"])
def test_an_upload_becomes_the_file(clock: SetClock, region: str) -> None:
    made = database(clock(), region=region)
    job = finished(asked_file(made, staged(made, BODY), clock), clock)
    assert (job.status, job.progress, job.error) == (JobStatus.DONE, 100, None)
    assert content_of(made).files == {PATH: ("video/mp4", BODY, "2026-11-24T12:00:00Z")}
    file = files_of(made).get(PATH)
    assert file is not None
    assert (file.bytes, file.sha256) == (len(BODY), hashlib.sha256(BODY).hexdigest())
    assert in_transfer(made) == []


@pytest.mark.promise("databases.ownership")
def test_it_takes_the_place_of_the_file_that_was_there(clock: SetClock) -> None:
    made = database(clock())
    files_of(made).put(PATH, "text/plain", b"before", clock())
    finished(asked_file(made, staged(made, BODY), clock), clock)
    assert content_of(made).files[PATH][1] == BODY
    versions = host().s3.list_object_versions(Bucket=host().content_bucket)
    assert len(versions["Versions"]) == 1


def test_repeated_it_changes_nothing(clock: SetClock) -> None:
    made = database(clock())
    job = finished(asked_file(made, staged(made, BODY), clock), clock)
    files_of(made).delete(PATH, ledger(), clock())
    assert deliver(job, clock)
    assert job_of(job) == job
    assert content_of(made) == Content()


def test_after_a_death_before_any_change_the_file_is_there_and_the_upload_is_not(clock: SetClock) -> None:
    made = database(clock())
    asked_for = asked_file(made, staged(made, BODY), clock)
    asked = engine.moment(clock)
    for at in range(100):
        engine.back_to(asked)
        job, worker = asked_for, Dying(at)
        deliver(job, clock, clients=worker)
        if not worker.died:
            break
        clock.advance(seconds=LEASE_SECONDS)
        assert finished(job, clock).status is JobStatus.DONE, at
        assert content_of(made).files[PATH][1] == BODY
        assert in_transfer(made) == []
    assert 4 < at < 99


@pytest.mark.parametrize("what", ["another size", "gone", "somebody else's"])
def test_an_upload_that_is_not_the_one_announced_is_no_file(clock: SetClock, what: str) -> None:
    made, other = database(clock()), database(clock())
    source = staged(other if what == "somebody else's" else made, BODY)
    reason = "what was to be read is not there any more"
    if what == "another size":
        source = Source(source.region, source.key, source.bytes + 1)
        reason = "the upload has not as many bytes as were announced"
    if what == "gone":
        host().s3.delete_object(Bucket=host().transfer_bucket, Key=source.key)
    before = in_transfer(other)
    job = finished(asked_file(made, source, clock), clock)
    assert (job.status, job.error) == (JobStatus.FAILED, reason)
    assert content_of(made) == Content()
    assert in_transfer(made) == []
    assert in_transfer(other) == before


@pytest.mark.promise("databases.grace")
def test_a_cancelled_database_takes_no_file(clock: SetClock) -> None:
    made = database(clock())
    job = asked_file(made, staged(made, BODY), clock)
    databases().change(made, Status.DEACTIVATED, clock())
    job = finished(job, clock)
    assert (job.status, job.error) == (JobStatus.FAILED, "the database is deactivated; its content is closed")
    assert in_transfer(made) == []
    databases().change(databases().get(made.id) or made, Status.ACTIVE, clock())
    assert content_of(made) == Content()


@pytest.mark.promise("databases.destroyed")
@pytest.mark.parametrize("when", ["get_object", "copy_object", "delete_object", "transact_write_items"])
@pytest.mark.parametrize("jobs_too", [False, True])
def test_a_deletion_that_is_faster_leaves_nothing_in_the_transfer_bucket(
    clock: SetClock, when: str, jobs_too: bool
) -> None:
    made = database(clock())
    job = asked_file(made, staged(made, BODY), clock)

    def destroy() -> None:
        databases().change(made, Status.DELETING, clock())
        host().keyring.destroy(made.id, clock())
        if jobs_too:
            jobs().remove(job)

    assert deliver(job, clock, clients=Before(when, destroy))
    assert in_transfer(made) == []
    if jobs_too:
        assert jobs().get(made.id, job.id) is None
    else:
        assert (job_of(job).status, job_of(job).error) == (JobStatus.FAILED, GONE)


def test_files_and_imports_are_sent_on_to_their_own_queue(clock: SetClock) -> None:
    made = database(clock())
    finished(asked_file(made, staged(made, BODY), clock), clock)
    assert engine.messages("import") == []
    assert engine.messages("export") == []
