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


@dataclass(frozen=True, slots=True)
class PendingChange:
    """A new address, or a new password, that waits for its link: `sealed` opens only with the link's token. It ends at
    `expires_at`, as its person was told.
    """

    id: str
    created_at: datetime
    expires_at: datetime
    sealed: bytes


class Confirmation(Form):
    """The body of a confirmation: the token from the link in the mail."""

    token: Annotated[str, Field(strict=True, min_length=1, max_length=512)]


SIGN_IN_FIELDS = ("kind", "email")
"""What stays of a profile while an approved erasure waits for the person's databases."""

BEING_ERASED = "the account is being erased; it takes nothing new, but what is there can be seen, exported and deleted"


class BeingErasedError(Exception):
    """The account is being erased: what would be written now would be undone, so nothing was written."""


MARKETING_WORDING = "marketing/1"
"""What the forms and the control panel ask at this moment (`policy.wordings`)."""

MARKETING_OPT_OUT = "opt-out"
"""The purpose of the token in a marketing message's way out."""


@dataclass(frozen=True, slots=True)
class Consent:
    """A person's choice about marketing: since when, under which policy version, and what they were asked
    (promise marketing.opt-out; GDPR article 7(1)).
    """

    agreed: bool
    at: datetime
    policy_version: str
    wording: str = MARKETING_WORDING


@dataclass(frozen=True, slots=True)
class Account:
    """A confirmed person. `profile` holds the form's fields (name, email and what was optional).

    `last_contact_at` is when the person last signed in (to the day) or confirmed something: what they gave lives as
    long as its purpose after that (promise accounts.necessity). `signup_id` is the sign-up that it came from.
    `change_id` is the latest new address that waits, or waited, for its link. `erasure_id` is the latest request to
    erase it: there is one at a time. `erasing` says that an approved erasure waits for the person's databases: it is
    shrunk to what signing in needs, and takes nothing new. `told_of_version` is the latest policy version that its
    person had a mail about. `closed` says that nobody can sign in any more.
    """

    id: str
    created_at: datetime
    policy_version: str
    email_tag: str
    profile: dict[str, Any]
    password_hash: str | None
    marketing: Consent
    last_contact_at: datetime
    captcha_score: str | None = None
    signup_id: str | None = None
    change_id: str | None = None
    erasure_id: str | None = None
    erasing: bool = False
    told_of_version: str | None = None
    closed: bool = False

    @property
    def is_lead(self) -> bool:
        """Whether it came of a download and nobody ever signed in to it."""
        return self.password_hash is None


@dataclass(frozen=True, slots=True)
class Enquiry:
    """A contact form, with the reference that its sender knows and the date by which we answer
    (promise contact.inquiry). `email_tag` is the keyed pseudonym of its address, by which its person finds it.
    """

    reference: str
    created_at: datetime
    due_at: datetime
    expires_at: datetime
    fields: dict[str, Any]
    email_tag: str | None = None


LAWFUL_FIELDS = ("amount", "currency", "description", "reference", "name", "postal_address")
"""What an invoice must tell, beside its date (Singapore Goods and Services Tax (General) Regulations, regulation 11; EU
Directive 2006/112/EC, article 226): a billing record has no more once its person's account is erased.
"""


@dataclass(frozen=True, slots=True)
class BillingRecord:
    """What the law makes us keep of a confirmed subscription's order: order fields, name, address, date.

    `account_id` is None once the account was erased.
    """

    id: str
    account_id: str | None
    recorded_at: datetime
    fields: dict[str, Any]
