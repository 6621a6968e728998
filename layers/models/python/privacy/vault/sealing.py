"""AES-GCM sealing with authenticated context, and keys derived for one purpose each."""

import os

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.kdf.hkdf import HKDF

_NONCE_BYTES = 12
"""96-bit random nonces (NIST SP 800-38D, 8.2.2): good for 2^32 seals under one key."""

SEAL_BYTES = _NONCE_BYTES + 16
"""What sealing adds: the nonce, and GCM's tag."""

KEY_BYTES = 32


class SealBrokenError(Exception):
    """What was sealed does not open: another key, another context, or it was altered."""


def derive(root: bytes, purpose: str) -> bytes:
    """A 256-bit key for one purpose (HKDF with SHA-256, RFC 5869): one purpose's key tells nothing about another's."""
    return HKDF(SHA256(), KEY_BYTES, None, purpose.encode("utf-8")).derive(root)


def seal(key: bytes, plain: bytes, context: str) -> bytes:
    """Nonce and ciphertext (AES-256-GCM) of `plain`, bound to `context`."""
    nonce = os.urandom(_NONCE_BYTES)
    return nonce + AESGCM(key).encrypt(nonce, plain, context.encode("utf-8"))


def unseal(key: bytes, sealed: bytes, context: str) -> bytes:
    """What was sealed under the same key and context.

    Raises: SealBrokenError.
    """
    try:
        return AESGCM(key).decrypt(sealed[:_NONCE_BYTES], sealed[_NONCE_BYTES:], context.encode("utf-8"))
    except (InvalidTag, ValueError):
        raise SealBrokenError("the seal does not open") from None
