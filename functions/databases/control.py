"""A customer's databases: making one, showing it, cancelling it and changing one's mind."""

import time
from dataclasses import replace
from datetime import datetime, timedelta
from typing import Annotated, Any

from databases.parts import Parts
from privacy.clock import rfc3339
from privacy.hosting.partitions import count
from privacy.models.accounts import BeingErasedError
from privacy.models.databases import (
    Counts,
    Database,
    DatabaseStateError,
    Status,
    can_reactivate,
    existing,
)
from privacy.models.fields import Country, DatabaseName, Form, NoCards
from privacy.models.ids import is_id, new_id
from privacy.models.paging import CursorError
from privacy.tables.store import ConditionFailedError, TransactionRefusedError

Ids = dict[str, Any]

FRESH_COUNTS = timedelta(seconds=5)
"""Counts younger than this are shown as they are."""

COUNTING_SECONDS = 1.0
"""How long a reader waits for new counts; a database that takes longer shows its last ones (api.md: counts may lag)."""

_TRIES = 3
"""Looks at a database that somebody else is changing at the same time."""


class NewDatabase(Form):
    """`POST /databases`: without a country, that of the visitor decides about the region."""

    name: Annotated[DatabaseName, NoCards]
    country: Country | None = None


def plan(parts: Parts, form: NewDatabase, country: str | None) -> Ids:
    """The id of a new database, and its region: the nearest to the country that was named, else to the visitor's."""
    return {"database_id": new_id("db"), "region": parts.policy.nearest_region(form.country or country)}


def create(parts: Parts, account_id: str, owner: str, form: NewDatabase, ids: Ids, now: datetime) -> Ids:
    """Make a database, its data key first: from the first write on its content is sealed. Done before, it stays.

    Raises: BeingErasedError, be it from this very moment on: then at most a key is left that opens nothing.
    """
    database = Database(
        id=ids["database_id"],
        owner=owner,
        name=form.name,
        region=ids["region"],
        status=Status.ACTIVE,
        created_at=now,
        since=now,
        policy_version=parts.policy.version.isoformat(),
    )
    untouched = parts.accounts.untouched_operation(account_id)
    try:
        parts.transact([untouched])
        parts.host(database.region).keyring.create(database.id, now)
        parts.transact([untouched, parts.databases.create_operation(database)])
    except TransactionRefusedError as refused:
        if refused.failed == (0,):
            raise BeingErasedError from None
        # else the request that this one repeats made it
    return ids


def shown(parts: Parts, database: Database) -> dict[str, Any]:
    """A database as its owner sees it (api.md)."""
    purge_at = database.purge_at(parts.policy)
    counts = database.counts
    return {
        "id": database.id,
        "name": database.name,
        "region": database.region,
        "status": database.status.value,
        "created_at": rfc3339(database.created_at),
        **({"purge_at": rfc3339(purge_at)} if purge_at else {}),
        "record_count": counts.records if counts else 0,
        "file_count": counts.files if counts else 0,
        "bytes": counts.bytes if counts else 0,
        "counted_at": rfc3339(counts.counted_at) if counts else None,
    }


def made(parts: Parts, owner: str, ids: Ids) -> dict[str, Any]:
    """The database that was made under some ids, as it is by now."""
    return shown(parts, parts.databases.of_owner(owner, ids["database_id"]))


def show(parts: Parts, owner: str, database_id: str, now: datetime) -> dict[str, Any]:
    """One database, counted anew where that is quick."""
    return shown(parts, _counted(parts, parts.databases.of_owner(owner, database_id), now))


def page(parts: Parts, owner: str, limit: int, cursor: str | None) -> tuple[list[dict[str, Any]], str | None]:
    """Some of the caller's databases, oldest first, as last counted, and the place to go on from.

    Destroyed ones are left out: they are shown by their id. Raises: CursorError.
    """
    after = parts.databases.get(cursor) if cursor and is_id("db", cursor) else None
    if cursor and (after is None or after.owner != owner):
        raise CursorError
    found: list[Database] = []
    for database in parts.databases.owned_by(owner, after=after, page=limit + 1):
        if database.status is Status.DESTROYED:
            continue
        if len(found) == limit:
            return [shown(parts, entry) for entry in found], found[-1].id
        found.append(database)
    return [shown(parts, entry) for entry in found], None


def cancel(parts: Parts, database: Database, now: datetime) -> dict[str, Any]:
    """Deactivate a database: its grace period begins (promise databases.grace).

    Raises: DatabaseDestroyedError, DatabaseStateError (also when it was cancelled before).
    """
    for _ in range(_TRIES):
        if existing(database).status is not Status.ACTIVE:
            raise DatabaseStateError(f"the database is {database.status.value}, not active; it cannot be cancelled")
        try:
            return shown(parts, parts.databases.change(database, Status.DEACTIVATED, now))
        except ConditionFailedError:
            database = parts.databases.of_owner(database.owner, database.id)
            if _is_since(database, Status.DEACTIVATED, now):
                return shown(parts, database)
    raise DatabaseStateError("the database is being changed; look at it again")


def reactivate(parts: Parts, account_id: str, database: Database, now: datetime) -> dict[str, Any]:
    """Bring a cancelled database back, within its grace period (promise databases.grace).

    Raises: DatabaseDestroyedError, DatabaseStateError (from the very second of the end), BeingErasedError.
    """
    untouched = parts.accounts.untouched_operation(account_id)
    for _ in range(_TRIES):
        can_reactivate(database, parts.policy, now)
        try:
            parts.transact([untouched, parts.databases.reactivate_operation(database, now)])
            return shown(parts, replace(database, status=Status.ACTIVE, since=now))
        except TransactionRefusedError as refused:
            if refused.failed == (0,):
                raise BeingErasedError from None
            database = parts.databases.of_owner(database.owner, database.id)
            if _is_since(database, Status.ACTIVE, now):
                return shown(parts, database)
    raise DatabaseStateError("the database is being changed; look at it again")


def _is_since(database: Database, status: Status, now: datetime) -> bool:
    """Whether a refused change is there all the same: the SDK repeated a call whose answer was lost."""
    return database.status is status and database.since == now


def _counted(parts: Parts, database: Database, now: datetime) -> Database:
    counts = database.counts
    if database.status is not Status.ACTIVE or (counts and now - counts.counted_at < FRESH_COUNTS):
        return database
    tally = count(parts.host(database.region), database.id, time.monotonic() + COUNTING_SECONDS)
    if tally is None:
        return database
    counts = Counts(tally.records, tally.files, tally.bytes, now)
    try:
        parts.databases.set_counts(database.id, counts)
    except ConditionFailedError:
        return database  # it left the state in which it was read
    return replace(database, counts=counts)
