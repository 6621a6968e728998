"""An export: what is in it, how it goes on, and what it leaves behind."""

import hashlib
import io
import json
import random
import shutil
import subprocess
import zipfile
from datetime import timedelta
from pathlib import Path

import pytest
from botocore.exceptions import ClientError

from privacy import policy
from privacy.hosting.transfers import export_key, journal_key
from privacy.models.databases import Counts, Database, Status
from privacy.models.ids import new_id, new_id_within
from privacy.models.jobs import LEASE_SECONDS, Job, JobStatus, Kind
from privacy.tables.store import epoch
from tests.unit import engine
from tests.unit.database_export.world import (
    CROWDED,
    SMALL,
    Before,
    Content,
    Dying,
    Hurried,
    asked_export,
    database,
    databases,
    deliver,
    exported,
    files_of,
    fill,
    finished,
    host,
    in_transfer,
    job_of,
    jobs,
    ledger,
    manifest_of,
    records_of,
    zip_of,
)
from tests.unit.engine import SetClock

pytestmark = pytest.mark.usefixtures("stores")

UNZIP = shutil.which("unzip")
NOISE = random.Random(7).randbytes(12_000_000)
LARGE = Content(SMALL.records, SMALL.files | {
    "one.bin": ("application/octet-stream", NOISE[:6_000_000], "2026-03-01T10:00:00Z"),
    "two.bin": ("image/png", NOISE[6_000_000:], "2026-03-01T10:00:00Z"),
})  # fmt: skip
MIDDLING = Content(
    {("movies", "m1"): (b"{}", "2026-01-01T00:00:01Z")},
    {"a": ("image/png", NOISE[:8_400_000], "2026-03-01T10:00:00Z"), "b": ("text/plain", b"b", "2026-03-01T10:00:00Z")},
)
"""Both are more than one part of a multipart upload."""


# --- what is in it -------------------------------------------------------------------------------------------------


@pytest.mark.promise("databases.export")
@pytest.mark.parametrize("region", ["asia", "americas"])
def test_an_export_holds_every_record_and_every_file(clock: SetClock, region: str) -> None:
    made = database(clock(), region=region)
    fill(made)
    data = exported(made, clock)
    with zipfile.ZipFile(io.BytesIO(data)) as archive:
        lines = {name: archive.read(name).splitlines() for name in archive.namelist() if name.startswith("records/")}
        files = {name: archive.read(name) for name in archive.namelist() if name.startswith("files/")}
    assert lines.keys() == {"records/movies.jsonl", "records/a.2.jsonl"}
    assert lines["records/a.2.jsonl"] == [
        b'{"key":"x@example.org","data":{"n":-0},"updated_at":"2026-02-01T00:00:00Z"}'
    ]
    assert len(lines["records/movies.jsonl"]) == 2
    assert files == {f"files/{path}": body for path, (_, body, _) in SMALL.files.items()}
    manifest = manifest_of(data)
    assert (manifest["database"], manifest["created_at"]) == ("Films", "2026-11-24T12:00:00Z")
    assert manifest["policy_version"] == policy.load().version.isoformat()
    rows = {row["path"]: row for row in manifest["members"]}
    assert rows["records/movies.jsonl"]["records"] == 2
    picture = rows["files/pictures/été.png"]
    assert (picture["type"], picture["updated_at"]) == ("image/png", "2026-03-01T10:00:01Z")


@pytest.mark.promise("databases.export")
def test_the_job_says_how_large_the_zip_is_and_what_its_digest_is(clock: SetClock) -> None:
    made = database(clock())
    fill(made)
    job = finished(asked_export(made, clock()), clock)
    data = zip_of(made, job)
    assert job.detail == {"bytes": len(data), "sha256": hashlib.sha256(data).hexdigest()}
    assert (job.status, job.progress, job.finished_at) == (JobStatus.READY, 100, clock())
    assert in_transfer(made) == [export_key(made.id, job.id)]


@pytest.mark.promise("databases.export")
@pytest.mark.parametrize("looks", [None, 0])
def test_an_empty_database_has_an_export_too(clock: SetClock, looks: int | None) -> None:
    made = database(clock())
    job = finished(asked_export(made, clock()), clock, looks=looks)
    assert [row["path"] for row in manifest_of(zip_of(made, job))["members"]] == ["README.txt"]


@pytest.mark.promise("databases.export", "databases.grace")
def test_a_cancelled_database_can_be_exported_until_its_grace_period_ends(clock: SetClock) -> None:
    made = database(clock())
    fill(made)
    databases().change(made, Status.DEACTIVATED, clock())
    clock.advance(days=21, seconds=-1)
    assert len(manifest_of(exported(made, clock))["members"]) == 5
    late = asked_export(made, clock())
    clock.advance(seconds=1)
    job = finished(late, clock)
    assert job.status is JobStatus.FAILED
    assert job.error == "the grace period has ended; the database is being destroyed"


@pytest.mark.skipif(UNZIP is None, reason="unzip is not installed")
@pytest.mark.promise("databases.export")
def test_unzip_finds_no_fault(clock: SetClock, tmp_path: Path) -> None:
    made = database(clock())
    fill(made)
    (tmp_path / "export.zip").write_bytes(exported(made, clock))
    subprocess.run([str(UNZIP), "-tqq", "export.zip"], cwd=tmp_path, check=True, timeout=60)  # noqa: S603


@pytest.mark.promise("databases.export")
@pytest.mark.parametrize("looks", [None, 0])
def test_files_that_are_in_each_others_way_are_all_unpacked(clock: SetClock, tmp_path: Path, looks: int | None) -> None:
    made = database(clock())
    fill(made, CROWDED)
    job = finished(asked_export(made, clock()), clock, looks=looks)
    data = zip_of(made, job)
    assert data == exported(made, clock)
    with zipfile.ZipFile(io.BytesIO(data)) as archive:
        archive.extractall(tmp_path)
        assert len({name.casefold() for name in archive.namelist()}) == len(CROWDED.files) + 2
    rows = [row for row in manifest_of(data)["members"] if row["path"].startswith("files/")]
    found = {row.get("file", row["path"][len("files/") :]): (tmp_path / row["path"]).read_bytes() for row in rows}
    assert found == {path: body for path, (_, body, _) in CROWDED.files.items()}
    assert any("file" in row for row in rows)
    assert any("file" not in row for row in rows)


# --- how it goes on ------------------------------------------------------------------------------------------------


@pytest.mark.promise("databases.export")
def test_when_time_is_up_the_next_worker_goes_on_and_the_zip_is_the_same(clock: SetClock) -> None:
    made = database(clock())
    fill(made, LARGE)
    expected = exported(made, clock)
    for looks in (0, 2):
        job = finished(asked_export(made, clock()), clock, looks=looks)
        data = zip_of(made, job)
        assert data == expected
        assert job.detail["sha256"] == hashlib.sha256(data).hexdigest()
    assert all(key.endswith(".zip") for key in in_transfer(made))


def test_progress_is_told_and_never_done_before_it_is(clock: SetClock) -> None:
    made = database(clock())
    fill(made)
    size = sum(len(data) for data, _ in SMALL.records.values()) + 1024
    databases().set_counts(made.id, Counts(3, 2, size, clock()))
    seen = []
    job = asked_export(made, clock())
    while not job_of(job).is_over():
        assert deliver(job, clock, context=Hurried(looks=0))
        seen.append(job_of(job).progress)
    assert seen == sorted(seen)
    assert len(set(seen)) > 2
    assert max(seen[:-1]) < seen[-1] == 100


@pytest.mark.promise("databases.export")
@pytest.mark.parametrize(("looks", "step"), [(None, 1), (1, 3)], ids=["at ease", "in a hurry"])
def test_after_a_death_before_any_change_the_export_is_whole_and_nothing_else_is_left(
    clock: SetClock, looks: int | None, step: int
) -> None:
    made = database(clock())
    fill(made, MIDDLING)
    expected = exported(made, clock)
    asked_for = asked_export(made, clock())
    asked = engine.moment(clock)
    for at in range(random.randrange(step), 100, step):
        engine.back_to(asked)
        job, worker = asked_for, Dying(at)
        for _ in range(20):
            if worker.died or job_of(job).is_over():
                break
            deliver(job, clock, clients=worker, context=Hurried(looks=looks) if looks else None)
        if not worker.died:
            break
        engine.messages("export")
        clock.advance(seconds=LEASE_SECONDS)
        job = finished(job, clock)
        assert job.status is JobStatus.READY, (at, job.error)
        data = zip_of(made, job)
        assert _but_for_its_time(data) == _but_for_its_time(expected), at
        assert job.detail == {"bytes": len(data), "sha256": hashlib.sha256(data).hexdigest()}
        assert [key for key in in_transfer(made) if job.id in key] == [export_key(made.id, job.id)], at
    assert 5 < at < 97


def _but_for_its_time(data: bytes) -> object:
    with zipfile.ZipFile(io.BytesIO(data)) as archive:
        manifest = json.loads(archive.read("manifest.json"))
        assert archive.testzip() is None
        return manifest["members"], [(info.filename, info.CRC) for info in archive.infolist()[:-1]]


def test_a_ready_export_is_not_written_again(clock: SetClock) -> None:
    made = database(clock())
    fill(made)
    job = finished(asked_export(made, clock()), clock)
    before = zip_of(made, job)
    records_of(made).delete("movies", "m1", ledger(), clock())
    clock.advance(hours=1)
    for _ in range(2):
        assert deliver(job, clock)
    assert zip_of(made, job) == before
    assert job_of(job) == job


def test_while_one_worker_has_the_lease_another_does_nothing(clock: SetClock) -> None:
    made = database(clock())
    job = asked_export(made, clock())
    taken = jobs().take(made.id, job.id, clock())
    clock.advance(seconds=LEASE_SECONDS - 1)
    assert deliver(job, clock)
    assert job_of(job) == taken
    assert in_transfer(made) == []
    clock.advance(seconds=1)
    assert finished(job, clock).status is JobStatus.READY


def test_a_worker_that_lost_its_lease_writes_no_journal_and_ends_nothing(clock: SetClock) -> None:
    made = database(clock())
    fill(made)
    for name in ("update_item", "transact_write_items"):
        job = asked_export(made, clock())

        def lose(job: Job = job) -> None:
            table = engine.table("jobs")
            item = table.get({"database_id": made.id, "id": job.id})
            assert item is not None
            table.put(item | {"lease_until": epoch(clock()) + 5000})

        # The first update takes the lease; the second would journal.
        worker = Before(name, lose, skip=1 if name == "update_item" else 0)
        context = Hurried(looks=0) if name == "update_item" else None
        assert deliver(job, clock, clients=worker, context=context)
        assert worker.skip < 0
        assert job_of(job).status is JobStatus.RUNNING
        assert journal_key(made.id, job.id) not in in_transfer(made)
        assert engine.messages("export") == []


def test_an_upload_that_is_gone_is_begun_anew(clock: SetClock) -> None:
    made = database(clock())
    fill(made, LARGE)
    expected = exported(made, clock)
    job = asked_export(made, clock())
    place = host()
    while not (opened := place.s3.list_multipart_uploads(Bucket=place.transfer_bucket).get("Uploads")):
        assert deliver(job, clock, context=Hurried(looks=0))
    (upload,) = opened
    place.s3.abort_multipart_upload(Bucket=place.transfer_bucket, Key=upload["Key"], UploadId=upload["UploadId"])

    def gone() -> None:  # moto fails in another way, where S3 says so
        raise ClientError({"Error": {"Code": "NoSuchUpload"}}, "UploadPart")

    assert deliver(job, clock, clients=Before("upload_part", gone))
    job = job_of(job)
    assert job.status is JobStatus.READY
    assert zip_of(made, job) == expected
    assert [key for key in in_transfer(made) if job.id in key] == [export_key(made.id, job.id)]


def test_an_error_gives_the_lease_back_so_that_the_next_delivery_goes_on(clock: SetClock) -> None:
    made = database(clock())
    fill(made)
    job = asked_export(made, clock())

    def fail() -> None:
        raise ConnectionError("canary-7f3a")

    assert not deliver(job, clock, clients=Before("put_object", fail))
    assert job_of(job).lease_until is None
    assert finished(job, clock).status is JobStatus.READY


# --- what changes meanwhile ----------------------------------------------------------------------------------------


@pytest.mark.promise("databases.deletion", "databases.export")
@pytest.mark.parametrize("looks", [None, 0])
@pytest.mark.parametrize("step", ["hidden", "key destroyed", "jobs removed"])
def test_a_deletion_in_the_middle_ends_the_export_and_leaves_nothing(
    clock: SetClock, step: str, looks: int | None
) -> None:
    calls = ["query", "complete_multipart_upload", "transact_write_items"] if looks is None else ["put_object"]
    for name in calls:
        made = database(clock())
        fill(made, MIDDLING)
        job = asked_export(made, clock())

        def delete(made: Database = made, job: Job = job) -> None:
            databases().change(made, Status.DELETING, clock())
            if step != "hidden":
                host().keyring.destroy(made.id, clock())
            if step == "jobs removed":
                jobs().remove(job)

        worker = Before(name, delete, skip=40 if name == "query" else 0)
        for _ in range(12):
            deliver(job, clock, clients=worker, context=Hurried(looks=looks) if looks is not None else None)
        assert worker.skip < 0, name
        assert in_transfer(made) == [], name
        if step == "jobs removed":
            assert jobs().get(made.id, job.id) is None
        else:
            assert (job_of(job).status, job_of(job).error) == (
                JobStatus.FAILED,
                "the database is being deleted; there is nothing to export any more",
            )
        engine.messages("export")


@pytest.mark.promise("databases.destroyed")
def test_a_late_message_for_a_database_that_is_destroyed_brings_nothing_back(clock: SetClock) -> None:
    made = database(clock())
    fill(made)
    job = asked_export(made, clock())
    going = databases().change(made, Status.DELETING, clock())
    host().keyring.destroy(made.id, clock())
    databases().change(going, Status.DESTROYED, clock())
    assert deliver(job, clock)
    assert job_of(job).status is JobStatus.FAILED
    jobs().remove(job)
    assert deliver(job, clock)
    assert jobs().get(made.id, job.id) is None
    assert in_transfer(made) == []


@pytest.mark.promise("databases.export")
def test_an_export_under_writes_agrees_with_its_manifest(clock: SetClock) -> None:
    made = database(clock())
    many = {f"file-{number}": ("text/plain", b"x" * number, "2026-03-01T10:00:00Z") for number in range(30)}
    fill(made, Content(SMALL.records, many))
    files = files_of(made)
    paths = iter(many)

    def write() -> None:
        files.put(next(paths), "text/plain", b"replaced while it was exported", clock())
        files.delete(next(paths), ledger(), clock())
        records_of(made).delete("movies", "m1", ledger(), clock())

    for name, skip in (("get_object", 1), ("query", 45), ("query", 55)):
        job = asked_export(made, clock())
        assert deliver(job, clock, clients=Before(name, write, skip))
        assert job_of(job).status is JobStatus.READY
        data = zip_of(made, job)
        with zipfile.ZipFile(io.BytesIO(data)) as archive:
            for row in manifest_of(data)["members"]:
                content = archive.read(row["path"])
                assert (row["bytes"], row["sha256"]) == (len(content), hashlib.sha256(content).hexdigest())
                assert row.get("records", content.count(b"\n")) == content.count(b"\n") or "records" not in row


@pytest.mark.promise("databases.export")
@pytest.mark.parametrize("size", [10, 2_000_000], ids=["small", "large"])
def test_a_file_that_is_replaced_before_it_is_reached_is_exported_as_it_is_then(clock: SetClock, size: int) -> None:
    made = database(clock())
    files = files_of(made)
    for change in (b"short", bytes(1_500_000), None):
        files.put("a", "text/plain", b"x" * size, clock())
        files.put("b", "text/plain", b"b", clock())

        def act(change: bytes | None = change) -> None:
            if change is None:
                files.delete("a", ledger(), clock())
            else:
                files.put("a", "text/plain", change, clock())

        job, file = asked_export(made, clock()), files.get("a")
        assert file is not None
        assert deliver(job, clock, clients=Before("get_object", act, key=file.key))
        with zipfile.ZipFile(io.BytesIO(zip_of(made, job))) as archive:
            found = {name: archive.read(name) for name in archive.namelist() if name.startswith("files/")}
        assert found == ({"files/b": b"b"} if change is None else {"files/b": b"b", "files/a": change})


# --- counts --------------------------------------------------------------------------------------------------------


def test_an_export_in_one_go_counts_its_database(clock: SetClock) -> None:
    made = database(clock())
    fill(made)
    finished(asked_export(made, clock()), clock, looks=0)
    assert databases().get(made.id) == made
    exported(made, clock)
    counted = databases().get(made.id)
    size = sum(len(data) for data, _ in SMALL.records.values()) + 1024
    assert counted is not None
    assert counted.counts == Counts(3, 2, size, clock())


def test_newer_counts_stay(clock: SetClock) -> None:
    made = database(clock())
    newer = Counts(9, 9, 9, clock() + timedelta(seconds=1))
    databases().set_counts(made.id, newer)
    exported(made, clock)
    found = databases().get(made.id)
    assert found is not None
    assert found.counts == newer


# --- messages ------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "export_id", [new_id("exp"), new_id("job"), "nonsense"], ids=["an unknown one", "a job's", "nonsense"]
)
def test_a_message_that_names_no_export_of_the_database_fails_and_does_nothing(clock: SetClock, export_id: str) -> None:
    made = database(clock())
    job = Job(made.id, export_id, Kind.EXPORT, JobStatus.QUEUED, clock())
    jobs().create(job)
    assert not deliver(job, clock)
    assert job_of(job) == job


def test_a_message_about_an_unknown_export_does_nothing(clock: SetClock) -> None:
    made = database(clock())
    assert deliver(Job(made.id, new_id_within("exp", made.id), Kind.EXPORT, JobStatus.QUEUED, clock()), clock)
    assert engine.items("jobs") == []
