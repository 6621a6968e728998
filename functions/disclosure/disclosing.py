"""One disclosure, from the stores as they are at that moment: what was erased meanwhile is not sent.

Delivery is at least once. Each attempt carries the disclosure's id as its idempotency key, so that a processor takes a
repetition for what it is (promise processors.allow-list).
"""

from disclosure.parts import Parts
from privacy.egress import NotRegisteredError, pass_through
from privacy.egress.spelling import UnsayableError
from privacy.models.disclosures import ERASURE_NOTICE, PAYMENT, Disclosure, DisclosureStatus
from privacy.models.fields import mailbox
from privacy.models.ids import is_id
from privacy.queues import MalformedMessageError
from privacy.telemetry import gauge

COMES_AGAIN = frozenset({401, 403, 408, 409, 425, 429})
"""Answers below 500 that say nothing of what was sent: credentials that are mended, or a moment that passes, be it
the same request under way (RFC 9110, 15.5; RFC 6585, 4; RFC 8470, 5.2).
"""

GONE = "what it was to tell is erased"


class NotTakenError(Exception):
    """The processor could not take it now: the message comes again."""


def disclose(parts: Parts, disclosure_id: str) -> None:
    """Send what a message asks for, unless its end is noted already.

    Raises: MalformedMessageError for what is no id of a disclosure; NotTakenError, LostError, NotConfiguredError or
    NotAHostError, after which the message comes again.
    """
    if not is_id("dsc", disclosure_id):
        raise MalformedMessageError("the message names no disclosure")
    disclosure = parts.disclosures.get(disclosure_id, parts.clock())
    if disclosure is None or disclosure.status is not DisclosureStatus.QUEUED:
        return
    payload = _payload(parts, disclosure)
    if payload is None:
        parts.disclosures.refused(disclosure, GONE, parts.clock())
        return
    try:
        passed = pass_through(parts.policy, disclosure.processor, disclosure.purpose, payload)
    except NotRegisteredError as error:
        _refuse(parts, disclosure, f"not registered: {', '.join(error.fields)}")
        return
    try:
        status = parts.carrier.carry(disclosure, passed)
    except UnsayableError as error:
        _refuse(parts, disclosure, f"the processor cannot be told exactly: {', '.join(error.fields)}")
        return
    if 200 <= status < 300:
        parts.disclosures.delivered(disclosure, parts.clock())
    elif status >= 500 or status in COMES_AGAIN:
        raise NotTakenError("the processor could not take it")
    else:
        _refuse(parts, disclosure, f"the processor answered {status}")


def _refuse(parts: Parts, disclosure: Disclosure, reason: str) -> None:
    """Trying again would not help by itself, so somebody has to look (docs/operations.md, "Disclosures")."""
    parts.disclosures.refused(disclosure, reason, parts.clock())
    gauge("disclosure", "disclosures", Refused=1)


def _payload(parts: Parts, disclosure: Disclosure) -> dict[str, object] | None:
    """The fields as the stores hold them; None when there is nothing to tell any more."""
    record = parts.billing.get(disclosure.record, parts.clock())
    if record is None:
        return None
    held: dict[str, object] = dict(record.fields)
    if disclosure.purpose == PAYMENT:
        account = parts.accounts.get(record.account_id) if record.account_id else None
        if account is None or account.closed or account.erasing:  # approved to be erased, be it with databases kept
            return None
        held["email"] = mailbox(account.profile["email"])
    elif disclosure.purpose != ERASURE_NOTICE:
        raise MalformedMessageError("nothing is disclosed for such a purpose")
    return {name: held[name] for name in disclosure.fields if name in held}
