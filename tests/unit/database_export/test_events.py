"""The sample events, and what no log, message, exception or job may hold of a customer's content."""

import json
from typing import Any

import pytest

from privacy.hosting.transfers import export_key
from privacy.models.databases import Database
from privacy.models.jobs import Job, JobStatus, Kind
from tests.template.source import ROOT
from tests.unit import engine
from tests.unit.archive.samples import entry, export_of, zipped
from tests.unit.database_export.world import (
    SMALL,
    Before,
    Content,
    Hurried,
    asked_export,
    asked_import,
    content_of,
    database,
    deliver,
    exported,
    files_of,
    fill,
    finished,
    handler,
    in_transfer,
    job_of,
    jobs,
    one_at_a_time,
    staged,
)
from tests.unit.engine import Context, SetClock, failures, sample

pytestmark = pytest.mark.usefixtures("stores")

DATABASE = "db_abcdefghijklmnopqrstuvwxyz"
EXPORT = "exp_" + 2 * "abcdefghijklmnopqrstuvwxyz"
IMPORT = "job_abcdefghijklmnopqrstuvwxyz"
FILE = "job_" + 26 * "b"


def planted(kind: Kind, clock: SetClock) -> tuple[Database, Job]:
    """The database and the job that the sample events name."""
    made = database(clock(), id=DATABASE)
    if kind is Kind.EXPORT:
        fill(made)
        job = Job(DATABASE, EXPORT, kind, JobStatus.QUEUED, clock())
    elif kind is Kind.FILE:
        detail = {"source": staged(made, b"film").detail(), "sealed": files_of(made).sealed_name(FILE, "a", "a/b")}
        job = Job(DATABASE, FILE, kind, JobStatus.QUEUED, clock(), detail=detail)
    else:
        other = database(clock())
        fill(other)
        detail = {"source": staged(made, exported(other, clock)).detail()}
        job = Job(DATABASE, IMPORT, kind, JobStatus.QUEUED, clock(), detail=detail)
    jobs().create(job)
    return made, job


CASES = [
    ("database_export/export", Kind.EXPORT, 0, JobStatus.READY),
    ("database_export/repeated", Kind.EXPORT, 0, JobStatus.READY),
    ("database_export/bad-no-json", Kind.EXPORT, 1, JobStatus.QUEUED),
    ("database_export/bad-unknown-export", Kind.EXPORT, 1, JobStatus.QUEUED),
    ("database_export/bad-field-missing", Kind.EXPORT, 1, JobStatus.QUEUED),
    ("database_export/bad-one-in-a-batch", Kind.EXPORT, 1, JobStatus.READY),
    ("database_import/import", Kind.IMPORT, 0, JobStatus.DONE),
    ("database_import/file", Kind.FILE, 0, JobStatus.DONE),
    ("database_import/repeated", Kind.IMPORT, 0, JobStatus.DONE),
    ("database_import/bad-no-json", Kind.IMPORT, 1, JobStatus.QUEUED),
    ("database_import/bad-unknown-job", Kind.IMPORT, 0, JobStatus.QUEUED),
    ("database_import/bad-field-missing", Kind.IMPORT, 1, JobStatus.QUEUED),
    ("database_import/bad-one-in-a-batch", Kind.IMPORT, 1, JobStatus.DONE),
]


@pytest.mark.parametrize(("name", "kind", "failed", "status"), CASES)
def test_a_sample_event_does_what_its_name_says(
    clock: SetClock, name: str, kind: Kind, failed: int, status: JobStatus
) -> None:
    made, job = planted(kind, clock)
    answer = handler(kind, clock, one_at_a_time)(sample(name), Context())
    assert len(failures(answer)) == failed
    assert job_of(job).status is status
    if status is JobStatus.READY:
        assert in_transfer(made) == [export_key(DATABASE, EXPORT)]
    if kind is Kind.IMPORT:
        assert content_of(made) == (SMALL if status is JobStatus.DONE else Content())
    if kind is Kind.FILE:
        assert content_of(made).files == {"a": ("a/b", b"film", "2026-11-24T12:00:00Z")}


@pytest.mark.parametrize("function", ["database_export", "database_import"])
def test_an_event_of_another_shape_is_refused(clock: SetClock, function: str) -> None:
    kind = Kind.EXPORT if function == "database_export" else Kind.IMPORT
    answer = handler(kind, clock, one_at_a_time)(sample(f"{function}/bad-unknown-event"), Context())
    assert answer == {"error": "this is not a batch of messages of ours"}


def test_every_sample_event_is_tried() -> None:
    tried = {name for name, *_ in CASES} | {
        f"{name}/bad-unknown-event" for name in ("database_export", "database_import")
    }
    found = {
        f"{folder}/{path.stem}"
        for folder in ("database_export", "database_import")
        for path in (ROOT / "events" / folder).glob("*.json")
    }
    assert tried == found


CANARY = "canary-7f3a"
MARKED = Content(
    {(f"model-{CANARY}", f"{CANARY}@example.org"): (b'{"name":"%s"}' % CANARY.encode(), "2026-01-01T00:00:00Z")},
    {f"{CANARY}/{CANARY}.txt": (f"text/{CANARY}", CANARY.encode(), "2026-01-01T00:00:00Z")},
)


@pytest.mark.promise("security.measures")
def test_nothing_of_the_content_is_in_a_log_a_message_or_a_job(
    clock: SetClock, capsys: pytest.CaptureFixture[str]
) -> None:
    first, second, third = (database(clock(), name=f"{CANARY} Ltd") for _ in range(3))
    fill(first, MARKED)

    def fail() -> None:
        raise ConnectionError(CANARY)

    export = asked_export(first, clock())
    assert not deliver(export, clock, clients=Before("put_object", fail))
    assert deliver(export, clock, context=Hurried(looks=0))
    sent = engine.messages("export")
    export = finished(export, clock, looks=0)
    data = exported(first, clock)
    bringing = asked_import(second, staged(second, data), clock())
    assert not deliver(bringing, clock, clients=Before("batch_write_item", fail))
    assert deliver(bringing, clock, context=Hurried(looks=0))
    sent += engine.messages("import")
    bringing = finished(bringing, clock)
    assert content_of(second) == MARKED
    bad = [
        zipped([(f"{CANARY}/a", b"a")]),
        export_of({f"files/../{CANARY}": b"a"}),
        export_of({f"files/{CANARY}.": b"a"}),
        export_of({f"files/{CANARY}": b"a"}, entries=[entry(f"files/{CANARY}", b"b")]),
        export_of({f"records/{CANARY}.jsonl": CANARY.encode() + b"\n"}),
    ]
    failed = [finished(asked_import(third, staged(third, body), clock()), clock) for body in bad]
    assert {job.status for job in failed} == {JobStatus.FAILED}
    logged = capsys.readouterr()
    rows = [repr(item) for item in engine.items("jobs")]
    for text in (logged.out, logged.err, *sent, *rows):
        assert CANARY not in text
    assert "ConnectionError" in logged.out
    assert all(set(json.loads(body)) <= {"database_id", "export_id", "job_id"} for body in sent)
    assert len(sent) == 2
    assert [job.status for job in (export, bringing)] == [JobStatus.READY, JobStatus.DONE]


@pytest.mark.promise("security.measures")
def test_an_exception_that_leaves_a_worker_holds_nothing_of_the_content(clock: SetClock) -> None:
    made = database(clock())
    fill(made, MARKED)

    def fail() -> None:
        raise ConnectionError(CANARY)

    seen: list[Any] = []
    act = handler(Kind.EXPORT, clock, Before("put_object", fail))
    job = asked_export(made, clock())
    seen.append(act(engine.sqs_event([{"database_id": made.id, "export_id": job.id}], "export"), Context()))
    assert CANARY not in repr(seen)
