"""Deleting a database at its owner's word: hide it now, let the queue do the work, tell how far it is
(promise databases.deletion).
"""

import json
import unicodedata
from datetime import datetime
from typing import Any

from databases.parts import Parts
from privacy.models.databases import Database, DatabaseStateError, Status, existing
from privacy.models.fields import Form, InvalidFieldsError
from privacy.models.removals import Progress, Removal
from privacy.tables.store import ConditionFailedError

_TRIES = 3
"""Looks at a database that somebody else is changing at the same time."""


class NotAskedForError(LookupError):
    """No deletion of this database was asked for."""


class NoCertificateError(LookupError):
    """The database was destroyed before there were certificates."""


class Confirmation(Form):
    """`POST /databases/{id}/deletion`: the database's name, typed."""

    confirm: str


def ask(parts: Parts, database: Database, form: Confirmation, now: datetime) -> dict[str, Any]:
    """Close a database for good and queue its removal; asked again, the queue is told again, which does no harm.

    Raises: InvalidFieldsError for another name, DatabaseDestroyedError.
    """
    for _ in range(_TRIES):
        if unicodedata.normalize("NFC", form.confirm).strip() != existing(database).name:
            raise InvalidFieldsError([{"field": "confirm", "message": "must be the name of the database"}])
        if database.status is not Status.DELETING:
            try:
                database = parts.databases.change(database, Status.DELETING, now)
            except ConditionFailedError:
                database = parts.databases.of_owner(database.owner, database.id)
                continue
        parts.send("deletion", parts.home, {"database_id": database.id, "step": "start"})
        return _shown(database, [])
    raise DatabaseStateError("the database is being changed; look at it again")


def follow(parts: Parts, owner: str, database_id: str) -> dict[str, Any]:
    """How far a deletion has come, store by store. Raises: UnknownDatabaseError, NotAskedForError."""
    database = parts.databases.of_owner(owner, database_id)
    if database.status not in (Status.DELETING, Status.DESTROYED):
        raise NotAskedForError
    removal = parts.removals.get(database.id)
    progress = parts.removals.progress(database.id) if removal else {}
    return _shown(database, _stores(removal, list(progress.values())))


def certificate(parts: Parts, owner: str, database_id: str) -> dict[str, Any]:
    """The proof of a database's destruction, as it was signed (promise databases.destroyed).

    Raises: UnknownDatabaseError, DatabaseStateError before all is gone, NoCertificateError.
    """
    database = parts.databases.of_owner(owner, database_id)
    if database.status is not Status.DESTROYED:
        raise DatabaseStateError(f"the database is {database.status.value}; its certificate comes once it is destroyed")
    document = parts.certificates.get(database.id)
    if document is None:
        raise NoCertificateError
    shown: dict[str, Any] = json.loads(document)
    return shown


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
        done = removal.finished_at is not None or ended >= removal.segments_of(store, region)
        expected = removal.expected.get(store, 0) if region == removal.region else 0
        total = removed if done else max(expected, removed)
        stores.append({"store": store, "region": region, "total": total, "removed": removed})
    return stores
