"""No card number is ever recorded, and what only looks like one is let through (promise signup.no-cards)."""

import json
import random
from collections.abc import Callable
from decimal import Decimal
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from privacy.models.cards import card_fields, holds_card_number
from tests.unit.models import writings
from tests.unit.models.growth import grows_with_the_length

pytestmark = pytest.mark.promise("signup.no-cards")

VISA = "4111111111111111"
SEEDS = st.integers(0, 2**32)


# --- found ------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("brand", writings.BRANDS)
def test_a_card_number_of_every_scheme_is_found(brand: str) -> None:
    source = random.Random(brand)
    for _ in range(50):
        assert holds_card_number(writings.card(source, brand))


@pytest.mark.parametrize(
    "number",
    [
        "4111111111111111",
        "4012888888881881",
        "4222222222222",
        "5555555555554444",
        "2223003122003222",
        "378282246310005",
        "6011111111111117",
        "30569309025904",
        "38520000023237",
        "3530111333300000",
        "6200000000000005",
        "6304000000000000",
        "5019717010103742",
        "4000000760000002",
    ],
)
def test_the_test_numbers_of_the_payment_processors_are_found(number: str) -> None:
    assert holds_card_number(number)
    assert card_fields({"amount": int(number)}, known={"amount"}) == ["amount"]


@pytest.mark.parametrize("separator", writings.SEPARATORS.values(), ids=writings.SEPARATORS.keys())
@pytest.mark.parametrize("grouping", writings.GROUPINGS)
def test_no_separator_hides_a_card_number(separator: str, grouping: str) -> None:
    source = random.Random(grouping)
    for brand in writings.BRANDS:
        groups = writings.grouped(source, writings.card(source, brand), grouping)
        assert holds_card_number(separator.join(groups)), ascii(separator.join(groups))


@pytest.mark.parametrize("script", writings.SCRIPTS.values(), ids=writings.SCRIPTS.keys())
def test_no_script_hides_a_card_number(script: str) -> None:
    table = str.maketrans("0123456789", script)
    assert holds_card_number(VISA.translate(table))
    assert holds_card_number(" ".join(VISA).translate(table))
    assert holds_card_number("4111" + VISA[4:].translate(table))


@pytest.mark.parametrize("escape", writings.ESCAPES.values(), ids=writings.ESCAPES.keys())
def test_no_escape_hides_a_card_number(escape: Callable[[str], str]) -> None:
    assert holds_card_number("".join(map(escape, VISA)))
    assert holds_card_number("-".join(map(escape, VISA)))
    assert holds_card_number(escape("4") + VISA[1:])


@pytest.mark.parametrize("context", writings.CONTEXTS)
def test_no_surrounding_text_hides_a_card_number(context: str) -> None:
    for grouping in ("solid", "embossed"):
        groups = writings.grouped(random.Random(1), VISA, grouping)
        assert holds_card_number(context.format("-".join(groups)))
        assert holds_card_number(context.format(" ".join(groups)))


@pytest.mark.parametrize(
    "text",
    [
        "41111111111111111227",
        "41111111111111111227123",
        "4111111111111111122027",
        "41111111111111112712",
        "1234 4111 1111 1111 1111",
        "4111x1111x1111x1111",
        "3782and822463and10005",
        "+4111111111111111",
        "tel: +4111 1111 1111 1111",
        "ORD-4111-1111-1111-1111",
        "%B4111111111111111^DOE^2712",
        "4111 1111\n1111 1111",
        "<b>4111</b><b>1111</b><i>1111</i>1111",
        "VAT 4111 1111 1111 1111",
        "IBAN DE00 4111 1111 1111 1111 00",
        "4222 222 222 222",
        "4.111111111111111e15",
        "100%4111111111111111",
        "一4111 1111 1111 1111",
        "room 12, 4\u200b111111111111111, 34",
        "7-4\u202e11111111\u00ad1111111-7",
        "beef4111111111111111beef",
    ],
)
def test_an_ordinary_disguise_is_seen_through(text: str) -> None:
    assert holds_card_number(text)


@given(
    seed=SEEDS,
    brand=st.sampled_from(sorted(writings.BRANDS)),
    grouping=st.sampled_from(writings.GROUPINGS),
    separator=st.sampled_from(sorted(writings.SEPARATORS.values())),
    script=st.sampled_from(["0123456789", *writings.SCRIPTS.values()]),
    context=st.sampled_from(writings.CONTEXTS[:10]),
)
@settings(max_examples=600, deadline=None)
def test_disguises_on_top_of_each_other_hide_nothing(
    seed: int, brand: str, grouping: str, separator: str, script: str, context: str
) -> None:
    source = random.Random(seed)
    groups = writings.grouped(source, writings.card(source, brand), grouping)
    text = separator.join(groups).translate(str.maketrans("0123456789", script))
    if brand.startswith("diners") and not holds_card_number(context.format(text)):
        # One Diners Club number in ten thousand is a French SIRET too, and counts as one.
        assert "".join(groups)[9:12] == "000"
        return
    assert holds_card_number(context.format(text)), ascii(context.format(text))


def test_an_old_visa_of_thirteen_digits_is_missed_only_when_it_is_an_article_a_phone_or_an_identity_number() -> None:
    source = random.Random(13)
    numbers = [writings.with_luhn("4" + writings.digits(source, 11)) for _ in range(2000)]
    embossed = [" ".join((number[:4], number[4:7], number[7:10], number[10:])) for number in numbers]
    assert all(map(holds_card_number, embossed))
    found = sum(map(holds_card_number, numbers))
    assert 0.6 < found / len(numbers) < 0.9  # about 10% are right EANs, 10% complete phone numbers


# --- where ------------------------------------------------------------------------------------------------------------

KNOWN = {"name", "order", "reference", "lines", "amount", "message"}


@pytest.mark.parametrize(
    ("value", "paths"),
    [
        ({"name": VISA}, ["name"]),
        ({"order": {"reference": VISA, "amount": 4111111111111111}}, ["order.reference", "order.amount"]),
        ({"lines": ["x", {"name": VISA}]}, ["lines.1.name"]),
        ({"amount": 4111111111111111.0}, ["amount"]),
        ({"amount": -4111111111111111}, ["amount"]),
        ({"amount": Decimal("4111111111111111.00")}, ["amount"]),
        ({VISA: "x"}, ["(unknown)"]),
        ({"name": {"4111 1111 1111 1111": 1}}, ["name.(unknown)"]),
        ({"anna@company.example": VISA}, ["(unknown)"]),
        ({"message": VISA, "name": "ok", "order": {"reference": VISA}}, ["message", "order.reference"]),
        (VISA, [""]),
        ([VISA], ["0"]),
        ({"lines": ["4111", "1111", "1111", "1111"]}, ["lines.0"]),
        ({"lines": [4111, 1111, 1111, 1111]}, ["lines.0"]),
        ({"name": "4111 1111", "message": "1111-1111"}, ["name"]),
        (b"4111111111111111", [""]),
    ],
)
def test_the_paths_name_the_fields_and_nothing_that_was_sent(value: Any, paths: list[str]) -> None:
    assert card_fields(value, known=KNOWN) == paths


@pytest.mark.parametrize(
    "value",
    [
        None,
        True,
        {},
        [],
        "",
        0,
        1.5,
        float("nan"),
        float("inf"),
        pytest.param(10**5000, id="integer of 5,001 digits"),
        Decimal("NaN"),
        Decimal("1e999999"),
        {"name": "Ada", "amount": 49.9, "ok": True, "lines": ["1 Road", "018956"]},
        "\ud800" * 20,
        "&#" + "9" * 5000 + ";",
        {1: {2: {3: None}}},
    ],
)
def test_any_value_can_be_searched(value: Any) -> None:
    assert card_fields(value) == []


def test_the_depth_of_the_input_does_not_matter() -> None:
    value: Any = VISA
    for _ in range(100_000):
        value = [value]
    assert len(card_fields(value)) == 1


# --- not mistaken -----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "text",
    [
        "ORD-2026-0011-4455-7788",
        "+49 1512 3456783",
        "+4915123456783",
        "0049 1512 3456783",
        "+1 (202) 555-0143",
        "+65 6234 5678 / +65 6345 6789",
        "550e8400-e29b-41d4-a716-446655440000",
        "01ARZ3NDEKTSV4RRFFQ69G5FAV",
        "abcdefab-4111-1111-1111-1111abcdefab",
        "abcdef" * 4 + "4111111111111111" + "fedcba" * 4,
        "DE89 3704 0044 0532 0130 00",
        "GB29 NWBK 6016 1331 9268 19",
        "4006381333931",
        "978-3-16-148410-0",
        "356938035643809",
        "30.05.2026 12:30:15",
        "23.05.2026 - 12.06.2026",
        "1700000000000",
        "2026-01-12T10:33:21.123456Z",
        "48.858370, 12.294481",
        "4111 1111 1111 1112",
        "0000 0000 0000 0000",
        "T4010401089234",
        "36.123.456/0001-99",
    ],
)
def test_an_ordinary_number_is_not_mistaken(text: str) -> None:
    assert not holds_card_number(text)


@pytest.mark.parametrize("kind", writings.LOOKALIKES)
@given(seed=SEEDS)
@settings(max_examples=300, deadline=None)
def test_what_looks_like_a_card_is_not_mistaken(kind: str, seed: int) -> None:
    text = writings.LOOKALIKES[kind](random.Random(seed))
    if kind == "IBANs" or kind == "order references":
        text = text + " please"
    assert not holds_card_number(text), ascii(text)


@pytest.mark.parametrize(("length", "at_most"), [(13, 0.012), (14, 0.006), (15, 0.005), (16, 0.035), (19, 0.025)])
def test_of_random_references_only_those_with_an_issuer_and_a_check_digit_are_refused(
    length: int, at_most: float
) -> None:
    source = random.Random(length)
    refused = sum(holds_card_number(f"REF {writings.digits(source, length)}") for _ in range(5000))
    assert refused / 5000 <= at_most  # Luhn alone would refuse 0.1


@given(value=st.recursive(st.none() | st.booleans() | st.integers() | st.floats() | st.text(), st.lists, max_leaves=20))
@settings(deadline=None)
def test_searching_never_fails_and_never_changes_its_mind(value: Any) -> None:
    assert card_fields(value) == card_fields(value)


@given(text=st.text(alphabet="0123456789 +-./%&#;x<>٤四²IBANDE", max_size=80))
@settings(max_examples=500, deadline=None)
def test_no_mixture_of_digits_and_separators_makes_it_fail(text: str) -> None:
    holds_card_number(text)
    card_fields(json.loads(json.dumps([text, {text: text}])))


# --- cost -------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "unit",
    ["4", "1 ", "4111 1111 1111 1112 ", "-", "4" + "-" * 50, "%", "%34", "&#", "&#0000", "<", "<b>", "٤ ", "1234x",
     "\u202e4", "四", "+49 1512 345678", "\\u", "4111111111111112,", "DE8", "DE89 3704 "],
)  # fmt: skip
def test_the_cost_grows_with_the_length_and_no_faster(unit: str) -> None:
    texts = {size: unit * (size // len(unit)) for size in (30_000, 240_000)}
    assert grows_with_the_length(lambda size: holds_card_number(texts[size]), 30_000)


def test_many_lookalikes_count_as_cards_before_they_cost_much() -> None:
    source = random.Random(5)
    numbers: list[str] = []
    while len(numbers) < 100:
        number = writings.with_luhn("49151" + writings.digits(source, 7))
        if not holds_card_number("+" + number):
            numbers.append("+" + number)
    assert not any(map(holds_card_number, numbers))
    assert not holds_card_number("\n".join(numbers[:15]))
    assert holds_card_number("\n".join(numbers))
