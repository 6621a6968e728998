"""Asking for one's erasure, and following it (promise rights.erase)."""

from contextlib import suppress
from typing import Any

from account.parts import Caller, Parts
from privacy.clock import rfc3339
from privacy.models.cards import card_fields
from privacy.models.erasures import Erasure, ErasureStateError, ErasureStatus, NewErasure, UnknownErasureError
from privacy.models.fields import InvalidFieldsError
from privacy.models.ids import new_id
from privacy.tables.store import ConditionFailedError

Ids = dict[str, Any]


def checked(form: NewErasure) -> NewErasure:
    """The request, without a card number. Raises: InvalidFieldsError."""
    if form.message and card_fields({"message": form.message}):
        raise InvalidFieldsError([{"field": "message", "message": "must not hold a payment card number"}])
    return form


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
            raise ErasureStateError("a request is open already; GET /account/erasure follows it")
    erasure = Erasure(
        id=ids["request_id"],
        created_at=caller.now,
        status=ErasureStatus.REQUESTED,
        databases=form.databases,
        account_id=caller.account.id,
        message=form.message,
    )
    with suppress(ConditionFailedError):  # stored by the request that this one repeats
        parts.erasures.create(erasure)
    return ids


def follow(parts: Parts, caller: Caller) -> dict[str, Any]:
    """The latest request: what is decided, and what is or will be kept, why and until when.

    Raises: UnknownErasureError.
    """
    requests = parts.erasures.of_account(caller.account.id)
    if not requests:
        raise UnknownErasureError
    latest = requests[0]
    return {
        "request_id": latest.id,
        "status": latest.status.value,
        "requested_at": rfc3339(latest.created_at),
        "due_date": rfc3339(latest.due_at(parts.policy)),
        "days_left": max(0, latest.days_left(parts.policy, caller.now)),
        "databases": latest.databases.value,
        "decided_at": rfc3339(latest.decided_at) if latest.decided_at else None,
        "reason": latest.reason,
        "erased": [],
        "kept": parts.registry.kept(caller.person, caller.now) + parts.registry.waiting(caller.person, caller.now),
    }


def answered(parts: Parts, ids: Ids) -> dict[str, str]:
    """The answer to a request. Raises: UnknownErasureError."""
    erasure = parts.erasures.get(ids["request_id"], parts.clock())
    if erasure is None:
        raise UnknownErasureError
    return {"request_id": erasure.id, "due_date": rfc3339(erasure.due_at(parts.policy))}
