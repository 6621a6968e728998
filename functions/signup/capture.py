"""Taking a form: refuse card numbers, check it, ask the verifier, let it wait for its confirmation or its answer.

Whether an address is known is not even looked up here, so neither the answer nor its time can tell
(promise signup.confirmed): the mail worker finds out, and the difference goes to the mailbox.
"""

import json
import secrets
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from privacy.clock import rfc3339
from privacy.models.accounts import Enquiry, PendingSignup
from privacy.models.cards import card_fields
from privacy.models.fields import InvalidFieldsError, mailbox
from privacy.models.ids import encode, new_id
from privacy.models.signups import KNOWN_FIELDS, Contact, Signup, becomes_account, parse_signup
from privacy.tables.store import ConditionFailedError
from privacy.vault.passwords import hash_password
from privacy.vault.sealing import seal
from signup.captcha import judge
from signup.parts import Parts

PURPOSE = "signup"
"""Of the link in the mail (`privacy.vault.tokens.Links`)."""

Ids = dict[str, Any]


@dataclass(frozen=True, slots=True)
class Visitor:
    """What is needed of who sent the form: the country, for the nearest region."""

    country: str | None


def accepted_form(document: Mapping[str, Any]) -> Signup:
    """The form that a request's body holds. Card numbers are looked for in all of it, before anything else
    (promise signup.no-cards).

    Raises: InvalidFieldsError.
    """
    if cards := card_fields(document, known=KNOWN_FIELDS):
        message = "must not hold a payment card number; payments are made with the payment processor"
        raise InvalidFieldsError([{"field": field, "message": message} for field in cards])
    return parse_signup(document)


def plan(form: Signup, now: datetime) -> Ids:
    """What the form will be known by, and from when on its periods count."""
    reference = new_id("sgn") if becomes_account(form.kind) else "ENQ-" + encode(secrets.token_bytes(16)).upper()
    return {"reference": reference, "created_at": rfc3339(now)}


def capture(parts: Parts, form: Signup, visitor: Visitor, ids: Ids) -> Ids:
    """Store the form under its planned ids and ask for the mail; repeated, it completes what is missing.

    The captcha is asked once: its token is worth nothing the second time.

    Raises: InvalidFieldsError for a captcha below the minimum, VerifierDownError.
    """
    reference, created_at = str(ids["reference"]), datetime.fromisoformat(ids["created_at"])
    if isinstance(form, Contact):
        if parts.enquiries.get(reference, created_at) is None:
            _store_enquiry(parts, form, reference, created_at, _score(parts, form))
    elif parts.signups.get(reference, created_at) is None:
        _store_signup(parts, form, visitor, reference, created_at, _score(parts, form))
    kind = "enquiry" if isinstance(form, Contact) else "signup"
    parts.queues.send("mail", parts.settings.home_region, {"kind": kind, "id": reference})
    return ids


def receipt(parts: Parts, form: Signup, ids: Ids) -> dict[str, str]:
    """The answer to a form that was taken."""
    created_at = datetime.fromisoformat(ids["created_at"])
    if not isinstance(form, Contact):
        expires = parts.policy.retention["signups.pending"].after(created_at)
        return {"reference": ids["reference"], "expires_at": rfc3339(expires)}
    return {
        "reference": ids["reference"],
        "expires_at": rfc3339(parts.policy.retention["enquiries.kept"].after(created_at)),
        "due_date": rfc3339(parts.policy.retention["enquiries.due"].after(created_at)),
    }


def _score(parts: Parts, form: Signup) -> str | None:
    """The score alone, as text. Raises: InvalidFieldsError, VerifierDownError."""
    decision = judge(
        parts.verifier,
        form.captcha_token,
        minimum=parts.settings.captcha_minimum,
        let_through=parts.settings.captcha_when_down == "allow",
    )
    if not decision.accepted:
        raise InvalidFieldsError(
            [{"field": "captcha_token", "message": "could not be verified; load the form again and send it once more"}]
        )
    return None if decision.score is None else str(decision.score)


def _store_enquiry(parts: Parts, form: Contact, reference: str, now: datetime, score: str | None) -> None:
    fields = form.kept_fields() | {"captcha_score": score}
    enquiry = Enquiry(
        reference=reference,
        created_at=now,
        due_at=parts.policy.retention["enquiries.due"].after(now),
        expires_at=parts.policy.retention["enquiries.kept"].after(now),
        fields={name: value for name, value in fields.items() if value is not None},
        email_tag=parts.pseudonyms().address(mailbox(form.email)),
    )
    with suppress(ConditionFailedError):  # stored by the request that this one repeats
        parts.enquiries.create(enquiry)


def _store_signup(
    parts: Parts, form: Signup, visitor: Visitor, reference: str, now: datetime, score: str | None
) -> None:
    password = getattr(form, "password", None)
    content = {
        "form": form.kept_fields(),
        "password_hash": hash_password(password.get_secret_value()) if password else None,
        "captcha_score": score,
        # Unknown here, it is asked for again when the link is followed.
        "region": parts.policy.nearest_region(visitor.country) if visitor.country else None,
    }
    expires_at = parts.policy.retention["signups.pending"].after(now)
    links = parts.links()
    token = links.token(PURPOSE, reference, expires_at)
    sealed = seal(links.sealing_key(token), json.dumps(content).encode("utf-8"), reference)
    with suppress(ConditionFailedError):  # stored by the request that this one repeats
        parts.signups.create(PendingSignup(reference, now, expires_at, sealed))
