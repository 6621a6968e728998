"""Databases with content in every place that a deletion must reach, and a look at what is left, from the engine."""

from collections.abc import Iterator
from dataclasses import replace
from datetime import datetime
from typing import Any

from privacy import policy
from privacy.aws import client
from privacy.hosting import Host, hosts
from privacy.hosting.files import Files
from privacy.hosting.records import Records, new_record
from privacy.hosting.transfers import export_key, journal_key, staging_key
from privacy.models.databases import Counts, Database, Status
from privacy.models.ids import new_id
from privacy.models.jobs import Job, JobStatus, Kind
from privacy.tables.databases import Databases
from privacy.tables.jobs import Jobs
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


def removals() -> Removals:
    return Removals(engine.table("removals"))


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
    """Put content in every place; how many things lie in each store by now.

    Each file has three versions, and one a delete marker; uploads are open in both buckets; an export lies there with
    its journal; an upload waits.
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
    return {
        "jobs": 2,
        "records": records,
        "files": 3 * files + bool(keys) + 1,
        "catalogue": files,
        "exports": 3,
        "uploads": 2,
    }


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
