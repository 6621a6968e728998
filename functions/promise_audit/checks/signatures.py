"""Signed documents as anybody can check them: canonical JSON, and ECDSA over NIST P-256 with SHA-256."""

import base64
import hashlib
import json
from typing import Any

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.serialization import load_der_public_key


def is_signed(document: dict[str, Any], public_key: bytes) -> bool:
    """Whether a document's `signature` is that of a key (DER) over the rest of it."""
    rest = {name: value for name, value in document.items() if name != "signature"}
    key = load_der_public_key(public_key)
    try:
        value = base64.b64decode(document["signature"]["value"], validate=True)
        if not isinstance(key, ec.EllipticCurvePublicKey):
            return False
        key.verify(value, canonical(rest), ec.ECDSA(SHA256()))
    except (InvalidSignature, KeyError, TypeError, ValueError):
        return False
    return True


def sequence_of(head: dict[str, Any]) -> int:
    """The number of the last link that the head of a chain tells of; 0 where there is no head, or one without."""
    found = head.get("sequence")
    return found if type(found) is int else 0


def canonical(document: dict[str, Any]) -> bytes:
    """A document's one form in bytes: keys sorted, no space between, UTF-8."""
    return json.dumps(document, ensure_ascii=False, separators=(",", ":"), sort_keys=True).encode("utf-8")


def digest(document: bytes) -> str:
    """The SHA-256 of a document's bytes, hexadecimal."""
    return hashlib.sha256(document).hexdigest()
