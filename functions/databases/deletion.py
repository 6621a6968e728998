"""Deleting a database at its owner's word: hide it now, let the queue do the work, tell how far it is
(promise databases.deletion).
"""

import unicodedata
from datetime import datetime
from typing import Any

from databases.control import find
from databases.parts import Parts
from privacy.models.databases import Database, DatabaseStateError, Status, existing
from privacy.models.fields import Form, InvalidFieldsError
from privacy.models.removals import Progress, Removal
from privacy.tables.store import ConditionFailedError

_TRIES = 3
"""Looks at a database that somebody else is changing at the same time."""


class NotAskedForError(LookupError):
    """No deletion of this database was asked for."""


class Confirmation(Form):
    """`POST /databases/{id}/deletion`: the database's name, typed."""

    confirm: str


def ask(parts: Parts, owner: str, database_id: str, form: Confirmation, now: datetime) -> dict[str, Any]:
    """Close a database for good and queue its removal; asked again, the queue is told again, which does no harm.

    Raises: InvalidFieldsError for another name, UnknownDatabaseError, DatabaseDestroyedError.
    """
    for _ in range(_TRIES):
        database = existing(find(parts, owner, database_id))
        if unicodedata.normalize("NFC", form.confirm).strip() != database.name:
            raise InvalidFieldsError([{"field": "confirm", "message": "must be the name of the database"}])
        if database.status is not Status.DELETING:
            try:
                database = parts.databases.change(database, Status.DELETING, now)
            except ConditionFailedError:
                continue
        parts.send("deletion", database.region, {"database_id": database.id, "step": "start"})
        return _shown(database, [])
    raise DatabaseStateError("the database is being changed; look at it again")


def follow(parts: Parts, owner: str, database_id: str) -> dict[str, Any]:
    """How far a deletion has come, store by store. Raises: UnknownDatabaseError, NotAskedForError."""
    database = find(parts, owner, database_id)
    if database.status not in (Status.DELETING, Status.DESTROYED):
        raise NotAskedForError
    removal = parts.removals.get(database.id)
    progress = parts.removals.progress(database.id) if removal else {}
    return _shown(database, _stores(removal, list(progress.values())))


def _shown(database: Database, stores: list[dict[str, Any]]) -> dict[str, Any]:
    return {"status": database.status.value, "name": database.name, "stores": stores}


def _stores(removal: Removal | None, progress: list[Progress]) -> list[dict[str, Any]]:
    """The segments of each store together; `total` is what was expected until all of them are done."""
    if removal is None:
        return []
    places: dict[tuple[str, str], list[Progress]] = {(store, removal.region): [] for store in removal.expected}
    for segment in progress:
        places.setdefault((segment.store, segment.region), []).append(segment)
    stores = []
    for (store, region), segments in sorted(places.items()):
        removed = sum(segment.removed for segment in segments)
        ended = sum(segment.done_at is not None for segment in segments)
        done = removal.finished_at is not None or ended >= removal.segments_of(store)
        total = removed if done else max(removal.expected.get(store, 0), removed)
        stores.append({"store": store, "region": region, "total": total, "removed": removed})
    return stores
