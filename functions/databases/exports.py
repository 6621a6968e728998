"""Exports: asking for one, following it, and the link to it (promises databases.export, exports.retention)."""

from datetime import datetime
from functools import partial
from typing import Any

from databases.parts import Parts
from privacy.hosting.transfers import Transfers, export_key
from privacy.models.databases import (
    Database,
    DatabaseStateError,
    Status,
    open_for_export,
)
from privacy.models.ids import database_of, new_id_within
from privacy.models.jobs import Job, JobStatus, Kind, UnknownJobError
from privacy.portability.telling import told
from privacy.tables.store import TransactionRefusedError

Ids = dict[str, Any]


def plan(database_id: str) -> Ids:
    """The id of a new export: it holds the database's, so that an import can name the export alone."""
    return {"export_id": new_id_within("exp", database_id)}


def ask(parts: Parts, database: Database, ids: Ids, now: datetime) -> Ids:
    """Queue an export. Repeated with the same ids it queues what is not over.

    Raises: DatabaseDestroyedError, DatabaseStateError.
    """
    open_for_export(database, parts.policy, now)
    job = Job(database.id, ids["export_id"], Kind.EXPORT, JobStatus.QUEUED, now)
    still_open = parts.databases.check_operation(database.id, Status.ACTIVE, Status.DEACTIVATED)
    try:
        parts.transact([still_open, parts.jobs.create_operation(job)])
    except TransactionRefusedError as refused:
        if 0 in refused.failed:
            raise DatabaseStateError("the database was closed in the meantime; it cannot be exported") from None
    parts.send(job.queue, database.region, job.message)
    return ids


def follow(parts: Parts, owner: str, database_id: str, export_id: str, now: datetime) -> dict[str, Any]:
    """How far an export is and, once it is ready, a link to it that lives for minutes, and never longer than its file.

    Raises: UnknownDatabaseError, DatabaseDestroyedError, DatabaseStateError (no link to what is being deleted),
    UnknownJobError.
    """
    database = open_for_export(parts.databases.of_owner(owner, database_id), parts.policy, now, begun=True)
    job, transfers = export_of(parts, database, export_id), Transfers(parts.host(database.region))
    return told(job, parts.policy, now, partial(transfers.link, export_key(database.id, job.id)))


def export_of(parts: Parts, database: Database, export_id: str) -> Job:
    """An export of a database. Raises: UnknownJobError."""
    job = parts.jobs.get(database.id, export_id) if database_of("exp", export_id) == database.id else None
    if job is None or job.kind is not Kind.EXPORT:
        raise UnknownJobError
    return job
