"""Backups and restores of databases with content: from a message to what lies in the buckets of both regions."""

import json
from collections.abc import Mapping
from dataclasses import replace
from datetime import datetime
from typing import Any

import database_backup.app
import database_restore.app
from database_restore.parts import RestoreSettings
from database_restore.parts import assemble as restore_parts
from privacy.models.backups import Backup, ready_backup
from privacy.models.databases import Database
from privacy.models.ids import new_id_within
from privacy.models.jobs import Job, JobStatus, Kind
from privacy.portability.copies import backup_key, backup_prefix
from privacy.settings import Deployment, load
from privacy.tables.store import transact
from privacy.work import assemble
from tests.unit import engine
from tests.unit.database_export.world import (
    POLICY,
    Clients,
    Hurried,
    database,
    databases,
    fill,
    host,
    job_of,
    jobs,
    one_at_a_time,
)
from tests.unit.engine import Context, SetClock, sqs_event

SETTLE = 60
"""Seconds that a restore waits before it begins (template.yaml, DrainSeconds)."""


def asked_backup(made: Database, now: datetime, backup_id: str | None = None) -> Job:
    """A backup as the schedule begins it."""
    job = Job(made.id, backup_id or new_id_within("bak", made.id), Kind.BACKUP, JobStatus.QUEUED, now)
    current = databases().get(made.id)
    assert current is not None
    transact(engine.table("jobs").client, [databases().backup_operation(current, job.id), jobs().create_operation(job)])
    return job


def handler(kind: Kind, clock: SetClock, clients: Clients = one_at_a_time) -> Any:
    """A fresh container of the function that does a kind of job."""
    if kind is Kind.BACKUP:
        settings = load(Deployment, engine.environment("DatabaseBackupFunction"))
        return database_backup.app.build(lambda: assemble(settings, clock, clients))
    settings = load(RestoreSettings, engine.environment("DatabaseRestoreFunction"))
    return database_restore.app.build(lambda: restore_parts(settings, clock, lambda *place: _sooner(clients, *place)))


DELAYS: list[int] = []
"""The seconds that restores asked to hold their messages back; the queue has real time, so here they come at once."""


class _Sooner:
    def __init__(self, sqs: Any) -> None:
        self._sqs = sqs

    def __getattr__(self, name: str) -> Any:
        return getattr(self._sqs, name)

    def send_message(self, **call: Any) -> Any:
        DELAYS.append(call["DelaySeconds"])
        return self._sqs.send_message(**call | {"DelaySeconds": 0})


def _sooner(clients: Clients, service: str, region: str) -> Any:
    found = clients(service, region)
    return _Sooner(found) if service == "sqs" else found


def queue_of(job: Job) -> str:
    return job.kind.value


def message_of(job: Job) -> dict[str, str]:
    return {"database_id": job.database_id, "job_id": job.id}


def deliver(job: Job, clock: SetClock, *, clients: Clients | None = None, context: Context | None = None) -> bool:
    """Deliver a job's message; whether it was done."""
    event = sqs_event([message_of(job)], queue_of(job))
    answer: Mapping[str, Any] = handler(job.kind, clock, clients or one_at_a_time)(event, context or Context())
    return not answer["batchItemFailures"]


def finished(job: Job, clock: SetClock, *, looks: int | None = None) -> Job:
    """Deliver a job's messages until it is over, each worker with little time when `looks` says so."""

    def once() -> bool:
        return deliver(job, clock, context=Hurried(looks=looks) if looks is not None else None)

    assert once()
    for _ in range(200):
        sent = [message for region in engine.REGIONS for message in engine.messages(queue_of(job), region)]
        if not sent:
            break
        assert set(sent) == {json.dumps(message_of(job))}
        assert once()
    assert job_of(job).is_over(), job_of(job)
    return job_of(job)


def backed_up(made: Database, clock: SetClock, *, looks: int | None = None) -> Backup:
    """Back a database up."""
    job = finished(asked_backup(made, clock()), clock, looks=looks)
    assert job.status is JobStatus.READY, job.error
    return ready_backup(job, POLICY, clock())


def filled(clock: SetClock, region: str = "asia") -> Database:
    """A database with content."""
    made = database(clock(), region=region)
    fill(made)
    return made


def call(clock: SetClock, **fields: Any) -> dict[str, Any]:
    """An operator's call."""
    answer: dict[str, Any] = handler(Kind.RESTORE, clock)(fields, Context())
    return answer


def asked_restore(backup: Backup, clock: SetClock, *, overwrite: bool = False) -> Job:
    """A restore that was asked for, once requests have settled. Its first message is taken away."""
    answer = call(clock, database_id=backup.database_id, backup_id=backup.id, overwrite=overwrite)
    assert set(answer) == {"job_id", "status"}, answer
    job = jobs().get(backup.database_id, answer["job_id"])
    assert job is not None
    clock.advance(seconds=SETTLE)
    taken()
    return job


def taken() -> list[str]:
    """What waits in the restore queues; it is taken away."""
    return [message for region in engine.REGIONS for message in engine.messages("restore", region)]


def restored(backup: Backup, clock: SetClock, *, overwrite: bool = False, looks: int | None = None) -> Job:
    """Restore a backup; the job at its end."""
    return finished(asked_restore(backup, clock, overwrite=overwrite), clock, looks=looks)


def lying(made: Database) -> list[tuple[str, str]]:
    """Region and key of every version, marker and open upload of a database in the backup buckets."""
    found: list[tuple[str, str]] = []
    for region in POLICY.regions:
        place = host(region)
        answer = place.s3.list_object_versions(Bucket=place.backup_bucket)
        entries = [*answer.get("Versions", []), *answer.get("DeleteMarkers", [])]
        entries += place.s3.list_multipart_uploads(Bucket=place.backup_bucket).get("Uploads", [])
        found += [(region, entry["Key"]) for entry in entries if entry["Key"].startswith(f"{made.id}/")]
    return sorted(found)


def both(backup: Backup) -> list[tuple[str, str]]:
    """Where a backup lies: once in each region, and nothing beside it."""
    key = backup_key(backup.database_id, backup.id)
    return sorted((region, key) for region in POLICY.regions)


def body_of(backup: Backup, region: str) -> bytes:
    """The sealed bytes of a region's copy."""
    place = host(region)
    version = next(copy.version for copy in backup.copies if copy.region == region)
    key = backup_key(backup.database_id, backup.id)
    body: bytes = place.s3.get_object(Bucket=place.backup_bucket, Key=key, VersionId=version)["Body"].read()
    return body


def put_body(backup: Backup, region: str, body: bytes) -> Backup:
    """Let a region's copy be other bytes, as if the version that is named had them."""
    place, key = host(region), backup_key(backup.database_id, backup.id)
    version = place.s3.put_object(Bucket=place.backup_bucket, Key=key, Body=body)["VersionId"]
    copies = tuple(replace(copy, version=version) if copy.region == region else copy for copy in backup.copies)
    changed = replace(backup, copies=copies)
    key_of_job = {"database_id": backup.database_id, "id": backup.id}
    table = engine.table("jobs")
    item = table.get(key_of_job)
    assert item is not None
    table.put(item | {"detail": changed.detail()})
    return changed


def remove_copy(backup: Backup, region: str) -> None:
    """Let a region's copy be gone."""
    place = host(region)
    prefix = backup_prefix(backup.database_id, backup.id)
    for entry in place.s3.list_object_versions(Bucket=place.backup_bucket, Prefix=prefix).get("Versions", []):
        place.s3.delete_object(Bucket=place.backup_bucket, Key=entry["Key"], VersionId=entry["VersionId"])
