"""What waits for a decision, what an erasure would do, and the decision itself (promise rights.erase).

From an approval on nobody reads what goes: with databases to delete now the account is closed in the same write; with
databases to keep, its profile shrinks in it to what signing in needs, until their grace period ends, and takes nothing
new: each write beside it carries the account's state as its condition.
"""

from dataclasses import replace
from datetime import datetime
from typing import Any

from erasures.parts import Parts
from privacy.clock import rfc3339
from privacy.models.accounts import Account
from privacy.models.erasures import (
    HELD,
    Databases,
    Decision,
    Erasure,
    ErasureStateError,
    ErasureStatus,
    NewDecision,
    UnknownErasureError,
)
from privacy.models.holds import UnreadableHold
from privacy.models.ids import is_id
from privacy.models.paging import CursorError, first_page
from privacy.subjects.certificate import withheld
from privacy.subjects.erasing import approved
from privacy.subjects.notices import states
from privacy.subjects.person import Person, person_of
from privacy.tables.store import ConditionFailedError, TransactionRefusedError

GONE = "the account is gone already; nothing is left to erase"
CHANGED = "the account was changed at the same moment; look at it and decide again"
DECIDED = "this was decided before"


def page(parts: Parts, limit: int, cursor: str | None, now: datetime) -> tuple[list[dict[str, Any]], str | None]:
    """Some of the requests that wait for a decision, the oldest first, and then those that are carried out; each with
    the days that are left. Raises: CursorError.
    """
    after = parts.erasures.get(cursor, now) if cursor else None
    if cursor and after is None:
        raise CursorError
    states = [ErasureStatus.REQUESTED, ErasureStatus.APPROVED]
    if after is not None and after.status is not ErasureStatus.REQUESTED:
        states = states[1:]
    waiting = (
        erasure
        for state in states
        for erasure in parts.erasures.waiting(state, after if after is not None and after.status is state else None)
    )
    items, more = first_page((shown(parts, erasure, now) for erasure in waiting), limit)
    return items, str(items[-1]["request_id"]) if more else None


def shown(parts: Parts, erasure: Erasure, now: datetime) -> dict[str, Any]:
    """A request as staff see it; `processors` are those that an approval noted, and whether they are told by now."""
    days = erasure.days_left(parts.policy, now)
    return {
        "request_id": erasure.id,
        "account_id": erasure.account_id,
        "origin": erasure.origin,
        "status": erasure.status.value,
        "databases": erasure.databases.value,
        "message": erasure.message,
        "requested_at": rfc3339(erasure.created_at),
        "due_date": rfc3339(erasure.due_at(parts.policy)),
        "days_left": max(0, days),
        "overdue": days < 0,
        "decided_at": rfc3339(erasure.decided_at) if erasure.decided_at else None,
        "erased_at": rfc3339(erasure.finished_at) if erasure.finished_at else None,
        "processors": [one.document() for one in states(erasure.notices, erasure.id, parts.disclosures, now)],
    }


def existing(parts: Parts, erasure_id: str, now: datetime) -> Erasure:
    """A request by its id. Raises: UnknownErasureError."""
    erasure = parts.erasures.get(erasure_id, now) if is_id("ers", erasure_id) else None
    if erasure is None:
        raise UnknownErasureError
    return erasure


def dry_run(parts: Parts, erasure: Erasure, now: datetime) -> dict[str, Any]:
    """What an approval would remove, what a law keeps, why and until when; nothing is changed.

    Raises: ErasureStateError when nothing is left to look at.
    """
    account, person = _person(parts, erasure)
    counts = [(holding, len(holding.left(person))) for holding in parts.registry.holdings]
    keep = erasure.databases is Databases.KEEP
    return {
        **shown(parts, erasure, now),
        "would_go": [
            {"category": holding.category, "count": count, "what": holding.holds} for holding, count in counts if count
        ],
        "kept": parts.registry.kept(person, now),
        "withheld": withheld(parts.policy, now),
        "databases_affected": [
            {
                "id": one.id,
                "status": one.status.value,
                "then": "destroyed when its grace period ends" if keep else "destroyed at once",
            }
            for one in parts.databases.living(person.owner)
        ],
        "holds": [
            {"hold_id": hold.id, "unreadable": True}
            if isinstance(hold, UnreadableHold)
            else {"ground": hold.ground.value, "until": rfc3339(hold.until)}
            for hold in parts.holds.of_account(account.id, now)
        ],
        "processors_to_tell": [notice["processor"] for notice in parts.registry.notices(person, now)],
    }


def decide(parts: Parts, erasure: Erasure, form: NewDecision, by: str, now: datetime) -> dict[str, Any]:
    """Approve or refuse, once; the same decision again gets the same answer, and an approval is queued again.

    Raises: ErasureStateError.
    """
    wanted = ErasureStatus.APPROVED if form.decision is Decision.APPROVE else ErasureStatus.REFUSED
    if erasure.status is ErasureStatus.REQUESTED:
        decided = replace(erasure, status=wanted, decided_at=now, decided_by=by, reason=form.reason)
        if wanted is ErasureStatus.APPROVED:
            erasure = _approve(parts, erasure, decided, now)
        else:
            try:
                erasure = parts.erasures.change(erasure, decided)
            except ConditionFailedError:
                raise ErasureStateError(DECIDED) from None
    elif erasure.status is not wanted and not (wanted is ErasureStatus.APPROVED and erasure.finished_at):
        raise ErasureStateError(DECIDED)
    if erasure.status is ErasureStatus.APPROVED:
        parts.queues.send("erasure", parts.settings.home_region, {"id": erasure.id})
    return shown(parts, erasure, now) | {"reason": erasure.reason, "kept": list(erasure.kept)}


def _approve(parts: Parts, erasure: Erasure, decided: Erasure, now: datetime) -> Erasure:
    """Hide the account, and note what the worker needs once it is gone, in one write.

    Raises: ErasureStateError, also while a hold keeps what the account has.
    """
    account, person = _person(parts, erasure)
    if parts.holds.of_account(account.id, now):
        raise ErasureStateError(HELD)
    decided = approved(decided, account, parts.registry.notices(person, now), parts.registry.kept(person, now))
    if erasure.databases is Databases.KEEP:
        decided = replace(decided, address=None)  # the account has it until it is closed, and it is noted then
        hiding = parts.accounts.shrink_operation(account)
    else:
        hiding = parts.accounts.close_operation(account.id)
    try:
        parts.transact([parts.erasures.change_operation(erasure, decided), hiding])
    except TransactionRefusedError as refused:
        if 0 in refused.failed:
            raise ErasureStateError(DECIDED) from None
        raise ErasureStateError(CHANGED if parts.accounts.get(account.id) else GONE) from None
    return decided


def _person(parts: Parts, erasure: Erasure) -> tuple[Account, Person]:
    account = parts.accounts.get(erasure.account_id) if erasure.account_id else None
    if account is None:
        raise ErasureStateError(GONE)
    return account, person_of(account, parts.pseudonyms())
