"""Checking a deletion certificate, without the network and without the code that writes them.

The recipe is in docs/operations.md ("Checking a certificate"); this is the same with clear answers.
"""

import base64
import hashlib
import json
from dataclasses import dataclass
from typing import Any

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat, load_pem_public_key

FORMAT = "perfectwork-deletion-certificate/1"
ALGORITHM = "ECDSA_SHA_256"
LISTINGS = 2
"""How often each store was listed when it was empty: once at once, once when no write could be under way."""

_TEXTS = ("id", "database_id", "policy_version", "requested_at", "destroyed_at")
_LISTS = ("keys", "stores", "kept", "unreachable")
_FIELDS = {"format", "name", *_TEXTS, *_LISTS, "sequence", "previous", "signature"}
_SIGNATURE = {"algorithm", "key_id", "public_key", "value"}


class CertificateError(Exception):
    """The certificate proves nothing; the text says why."""


@dataclass(frozen=True)
class Checked:
    """A certificate whose signature is right. `fingerprint` is the SHA-256 (hexadecimal) of its key, as DER."""

    document: dict[str, Any]
    fingerprint: str


def check(content: bytes, *, key: bytes | None = None) -> Checked:
    """Check a certificate's form, its signature and what it says; with `key` (PEM) also by whom it was signed.

    Raises: CertificateError.
    """
    document = _read(content)
    if "status" in document and "title" in document:
        detail = document.get("detail", document["title"])
        raise CertificateError(f"it is no certificate but the answer {document['status']}: {detail}")
    if document.get("format") != FORMAT:
        raise CertificateError(f"it is not of the format {FORMAT}, the only one that is known here")
    if set(document) != _FIELDS:
        raise CertificateError("it has not the fields that a certificate has: it is cut short, or something was added")
    signature = document["signature"]
    if not isinstance(signature, dict) or set(signature) != _SIGNATURE or signature["algorithm"] != ALGORITHM:
        raise CertificateError(f"it is not signed with {ALGORITHM}")
    public = _public_key(str(signature["public_key"]).encode())
    fingerprint = _fingerprint(public)
    if key is not None and _fingerprint(_public_key(key)) != fingerprint:
        raise CertificateError(f"it is signed by another key than the one given: {fingerprint}")
    signed = {name: value for name, value in document.items() if name != "signature"}
    try:
        public.verify(base64.b64decode(str(signature["value"]), validate=True), _canonical(signed), ec.ECDSA(SHA256()))
    except (InvalidSignature, ValueError):
        raise CertificateError("the signature is not of this text: it was altered after it was signed") from None
    _check_sense(document)
    return Checked(document, fingerprint)


def follows(later: Checked, earlier: Checked) -> None:
    """Check that a certificate is the next one after another. Raises: CertificateError."""
    if later.document["previous"] is None:
        raise CertificateError("it is the first of its chain: it follows no other")
    digest = hashlib.sha256(_canonical(earlier.document)).hexdigest()
    if later.document["previous"] != digest or later.document["sequence"] != earlier.document["sequence"] + 1:
        raise CertificateError("it does not follow the certificate that was given as the previous one")


def _read(content: bytes) -> dict[str, Any]:
    try:
        document = json.loads(content.decode("utf-8"), object_pairs_hook=_once, parse_float=_none, parse_constant=_none)
    except (ValueError, RecursionError):
        raise CertificateError("it cannot be read: it is no JSON, or it is cut short") from None
    if not isinstance(document, dict):
        raise CertificateError("it is JSON, but no certificate")
    return document


def _once(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    if len({name for name, _ in pairs}) < len(pairs):
        raise ValueError("a name stands there twice")
    return dict(pairs)


def _none(text: str) -> Any:
    raise ValueError("a certificate holds whole numbers only")


def _canonical(document: dict[str, Any]) -> bytes:
    text = json.dumps(document, ensure_ascii=False, separators=(",", ":"), sort_keys=True)
    return text.encode("utf-8", "surrogatepass")


def _public_key(pem: bytes) -> ec.EllipticCurvePublicKey:
    try:
        key = load_pem_public_key(pem)
    except (ValueError, TypeError):
        raise CertificateError("the key is no public key in PEM") from None
    if not isinstance(key, ec.EllipticCurvePublicKey):
        raise CertificateError("the key is of another kind than those that sign certificates")
    return key


def _fingerprint(key: ec.EllipticCurvePublicKey) -> str:
    return hashlib.sha256(key.public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo)).hexdigest()


def _check_sense(document: dict[str, Any]) -> None:
    """What is signed must also say that nothing is left. Times are RFC 3339 in UTC, so they compare as texts."""
    try:
        ends = document["destroyed_at"]
        whole = (
            all(isinstance(document[name], str) for name in _TEXTS)
            and all(isinstance(document[name], list) and document[name] for name in _LISTS)
            and document["name"] is None
            and document["sequence"] >= 1
            and (document["previous"] is None) == (document["sequence"] == 1)
            and all(key["destroyed_at"] <= ends for key in document["keys"])
            and all(_is_empty(store, ends) for store in document["stores"])
        )
    except (KeyError, TypeError):
        whole = False
    if not whole:
        raise CertificateError("it is rightly signed, but does not say that everything was removed and looked for")


def _is_empty(store: dict[str, Any], ends: str) -> bool:
    checks = store["checks"]
    return len(checks) >= LISTINGS and all(
        check["left"] == 0 and store["emptied_at"] <= check["at"] <= ends for check in checks
    )
