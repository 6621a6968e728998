"""Link tokens and pseudonyms."""

from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from privacy.vault.tokens import Links, Pseudonyms, TokenError, new_session_token, session_hash

LINKS = Links(b"a secret of this test")
END = datetime(2026, 3, 8, 12, 0, tzinfo=UTC)
SECOND = timedelta(seconds=1)


def test_a_token_is_derived_so_that_no_store_need_hold_it() -> None:
    assert LINKS.token("signup", "sgn_abc", END) == LINKS.token("signup", "sgn_abc", END)


@pytest.mark.promise("signup.confirmed")
def test_a_token_works_until_the_second_before_its_expiry() -> None:
    token = LINKS.token("signup", "sgn_abc", END)
    assert LINKS.subject("signup", token, END - SECOND) == "sgn_abc"
    with pytest.raises(TokenError):
        LINKS.subject("signup", token, END)


def test_a_token_for_one_purpose_is_worth_nothing_for_another() -> None:
    with pytest.raises(TokenError):
        LINKS.subject("reset", LINKS.token("signup", "sgn_abc", END), END - SECOND)


def test_a_token_of_another_secret_is_worth_nothing() -> None:
    with pytest.raises(TokenError):
        LINKS.subject("signup", Links(b"another").token("signup", "sgn_abc", END), END - SECOND)


@given(place=st.integers(0, 300), bit=st.integers(0, 7))
def test_a_token_with_any_bit_changed_is_worth_nothing(place: int, bit: int) -> None:
    token = LINKS.token("signup", "sgn_abc", END)
    raw = bytearray(token.encode())
    raw[place % len(raw)] ^= 1 << bit
    changed = raw.decode("latin-1")
    try:
        assert LINKS.subject("signup", changed, END - SECOND) == "sgn_abc"
    except TokenError:
        return
    # Base64 leaves spare bits in its last character; what decodes to the same bytes is the same token.
    assert changed[:-1] == token[:-1]


@pytest.mark.parametrize("text", ["", "=", "x", "é", "a" * 5000, "\0", "AAAA", "-_-_"])
def test_what_is_no_token_gets_the_same_error(text: str) -> None:
    with pytest.raises(TokenError, match="the link is not valid"):
        LINKS.subject("signup", text, END)


def test_pseudonyms_are_stable_and_tell_kinds_and_secrets_apart() -> None:
    one = Pseudonyms(b"one")
    assert one.owner("acc_1") == one.owner("acc_1")
    assert len({one.owner("acc_1"), one.of("address", "acc_1"), Pseudonyms(b"two").owner("acc_1")}) == 3


def test_an_address_has_one_pseudonym_whatever_its_case() -> None:
    assert Pseudonyms(b"one").address("Ann@Example.COM") == Pseudonyms(b"one").address("ann@example.com")


def test_session_tokens_are_long_unlike_and_stored_as_a_digest() -> None:
    first, second = new_session_token(), new_session_token()
    assert first != second
    assert len(first) >= 43
    assert first not in session_hash(first)
    assert len(session_hash(first)) == 64


def test_secrets_are_in_no_text_of_the_objects_that_hold_them() -> None:
    assert "a secret" not in repr(LINKS)
    assert "one" not in repr(Pseudonyms(b"one"))
