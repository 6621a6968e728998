"""Opaque, unguessable ids: a prefix that says what it names, and 128 random bits."""

import base64
import re
import secrets

_BODY = r"[a-z2-7]{26}"


def new_id(prefix: str) -> str:
    """A new id such as `db_…`: 128 random bits in lower-case base32."""
    return prefix + "_" + encode(secrets.token_bytes(16))


def encode(raw: bytes) -> str:
    """16 bytes as the body of an id: 26 characters of lower-case base32 (RFC 4648, section 6) without padding."""
    return base64.b32encode(raw).decode("ascii").rstrip("=").lower()


def is_id(prefix: str, text: str) -> bool:
    """Whether a text has the shape of our ids: what has not needs no look-up."""
    return re.fullmatch(prefix + "_" + _BODY, text) is not None
