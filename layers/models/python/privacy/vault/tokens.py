"""Secrets of ours in use: link tokens, pseudonyms, session tokens.

A link's token is derived from its purpose, id and expiry, so the mail worker can write it and no store holds it
(api.md, conventions).
"""

import base64
import hashlib
import hmac
import secrets
from dataclasses import dataclass, field
from datetime import UTC, datetime

from privacy.vault.sealing import derive

_MAC_BYTES = 32


class TokenError(Exception):
    """The token is not one of ours, was altered, or has expired."""


@dataclass(frozen=True, slots=True)
class Links:
    """Tokens for the links in our mails."""

    secret: bytes = field(repr=False)

    def token(self, purpose: str, subject: str, expires_at: datetime) -> str:
        """The token of a link: always the same for the same purpose, subject (an id of ours) and expiry."""
        payload = f"{purpose}.{subject}.{int(expires_at.timestamp())}".encode("ascii")
        return _text(self._mac(payload) + payload)

    def subject(self, purpose: str, token: str, now: datetime) -> str:
        """The id that a token was made for.

        Raises: TokenError; an expired token (from the second of its expiry) and a forged one get the same answer.
        """
        try:
            raw = _raw(token)
            mac, payload = raw[:_MAC_BYTES], raw[_MAC_BYTES:]
            if not hmac.compare_digest(mac, self._mac(payload)):
                raise TokenError("the link is not valid")
            meant, subject, expiry = payload.decode("ascii").split(".")
            if meant == purpose and datetime.fromtimestamp(int(expiry), UTC) > now:
                return subject
        except ValueError:
            pass
        raise TokenError("the link is not valid")

    def sealing_key(self, token: str) -> bytes:
        """The key that a link's token opens what waits for it with (promise signup.confirmed)."""
        return derive(_raw(token), "link")

    def _mac(self, payload: bytes) -> bytes:
        return hmac.digest(derive(self.secret, "links"), payload, hashlib.sha256)


@dataclass(frozen=True, slots=True)
class Pseudonyms:
    """Keyed stand-ins for persons: the same for the same input, and worth nothing without the key."""

    secret: bytes = field(repr=False)

    def of(self, kind: str, text: str) -> str:
        """The stand-in (128 bits of HMAC-SHA-256, hex) of an account id, an address, a caller."""
        key = derive(self.secret, f"pseudonyms/{kind}")
        return hmac.new(key, text.encode("utf-8"), hashlib.sha256).hexdigest()[:32]

    def owner(self, account_id: str) -> str:
        """The owner of a database."""
        return self.of("owner", account_id)

    def address(self, email: str) -> str:
        """An e-mail address, whatever its case: providers tell none apart by it."""
        return self.of("address", email.casefold())

    def recipient(self, campaign_id: str, account_id: str) -> str:
        """A person as a campaign knows them: another in each, so that no two campaigns tell of one."""
        return self.of("recipient", f"{campaign_id}/{account_id}")


def new_session_token() -> str:
    """A fresh opaque session token: 256 random bits."""
    return secrets.token_urlsafe(32)


def session_hash(token: str) -> str:
    """The SHA-256 (hex) under which a session is stored."""
    return hashlib.sha256(token.encode("utf-8")).hexdigest()


def _text(raw: bytes) -> str:
    return base64.urlsafe_b64encode(raw).decode("ascii").rstrip("=")


def _raw(token: str) -> bytes:
    return base64.b64decode(token.encode("ascii") + b"=" * (-len(token) % 4), altchars=b"-_", validate=True)
