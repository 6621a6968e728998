"""Databases with content, and the workers that take it out and in: from a message to what lies in the stores."""

import io
import json
import threading
import zipfile
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

import database_export.app
import database_import.app
from privacy import policy
from privacy.aws import client
from privacy.hosting import Host, hosts
from privacy.hosting.files import Files
from privacy.hosting.records import Record, Records
from privacy.hosting.transfers import export_key, staging_key
from privacy.models.databases import Database, Status
from privacy.models.ids import new_id, new_id_within
from privacy.models.jobs import Job, JobStatus, Kind, Source
from privacy.models.rawjson import parse_object
from privacy.settings import Deployment, load
from privacy.tables.databases import Databases
from privacy.tables.deletions import Deletions
from privacy.tables.jobs import Jobs
from privacy.work import assemble
from tests.unit import engine
from tests.unit.engine import Context, SetClock, sqs_event

POLICY = policy.load()
Clients = Callable[[str, str], Any]

OWNER = "pseudonym-of-an-owner"


def databases() -> Databases:
    return Databases(engine.table("databases"))


def ledger() -> Deletions:
    return Deletions(engine.table("deletions"), POLICY)


def jobs() -> Jobs:
    return Jobs(engine.table("jobs"))


def host(region: str = "asia") -> Host:
    return hosts(engine.NAMES, POLICY)(region)


# --- databases and what is in them ---------------------------------------------------------------------------------


def database(now: datetime, *, region: str = "asia", owner: str = OWNER, **facts: Any) -> Database:
    """An active database with its data key, and nothing in it."""
    made = Database(
        **{"id": new_id("db"), "name": "Films", "status": Status.ACTIVE, "policy_version": "2026-11-24"} | facts,
        owner=owner,
        region=region,
        created_at=now,
        since=now,
    )
    host(region).keyring.create(made.id, now)
    databases().create(made)
    return made


def records_of(made: Database) -> Records:
    return Records(host(made.region), made.id)


def files_of(made: Database) -> Files:
    return Files(host(made.region), made.id)


@dataclass
class Content:
    """What a database holds: data and time by model and key; type, bytes and time by path."""

    records: dict[tuple[str, str], tuple[bytes, str]] = field(default_factory=dict)
    files: dict[str, tuple[str, bytes, str]] = field(default_factory=dict)


SMALL = Content(
    {
        ("movies", "m1"): (b'{"rating":1.50,"big":1E400,"name":"\\u00e9\xc3\xa9"}', "2026-01-01T00:00:01Z"),
        ("movies", "m2"): (b"{}", "2026-01-01T00:00:03Z"),
        ("a.2", "x@example.org"): (b'{"n":-0}', "2026-02-01T00:00:00Z"),
    },
    {
        "pictures/\u00e9t\u00e9.png": ("image/png", bytes(range(256)) * 4, "2026-03-01T10:00:01Z"),
        "empty": ("application/octet-stream", b"", "2026-03-01T10:00:02Z"),
    },
)

CROWDED = Content(
    files={
        path: ("text/plain", f"{number}: {path}".encode(), "2026-03-01T10:00:01Z")
        for number, path in enumerate(
            ["a", "a/b", "a/c/d", "A", "A/b", "a~2", "a~/b", "p.png", "P.png", "\u00e9", "\u00c9"]
        )
    }
)
"""Files that cannot all be unpacked under their own paths."""


def fill(made: Database, content: Content = SMALL) -> None:
    """Put content into a database."""
    written = [
        Record(model, key, parse_object(data, limit_bytes=10**6).text, updated_at)
        for (model, key), (data, updated_at) in content.records.items()
    ]
    records_of(made).put_all(written)
    for path, (content_type, body, updated_at) in content.files.items():
        files_of(made).put(path, content_type, body, engine.NOON, updated_at=updated_at)


def content_of(made: Database) -> Content:
    """Everything in a database, as its owner would read it."""
    records, files = records_of(made), files_of(made)
    found = Content()
    for _, tag in records.models():
        for _, record in records.every(tag):
            found.records[record.model, record.key] = (record.data, record.updated_at)
    for _, file in files.every():
        found.files[file.path] = (file.content_type, files.open(file).read(), file.updated_at)
    return found


# --- jobs ----------------------------------------------------------------------------------------------------------


def asked_export(made: Database, now: datetime) -> Job:
    """An export that was asked for."""
    job = Job(made.id, new_id_within("exp", made.id), Kind.EXPORT, JobStatus.QUEUED, now)
    jobs().create(job)
    return job


def asked_import(made: Database, source: Source, now: datetime) -> Job:
    """An import that was asked for."""
    job = Job(made.id, new_id("job"), Kind.IMPORT, JobStatus.QUEUED, now, detail={"source": source.detail()})
    jobs().create(job)
    return job


def staged(made: Database, content: bytes) -> Source:
    """A ZIP that was brought for a database."""
    key = staging_key(made.id, new_id_within("upl", made.id))
    place = host(made.region)
    place.s3.put_object(Bucket=place.transfer_bucket, Key=key, Body=content)
    return Source(made.region, key, len(content))


def source_of(made: Database, export: Job) -> Source:
    """A database's export as another's source."""
    return Source(made.region, export_key(made.id, export.id), 0, staged=False)


def job_of(job: Job) -> Job:
    """A job as it is now."""
    found = jobs().get(job.database_id, job.id)
    assert found is not None
    return found


def message_of(job: Job) -> dict[str, str]:
    name = "export_id" if job.kind is Kind.EXPORT else "job_id"
    return {"database_id": job.database_id, name: job.id}


# --- workers -------------------------------------------------------------------------------------------------------


@dataclass
class Hurried(Context):
    """A context whose time is up after some looks at it."""

    looks: int = 0

    def get_remaining_time_in_millis(self) -> int:
        self.looks -= 1
        return 300_000 if self.looks >= 0 else 59_000


def handler(kind: Kind, clock: SetClock, clients: Clients) -> Any:
    """A fresh container of the function that does a kind of job."""
    if kind is Kind.EXPORT:
        settings = load(Deployment, engine.environment("DatabaseExportFunction"))
        return database_export.app.build(lambda: assemble(settings, clock, clients))
    settings = load(Deployment, engine.environment("DatabaseImportFunction"))
    return database_import.app.build(lambda: assemble(settings, clock, clients))


def deliver(job: Job, clock: SetClock, *, clients: Clients | None = None, context: Context | None = None) -> bool:
    """Deliver a job's message; whether it was done."""
    clients = clients or one_at_a_time
    queue = "export" if job.kind is Kind.EXPORT else "import"
    event = sqs_event([message_of(job)], queue)
    answer: Mapping[str, Any] = handler(job.kind, clock, clients)(event, context or Context())
    return not answer["batchItemFailures"]


def finished(job: Job, clock: SetClock, *, looks: int | None = None) -> Job:
    """Deliver a job's messages until it is over, each worker with little time when `looks` says so."""
    queue = "export" if job.kind is Kind.EXPORT else "import"
    assert deliver(job, clock, context=Hurried(looks=looks) if looks is not None else None)
    for _ in range(200):
        sent = [message for region in engine.REGIONS for message in engine.messages(queue, region)]
        if not sent:
            break
        assert sent == [json.dumps(message_of(job))]
        assert deliver(job, clock, context=Hurried(looks=looks) if looks is not None else None)
    assert job_of(job).is_over()
    return job_of(job)


def exported(made: Database, clock: SetClock) -> bytes:
    """Export a database and give the ZIP."""
    job = finished(asked_export(made, clock()), clock)
    assert job.status is JobStatus.READY, job.error
    return zip_of(made, job)


def zip_of(made: Database, job: Job) -> bytes:
    place = host(made.region)
    body: bytes = place.s3.get_object(Bucket=place.transfer_bucket, Key=export_key(made.id, job.id))["Body"].read()
    return body


def manifest_of(data: bytes) -> dict[str, Any]:
    with zipfile.ZipFile(io.BytesIO(data)) as archive:
        assert archive.testzip() is None
        found: dict[str, Any] = json.loads(archive.read("manifest.json"))
    return found


def in_transfer(made: Database) -> list[str]:
    """Keys and open uploads of a database in the transfer bucket of its region."""
    place = host(made.region)
    listed = place.s3.list_objects_v2(Bucket=place.transfer_bucket).get("Contents", [])
    opened = place.s3.list_multipart_uploads(Bucket=place.transfer_bucket).get("Uploads", [])
    return sorted(entry["Key"] for entry in [*listed, *opened] if f"/{made.id}/" in entry["Key"])


# --- a worker that dies --------------------------------------------------------------------------------------------

_ONE_AT_A_TIME = threading.RLock()
"""moto keeps its tables in dictionaries that it copies: calls at the same time break it."""


def one_at_a_time(service: str, region: str) -> Any:
    """Clients of a worker that nothing happens to."""
    return _Watched(lambda name, arguments: None, client(service, region))


class DiedError(Exception):
    """The worker is dead."""


_READS = ("get_", "head_", "list_", "query", "decrypt", "generate_", "describe_", "scan")


class Dying:
    """Clients of a worker that dies right before its n-th call that changes something, counted from 0: what it was to
    read does not matter. A dead worker makes no further call.
    """

    def __init__(self, at: int) -> None:
        self.left = at
        self.died = False

    def __call__(self, service: str, region: str) -> Any:
        return _Watched(self.look, client(service, region))

    def look(self, name: str, arguments: Mapping[str, Any]) -> None:
        if not name.startswith(_READS):
            self.left -= 1
        if self.left < 0:
            self.died = True
        if self.died:
            raise DiedError


class _Watched:
    """A client that tells of each call right before it is made."""

    def __init__(self, look: Callable[[str, Mapping[str, Any]], None], inner: Any) -> None:
        self._look = look
        self._inner = inner

    def __getattr__(self, name: str) -> Any:
        found = getattr(self._inner, name)
        if name in ("exceptions", "meta"):
            return found

        def call(**arguments: Any) -> Any:
            with _ONE_AT_A_TIME:
                self._look(name, arguments)
                return found(**arguments)

        return call


@dataclass
class Before:
    """Clients that let something happen once, right before a call of some name, or that call for one object."""

    name: str
    act: Callable[[], None]
    skip: int = 0
    key: str | None = None

    def __call__(self, service: str, region: str) -> Any:
        return _Watched(self.look, client(service, region))

    def look(self, name: str, arguments: Mapping[str, Any]) -> None:
        if name == self.name and self.key in (None, arguments.get("Key")):
            self.skip -= 1
            if self.skip == -1:
                self.act()
