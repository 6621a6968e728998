"""People who sign up: forms with a canary in every field, and the way from a form to an account."""

from typing import Any

from signup.capture import PURPOSE
from signup.parts import Parts
from tests.unit.engine import Answer, http

PASSWORD = "canary-password-oxbow and more"
CANARIES = {
    "email": "canary-mailbox-oxbow@example.org",
    "name": "Canary Person Oxbow",
    "company": "Canary Company Oxbow",
    "phone": "+6561237397",
    "sector": "Canary Sector Oxbow",
    "interest": "Canary Interest Oxbow",
    "captcha_token": "canary-captcha-oxbow",
}
ADDRESS = "Canary Street Oxbow\nSingapore"
MESSAGE = "Canary Message Oxbow"
ORDER = {
    "amount": "49.90",
    "currency": "SGD",
    "description": "Canary Order Oxbow",
    "reference": "canary-reference-oxbow",
    "processor": "stripe",
}
WITH_PASSWORD = ("registration", "subscription", "trial")


def form(kind: str, **changes: Any) -> dict[str, Any]:
    """A form with everything that its kind may have; a change to None leaves a field out."""
    fields: dict[str, Any] = {"kind": kind, **CANARIES, "marketing_consent": False}
    if kind in WITH_PASSWORD:
        fields["password"] = PASSWORD
    if kind == "subscription":
        fields |= {"postal_address": ADDRESS, "order": dict(ORDER)}
    if kind == "contact":
        fields["message"] = MESSAGE
    return {name: value for name, value in (fields | changes).items() if value is not None}


def canaries(kind: str) -> list[str]:
    """What was typed into a form of a kind, as far as it can be told from anything else."""
    sent = form(kind)
    typed = [value for name, value in sent.items() if isinstance(value, str) and name != "kind"]
    return [*typed, *([ORDER["description"], ORDER["reference"]] if "order" in sent else []), "Oxbow", "oxbow"]


def signed_up(app: Any, kind: str = "trial", *, headers: dict[str, str] | None = None, **changes: Any) -> str:
    """Send a form; its reference."""
    answer = http(app, "POST", "/signups", body=form(kind, **changes), headers=headers)
    assert answer.status == 202, answer.body
    return str(answer.json()["reference"])


def token_of(parts: Parts, reference: str) -> str:
    """The token of the link in the mail, as the mail worker derives it."""
    signup = parts.signups.get(reference, parts.clock())
    assert signup is not None
    return parts.links().token(PURPOSE, reference, signup.expires_at)


def confirmed(app: Any, parts: Parts, kind: str = "trial", **changes: Any) -> Answer:
    """Sign up and follow the link."""
    token = token_of(parts, signed_up(app, kind, **changes))
    answer = http(app, "POST", "/signups/confirmation", body={"token": token})
    assert answer.status == 201, answer.body
    return answer
