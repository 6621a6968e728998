"""Asking the HelpDesk for support, and who of it looked at what (promise helpdesk.access)."""

from datetime import datetime
from itertools import islice
from typing import Any

from databases.parts import Parts
from privacy.clock import rfc3339
from privacy.hosting.reading import opened_names
from privacy.models.access import REQUEST, STAYING, Entry, Grant, NewRequest, Read, SupportRequest, UnreadableEntry
from privacy.models.accounts import BeingErasedError
from privacy.models.databases import Database, DatabaseStateError
from privacy.tables.access import new_access_id, time_of
from privacy.tables.store import TransactionRefusedError
from privacy.vault.keys import KeyDestroyedError
from privacy.vault.sealing import SealBrokenError

Ids = dict[str, Any]


def plan(database: Database, now: datetime) -> Ids:
    """The id of a new request; it tells its time."""
    return {"request_id": new_access_id(REQUEST, database.id, now)}


def ask(parts: Parts, account_id: str, database: Database, form: NewRequest, ids: Ids) -> Ids:
    """Note what the owner asks for, and have the HelpDesk told; done before, it stays.

    Raises: DatabaseStateError while the database is deleting, BeingErasedError.
    """
    request = SupportRequest(ids["request_id"], time_of(ids["request_id"]), form.message)
    staying = parts.databases.check_operation(database.id, *STAYING)
    try:
        untouched = parts.accounts.untouched_operation(account_id)
        parts.transact([staying, parts.access.create_operation(request), untouched])
    except TransactionRefusedError as refused:
        if 0 in refused.failed:
            reason = "the database is being deleted; write to the HelpDesk by the contact form"
            raise DatabaseStateError(reason) from None
        if refused.failed == (2,):
            raise BeingErasedError from None
    parts.send("mail", parts.home, {"kind": "support", "id": request.id})
    return ids


def asked(ids: Ids) -> dict[str, str]:
    """The answer to who asked."""
    return {"request_id": ids["request_id"], "created_at": rfc3339(time_of(ids["request_id"]))}


def log(
    parts: Parts, database: Database, limit: int, cursor: str | None, now: datetime
) -> tuple[list[dict[str, Any]], str | None]:
    """Some of what the owner may be shown of the access to a database, newest first, and the place to go on from.

    Raises: CursorError.
    """
    found = list(islice(parts.access.of_database(database.id, now, after=cursor, page=limit + 1), limit + 1))
    items = [_shown(parts, database, entry) for entry in found[:limit]]
    return items, found[limit - 1].id if len(found) > limit else None


def _shown(parts: Parts, database: Database, entry: Entry | UnreadableEntry) -> dict[str, Any]:
    match entry:
        case UnreadableEntry():
            return {"entry": entry.what, "id": entry.id, "at": rfc3339(entry.at), "unreadable": True}
        case SupportRequest():
            asked_at = rfc3339(entry.created_at)
            return {"entry": "support-request", "id": entry.id, "at": asked_at, "message": entry.message}
        case Grant():
            return {
                "entry": "grant",
                "id": entry.id,
                "purpose": entry.purpose.value,
                "reason": entry.reason,
                "from": rfc3339(entry.begins_at),
                "until": rfc3339(entry.until),
                "ended_at": rfc3339(entry.ended_at) if entry.ended_at else None,
            }
        case Read():
            return {
                "entry": "read",
                "id": entry.id,
                "at": rfc3339(entry.at),
                "grant_id": entry.grant_id,
                "kind": entry.kind.value,
                **_names(parts, database, entry),
            }


def _names(parts: Parts, database: Database, read: Read) -> dict[str, Any]:
    """What was read; nothing once the database's key is destroyed, for the names went with it; that it cannot be read
    when its seal was altered.
    """
    try:
        return opened_names(parts.host(database.region), database.id, read.id, read.sealed)
    except KeyDestroyedError:
        return {}
    except SealBrokenError:
        return {"unreadable": True}
