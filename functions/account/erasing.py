"""Asking for one's erasure, and following it (promise rights.erase)."""

from typing import Any

from account.parts import Caller, Parts
from privacy.clock import rfc3339
from privacy.models.erasures import Erasure, ErasureStateError, ErasureStatus, NewErasure, UnknownErasureError
from privacy.models.ids import new_id
from privacy.subjects.notices import states
from privacy.tables.store import TransactionRefusedError

Ids = dict[str, Any]

OPEN = "a request is open already; GET /account/erasure follows it"


def plan() -> Ids:
    """The id of a new request."""
    return {"request_id": new_id("ers")}


def ask(parts: Parts, caller: Caller, form: NewErasure, ids: Ids) -> Ids:
    """Store a request, unless one is open already. Repeated with the same ids, the first one stays.

    Raises: ErasureStateError.
    """
    for earlier in parts.erasures.of_account(caller.account.id):
        if earlier.id == ids["request_id"]:
            return ids
        if earlier.status in (ErasureStatus.REQUESTED, ErasureStatus.APPROVED):
            raise ErasureStateError(OPEN)
    erasure = Erasure(
        id=ids["request_id"],
        created_at=caller.now,
        status=ErasureStatus.REQUESTED,
        databases=form.databases,
        account_id=caller.account.id,
        message=form.message,
    )
    noted = parts.accounts.note_erasure_operation(caller.account, erasure.id)
    try:
        parts.transact([parts.erasures.create_operation(erasure), noted])
    except TransactionRefusedError as refused:
        if 0 not in refused.failed:  # else it was stored by the request that this one repeats
            raise ErasureStateError(OPEN) from None
    return ids


def follow(parts: Parts, caller: Caller) -> dict[str, Any]:
    """The latest request: what is decided, what is erased by now, what is or will be kept, why and until when, and
    whether the processors that received something are told. Before a decision that waits; a refusal tells nobody.

    Raises: UnknownErasureError.
    """
    requests = parts.erasures.of_account(caller.account.id)
    if not requests:
        raise UnknownErasureError
    latest, kept = requests[0], parts.registry.kept(caller.person, caller.now)
    notices = latest.notices
    if latest.status is ErasureStatus.REQUESTED:
        notices = parts.registry.notices(caller.person, caller.now)
    erased: list[dict[str, Any]] = []
    if latest.status is ErasureStatus.APPROVED:
        # The way from the person to what a law keeps may be gone already: what was noted with the approval counts.
        decided_at = latest.decided_at or latest.created_at
        kept = [*latest.kept, *parts.registry.staying(caller.person, decided_at, caller.now)]
        erased = _erased(parts, caller, latest)
    else:
        kept += parts.registry.waiting(caller.person, caller.now)
    return {
        "request_id": latest.id,
        "status": latest.status.value,
        "requested_at": rfc3339(latest.created_at),
        "due_date": rfc3339(latest.due_at(parts.policy)),
        "days_left": max(0, latest.days_left(parts.policy, caller.now)),
        "databases": latest.databases.value,
        "decided_at": rfc3339(latest.decided_at) if latest.decided_at else None,
        "reason": latest.reason,
        "erased": erased,
        "kept": kept,
        "processors": [one.document() for one in states(notices, latest.id, parts.disclosures, caller.now)],
    }


def _erased(parts: Parts, caller: Caller, erasure: Erasure) -> list[dict[str, Any]]:
    """What is gone of a person whose databases are kept: what the journal counts, and what the approval itself took."""
    told = parts.registry.removed(parts.removals.progress(erasure.id))
    if caller.account.erasing:
        gone = "the profile, but for its address and kind; consent to marketing; the score of the form"
        told.append({"category": "account", "count": 1, "what": gone})
    return told


def answered(parts: Parts, ids: Ids) -> dict[str, str]:
    """The answer to a request. Raises: UnknownErasureError."""
    erasure = parts.erasures.get(ids["request_id"], parts.clock())
    if erasure is None:
        raise UnknownErasureError
    return {"request_id": erasure.id, "due_date": rfc3339(erasure.due_at(parts.policy))}
