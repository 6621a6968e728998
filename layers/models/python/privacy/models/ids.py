"""Opaque, unguessable ids: a prefix that says what it names, and 128 random bits.

An export's or an upload's id holds its database's as well, so that it is found without a search: `exp_…` is the 26
characters of the database's id and 26 random ones.
"""

import base64
import re
import secrets

_BODY = r"[a-z2-7]{26}"
_DATABASE = "db_"


def new_id(prefix: str) -> str:
    """A new id such as `db_…`: 128 random bits in lower-case base32."""
    return prefix + "_" + _random()


def new_id_within(prefix: str, database_id: str) -> str:
    """A new id such as `exp_…` of something that belongs to a database."""
    return prefix + "_" + database_id.removeprefix(_DATABASE) + _random()


def encode(raw: bytes) -> str:
    """16 bytes as the body of an id: 26 characters of lower-case base32 (RFC 4648, section 6) without padding."""
    return base64.b32encode(raw).decode("ascii").rstrip("=").lower()


def is_id(prefix: str, text: str) -> bool:
    """Whether a text has the shape of our ids: what has not needs no look-up."""
    return re.fullmatch(prefix + "_" + _BODY, text) is not None


def database_of(prefix: str, text: str) -> str | None:
    """The database that an id of `new_id_within` belongs to, or None for a text of another shape."""
    match = re.fullmatch(f"{prefix}_({_BODY}){_BODY}", text)
    return _DATABASE + match[1] if match else None


def _random() -> str:
    return encode(secrets.token_bytes(16))
