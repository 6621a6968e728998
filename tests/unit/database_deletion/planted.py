"""Databases with content in every place that a deletion must reach, and a look at what is left, from the engine."""

from collections.abc import Iterator
from dataclasses import replace
from datetime import datetime
from typing import Any

from local.certificates import check
from privacy import policy
from privacy.aws import client
from privacy.hosting import Host, hosts
from privacy.hosting.files import Files
from privacy.hosting.recordings import recording_key
from privacy.hosting.records import Records, new_record
from privacy.hosting.transfers import export_key, journal_key, staging_key
from privacy.models.access import REQUEST, SupportRequest
from privacy.models.databases import Counts, Database, Status
from privacy.models.ids import new_id, new_id_within
from privacy.models.jobs import Job, JobStatus, Kind
from privacy.models.recordings import Recording
from privacy.tables.access import Access, new_access_id
from privacy.tables.certificates import Certificates
from privacy.tables.databases import Databases
from privacy.tables.deletions import Deletions
from privacy.tables.jobs import Jobs
from privacy.tables.recordings import Recordings
from privacy.tables.removals import Removals
from privacy.tables.store import transact
from tests.unit import engine

CANARY = "Zaunkönig-7f3a"
"""Stands in every record, path and file: it must be in no log and no message, and nowhere once it is destroyed."""

POLICY = policy.load()
DELETION, EXPIRY = "DatabaseDeletionFunction", "DatabaseExpiryFunction"


def databases() -> Databases:
    return Databases(engine.table("databases"))


def jobs() -> Jobs:
    return Jobs(engine.table("jobs"))


def recordings() -> Recordings:
    return Recordings(engine.table("recordings"), POLICY)


def removals() -> Removals:
    return Removals(engine.table("removals"))


def certificates() -> Certificates:
    return Certificates(engine.table("removals"))


def host(region: str = "asia") -> Host:
    return hosts(engine.NAMES, POLICY)(region)


def database(
    now: datetime, status: Status = Status.ACTIVE, region: str = "asia", database_id: str | None = None
) -> Database:
    """A database with its data key, and nothing in it."""
    name = database_id or new_id("db")
    made = Database(name, "owner-pseudonym", f"{CANARY} Ltd", region, status, now, now, "2026-11-24")
    host(region).keyring.create(made.id, now)
    databases().create(made)
    return made


def fill(made: Database, now: datetime, *, records: int = 3, files: int = 2) -> dict[str, int]:
    """Put content in every place of both regions; how many things lie in each store by now.

    Each file has three versions, and one a delete marker; uploads are open in every bucket; an export lies there with
    its journal; an upload waits; there is a backup, and in the other region what a move left behind when it failed.
    """
    place = host(made.region)
    content = Records(place, made.id)
    for number in range(records):
        content.put(new_record("contact", f"{CANARY}.{number}", f'{{"name":"{CANARY}"}}'.encode(), now))
    stored = Files(place, made.id)
    for number in range(files):
        path = f"{CANARY}/{number}.txt"
        stored.put(path, "text/plain", CANARY.encode(), now)
        old_versions(made, path, 2)
    keys = {entry["Key"] for entry in versions(place.s3, place.content_bucket) if entry["Key"].startswith(made.id)}
    if keys:
        place.s3.delete_object(Bucket=place.content_bucket, Key=min(keys))  # a marker
    place.s3.create_multipart_upload(Bucket=place.content_bucket, Key=f"{made.id}/{'c' * 32}")
    export(made, now)
    upload(made, now)
    backup(made, now)
    half_moved(made)
    for region in POLICY.regions:  # one was uploaded before the database moved
        recording(made, now, region)
    Deletions(engine.table("deletions"), POLICY).note({"place": f"{made.id}#0b", "id": f"f#{'d' * 32}"}, now)
    ask_for_support(made, now)
    return {
        "jobs": 3,
        "deletions": 1,
        "records": records + 1,
        "files": 3 * files + bool(keys) + 1 + 2,
        "catalogue": files + 1,
        "exports": 3,
        "uploads": 3,
        "backups": 6,
        "recordings": 8,
        "recording-rows": 2,
        "access": 0,  # nobody is told how many there were
    }


def ask_for_support(made: Database, now: datetime) -> None:
    """An entry of the access log."""
    request = SupportRequest(new_access_id(REQUEST, made.id, now), now, f"{CANARY} is broken")
    table = engine.table("access")
    transact(table.client, [Access(table, POLICY).create_operation(request)])


def other(region: str) -> str:
    """The Cloud Region that a database does not lie in."""
    return next(name for name in POLICY.regions if name != region)


def backup(made: Database, begun_at: datetime) -> None:
    """A backup, with a copy in each region: an older version, and the parts of one that was never joined."""
    job = Job(made.id, new_id_within("bak", made.id), Kind.BACKUP, JobStatus.QUEUED, begun_at)
    jobs().create(job)
    for region in POLICY.regions:
        place, key = host(region), f"{made.id}/{job.id}.sealed"
        for _ in range(2):
            place.s3.put_object(Bucket=place.backup_bucket, Key=key, Body=CANARY.encode())
        place.s3.create_multipart_upload(Bucket=place.backup_bucket, Key=key)


def recording(made: Database, started_at: datetime, region: str) -> Recording:
    """A recording in a region: two versions, a marker, and the parts of a copy that broke off."""
    recording_id = new_id_within("rec", made.id)
    begun = Recording(made.id, recording_id, region, started_at, started_at, 3, b"sealed")
    transact(recordings().table.client, [recordings().create_operation(begun)])
    stored = recordings().stored(begun)
    assert stored
    place, key = host(region), recording_key(made.id, recording_id)
    for _ in range(2):
        place.s3.put_object(Bucket=place.recordings_bucket, Key=key, Body=CANARY.encode())
    place.s3.delete_object(Bucket=place.recordings_bucket, Key=key)
    place.s3.create_multipart_upload(Bucket=place.recordings_bucket, Key=key)
    return stored


def half_moved(made: Database) -> None:
    """What lies in the other region when a move began and failed: a record, a file with its row, an upload."""
    place, tag = host(other(made.region)), "e" * 32
    place.content.put({"place": f"{made.id}#05", "id": f"r#{tag}#{tag}", "sealed": b"moved", "size": 5})
    place.content.put({"place": f"{made.id}#06", "id": f"f#{tag}", "sealed": b"moved", "size": 5})
    for _ in range(2):
        place.s3.put_object(Bucket=place.content_bucket, Key=f"{made.id}/{tag}/1", Body=CANARY.encode())
    place.s3.create_multipart_upload(Bucket=place.transfer_bucket, Key=staging_key(made.id, "upl_moved"))


def export(made: Database, ready_at: datetime) -> Job:
    """A ready export: its ZIP, the journal that its worker left, and the open upload of one that was killed."""
    job = Job(made.id, new_id("exp"), Kind.EXPORT, JobStatus.QUEUED, ready_at)
    jobs().create(job)
    taken = jobs().take(made.id, job.id, ready_at)
    assert taken
    transact(jobs().table.client, [jobs().finish_operation(taken, JobStatus.READY, ready_at)])
    place = host(made.region)
    place.s3.put_object(Bucket=place.transfer_bucket, Key=export_key(made.id, job.id), Body=CANARY.encode())
    place.s3.put_object(Bucket=place.transfer_bucket, Key=journal_key(made.id, job.id), Body=b"{}")
    place.s3.create_multipart_upload(Bucket=place.transfer_bucket, Key=export_key(made.id, job.id))
    return job


def upload(made: Database, opened_at: datetime) -> Job:
    """An upload that nobody used: an object that waits, and parts that were never joined."""
    job = Job(made.id, new_id("upl"), Kind.UPLOAD, JobStatus.OPEN, opened_at)
    jobs().create(job)
    place = host(made.region)
    place.s3.put_object(Bucket=place.transfer_bucket, Key=staging_key(made.id, job.id), Body=CANARY.encode())
    place.s3.create_multipart_upload(Bucket=place.transfer_bucket, Key=staging_key(made.id, job.id))
    return job


def old_versions(made: Database, path: str, count: int) -> None:
    """Versions of a file that no row names, as a crash leaves them."""
    place = host(made.region)
    tag = place.keyring.key(made.id).tag("file", path)
    for _ in range(count):
        place.s3.put_object(Bucket=place.content_bucket, Key=f"{made.id}/{tag}", Body=CANARY.encode())


def give_up(made: Database, now: datetime) -> Database:
    """What `POST /databases/{id}/deletion` does to the row."""
    return databases().change(made, Status.DELETING, now)


def versions(s3: Any, bucket: str) -> Iterator[dict[str, Any]]:
    """Every version and marker of a bucket."""
    for page in s3.get_paginator("list_object_versions").paginate(Bucket=bucket):
        yield from page.get("Versions", []) + page.get("DeleteMarkers", [])


def left(database_id: str) -> list[str]:
    """Everything in the engine that bears a database's id, but its tombstone, its fence and its ledger: asked of every
    table, bucket and upload of both regions, not of the project's own lists.
    """
    found: list[str] = []
    for region in engine.REGIONS:
        dynamodb, s3 = client("dynamodb", region), client("s3", region)
        for name in dynamodb.list_tables()["TableNames"]:
            thing = name.removeprefix(f"{engine.STACK}-")
            if thing in ("databases", "keys", "removals"):
                continue
            found += [f"{region} {thing} {item}" for item in engine.items(thing, region) if database_id in repr(item)]
        for bucket in [entry["Name"] for entry in s3.list_buckets()["Buckets"] if entry["Name"].endswith(region)]:
            entries = [entry["Key"] for entry in versions(s3, bucket)]
            entries += [entry["Key"] for entry in s3.list_multipart_uploads(Bucket=bucket).get("Uploads", [])]
            found += [f"{bucket} {key}" for key in entries if database_id in key]
    return found


def is_destroyed(database_id: str) -> bool:
    """Whether a database is a tombstone."""
    found = databases().get(database_id)
    return found is not None and found.status is Status.DESTROYED


def removed(database_id: str) -> dict[str, int]:
    """What the ledger says was removed, by store."""
    totals: dict[str, int] = {}
    for progress in removals().progress(database_id).values():
        totals[progress.store] = totals.get(progress.store, 0) + progress.removed
    return totals


def certified(database_id: str) -> dict[str, int]:
    """What the certificate says was removed, by store; it is checked as anybody would."""
    content = certificates().get(database_id)
    assert content, "there is no certificate"
    document = check(content).document
    assert document["database_id"] == database_id
    totals: dict[str, int] = {}
    for row in document["stores"]:
        totals[row["store"]] = totals.get(row["store"], 0) + row["removed"]
    return totals


def tombstone(database_id: str, region: str = "asia") -> dict[str, Any]:
    """The database's row and its key's, as they lie there."""
    row = engine.table("databases").get({"id": database_id}) or {}
    key = engine.table("keys", POLICY.regions[region].aws).get({"database_id": database_id}) or {}
    return {"row": row, "key": key}


def with_counts(made: Database, records: int, files: int, now: datetime) -> Database:
    """A database as it was last counted."""
    counts = Counts(records, files, 0, now)
    databases().set_counts(made.id, counts)
    return replace(made, counts=counts)


IN_TABLES = ("jobs", "deletions", "recording-rows", "records", "catalogue", "access")
"""The stores that are items; the others are objects."""
