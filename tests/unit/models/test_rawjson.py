"""JSON is kept as it was written, and what is no JSON object is refused with its place and nothing of its text."""

import json
from contextlib import suppress
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from privacy.models.rawjson import (
    MAX_DEPTH,
    MalformedJSONError,
    NotAnObjectError,
    RawObject,
    TooDeepError,
    TooLargeError,
    parse_object,
)
from tests.unit.models.growth import grows_with_the_length

LIMIT = 4_194_304


def parse(text: bytes) -> RawObject:
    return parse_object(text, limit_bytes=LIMIT)


JSON = st.recursive(
    st.none()
    | st.booleans()
    | st.integers()
    | st.floats(allow_nan=False, allow_infinity=False)
    | st.text(st.characters(exclude_categories=["Cs"])),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=5), inner, max_size=4),
    max_leaves=25,
)


# --- kept -------------------------------------------------------------------------------------------------------------


@pytest.mark.promise("databases.ownership")
@pytest.mark.parametrize(
    "token",
    [
        "1.0", "1E5", "1e+05", "-0", "-0.0", "12345678901234567890", "9" * 10_000, "0." + "1" * 5000, "1e999999",
        '"\\u00e9"', '"é"', '"\\/"', '"/"', '"\\ud83d\\ude00"', '"\\ud800"', '"a \\" b\\\\"', '" [{,:}] "', '"\\u0020"',
        "true", "null", "[]", "{}", '""', '{"b":1,"a":2,"b":3}',
    ],
    ids=lambda token: token[:24],
)  # fmt: skip
def test_every_token_stays_as_it_was_written(token: str) -> None:
    value = token.encode()
    assert parse(b' { "x" : ' + value + b" } ").members["x"] == value
    assert parse(b'{\n\t"y": [ ' + value + b" , 1 ]\r\n}").text == b'{"y":[' + value + b",1]}"


@pytest.mark.promise("databases.ownership")
def test_the_order_and_the_writing_of_names_stay() -> None:
    raw = parse('{ "b" : 1, "\\u0061" : 2 , "é\\n": 3 }'.encode())
    assert raw.text == '{"b":1,"\\u0061":2,"é\\n":3}'.encode()
    assert list(raw.members) == ["b", "a", "é\n"]


def test_an_empty_object_is_an_object() -> None:
    assert parse(b" { } ") == RawObject(b"{}", {})


@given(value=st.dictionaries(st.text(max_size=8), JSON, max_size=6), indent=st.sampled_from([None, 0, 1, "\t"]))
@settings(max_examples=300, deadline=None)
def test_only_whitespace_outside_strings_goes(value: dict[str, Any], indent: int | str | None) -> None:
    for ascii_only in (True, False):
        written = json.dumps(value, indent=indent, ensure_ascii=ascii_only)
        raw = parse(written.encode())
        assert raw.text == json.dumps(value, separators=(",", ":"), ensure_ascii=ascii_only).encode()
        assert b"\n" not in raw.text
        assert {name: json.loads(member) for name, member in raw.members.items()} == value
        assert parse(raw.text) == raw


# --- refused ----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "text",
    [
        b"", b" ", b"{", b"}", b'{"a"}', b'{"a":}', b'{"a":1,}', b"{,}", b'{"a" 1}', b'{"a":1 "b":2}', b'{"a":1 2}',
        b"{a:1}", b"{'a':1}", b'{"a":01}', b'{"a":+1}', b'{"a":.5}', b'{"a":1.}', b'{"a":0x1}', b'{"a":1_0}',
        b'{"a":NaN}', b'{"a":Infinity}', b'{"a":[-Infinity]}', b'{"a":"\x01"}', b'{"a\n":1}', b'{"a":"\\x"}',
        b'{"a":"\\u12"}', b'{"a":"x}', b'{"a":tru}', b'{"a":1}x', b'{"a":1}{}', b'{"a":1} \x00', b"\x0b{}", b"/**/{}",
        b'{"a":1}//', "{\u00a0}".encode(), b"[1,2", b"nul", '{"a":\uff11}'.encode(), '{"a":\u0661}'.encode(), b'"open',
    ],
)  # fmt: skip
def test_what_rfc_8259_does_not_know_is_malformed(text: bytes) -> None:
    with pytest.raises(MalformedJSONError) as caught:
        parse(text)
    assert 0 <= caught.value.position <= len(text)


@pytest.mark.parametrize(
    "text",
    [b"\xef\xbb\xbf{}", b'{"a":"\xff"}', b'{"a":"\xed\xa0\x80"}', b'{"a":"\xc0\xaf"}',
     '{"a":1}'.encode("utf-16"), '{"a":1}'.encode("utf-16-le"), '{"a":1}'.encode("utf-32"), b'{"a":"\xe9"}'],
)  # fmt: skip
def test_other_encodings_than_utf_8_and_a_byte_order_mark_are_refused(text: bytes) -> None:
    with pytest.raises(MalformedJSONError):
        parse(text)


@pytest.mark.parametrize("text", [b"[]", b"1", b'"x"', b"null", b" [ {} ] ", b"true", b"9" * 5000])
def test_json_that_is_no_object_has_its_own_error(text: bytes) -> None:
    with pytest.raises(NotAnObjectError):
        parse(text)


@pytest.mark.parametrize("text", [b'{"a":1,"a":1}', b'{"a":1,"b":2,"\\u0061":3}'])
def test_a_name_may_not_occur_twice_at_the_top(text: bytes) -> None:
    with pytest.raises(MalformedJSONError, match="twice"):
        parse(text)


def test_the_limit_counts_bytes_and_is_itself_allowed() -> None:
    text = '{"a":"é"}'.encode()
    assert parse_object(text, limit_bytes=len(text)).text == text
    with pytest.raises(TooLargeError):
        parse_object(text, limit_bytes=len(text) - 1)


@pytest.mark.parametrize("level", ["[", '{"a":'])
def test_a_million_levels_are_refused_and_the_deepest_allowed_one_is_read(level: str) -> None:
    with pytest.raises(MalformedJSONError, match="deep"):
        parse(level.encode() * (1_000_000 // len(level)))
    close = {"[": "]", '{"a":': "}"}[level]
    allowed = MAX_DEPTH - 1
    assert parse(f'{{"x":{level * allowed}1{close * allowed}}}'.encode()).members
    with pytest.raises(TooDeepError):
        parse(f'{{"x":{level * MAX_DEPTH}1{close * MAX_DEPTH}}}'.encode())


def test_brackets_in_strings_and_beside_each_other_are_no_depth() -> None:
    assert parse(b'{"x":"' + b"[{" * 10_000 + b'"}').members
    assert parse(b'{"x":[' + b",".join([b"[]"] * 10_000) + b"]}").members
    assert parse(b'{"x":"' + b'\\"[' * 10_000 + b'"}').members


@given(text=st.binary(max_size=60) | st.text(alphabet='{}[]":,1.eE-+ \\untrfalse', max_size=60).map(str.encode))
@settings(max_examples=500, deadline=None)
def test_it_accepts_exactly_the_objects_that_the_standard_library_accepts(text: bytes) -> None:
    def refuse(_: str) -> None:
        raise ValueError

    try:
        expected = json.loads(text.decode(), parse_constant=refuse, object_pairs_hook=list)
        is_object = text.strip().startswith(b"{") and len(dict(expected)) == len(expected)
    except (ValueError, RecursionError):
        is_object = False
    try:
        parse(text)
    except (MalformedJSONError, NotAnObjectError):
        assert not is_object
    else:
        assert is_object


def test_an_error_holds_nothing_that_was_sent() -> None:
    for text in (
        b'{"canary":canary}',
        b'{"canary":1,"canary":2}',
        b'{"a":"canary\xff"}',
        b'{"a":"canary',
        b"canary",
    ):
        with pytest.raises(MalformedJSONError) as caught:
            parse(text)
        shown: BaseException | None = caught.value
        while shown is not None:
            assert "canary" not in f"{shown} {shown!r} {vars(shown)}"
            shown = shown.__cause__ or shown.__context__
    assert "canary" not in repr(parse(b'{"a":"canary"}'))


# --- cost -------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("start", "unit", "end"),
    [
        ('{"a":[', '"x y", ', "1]}"),
        ('{"a":"', '\\"', '"}'),
        ('{"a":"', '\\"[', ""),
        ('{"a":[', "[], ", "1]}"),
        ("{", " ", "}"),
        ("{", '"', ""),
        ("", '"\\"[', ""),
        ("", "[]", ""),
    ],
)
def test_the_cost_grows_with_the_length_and_no_faster(start: str, unit: str, end: str) -> None:
    texts = {count: (start + unit * count + end).encode() for count in (20_000, 160_000)}

    def read(count: int) -> None:
        with suppress(MalformedJSONError):
            parse(texts[count])

    assert grows_with_the_length(read, 20_000)
