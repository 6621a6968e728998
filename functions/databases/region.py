"""Moving a database to another Cloud Region at its owner's word (promise databases.region).

A region that is closed, or does not answer, is refused before anything is begun. A database has one move at a time, as
it has one import: its item names the latest.
"""

from concurrent.futures import ThreadPoolExecutor
from concurrent.futures import TimeoutError as LateError
from datetime import datetime
from typing import Any

from botocore.exceptions import BotoCoreError, ClientError

from databases.parts import Parts
from privacy.hosting import Host
from privacy.models.databases import Database, DatabaseStateError, Status, existing
from privacy.models.fields import Form, InvalidFieldsError
from privacy.models.ids import new_id
from privacy.models.jobs import Job, JobStatus, Kind
from privacy.tables.store import TransactionRefusedError

Ids = dict[str, Any]

LOOK_SECONDS = 8.0
"""How long a region may take to answer, below API Gateway's 29 s and what else the request takes of them."""

UNAVAILABLE = "this region is not available now; the database stays where it is"


class Move(Form):
    """`POST /databases/{id}/region`: the region to go to."""

    region: str


def plan() -> Ids:
    """The id of a new move."""
    return {"job_id": new_id("job")}


def ask(parts: Parts, database: Database, form: Move, ids: Ids, now: datetime) -> Ids:
    """Queue a move. Repeated with the same ids it queues what is not over.

    Raises: InvalidFieldsError for a region that we do not have, DatabaseDestroyedError, DatabaseStateError (not active,
    there already, work under way, the region not available): nothing was changed.
    """
    if form.region not in parts.policy.regions:
        raise InvalidFieldsError([{"field": "region", "message": f"must be one of {', '.join(parts.policy.regions)}"}])
    job = parts.jobs.get(database.id, ids["job_id"])
    if job is None:
        job = _begin(parts, database, form.region, ids["job_id"], now)
    if not job.is_over():
        parts.send(job.queue, database.region, job.message)
    return ids


def _begin(parts: Parts, database: Database, region: str, job_id: str, now: datetime) -> Job:
    if existing(database).status is not Status.ACTIVE:
        raise DatabaseStateError(f"the database is {database.status.value}; it cannot be moved")
    if database.region == region:
        raise DatabaseStateError("the database is in this region already")
    # A backup is our work and not the owner's: the move waits for its end.
    running = next((job for job in parts.jobs.running(database.id) if job.kind is not Kind.BACKUP), None)
    if running is not None:
        raise DatabaseStateError(f"work on the database is under way ({running.kind.value}); move it when that is over")
    if region in parts.settings.closed_regions.split(",") or not _answers(parts.host(region), database.id):
        raise DatabaseStateError(UNAVAILABLE)
    detail = {"from": database.region, "to": region}
    job = Job(database.id, job_id, Kind.MOVE, JobStatus.QUEUED, now, detail=detail)
    try:
        parts.transact([parts.databases.move_operation(database, job.id), parts.jobs.create_operation(job)])
    except TransactionRefusedError:
        raise DatabaseStateError("the database is being moved, or was closed; look at it again") from None
    return job


def _answers(host: Host, database_id: str) -> bool:
    """Whether a region's key table and buckets can be reached at this moment."""
    looks = [
        lambda: host.keyring.keys.get(database_id),
        lambda: host.s3.list_objects_v2(Bucket=host.content_bucket, Prefix=f"{database_id}/", MaxKeys=1),
    ]
    pool = ThreadPoolExecutor(len(looks))
    try:
        for look in [pool.submit(look) for look in looks]:
            look.result(LOOK_SECONDS)
    except (ClientError, BotoCoreError, LateError):
        return False
    finally:
        pool.shutdown(wait=False, cancel_futures=True)
    return True
