"""The gate: a request with its ground and its case, then the approval of another person (promise correlation.gate).

Each step is on record in the same write that makes it so, or before its refusal is answered.
"""

from contextlib import suppress
from datetime import datetime
from typing import Any

from correlation.looking import Result, correlate
from correlation.parts import Parts
from privacy.clock import rfc3339
from privacy.models.correlations import (
    Correlation,
    DeliveredError,
    NewCorrelation,
    Question,
    SamePersonError,
    UnknownAccountError,
    UnknownCorrelationError,
    question,
)
from privacy.models.ids import is_id
from privacy.models.staff import Staff
from privacy.tables.audit import new_entry
from privacy.tables.store import TransactionRefusedError

Ids = dict[str, Any]
PREFIX = "cor"


def ask(parts: Parts, requester: Staff, form: NewCorrelation, ids: Ids, now: datetime) -> Ids:
    """Note a request; made before, it stays. Raises: InvalidFieldsError, UnknownAccountError."""
    holds = [hold for hold in parts.holds.all() if hold.ground.value == form.ground.value and hold.is_in_force(now)]
    asked = question(form, parts.policy, now, held=any(hold.scope.visits for hold in holds))
    if not is_id("acc", asked.account_id) or parts.accounts.get(asked.account_id) is None:
        raise UnknownAccountError
    who = parts.pseudonym(requester)
    made = Correlation(ids["correlation_id"], form.ground, who, now, asked)
    entry = new_entry("correlation.requested", who, now, subject=made.id, facts=_facts(parts, made, asked))
    with suppress(TransactionRefusedError):  # the request that this one repeats made it
        parts.transact([parts.correlations.create_operation(made, asked), parts.trail.add_operation(entry)])
    return ids


def existing(parts: Parts, correlation_id: str, now: datetime) -> Correlation:
    """A request by its id. Raises: UnknownCorrelationError, also when it has expired."""
    found = parts.correlations.get(correlation_id, now) if is_id(PREFIX, correlation_id) else None
    if found is None:
        raise UnknownCorrelationError
    return found


def asked(parts: Parts, ids: Ids, now: datetime) -> dict[str, Any]:
    """What a request's sender is told. Raises: UnknownCorrelationError."""
    made = existing(parts, ids["correlation_id"], now)
    expires_at = rfc3339(made.expires_at(parts.policy))
    return {"correlation_id": made.id, "status": _status(made), "expires_at": expires_at}


def show(parts: Parts, reader: Staff, correlation_id: str, now: datetime) -> dict[str, Any]:
    """A request, never its result; its question only while it waits. Raises: UnknownCorrelationError."""
    made = existing(parts, correlation_id, now)
    parts.trail.add(new_entry("correlation.read", parts.pseudonym(reader), now, subject=made.id))
    open_one = made.question
    window = {"from": rfc3339(open_one.first), "to": rfc3339(open_one.last)} if open_one else None
    return {
        "correlation_id": made.id,
        "status": _status(made),
        "ground": made.ground.value,
        "case": open_one.case if open_one else None,
        "account_id": open_one.account_id if open_one else None,
        "window": window,
        "requested_at": rfc3339(made.requested_at),
        "expires_at": rfc3339(made.expires_at(parts.policy)),
        **({"decided_at": rfc3339(made.decided_at)} if made.decided_at else {}),
    }


def approve(parts: Parts, approver: Staff, correlation_id: str, now: datetime) -> Result:
    """The result of a request, once, for another person than who asked.

    It is looked up first; then one transaction ends the wait, takes the question from the request and puts the approval
    on record. What fails before that leaves the request waiting; who comes second gets no result.

    Raises: UnknownCorrelationError, SamePersonError, DeliveredError.
    """
    made = existing(parts, correlation_id, now)
    who = parts.pseudonym(approver)
    if who == made.requested_by:
        _refused(parts, made, who, now, "same-person")
        raise SamePersonError
    if made.question is None:
        _refused(parts, made, who, now, "delivered-before")
        raise DeliveredError
    result = correlate(parts, made.question, made.ground, now)
    _deliver(parts, made, made.question, who, now, result)
    return result


def _deliver(parts: Parts, made: Correlation, asked: Question, who: str, now: datetime, result: Result) -> None:
    """Raises: DeliveredError when somebody was faster."""
    facts = _facts(parts, made, asked)
    counts = {"sessions": len(result.sessions), "visits": len(result.visits), "broken": result.broken}
    complete = "yes" if result.complete else "no"
    entry = new_entry(
        "correlation.approved", who, now, subject=made.id, facts={**facts, **counts, "complete": complete}
    )
    delivered = parts.correlations.deliver_operation(
        made, now, approver=who, decision=entry.id, account=str(facts["account"]), case=str(facts["case"])
    )
    try:
        parts.transact([delivered, parts.trail.add_operation(entry)])
    except TransactionRefusedError:
        found = parts.correlations.get(made.id, now)
        if found is not None and found.decision == entry.id:
            return  # a retry of the SDK met its own first attempt
        _refused(parts, made, who, now, "delivered-before")
        raise DeliveredError from None


def _facts(parts: Parts, made: Correlation, asked: Question) -> dict[str, str | int]:
    """What the trail says of a request: stand-ins that nothing else uses for the account and the case."""
    pseudonyms = parts.pseudonyms()
    return {
        "ground": made.ground.value,
        "case": pseudonyms.of("case", asked.case),
        "account": pseudonyms.of("correlation", asked.account_id),
    }


def _refused(parts: Parts, made: Correlation, who: str, now: datetime, reason: str) -> None:
    facts = {"ground": made.ground.value, "reason": reason}
    parts.trail.add(new_entry("correlation.refused", who, now, subject=made.id, facts=facts))


def _status(made: Correlation) -> str:
    return "waiting" if made.question else "delivered"
