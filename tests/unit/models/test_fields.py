"""What people type is checked once, kept in one form of Unicode, and never repeated in an error."""

import io
import unicodedata
import zipfile
from datetime import UTC, datetime
from pathlib import Path
from typing import Annotated, Any, Literal

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from pydantic import BaseModel, Field, SecretStr, TypeAdapter, ValidationError

from databases.control import NewDatabase
from privacy import policy
from privacy.clock import rfc3339
from privacy.models import fields
from privacy.models.campaigns import NewCampaign
from privacy.models.correlations import NewCorrelation
from privacy.models.erasures import NewDecision, NewErasure
from privacy.models.fields import (
    UNKNOWN,
    Country,
    DatabaseName,
    Email,
    FilePath,
    Form,
    InvalidFieldsError,
    Message,
    Password,
    PersonName,
    Phone,
    PostalAddress,
    RecordKey,
    RecordModel,
    field_errors,
    mailbox,
    validated,
)
from privacy.models.holds import NewHold

CARD = "4111 1111 1111 1111"
WINDOW = {"from": "2026-11-23T00:00:00Z", "to": "2026-11-24T00:00:00Z"}
HOLD = {"scope": {"visits": {"addresses": "192.0.2.1"}}, "ground": "law", "until": "2027-01-01T00:00:00Z"}


def accept(kind: Any, value: Any) -> Any:
    return TypeAdapter(kind).validate_python(value)


def refuse(kind: Any, value: Any) -> str:
    """The message with which a value is refused."""
    with pytest.raises(ValidationError) as caught:
        accept(kind, value)
    (error,) = field_errors(caught.value)
    return error["message"]


# --- text -------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("sent", "kept"),
    [
        (" Ada ", "Ada"),
        ("e\u0301", "é"),
        ("محمد", "محمد"),
        ("שרה כהן", "שרה כהן"),
        ("می\u200cخواهم", "می\u200cخواهم"),
        ("👩\u200d💻", "👩\u200d💻"),
        ("O'Brien; DROP TABLE", "O'Brien; DROP TABLE"),
        ("7", "7"),
    ],
)
def test_names_of_every_script_are_kept_in_nfc_without_outer_white_space(sent: str, kept: str) -> None:
    assert accept(PersonName, sent) == kept


@pytest.mark.parametrize(
    "bad",
    ["", " ", "\u3000", "\u0301", "\u200d", "a\0b", "a\nb", "a\tb", "a\x7fb", "a\x85b", "a\u2028b", "a\u2029b",
     "a\ud800b", "a\ufffeb", "a\U0001ffffb", "a\ufdd0b", "a\u200bb", "a\ufeffb", "a\u2060b",
     *(f"a{control}b" for control in "\u061c\u200e\u200f\u202a\u202b\u202c\u202d\u202e\u2066\u2067\u2068\u2069")],
    ids=ascii,
)  # fmt: skip
def test_empty_text_and_characters_that_hide_or_reorder_are_refused(bad: str) -> None:
    for kind in (PersonName, DatabaseName, Message, PostalAddress):
        if kind is Message and "\t" in bad:
            continue
        if kind in (Message, PostalAddress) and bad == "a\nb":
            continue
        assert refuse(kind, bad).startswith("must")


@pytest.mark.parametrize(
    ("kind", "longest"),
    [(PersonName, 200), (fields.Company, 200), (fields.Sector, 100), (fields.Interest, 500), (Message, 5000),
     (DatabaseName, 100), (PostalAddress, 500)],
)  # fmt: skip
def test_the_longest_text_is_accepted_and_one_character_more_is_not(kind: Any, longest: int) -> None:
    assert accept(kind, "é" * longest) == "é" * longest
    assert accept(kind, "  " + "e\u0301" * longest) == "é" * longest
    assert refuse(kind, "x" * (longest + 1)) == f"must have at most {longest} characters"
    assert refuse(kind, "x" * 1_000_000) == f"must have at most {longest} characters"


@pytest.mark.parametrize("value", [1, 1.5, True, None, b"Ada", ["Ada"], {"a": "b"}])
@pytest.mark.parametrize("kind", [PersonName, Email, Phone, Password, FilePath, RecordKey, RecordModel, Country])
def test_what_is_no_text_is_not_made_text(kind: Any, value: Any) -> None:
    assert refuse(kind, value) == "must be text"


def test_only_a_message_and_an_address_have_lines_and_every_line_end_becomes_one() -> None:
    assert accept(Message, "a\r\nb\rc\nd\te") == "a\nb\nc\nd\te"
    assert accept(PostalAddress, "1 Road\r\n018956 Singapore") == "1 Road\n018956 Singapore"


def test_an_address_may_come_as_an_object_of_lines() -> None:
    assert accept(PostalAddress, {"street": " 1 Road ", "postal_code": "018956", "city": "Singapore"}) == (
        "1 Road\n018956\nSingapore"
    )
    for bad in ({}, {"street": 1}, {"canary": "x"}, {"street": "a\nb"}, {"street": ""}, ["1 Road"], 5):
        assert "canary" not in refuse(PostalAddress, bad)


@given(text=st.text(max_size=300))
@settings(max_examples=300)
def test_text_that_is_accepted_once_is_accepted_unchanged_again(text: str) -> None:
    for kind in (PersonName, Message, PostalAddress, FilePath, DatabaseName):
        try:
            kept = accept(kind, text)
        except ValidationError:
            continue
        assert accept(kind, kept) == kept
        assert unicodedata.is_normalized("NFC", kept)


# --- addresses --------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("sent", "kept", "same"),
    [
        ("ada@company.example", "ada@company.example", "ada@company.example"),
        (
            " Ada.Lovelace+news@Company.EXAMPLE ",
            "Ada.Lovelace+news@company.example",
            "ada.lovelace+news@company.example",
        ),
        ("ada@bücher.example", "ada@bücher.example", "ada@xn--bcher-kva.example"),
        ("ada@xn--bcher-kva.example", "ada@bücher.example", "ada@xn--bcher-kva.example"),
        ("a" * 64 + "@company.example", "a" * 64 + "@company.example", "a" * 64 + "@company.example"),
    ],
)
def test_an_e_mail_address_is_normalised_and_its_mailbox_is_one(sent: str, kept: str, same: str) -> None:
    assert accept(Email, sent) == kept
    assert mailbox(kept) == same


@pytest.mark.parametrize(
    "bad",
    ["", "ada", "ada@", "@company.example", "ada@localhost", "a@b@c.example", "ada@company..example",
     "ada @company.example", "Ada <ada@company.example>", "ada@[192.0.2.1]",
     '"ada lovelace"@company.example', "a" * 65 + "@company.example",
     "ada@company.example\r\nBcc: x@company.example", "ada@company.example\0", "áda@company.example", "ada@-a.example",
     "a@" + "b" * 260 + ".example", "x" * 100_000 + "@company.example", "ada\u202e@company.example"],
    ids=lambda bad: ascii(bad[:30]),
)  # fmt: skip
def test_what_no_mail_can_be_sent_to_is_no_e_mail_address(bad: str) -> None:
    refuse(Email, bad)


@pytest.mark.parametrize(
    ("sent", "kept"),
    [
        ("+65 9123 4567", "+6591234567"),
        ("+49 (0)1512 3456789", "+4915123456789"),
        ("+1 (202) 555-0143", "+12025550143"),
        ("＋65 ９１２３ ４５６７", "+6591234567"),
        (" +44 20 7946 0958 ", "+442079460958"),
    ],
)
def test_a_phone_number_is_kept_as_e164(sent: str, kept: str) -> None:
    assert accept(Phone, sent) == kept


@pytest.mark.parametrize(
    "bad",
    ["", "9123 4567", "006591234567", "+", "+1", "+999 12345678", "phone +6591234567", "+65 9123 4567 ext. 5",
     "+4111111111111111", "+" + "1" * 100_000, "+65\0"],
    ids=lambda bad: ascii(bad[:24]),
)  # fmt: skip
def test_a_phone_number_that_is_not_international_says_how_it_should_be(bad: str) -> None:
    assert "international format, with + and the country code" in refuse(Phone, bad)


def test_every_country_of_the_register_is_accepted_in_either_case_and_no_other() -> None:
    for code in policy.load().region_of_country:
        assert accept(Country, code) == accept(Country, code.lower()) == code
    for bad in ("", "S", "SGP", "ZZ", "T1", "XX", "sg ", "ß", "S\u0130"):
        assert refuse(Country, bad) == "must be a country code of two letters (ISO 3166-1 alpha-2)"


# --- password ---------------------------------------------------------------------------------------------------------


@pytest.mark.promise("signup.password")
@pytest.mark.parametrize(
    ("password", "kept"),
    [
        ("x" * 12, "x" * 12),
        ("x" * 128, "x" * 128),
        ("correct horse battery staple", "correct horse battery staple"),
        ("  spaces count  ", "  spaces count  "),
        ("пароль и ещё слово", "пароль и ещё слово"),
        ("ｆｕｌｌｗｉｄｔｈ１２３４", "fullwidth1234"),
        ("😀" * 12, "😀" * 12),
    ],
)
def test_a_password_keeps_its_spaces_and_is_normalised(password: str, kept: str) -> None:
    assert accept(Password, password).get_secret_value() == kept


@pytest.mark.promise("signup.password")
@pytest.mark.parametrize("bad", ["", "x" * 11, "x" * 129, "x" * 100_000, "x" * 12 + "\0", "\n" * 12, "\ud800" * 12])
def test_a_password_that_is_too_short_too_long_or_no_text_is_refused_without_being_shown(bad: str) -> None:
    with pytest.raises(ValidationError) as caught:
        validated_model({"password": bad})
    shown = f"{caught.value} {field_errors(caught.value)}"
    assert not bad or bad not in shown


def validated_model(data: dict[str, Any]) -> Form:
    class Secret(Form):
        password: Password

    return Secret.model_validate(data)


@pytest.mark.promise("signup.password")
def test_a_password_is_in_no_representation_and_no_dump() -> None:
    form = validated_model({"password": "correct horse battery"})
    assert "correct" not in f"{form} {form!r} {form.model_dump()} {form.model_dump_json()}"


# --- names and paths --------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("kind", "good", "bad"),
    [
        (RecordModel, ["a", "a" * 64, "res.partner", "a_b-c", "..", "0"],
         ["", "a" * 65, "A", "a/b", "a#b", "a b", "é", "a\n"]),
        (RecordKey, ["a", "a" * 200, "A:b@c.d-e_f", "."],
         ["", "a" * 201, "a#b", "a/b", "a b", "a%b", "a\0", "é", "a\n"]),
    ],
)  # fmt: skip
def test_models_and_keys_have_exactly_the_characters_of_the_interface(
    kind: Any, good: list[str], bad: list[str]
) -> None:
    for value in good:
        assert accept(kind, value) == value
    for value in bad:
        assert "characters" in refuse(kind, value)


@pytest.mark.parametrize(
    "path",
    ["a", "a/b/c.txt", "été/über.png", "日本語/ファイル", ".hidden", "a b/c d", "a..b", "...a", "12:30 shot.png", "~",
     "%2e%2e/x", "#?&", "con", "/".join("a" * 512), "é" * 127, "a" * 255],
    ids=lambda path: ascii(path[:20]),
)  # fmt: skip
def test_ordinary_paths_are_accepted(path: str) -> None:
    assert accept(FilePath, path) == path


@pytest.mark.parametrize(
    "path",
    ["", "/", "/a", "a/", "a//b", ".", "..", "a/.", "a/..", "../a", "a/../b", "./a", "a\\b", "..\\a", "C:", "C:/a",
     "c:a", "a\0b", "a\nb", "a\x1bb", "a\ud800", "a\u202eb", "a.", "a ", "a /b", ".. /a", ". ./..",
     " a", ".../a", "a/ /b",
     "a" * 256, "é" * 128, "a" * 1025, ("a" * 255 + "/") * 4 + "aa", "\ufeffa", "b\ufffd"],
    ids=lambda path: ascii(path[:20]),
)  # fmt: skip
def test_paths_that_would_leave_their_folder_or_not_unpack_are_refused(path: str) -> None:
    assert refuse(FilePath, path).startswith("must")


def test_two_writings_of_a_path_are_one_path() -> None:
    assert accept(FilePath, "e\u0301te\u0301.png") == accept(FilePath, "été.png")


@given(path=st.text(alphabet="ab./\\: é\u0301~-", min_size=1, max_size=20))
@settings(max_examples=500, deadline=None)
def test_a_path_that_is_accepted_unpacks_below_its_folder(tmp_path_factory: pytest.TempPathFactory, path: str) -> None:
    try:
        kept = accept(FilePath, path)
    except ValidationError:
        return
    archive = io.BytesIO()
    with zipfile.ZipFile(archive, "w") as target:
        target.writestr(f"files/{kept}", b"x")
    folder: Path = tmp_path_factory.mktemp("unpacked")
    with zipfile.ZipFile(archive) as source:
        source.extractall(folder)
    assert (folder / "files" / kept).read_bytes() == b"x"
    assert (folder / "files" / kept).resolve().is_relative_to(folder / "files")


# --- errors -----------------------------------------------------------------------------------------------------------


class Inner(Form):
    amount: int
    kind: Literal["a", "b"]


class Outer(Form):
    name: PersonName
    inner: Inner
    many: tuple[Inner, ...] = ()
    agreed: bool = False


CANARY = "canary-4111111111111111"


@pytest.mark.promise("signup.fields")
def test_errors_name_fields_by_their_path_in_our_own_words() -> None:
    with pytest.raises(InvalidFieldsError) as caught:
        validated(Outer, {"inner": {"amount": "x", "kind": "c"}, "many": [{"kind": "a"}], "agreed": "perhaps"})
    assert caught.value.errors == [
        {"field": "name", "message": "is required"},
        {"field": "inner.amount", "message": "must be a whole number"},
        {"field": "inner.kind", "message": "must be one of: 'a' or 'b'"},
        {"field": "many.0.amount", "message": "is required"},
        {"field": "agreed", "message": "must be true or false"},
    ]


class Bounded(Form):
    text: Annotated[str, Field(min_length=2, max_length=4)]
    secret: Annotated[SecretStr, Field(min_length=2, max_length=4)]
    many: Annotated[list[str], Field(min_length=2, max_length=4)]


@pytest.mark.promise("signup.fields")
@pytest.mark.parametrize(
    ("length", "limit"),
    [(1, "must have this many {} at least: 2"), (5, "must have at most this many {}: 4")],
)
def test_text_has_characters_also_when_it_is_a_secret_and_a_list_has_members(length: int, limit: str) -> None:
    with pytest.raises(InvalidFieldsError) as caught:
        validated(Bounded, {"text": "x" * length, "secret": "x" * length, "many": ["x"] * length})
    assert caught.value.errors == [
        {"field": "text", "message": limit.format("characters")},
        {"field": "secret", "message": limit.format("characters")},
        {"field": "many", "message": limit.format("members")},
    ]


@pytest.mark.promise("signup.fields")
def test_a_name_that_the_sender_made_up_is_not_repeated_unless_it_is_ours() -> None:
    with pytest.raises(InvalidFieldsError) as caught:
        validated(
            Outer,
            {"name": "Ada", "inner": {"amount": 1, "kind": "a", CANARY: 1}, "password": 1},
            known={"password"},
        )
    assert caught.value.errors == [
        {"field": f"inner.{UNKNOWN}", "message": "is not a field of this request"},
        {"field": "password", "message": "is not a field of this request"},
    ]


@pytest.mark.promise("signup.fields")
@pytest.mark.parametrize(
    "data",
    [CANARY, [CANARY], {CANARY: CANARY}, {"name": {CANARY: CANARY}, "inner": CANARY}, {"name": CANARY + "\0"},
     {"name": CANARY * 50, "inner": {"amount": CANARY, "kind": CANARY}, "agreed": CANARY, "many": CANARY}, None, 7],
    ids=lambda data: str(data)[:30],
)  # fmt: skip
def test_an_error_holds_no_value_that_was_sent_also_not_in_what_it_hangs_on_to(data: Any) -> None:
    with pytest.raises(InvalidFieldsError) as caught:
        validated(Outer, data)
    shown: BaseException | None = caught.value
    while shown is not None:
        assert "canary" not in f"{shown!r} {shown} {vars(shown)}"
        shown = shown.__cause__ or shown.__context__


def test_a_form_shows_nothing_of_what_it_holds() -> None:
    form: BaseModel = validated(Outer, {"name": CANARY, "inner": {"amount": 1, "kind": "a"}})
    assert "canary" not in f"{form} {form!r}"


@pytest.mark.parametrize(
    ("text", "read"),
    [
        ("2026-01-31T12:00:00Z", "2026-01-31T12:00:00Z"),
        ("2026-01-31t13:00:00.9+01:00", "2026-01-31T12:00:00Z"),
        ("2000-01-01T00:00:00Z", "2000-01-01T00:00:00Z"),
        ("1999-12-31T23:59:59Z", None),
        ("0001-01-01T00:00:00Z", None),
        ("2200-01-01T00:00:00Z", None),
        ("9999-12-31T23:59:59-23:59", None),
        ("2026-01-31T12:00:00", None),
        ("2026-01-31", None),
        ("2026-02-30T12:00:00Z", None),
        (1795521600, None),
    ],
)
def test_a_time_is_rfc_3339_in_years_that_anything_can_be_about(text: Any, read: str | None) -> None:
    adapter: TypeAdapter[datetime] = TypeAdapter(fields.Instant)
    if read is None:
        with pytest.raises(ValidationError):
            adapter.validate_python(text)
    else:
        assert rfc3339(adapter.validate_python(text)) == read


def test_a_year_is_written_with_four_digits() -> None:
    assert rfc3339(datetime(1, 1, 1, tzinfo=UTC)) == "0001-01-01T00:00:00Z"


@pytest.mark.promise("signup.no-cards")
@pytest.mark.parametrize(
    ("form", "body", "field"),
    [
        (NewCampaign, {"subject": CARD, "text": "News", "audience": "all"}, "subject"),
        (NewCampaign, {"subject": "News", "text": CARD, "audience": "all"}, "text"),
        (NewDecision, {"decision": "refuse", "reason": CARD}, "reason"),
        (NewErasure, {"databases": "delete-now", "message": CARD}, "message"),
        (NewCorrelation, {"account_id": "a", "window": WINDOW, "ground": "law", "case": CARD}, "case"),
        (NewHold, {**HOLD, "reason": CARD}, "reason"),
        (NewDatabase, {"name": CARD}, "name"),
    ],
    ids=lambda value: value if isinstance(value, str) else None,
)
def test_no_card_number_is_taken_where_staff_or_customers_type(form: Any, body: dict[str, Any], field: str) -> None:
    with pytest.raises(fields.InvalidFieldsError) as caught:
        fields.validated(form, body)
    assert [error["field"] for error in caught.value.errors] == [field]
    assert "4111" not in str(caught.value.errors)
