"""A server-side session and the two limits that end it."""

import unicodedata
from dataclasses import dataclass
from datetime import datetime
from typing import Annotated

from pydantic import AfterValidator, Field, SecretStr

from privacy.models.fields import EMAIL_MAX_CHARACTERS, PASSWORD_MAX_CHARACTERS, Form
from privacy.policy import Policy


def as_it_was_set(password: SecretStr) -> SecretStr:
    """A password that is compared, in the form in which it was set (NFKC)."""
    return SecretStr(unicodedata.normalize("NFKC", password.get_secret_value()))


class SignIn(Form):
    """The body of `POST /sessions`. What no account can have is answered like a wrong password; only the lengths are
    bounded, before any hashing.
    """

    email: Annotated[str, Field(strict=True, max_length=EMAIL_MAX_CHARACTERS + 64)]
    password: Annotated[
        SecretStr, Field(strict=True, max_length=4 * PASSWORD_MAX_CHARACTERS), AfterValidator(as_it_was_set)
    ]


@dataclass(frozen=True, slots=True)
class Session:
    """A signed-in session, named by the SHA-256 of its token (hex): the token itself is in no store.

    `sealed_address` is the address of the sign-in under a key that only the correlation function may use
    (promise visits.unlinked).
    """

    token_hash: str
    account_id: str
    created_at: datetime
    last_used_at: datetime
    sealed_address: bytes | None = None

    def expires_at(self, policy: Policy) -> datetime:
        """The earlier of last use + `sessions.idle` and creation + `sessions.max-age`: use moves the first, never
        the second (promises sessions.idle, sessions.max-age).
        """
        return min(
            policy.retention["sessions.idle"].after(self.last_used_at),
            policy.retention["sessions.max-age"].after(self.created_at),
        )

    def is_expired(self, policy: Policy, now: datetime) -> bool:
        """Whether the session is worth nothing at `now`: at the second of its expiry it is."""
        return self.expires_at(policy) <= now
