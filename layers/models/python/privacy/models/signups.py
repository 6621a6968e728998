"""The forms of the website, one model for each kind, each with the fields that its kind needs and no other
(promise signup.fields; api.md, `POST /signups`).
"""

import re
from collections.abc import Mapping
from decimal import ROUND_DOWN, Decimal
from functools import partial
from types import MappingProxyType
from typing import Annotated, Any, Literal

from pydantic import (
    AfterValidator,
    BeforeValidator,
    ConfigDict,
    Field,
    StrictBool,
    ValidationInfo,
    field_validator,
)
from pydantic_core import PydanticCustomError

from privacy.models.currencies import DECIMALS
from privacy.models.fields import (
    Company,
    Email,
    Form,
    Interest,
    Line,
    Message,
    Password,
    PersonName,
    Phone,
    PostalAddress,
    Sector,
    clean_text,
    validated,
)

Kind = Literal["registration", "download", "subscription", "trial", "contact"]

CAPTCHA_TOKEN_MAX_CHARACTERS = 4096
"""A reCAPTCHA token has about 2,000."""


# --- an order --------------------------------------------------------------------------------------

_AMOUNT = re.compile(r"[0-9]{1,12}(?:\.[0-9]{1,6})?")


def _amount(value: object) -> Decimal:
    """A number or a decimal string; a JSON number is taken as its shortest writing, so that 49.9 is not
    49.8999…
    """
    text = str(value) if isinstance(value, int | float | str | Decimal) and not isinstance(value, bool) else ""
    if not _AMOUNT.fullmatch(text) or not (amount := Decimal(text)):
        raise PydanticCustomError("rule", "must be a positive amount, such as 49.90")
    return amount


def _currency(value: str) -> str:
    code = value.upper() if value.isascii() else ""
    if code not in DECIMALS:
        raise PydanticCustomError("rule", "must be a currency code of three letters (ISO 4217)")
    return code


class Order(Form):
    """What a subscription orders, and the processor that took the payment: the card itself never comes to
    us.
    """

    # Before the amount, whose decimals depend on it.
    currency: Annotated[str, Field(strict=True, json_schema_extra={"pattern": "^[A-Z]{3}$"}), AfterValidator(_currency)]
    amount: Annotated[Decimal, BeforeValidator(_amount, json_schema_input_type=str | float)]
    """In the currency's own decimals: 49.90 EUR, 490 JPY."""
    description: Line
    reference: Line
    processor: Literal["paypal", "stripe"]

    @field_validator("amount")
    @classmethod
    def _decimals(cls, amount: Decimal, info: ValidationInfo) -> Decimal:
        if "currency" not in info.data:  # its own error says so
            return amount
        decimals = DECIMALS[info.data["currency"]]
        rounded = amount.quantize(Decimal(1).scaleb(-decimals), ROUND_DOWN)
        if rounded != amount:
            raise PydanticCustomError("rule", f"must have at most {decimals} decimals in this currency")
        return rounded


# --- the kinds -------------------------------------------------------------------------------------

CaptchaToken = Annotated[
    str,
    Field(strict=True, json_schema_extra={"minLength": 1, "maxLength": CAPTCHA_TOKEN_MAX_CHARACTERS}),
    AfterValidator(partial(clean_text, longest=CAPTCHA_TOKEN_MAX_CHARACTERS)),
]


class _AnySignup(Form):
    """What every form has. Consent to marketing is never assumed (privacy by default, GDPR article 25)."""

    email: Email
    name: PersonName
    company: Company | None = None
    phone: Phone | None = None
    sector: Sector | None = None
    interest: Interest | None = None
    marketing_consent: StrictBool = False
    captcha_token: CaptchaToken

    def kept_fields(self) -> dict[str, Any]:
        """What of the form is recorded, ready for JSON: no password (its hash is kept apart) and no captcha
        token.
        """
        return self.model_dump(mode="json", exclude={"password", "captcha_token"}, exclude_none=True)


class Registration(_AnySignup):
    """An account on the website."""

    kind: Literal["registration"]
    password: Password


class Download(_AnySignup):
    """A download: an account without a password, which its owner may set by a password reset."""

    kind: Literal["download"]


class Subscription(_AnySignup):
    """A paid service. Only here is there a postal address: for the invoice or the delivery."""

    kind: Literal["subscription"]
    password: Password
    postal_address: PostalAddress | None = None
    order: Order | None = None


class Trial(_AnySignup):
    """A Free Trial: an account and a database (promise signup.trial)."""

    kind: Literal["trial"]
    password: Password


class Contact(_AnySignup):
    """An enquiry (promise contact.inquiry)."""

    kind: Literal["contact"]
    message: Message


Signup = Registration | Download | Subscription | Trial | Contact
AnySignup = Annotated[Signup, Field(discriminator="kind")]
"""The body of `POST /signups`, for the published schema."""

FORMS: Mapping[Kind, type[Signup]] = MappingProxyType(
    {
        "registration": Registration,
        "download": Download,
        "subscription": Subscription,
        "trial": Trial,
        "contact": Contact,
    }
)
KNOWN_FIELDS = frozenset(name for form in (*FORMS.values(), Order) for name in form.model_fields)
"""The names that an error may repeat: those of all kinds of forms."""


class _KindOf(Form):
    model_config = ConfigDict(extra="ignore")

    kind: Kind


def parse_signup(data: object) -> Signup:
    """The form that a parsed JSON body holds (promise signup.fields).

    A field that its kind does not need is an error, never dropped. Card numbers are looked for before
    (`models.cards`).

    Raises: InvalidFieldsError.
    """
    kind = validated(_KindOf, data, known=KNOWN_FIELDS).kind
    return validated(FORMS[kind], data, known=KNOWN_FIELDS)


def needs_password(kind: Kind) -> bool:
    """Whether this kind of form sets the password of an account."""
    return "password" in FORMS[kind].model_fields


def becomes_account(kind: Kind) -> bool:
    """Whether confirming this kind of form makes an account; an enquiry stays an enquiry."""
    return kind != "contact"


def opens_database(kind: Kind) -> bool:
    """Whether confirming this kind of form opens a customer database (promise signup.trial)."""
    return kind == "trial"
