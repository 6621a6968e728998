"""Grants: leave for one member of staff to read one customer database for some hours (promise helpdesk.access)."""

from datetime import datetime, timedelta
from typing import Any

from helpdesk.parts import Parts
from privacy.clock import rfc3339
from privacy.models.access import GRANT, STAYING, Grant, NewGrant, NoRequestError, Purpose, UnknownGrantError
from privacy.models.databases import Database, DatabaseStateError, UnknownDatabaseError, existing
from privacy.models.fields import InvalidFieldsError
from privacy.models.ids import is_id
from privacy.policy import Policy
from privacy.tables.access import new_access_id, time_of
from privacy.tables.audit import new_entry
from privacy.tables.store import TransactionRefusedError

Ids = dict[str, Any]


def plan(form: NewGrant, now: datetime) -> Ids:
    """The id of a new grant; it tells its database and when it begins. Raises: UnknownDatabaseError."""
    if not is_id("db", form.database_id):
        raise UnknownDatabaseError
    return {"grant_id": new_access_id(GRANT, form.database_id, now)}


def make(parts: Parts, staff: str, form: NewGrant, ids: Ids, now: datetime) -> Ids:
    """Give a member of staff (a pseudonym) a grant, on record first; done before, it stays.

    Raises: InvalidFieldsError, UnknownDatabaseError, DatabaseDestroyedError, DatabaseStateError, NoRequestError.
    """
    _check_delay(form, parts.policy, now)
    database = _staying(parts, form.database_id)
    facts = {"database_id": database.id, "purpose": form.purpose.value, "hours": form.hours}
    if form.purpose is Purpose.SUPPORT_REQUEST and parts.access.request(database.id, now) is None:
        parts.trail.add(new_entry("grant.refused", staff, now, subject=database.id, facts=facts))
        raise NoRequestError
    begins_at = time_of(ids["grant_id"])
    grant = Grant(
        id=ids["grant_id"],
        database_id=database.id,
        staff=staff,
        purpose=form.purpose,
        reason=form.reason,
        begins_at=begins_at,
        until=begins_at + timedelta(hours=form.hours),
        undisclosed_until=form.undisclosed_until,
    )
    if form.undisclosed_until is not None:
        facts |= {"undisclosed_until": rfc3339(form.undisclosed_until)}
    parts.trail.add(new_entry("grant.created", staff, now, subject=grant.id, facts=facts))
    staying = parts.databases.check_operation(database.id, *STAYING)
    try:
        parts.transact([staying, parts.access.create_operation(grant)])
    except TransactionRefusedError as refused:
        if 0 in refused.failed:
            _staying(parts, database.id)
            raise DatabaseStateError("the database is being changed; look at it again") from None
    return ids


def made(parts: Parts, ids: Ids, now: datetime) -> dict[str, Any]:
    """A grant as it is answered: with what the customer asked, where that is its ground.

    Raises: UnknownGrantError when it went with its database.
    """
    grant = parts.access.grant(ids["grant_id"], now)
    if grant is None:
        raise UnknownGrantError
    shown: dict[str, Any] = {
        "grant_id": grant.id,
        "database_id": grant.database_id,
        "purpose": grant.purpose.value,
        "until": rfc3339(grant.until),
    }
    asked = parts.access.request(grant.database_id, now) if grant.purpose is Purpose.SUPPORT_REQUEST else None
    if asked is not None:
        shown["support_request"] = {
            "request_id": asked.id,
            "created_at": rfc3339(asked.created_at),
            "message": asked.message,
        }
    return shown


def end(parts: Parts, staff: str, grant_id: str, now: datetime) -> None:
    """End a grant at once, whoever of the HelpDesk has it; one that is over stays as it is.

    Raises: UnknownGrantError.
    """
    grant = parts.access.grant(grant_id, now)
    if grant is None:
        raise UnknownGrantError
    if grant.in_force(now):
        facts = {"database_id": grant.database_id}
        parts.trail.add(new_entry("grant.ended", staff, now, subject=grant.id, facts=facts))
        parts.access.end(grant, now)


def _staying(parts: Parts, database_id: str) -> Database:
    """A database that nobody has given up.

    Raises: UnknownDatabaseError, DatabaseDestroyedError, DatabaseStateError.
    """
    database = parts.databases.get(database_id)
    if database is None:
        raise UnknownDatabaseError
    if existing(database).status not in STAYING:
        raise DatabaseStateError(f"the database is {database.status.value}; its content is closed")
    return database


def _check_delay(form: NewGrant, policy: Policy, now: datetime) -> None:
    """Check how long a grant is to be kept from its customer: only a law can ask for that, and not for ever.

    Raises: InvalidFieldsError.
    """
    until = form.undisclosed_until
    if until is None:
        return
    latest = policy.retention["access.undisclosed"].after(now)
    if form.purpose is not Purpose.LEGAL:
        message = "goes with the purpose legal only"
    elif not now < until <= latest:
        message = f"must be later than now, and not later than {rfc3339(latest)}"
    else:
        return
    raise InvalidFieldsError([{"field": "undisclosed_until", "message": message}])
