"""Passwords: Argon2id, and the same time for a person whom we do not know."""

import functools

from argon2 import PasswordHasher
from argon2.exceptions import InvalidHashError, VerificationError

# OWASP Password Storage Cheat Sheet: Argon2id with 19 MiB, two passes, one lane (about 22 ms).
_HASHER = PasswordHasher(time_cost=2, memory_cost=19 * 1024, parallelism=1)


def hash_password(password: str) -> str:
    """The Argon2id hash of a password, its parameters included (promise signup.password)."""
    return _HASHER.hash(password)


def matches(password: str, stored: str | None) -> bool:
    """Whether a password is the one that was hashed.

    Without a stored hash the same work is done on a decoy, so that an unknown address answers no faster than a wrong
    password.
    """
    try:
        _HASHER.verify(stored or _decoy(), password)
        return stored is not None
    except (VerificationError, InvalidHashError):
        return False


@functools.cache
def _decoy() -> str:
    return _HASHER.hash("no password is this one")
