"""What sign-ups become: accounts, enquiries and billing records; and the sealed sign-up before that."""

from dataclasses import dataclass
from datetime import datetime
from typing import Annotated, Any

from pydantic import Field

from privacy.models.fields import Form


@dataclass(frozen=True, slots=True)
class PendingSignup:
    """A sign-up that waits for its confirmation link: `sealed` opens only with the link's token
    (promise signup.confirmed). Once confirmed, nothing of the form is left in it but the ids of what came of it.
    `expires_at` is what its sender was told and what its link says; a shorter period in force ends it earlier.
    """

    id: str
    created_at: datetime
    expires_at: datetime
    sealed: bytes | None
    account_id: str | None = None
    database_id: str | None = None


class Confirmation(Form):
    """The body of `POST /signups/confirmation`: the token from the link in the mail."""

    token: Annotated[str, Field(strict=True, min_length=1, max_length=512)]


@dataclass(frozen=True, slots=True)
class Account:
    """A confirmed person. `profile` holds the form's fields (name, email and what was optional)."""

    id: str
    created_at: datetime
    policy_version: str
    email_tag: str
    profile: dict[str, Any]
    password_hash: str | None
    marketing_consent: bool
    captcha_score: str | None = None


@dataclass(frozen=True, slots=True)
class Enquiry:
    """A contact form, with the reference that its sender knows and the date by which we answer
    (promise contact.inquiry).
    """

    reference: str
    created_at: datetime
    due_at: datetime
    expires_at: datetime
    fields: dict[str, Any]


@dataclass(frozen=True, slots=True)
class BillingRecord:
    """What the law makes us keep of a confirmed subscription's order: order fields, name, address, date."""

    id: str
    account_id: str
    recorded_at: datetime
    fields: dict[str, Any]
