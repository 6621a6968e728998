"""A database's backups, as its owner sees them: when, until when, and where the copies lie (databases.backups)."""

from datetime import datetime
from typing import Any

from databases.parts import Parts
from privacy.clock import rfc3339
from privacy.models.backups import PREFIX, Backup, UnknownBackupError, ready_backup
from privacy.models.databases import Database, DatabaseStateError, Status
from privacy.models.ids import database_of
from privacy.models.paging import CursorError


def page(
    parts: Parts, database: Database, limit: int, cursor: str | None, now: datetime
) -> tuple[list[dict[str, Any]], str | None]:
    """Some of a database's backups that are ready and within their period, newest first, and the place to go on from.

    They are a handful: one a day for as long as one is kept. Raises: CursorError, DatabaseStateError.
    """
    if database.status is Status.DELETING:
        raise DatabaseStateError("the database is deleting; its backups go with it")
    if cursor is not None and database_of(PREFIX, cursor) != database.id:
        raise CursorError
    found = sorted(_ready(parts, database, now), key=lambda backup: (backup.begun_at, backup.id), reverse=True)
    if cursor is not None:
        place = next((number for number, backup in enumerate(found) if backup.id == cursor), None)
        found = found[place + 1 :] if place is not None else []  # it expired, and all that are older with it
    items = [_shown(parts, backup) for backup in found[:limit]]
    return items, found[limit - 1].id if len(found) > limit else None


def _ready(parts: Parts, database: Database, now: datetime) -> list[Backup]:
    backups: list[Backup] = []
    for job in parts.jobs.of_database(database.id, PREFIX):
        try:
            backups.append(ready_backup(job, parts.policy, now))
        except UnknownBackupError:
            continue
    return backups


def _shown(parts: Parts, backup: Backup) -> dict[str, Any]:
    return {
        "backup_id": backup.id,
        "created_at": rfc3339(backup.begun_at),
        "expires_at": rfc3339(backup.expires_at(parts.policy)),
        "bytes": backup.bytes,
        "copies": [{"region": copy.region, "verified_at": rfc3339(copy.verified_at)} for copy in backup.copies],
    }
