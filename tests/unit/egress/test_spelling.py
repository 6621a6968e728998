"""An order as the processors want it spelled: exactly, with the fields that passed the gate and no other."""

import json
from typing import Any
from urllib.parse import parse_qs, parse_qsl

import pytest
from hypothesis import given
from hypothesis import strategies as st

from privacy.egress.spelling import UnsayableError, notice, payment
from privacy.models.currencies import DECIMALS

pytestmark = pytest.mark.promise("processors.allow-list")

ORDER = {
    "amount": "49.90", "currency": "EUR", "description": "one year & more", "reference": "2026-1",
    "name": "Ada Lovel\u00e4ce", "email": "ada+1@example.com",
}  # fmt: skip


def stripe(**changes: Any) -> dict[str, str]:
    return dict(parse_qsl(payment("stripe", ORDER | changes, "dsc_1").content.decode("ascii"), strict_parsing=True))


def paypal(**changes: Any) -> dict[str, Any]:
    found: dict[str, Any] = json.loads(payment("paypal", ORDER | changes, "dsc_1").content)
    return found


def test_stripe_gets_a_payment_intent_that_takes_no_money() -> None:
    request = payment("stripe", ORDER, "dsc_1")
    assert request.path == "/v1/payment_intents"
    assert request.headers == {
        "Content-Type": "application/x-www-form-urlencoded",
        "Idempotency-Key": "dsc_1",
        "Stripe-Version": "2024-06-20",
    }
    assert parse_qs(request.content.decode("ascii")) == {
        "amount": ["4990"],
        "currency": ["eur"],
        "description": ["one year & more"],
        "receipt_email": ["ada+1@example.com"],
        "metadata[reference]": ["2026-1"],
        "metadata[name]": ["Ada Lovel\u00e4ce"],
    }  # and no `confirm`


@pytest.mark.parametrize(
    ("amount", "currency", "minor"),
    [
        ("49.90", "EUR", "4990"),
        ("0.01", "USD", "1"),
        ("490", "JPY", "490"),
        ("490", "KRW", "490"),
        ("5", "ISK", "500"),
        ("12.00", "MGA", "12"),
        ("4990.00", "HUF", "499000"),
        ("12.340", "KWD", "12340"),
        ("12", "TND", "12000"),
    ],
)
def test_stripe_s_amounts_are_in_its_minor_units(amount: str, currency: str, minor: str) -> None:
    assert stripe(amount=amount, currency=currency)["amount"] == minor


@pytest.mark.parametrize(
    ("processor", "changes", "named"),
    [
        ("stripe", {"amount": "12.345", "currency": "KWD"}, ("amount",)),
        ("stripe", {"amount": "12.50", "currency": "MGA"}, ("amount",)),
        ("stripe", {"amount": "5.50", "currency": "ISK"}, ("amount",)),
        ("stripe", {"amount": "5", "currency": "UGX"}, ("currency",)),
        ("stripe", {"amount": "canary"}, ("amount",)),
        ("stripe", {"amount": "NaN"}, ("amount",)),
        ("stripe", {"amount": "-1.00"}, ("amount",)),
        ("paypal", {"amount": "4990.50", "currency": "HUF"}, ("amount",)),
        ("paypal", {"reference": "r" * 128}, ("reference",)),
        ("paypal", {"name": "n" * 141, "reference": "r" * 128}, ("name", "reference")),
        ("stripe", {"phone": "canary"}, ("phone",)),
        ("paypal", {"phone": "canary"}, ("phone",)),
    ],
)
def test_what_cannot_be_told_exactly_is_refused_by_field_name(
    processor: str, changes: dict[str, str], named: tuple[str, ...]
) -> None:
    with pytest.raises(UnsayableError) as refused:
        payment(processor, ORDER | changes, "dsc_1")
    assert refused.value.fields == named
    assert "canary" not in str(refused.value)
    assert refused.value.__suppress_context__ or refused.value.__context__ is None


@pytest.mark.parametrize("processor", ["google-analytics", "nobody"])
def test_who_takes_no_orders_gets_none(processor: str) -> None:
    with pytest.raises(UnsayableError):
        payment(processor, ORDER, "dsc_1")


def test_an_order_without_an_amount_is_none() -> None:
    with pytest.raises(UnsayableError):
        payment("stripe", {name: value for name, value in ORDER.items() if name != "amount"}, "dsc_1")


def test_paypal_gets_an_order_that_nobody_approved() -> None:
    request = payment("paypal", ORDER, "dsc_1")
    assert request.path == "/v2/checkout/orders"
    assert request.headers == {"Content-Type": "application/json", "PayPal-Request-Id": "dsc_1"}
    assert json.loads(request.content) == {
        "intent": "CAPTURE",
        "purchase_units": [
            {
                "amount": {"currency_code": "EUR", "value": "49.90"},
                "description": "one year & more",
                "invoice_id": "2026-1",
            }
        ],
        "payer": {"email_address": "ada+1@example.com", "name": {"given_name": "Ada Lovel\u00e4ce"}},
    }  # and no `payment_source`


@pytest.mark.parametrize(
    ("amount", "currency", "value"),
    [("4990.00", "HUF", "4990"), ("490", "JPY", "490"), ("100.00", "TWD", "100"), ("0.50", "SGD", "0.50")],
)
def test_paypal_s_amounts_have_decimals_where_it_takes_some(amount: str, currency: str, value: str) -> None:
    assert paypal(amount=amount, currency=currency)["purchase_units"][0]["amount"]["value"] == value


@given(st.sampled_from(sorted(set(DECIMALS) - {"UGX", "MGA", "ISK"})), st.integers(1, 10**7))
def test_no_amount_of_ours_becomes_another_one(currency: str, units: int) -> None:
    """What comes out, read back by the decimals of ISO 4217, is what went in."""
    decimals = DECIMALS[currency]
    units = units * 10 if decimals == 3 else units
    amount = f"{units // 10**decimals}.{units % 10**decimals:0{decimals}}" if decimals else str(units)
    if currency == "UYI":  # an index: no processor takes it, and Stripe says so itself
        return
    assert int(stripe(amount=amount, currency=currency)["amount"]) == units


@given(st.sets(st.sampled_from(["description", "reference", "name", "email"])))
def test_what_is_not_held_is_not_told(missing: set[str]) -> None:
    fields = {name: value for name, value in ORDER.items() if name not in missing}
    for processor in ("stripe", "paypal"):
        content = payment(processor, fields, "dsc_1").content.decode("ascii")
        for name, words in {
            "description": "year",
            "reference": "2026-1",
            "name": "Lovel",
            "email": "example.com",
        }.items():
            assert (words in content) == (name in fields)


def test_a_notice_tells_a_reference_and_nothing_else_of_a_person() -> None:
    subject, text = notice("Stripe", "2026-1", "dsc_1")
    assert "2026-1" not in subject
    assert text.count("2026-1") == 1
    assert "To the privacy team of Stripe" in text
    assert "dsc_1" in text
