"""Passwords: Argon2id, and no difference between unknown and wrong."""

import pytest

from privacy.vault.passwords import hash_password, matches


@pytest.mark.promise("signup.password")
def test_a_password_is_kept_as_an_argon2id_hash_with_our_parameters() -> None:
    stored = hash_password("correct horse battery staple")
    assert stored.startswith("$argon2id$v=19$m=19456,t=2,p=1$")
    assert "horse" not in stored


@pytest.mark.promise("signup.password")
def test_only_the_password_itself_matches() -> None:
    stored = hash_password("pässwörd – 密码 🔑")
    assert matches("pässwörd – 密码 🔑", stored)
    assert not matches("pässwörd – 密码 🔒", stored)
    assert not matches("", stored)


def test_an_unknown_person_matches_nothing_not_even_the_decoy() -> None:
    assert not matches("no password is this one", None)


def test_a_broken_hash_matches_nothing() -> None:
    assert not matches("x", "$argon2id$nonsense")
