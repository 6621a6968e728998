"""How each processor wants an order spelled: pure, after the gate, and nothing but the fields that passed it.

Neither request takes money: Stripe's payment intent is not confirmed and PayPal's order not captured, which only the
customer's own checkout can do. What a processor cannot be told exactly is refused, never rounded or cut.
"""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from decimal import Decimal, InvalidOperation
from urllib.parse import urlencode

from privacy.egress.gate import Scalar

FORM, JSON = "application/x-www-form-urlencoded", "application/json"

STRIPE_VERSION = "2024-06-20"
"""The version that this spelling was written for (https://docs.stripe.com/api/versioning)."""

_STRIPE_BY_DECIMALS = {
    0: "BIF CLP DJF GNF JPY KMF KRW MGA PYG RWF VND VUV XAF XOF XPF",
    3: "BHD IQD JOD KWD LYD OMR TND",
}
_STRIPE_DECIMALS = {code: decimals for decimals, codes in _STRIPE_BY_DECIMALS.items() for code in codes.split()}
"""Decimals of Stripe's minor units where they are not two (https://docs.stripe.com/currencies#zero-decimal); ISK has
two there, always 00.
"""

_STRIPE_UNCLEAR = frozenset({"UGX"})
"""Stripe's page names it among the currencies without decimals and, among the special cases, with two: a hundred times
as much (https://docs.stripe.com/currencies#special-cases).
"""

_PAYPAL_WHOLE = frozenset({"HUF", "JPY", "TWD"})
"""PayPal takes them without decimals (https://developer.paypal.com/api/rest/reference/currency-codes/)."""

_PAYPAL_LONGEST = {"reference": 127, "name": 140}
"""Characters (https://developer.paypal.com/docs/api/orders/v2/); a longer description is cut by PayPal itself."""


class UnsayableError(Exception):
    """The processor cannot be told this exactly: it names fields, never values."""

    def __init__(self, *fields: str) -> None:
        super().__init__(f"it cannot be told exactly: {', '.join(fields)}")
        self.fields = fields


@dataclass(frozen=True, slots=True)
class Request:
    """A POST as a processor wants it, without what authorizes it."""

    path: str
    content: bytes
    headers: Mapping[str, str]


def payment(processor: str, fields: Mapping[str, Scalar], key: str) -> Request:
    """An order, for the processor of its payment. Under the same key it is the same one.

    Raises: UnsayableError, also for a field that the spelling has no place for, and for a processor without one.
    """
    known = {"amount", "currency", "description", "reference", "name", "email"}
    spelling = _PAYMENTS.get(processor)
    if spelling is None or not {"amount", "currency"} <= set(fields) <= known:
        raise UnsayableError(*sorted(set(fields) - known or known - set(fields)))
    return spelling({name: str(value) for name, value in fields.items()}, key)


def _stripe(fields: Mapping[str, str], key: str) -> Request:
    """A payment intent that nobody confirmed (https://docs.stripe.com/api/payment_intents/create)."""
    currency = fields["currency"]
    if currency in _STRIPE_UNCLEAR:
        raise UnsayableError("currency")
    decimals = _STRIPE_DECIMALS.get(currency, 2)
    minor = _scaled(fields["amount"], decimals)
    # The last digit of three must be 0 (special cases, as above); ISK has no fractions.
    if (decimals == 3 and minor % 10) or (currency == "ISK" and minor % 100):
        raise UnsayableError("amount")
    told = {"amount": str(minor), "currency": currency.lower()}
    places = (
        ("description", "description"),
        ("email", "receipt_email"),
        ("reference", "metadata[reference]"),
        ("name", "metadata[name]"),
    )
    told |= {place: fields[name] for name, place in places if name in fields}
    headers = {"Content-Type": FORM, "Idempotency-Key": key, "Stripe-Version": STRIPE_VERSION}
    return Request("/v1/payment_intents", urlencode(told).encode("ascii"), headers)


def _paypal(fields: Mapping[str, str], key: str) -> Request:
    """An order that nobody approved (https://developer.paypal.com/docs/api/orders/v2/#orders_create): PayPal forgets it
    within hours. The reference is its invoice's number, for which PayPal takes one payment, unless our account there is
    set otherwise.
    """
    too_long = [name for name, most in _PAYPAL_LONGEST.items() if len(fields.get(name, "")) > most]
    if too_long:
        raise UnsayableError(*sorted(too_long))
    currency, whole = fields["currency"], fields["currency"] in _PAYPAL_WHOLE
    value = str(_scaled(fields["amount"], 0)) if whole else fields["amount"]
    unit: dict[str, object] = {"amount": {"currency_code": currency, "value": value}}
    unit |= {
        place: fields[name]
        for name, place in (("description", "description"), ("reference", "invoice_id"))
        if name in fields
    }
    payer: dict[str, object] = {}
    if "email" in fields:
        payer["email_address"] = fields["email"]
    if "name" in fields:  # a name is one field of ours: where it parts into two, nobody can tell
        payer["name"] = {"given_name": fields["name"]}
    order: dict[str, object] = {"intent": "CAPTURE", "purchase_units": [unit]} | ({"payer": payer} if payer else {})
    headers = {"Content-Type": JSON, "PayPal-Request-Id": key}
    return Request("/v2/checkout/orders", json.dumps(order).encode("ascii"), headers)


_PAYMENTS = {"stripe": _stripe, "paypal": _paypal}


def notice(processor_name: str, reference: str, number: str) -> tuple[str, str]:
    """The subject and the text of a mail to a processor's privacy contact: neither has an interface that takes word
    of an erasure (docs/decisions.md). `number` is the disclosure's.
    """
    subject = f"Notice of an erasure (GDPR, Article 19): {number}"
    text = (
        f"To the privacy team of {processor_name}\n\n"
        "We erased a person's data. You received data of theirs from us, with the order of this reference:\n\n"
        f"{reference}\n\n"
        "Please erase what no law makes you keep of it, and tell whom you passed it on to.\n"
        f"This is our notice {number}; should it come twice, it is the same one.\n\n"
        "PerfectWORK\n"
    )
    return subject, text


def _scaled(amount: str, decimals: int) -> int:
    """An amount as a whole number of units that are so many decimals small. Raises: UnsayableError."""
    try:
        units = Decimal(amount).scaleb(decimals)
    except InvalidOperation:
        raise UnsayableError("amount") from None
    if not units.is_finite() or units != units.to_integral_value() or units < 0:
        raise UnsayableError("amount")
    return int(units)
