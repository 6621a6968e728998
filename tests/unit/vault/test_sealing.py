"""Sealing: bound to its context, different every time, and broken by any change."""

import os

import pytest
from hypothesis import given
from hypothesis import strategies as st

from privacy.vault.sealing import SealBrokenError, derive, seal, unseal

KEY = os.urandom(32)


@given(plain=st.binary(max_size=2000), context=st.text(max_size=50))
def test_what_is_sealed_opens_under_its_key_and_context(plain: bytes, context: str) -> None:
    assert unseal(KEY, seal(KEY, plain, context), context) == plain


def test_the_same_text_never_seals_to_the_same_bytes() -> None:
    assert seal(KEY, b"x", "place") != seal(KEY, b"x", "place")


@pytest.mark.promise("databases.ownership")
@pytest.mark.parametrize(
    ("key", "context"), [(KEY, "other place"), (os.urandom(32), "place")], ids=["another context", "another key"]
)
def test_a_seal_opens_nowhere_else(key: bytes, context: str) -> None:
    with pytest.raises(SealBrokenError):
        unseal(key, seal(KEY, b"canary-4711", "place"), context)


@pytest.mark.parametrize("sealed", [b"", b"short", bytes(12), bytes(40)])
def test_what_was_never_sealed_is_an_error_that_says_nothing(sealed: bytes) -> None:
    with pytest.raises(SealBrokenError, match=r"^the seal does not open$"):
        unseal(KEY, sealed, "place")


def test_every_flipped_byte_breaks_the_seal() -> None:
    sealed = seal(KEY, b"canary-4711", "place")
    for place in range(len(sealed)):
        broken = bytearray(sealed)
        broken[place] ^= 1
        with pytest.raises(SealBrokenError):
            unseal(KEY, bytes(broken), "place")


def test_keys_for_two_purposes_have_nothing_in_common() -> None:
    assert derive(KEY, "records") != derive(KEY, "names")
    assert derive(KEY, "records") == derive(KEY, "records")
