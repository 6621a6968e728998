"""Each kind of form records its own fields and refuses every other (promise signup.fields)."""

from typing import Any, get_args

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from pydantic import TypeAdapter

from privacy.models.cards import card_fields
from privacy.models.currencies import DECIMALS
from privacy.models.fields import UNKNOWN, InvalidFieldsError
from privacy.models.signups import (
    FORMS,
    KNOWN_FIELDS,
    AnySignup,
    Kind,
    Order,
    Subscription,
    becomes_account,
    needs_password,
    opens_database,
    parse_signup,
)

pytestmark = pytest.mark.promise("signup.fields")

PASSWORD = "correct horse battery staple"
COMMON = {"email": "ada@company.example", "name": "Ada Lovelace", "captcha_token": "token"}
ORDER = {
    "amount": "49.90",
    "currency": "EUR",
    "description": "Online, one year",
    "reference": "ORD-2026-0011-4455-7788",
    "processor": "stripe",
}
OPTIONAL = {
    "company": "Analytical Engines",
    "phone": "+65 9123 4567",
    "sector": "Computing",
    "interest": "Engines",
    "marketing_consent": True,
}
OWN: dict[str, dict[str, Any]] = {
    "registration": {"password": PASSWORD},
    "download": {},
    "subscription": {"password": PASSWORD},
    "trial": {"password": PASSWORD},
    "contact": {"message": "Hello\nthere"},
}
MAY: dict[str, dict[str, Any]] = {kind: {} for kind in OWN} | {
    "subscription": {"postal_address": "1 Road\nSingapore", "order": ORDER}
}
KINDS = list(OWN)


def smallest(kind: str) -> dict[str, Any]:
    return {"kind": kind, **COMMON, **OWN[kind]}


def largest(kind: str) -> dict[str, Any]:
    return {**smallest(kind), **OPTIONAL, **MAY[kind]}


def errors(data: Any) -> dict[str, str]:
    with pytest.raises(InvalidFieldsError) as caught:
        parse_signup(data)
    return {error["field"]: error["message"] for error in caught.value.errors}


def test_the_kinds_are_those_of_the_interface() -> None:
    assert set(get_args(Kind)) == set(FORMS) == set(KINDS)


@pytest.mark.parametrize("kind", KINDS)
def test_the_smallest_and_the_largest_form_of_each_kind_are_accepted(kind: str) -> None:
    assert parse_signup(smallest(kind)).kind == kind
    form = parse_signup(largest(kind))
    kept = form.kept_fields()
    assert kept["phone"] == "+6591234567"
    assert set(kept) == set(largest(kind)) - {"password", "captcha_token"}


@pytest.mark.parametrize("kind", KINDS)
def test_every_required_field_is_required_and_may_not_be_null(kind: str) -> None:
    for field in smallest(kind):
        assert errors({name: value for name, value in smallest(kind).items() if name != field}) == {
            field: "is required"
        }
        assert list(errors(smallest(kind) | {field: None})) == [field]


@pytest.mark.parametrize("kind", KINDS)
def test_a_field_that_the_kind_does_not_need_is_refused_and_named(kind: str) -> None:
    every = {"password": PASSWORD, "message": "Hello", "postal_address": "1 Road", "order": ORDER}
    for field in every.keys() - largest(kind).keys():
        assert errors(smallest(kind) | {field: every[field]}) == {field: "is not a field of this request"}
        assert errors(smallest(kind) | {field: None}) == {field: "is not a field of this request"}


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("name", ["Email", "emails", "birthday", "card", "4111111111111111", "ada@company.example", ""])
def test_an_unknown_field_is_refused_without_its_name(kind: str, name: str) -> None:
    assert errors(largest(kind) | {name: "x"}) == {UNKNOWN: "is not a field of this request"}


def test_a_postal_address_is_accepted_only_with_a_subscription() -> None:
    for kind in KINDS:
        data = smallest(kind) | {"postal_address": "1 Road"}
        if kind == "subscription":
            assert isinstance(parse_signup(data), Subscription)
        else:
            assert list(errors(data)) == ["postal_address"]


@pytest.mark.parametrize("kind", KINDS)
def test_consent_to_marketing_is_never_assumed_and_never_guessed(kind: str) -> None:
    assert parse_signup(smallest(kind)).marketing_consent is False
    for value in ("true", "yes", 1, 0, None, "", [True]):
        assert errors(smallest(kind) | {"marketing_consent": value}) == {"marketing_consent": "must be true or false"}


@pytest.mark.parametrize("value", [None, [], "registration", 7, True, [{"kind": "contact"}]])
def test_what_is_no_object_is_refused(value: Any) -> None:
    assert errors(value) == {"": "must be an object"}


@pytest.mark.parametrize("kind", ["", "Contact", "lead", None, 7, ["contact"], {"contact": 1}])
def test_an_unknown_kind_is_refused_with_the_kinds_there_are(kind: Any) -> None:
    message = errors(smallest("contact") | {"kind": kind})["kind"]
    assert "registration" in message
    assert "lead" not in message
    assert errors({}) == {"kind": "is required"}


def test_the_captcha_token_is_bounded() -> None:
    assert parse_signup(smallest("contact") | {"captcha_token": "x" * 4096}).captcha_token
    for token in ("", " ", "x" * 4097, "a\nb", "a\0b"):
        assert list(errors(smallest("contact") | {"captcha_token": token})) == ["captcha_token"]


@pytest.mark.promise("signup.password")
@pytest.mark.parametrize("kind", ["registration", "subscription", "trial"])
def test_the_password_is_in_nothing_that_is_kept_or_shown(kind: str) -> None:
    form = parse_signup(largest(kind))
    assert PASSWORD not in f"{form} {form!r} {form.kept_fields()} {form.model_dump()} {form.model_dump_json()}"
    assert "correct" not in str(errors(smallest(kind) | {"password": "correct"}))


def test_a_form_cannot_be_changed_once_checked() -> None:
    form = parse_signup(smallest("contact"))
    with pytest.raises(ValueError, match="frozen"):
        form.name = "Eve"


# --- orders -----------------------------------------------------------------------------------------------------------


def order(**changes: Any) -> Order:
    form = parse_signup(smallest("subscription") | {"order": ORDER | changes})
    assert isinstance(form, Subscription)
    assert form.order is not None
    return form.order


@pytest.mark.parametrize(
    ("amount", "currency", "kept"),
    [
        ("49.90", "EUR", "49.90"),
        (49.9, "eur", "49.90"),
        (49, "USD", "49.00"),
        ("0.01", "SGD", "0.01"),
        ("490", "JPY", "490"),
        ("490.00", "JPY", "490"),
        ("4.125", "BHD", "4.125"),
        ("999999999999.99", "EUR", "999999999999.99"),
        (0.1, "EUR", "0.10"),
    ],
)
def test_an_amount_is_kept_in_the_decimals_of_its_currency(amount: Any, currency: str, kept: str) -> None:
    assert str(order(amount=amount, currency=currency).amount) == kept
    form = parse_signup(smallest("subscription") | {"order": ORDER | {"amount": amount, "currency": currency}})
    assert form.kept_fields()["order"]["amount"] == kept


@pytest.mark.parametrize(
    "amount",
    [0, 0.0, "0", "0.00", -1, "-1", "+1", "", " ", "1,00", "1 000", "1e3", "٤٩", "0x10", "NaN", "Infinity",
     float("nan"), float("inf"), 1e300, "1" * 13, "9" * 10_000, True, None, [], {}, ".5", "5.", "1_0"],
    ids=lambda amount: repr(amount)[:20],
)  # fmt: skip
def test_what_is_no_positive_amount_is_refused(amount: Any) -> None:
    assert errors(smallest("subscription") | {"order": ORDER | {"amount": amount}}) == {
        "order.amount": "must be a positive amount, such as 49.90"
    }


@pytest.mark.parametrize(("amount", "currency"), [("1.001", "EUR"), ("1.5", "JPY"), ("1.0001", "KWD"), (0.001, "USD")])
def test_more_decimals_than_the_currency_has_are_refused(amount: Any, currency: str) -> None:
    changed = ORDER | {"amount": amount, "currency": currency}
    assert errors(smallest("subscription") | {"order": changed}) == {
        "order.amount": f"must have at most {DECIMALS[currency]} decimals in this currency"
    }


@pytest.mark.parametrize(
    ("field", "bad"),
    [("currency", "EURO"), ("currency", "XXX"), ("currency", "€"), ("currency", 978), ("processor", "visa"),
     ("processor", "Stripe"), ("description", ""), ("description", "x" * 201), ("reference", ""), ("reference", 7)],
)  # fmt: skip
def test_the_other_fields_of_an_order_are_checked(field: str, bad: Any) -> None:
    assert list(errors(smallest("subscription") | {"order": ORDER | {field: bad}})) == [f"order.{field}"]


def test_an_order_has_all_its_fields_and_no_other() -> None:
    for field in ORDER:
        rest = {name: value for name, value in ORDER.items() if name != field}
        assert errors(smallest("subscription") | {"order": rest}) == {f"order.{field}": "is required"}
    assert errors(smallest("subscription") | {"order": ORDER | {"pan": "x"}}) == {
        f"order.{UNKNOWN}": "is not a field of this request"
    }


def test_there_are_active_currencies_of_every_kind() -> None:
    assert {DECIMALS[code] for code in ("JPY", "SGD", "EUR", "USD", "BHD")} == {0, 2, 3}
    assert len(DECIMALS) > 150
    assert all(len(code) == 3 and code.isupper() for code in DECIMALS)


# --- what becomes of them ---------------------------------------------------------------------------------------------


def test_what_each_kind_becomes() -> None:
    assert [kind for kind in FORMS if needs_password(kind)] == ["registration", "subscription", "trial"]
    assert [kind for kind in FORMS if becomes_account(kind)] == [
        "registration",
        "download",
        "subscription",
        "trial",
    ]
    assert [kind for kind in FORMS if opens_database(kind)] == ["trial"]


# --- together with the search for card numbers ------------------------------------------------------------------------


@pytest.mark.promise("signup.no-cards")
@pytest.mark.parametrize("kind", KINDS)
def test_an_ordinary_form_of_each_kind_holds_no_card_number(kind: str) -> None:
    assert card_fields(largest(kind), known=KNOWN_FIELDS) == []


@pytest.mark.promise("signup.no-cards")
@pytest.mark.parametrize("kind", KINDS)
def test_a_card_number_in_any_field_of_a_form_is_found_there(kind: str) -> None:
    for field in largest(kind):
        data = largest(kind) | {field: "my card 4111-1111-1111-1111"}
        assert card_fields(data, known=KNOWN_FIELDS) == [field]
    for field in ORDER:
        data = largest("subscription") | {"order": ORDER | {field: 4111111111111111}}
        assert card_fields(data, known=KNOWN_FIELDS) == [f"order.{field}"]


# --- published and robust ---------------------------------------------------------------------------------------------


def test_the_published_schema_refuses_what_the_models_refuse() -> None:
    schema = TypeAdapter(AnySignup).json_schema()
    assert set(schema["discriminator"]["mapping"]) == set(KINDS)
    for kind in KINDS:
        described = schema["$defs"][FORMS[kind].__name__]  # type: ignore[index]
        assert described["additionalProperties"] is False
        assert set(described["required"]) == set(smallest(kind))
        assert set(described["properties"]) == set(largest(kind))


ANYTHING = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(), lambda inner: st.lists(inner, max_size=3)
    | st.dictionaries(st.sampled_from(sorted(KNOWN_FIELDS)) | st.text(max_size=5), inner, max_size=4), max_leaves=10,
)  # fmt: skip


@given(
    kind=st.sampled_from(KINDS),
    changes=st.dictionaries(st.sampled_from(sorted(KNOWN_FIELDS)), ANYTHING, max_size=3),
)
@settings(max_examples=300, deadline=None)
def test_any_input_is_either_accepted_or_refused_in_our_own_words(kind: str, changes: dict[str, Any]) -> None:
    try:
        form = parse_signup(largest(kind) | changes)
    except InvalidFieldsError as error:
        messages = [row["message"] for row in error.errors]
    else:
        messages = ["accepted"]
        assert isinstance(form.kept_fields().get("order", {}).get("amount", ""), str)
    assert messages
    assert "is not valid" not in messages
