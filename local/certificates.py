"""Checking a deletion certificate, without the network and without the code that writes them.

The recipe is in docs/operations.md ("Checking a certificate"); this is the same with clear answers.
"""

import base64
import hashlib
import json
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from cryptography.exceptions import InvalidSignature, UnsupportedAlgorithm
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat, load_pem_public_key

FORMAT = "perfectwork-deletion-certificate/1"
ERASURE = "perfectwork-erasure-certificate/1"
ALGORITHM = "ECDSA_SHA_256"
LISTINGS = 2
"""How often each store was listed when it was empty: once at once, once when no write could be under way."""

_MOST = 2**53 - 1
"""The largest number that every reader of JSON understands alike (RFC 8259, 6)."""

_KEY_ID_LENGTH = 100
"""Characters, more than any id of KMS has: a UUID, or `mrk-` and 32 digits
(https://docs.aws.amazon.com/kms/latest/developerguide/concepts-intro.html)."""

_SIGNATURE = {"algorithm", "key_id", "public_key", "value"}

_TIME = re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2}T[0-9]{2}:[0-9]{2}:[0-9]{2}Z")
_DIGEST = re.compile(r"[0-9a-f]{64}")


class CertificateError(Exception):
    """The certificate proves nothing; the text says why."""


@dataclass(frozen=True)
class Checked:
    """A certificate whose signature is right. `fingerprint` is the SHA-256 (hexadecimal) of its key, as DER."""

    document: dict[str, Any]
    fingerprint: str

    @property
    def says(self) -> str:
        """What it certifies, in a sentence."""
        if self.document["format"] == ERASURE:
            return f"the erasure {self.document['request_id']} was done at {self.document['erased_at']}"
        return f"{self.document['database_id']} was destroyed at {self.document['destroyed_at']}"


def check(content: bytes, *, key: bytes | None = None) -> Checked:
    """Check a certificate's form, its signature and what it says; with `key` (PEM) also by whom it was signed.

    Raises: CertificateError.
    """
    document = _read(content)
    if "status" in document and "title" in document:
        raise CertificateError(f"it is no certificate but {_answer(document)}")
    form = _FORMS.get(str(document.get("format")))
    if form is None:
        raise CertificateError(f"it is not of the format {' or '.join(_FORMS)}, which are known here")
    if set(document) != {"format", *form, "signature"}:
        raise CertificateError("it has not the fields that a certificate has: it is cut short, or something was added")
    public, value = _signature(document["signature"])
    fingerprint = _fingerprint(public)
    if key is not None and _fingerprint(_public_key(key)) != fingerprint:
        raise CertificateError(f"it is signed by another key than the one given: {fingerprint}")
    signed = {name: entry for name, entry in document.items() if name != "signature"}
    try:
        public.verify(value, _canonical(signed), ec.ECDSA(SHA256()))
    except InvalidSignature:
        raise CertificateError("the signature is not of this text: it was altered after it was signed") from None
    _check_sense(document, form)
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


def _answer(document: dict[str, Any]) -> str:
    """An answer of the interface, as far as it can be printed."""
    status, detail = document["status"], document.get("detail", document["title"])
    return f"the answer {status}: {detail}" if _is_count(status) and _is_text(detail) else "another answer"


def _once(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    if len({name for name, _ in pairs}) < len(pairs):
        raise ValueError("a name stands there twice")
    return dict(pairs)


def _none(text: str) -> Any:
    raise ValueError("a certificate holds whole numbers only")


def _canonical(document: dict[str, Any]) -> bytes:
    try:
        text = json.dumps(document, ensure_ascii=False, separators=(",", ":"), sort_keys=True)
    except RecursionError:
        raise CertificateError("it is nested more deeply than any certificate") from None
    return text.encode("utf-8", "surrogatepass")


def _signature(signature: Any) -> tuple[ec.EllipticCurvePublicKey, bytes]:
    """The key and the value of a signature. Nothing signs its own fields, so each is taken in one form only."""
    if not isinstance(signature, dict) or set(signature) != _SIGNATURE or signature["algorithm"] != ALGORITHM:
        raise CertificateError(f"it is not signed with {ALGORITHM}")
    if not _is_text(signature["key_id"]) or len(signature["key_id"]) > _KEY_ID_LENGTH:
        raise CertificateError("the id of the key is none")
    pem, written = signature["public_key"], signature["value"]
    if not isinstance(pem, str) or not pem.isascii() or not isinstance(written, str):
        raise CertificateError("the key or the value of the signature is no text")
    public = _public_key(pem.encode())
    if public.public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo) != pem.encode():
        raise CertificateError("the key is written in another way than keys are: something was added, or left out")
    try:
        value = base64.b64decode(written, validate=True)
    except ValueError:
        value = b""
    if base64.b64encode(value).decode() != written:
        raise CertificateError("the value of the signature is not written as base64 is")
    return public, value


def _public_key(pem: bytes) -> ec.EllipticCurvePublicKey:
    try:
        key = load_pem_public_key(pem)
    except (ValueError, TypeError, UnsupportedAlgorithm):
        raise CertificateError("the key is no public key in PEM") from None
    if not isinstance(key, ec.EllipticCurvePublicKey) or not isinstance(key.curve, ec.SECP256R1):
        raise CertificateError("the key is of another kind than those that sign certificates")
    return key


def _fingerprint(key: ec.EllipticCurvePublicKey) -> str:
    return hashlib.sha256(key.public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo)).hexdigest()


def _check_sense(document: dict[str, Any], form: "_Form") -> None:
    """What is signed must also say that nothing is left, in fields that can be relied on and printed."""
    if not (_is_row(document, form) and _says_that_nothing_is_left(document)):
        raise CertificateError("it is rightly signed, but does not say that everything was removed and looked for")


def _says_that_nothing_is_left(document: dict[str, Any]) -> bool:
    """Times are RFC 3339 in UTC, so they compare as texts. Which stores there are is the signer's to say; but each
    region whose key was destroyed has some, and no other has. An erasure destroys no key of its own.
    """
    if (document["previous"] is None) != (document["sequence"] == 1):
        return False
    if document["format"] == ERASURE:
        return all(_is_empty(store, document["erased_at"]) for store in document["stores"])
    ends, keys, stores = document["destroyed_at"], document["keys"], document["stores"]
    return (
        {key["region"] for key in keys} == {store["region"] for store in stores}
        and all(key["destroyed_at"] <= ends for key in keys)
        and all(_is_empty(store, ends) for store in stores)
    )


def _is_empty(store: dict[str, Any], ends: str) -> bool:
    checks = store["checks"]
    return len(checks) >= LISTINGS and all(
        check["left"] == 0 and store["emptied_at"] <= check["at"] <= ends for check in checks
    )


# --- what each field holds, whoever signed it ----------------------------------------------------------------------

_Form = Mapping[str, Callable[[Any], bool]]


def _is_row(value: Any, form: _Form) -> bool:
    return isinstance(value, dict) and all(name in value and fits(value[name]) for name, fits in form.items())


def _rows(form: _Form) -> Callable[[Any], bool]:
    return lambda value: isinstance(value, list) and bool(value) and all(_is_row(row, form) for row in value)


def _some_rows(form: _Form) -> Callable[[Any], bool]:
    return lambda value: isinstance(value, list) and all(_is_row(row, form) for row in value)


def _none_or(fits: Callable[[Any], bool]) -> Callable[[Any], bool]:
    return lambda value: value is None or fits(value)


def _is_text(value: Any) -> bool:
    """A text that a terminal shows and does not obey."""
    return isinstance(value, str) and bool(value) and value.isprintable()


def _is_time(value: Any) -> bool:
    if not isinstance(value, str) or _TIME.fullmatch(value) is None:
        return False
    try:
        datetime.fromisoformat(value)
    except ValueError:
        return False
    return True


def _is_digest(value: Any) -> bool:
    return isinstance(value, str) and _DIGEST.fullmatch(value) is not None


def _is_count(value: Any) -> bool:
    return isinstance(value, int) and not isinstance(value, bool) and 0 <= value <= _MOST


def _is_place(value: Any) -> bool:
    """A place in a chain, from 1 on."""
    return _is_count(value) and value >= 1


_CHECK: _Form = {"at": _is_time, "left": _is_count}
_STORE: _Form = {
    "store": _is_text,
    "region": _is_text,
    "removed": _is_count,
    "emptied_at": _is_time,
    "checks": _rows(_CHECK),
}
_KEPT: _Form = {"what": _is_text, "region": _none_or(_is_text), "why": _is_text}
_FORM: _Form = {
    "name": lambda value: value is None,
    "id": _is_text,
    "database_id": _is_text,
    "policy_version": _is_text,
    "requested_at": _is_time,
    "destroyed_at": _is_time,
    "keys": _rows({"region": _is_text, "destroyed_at": _is_time}),
    "stores": _rows(_STORE),
    "kept": _rows(_KEPT),
    "unreachable": _rows({**_KEPT, "until": _none_or(_is_time)}),
    "sequence": _is_place,
    "previous": _none_or(_is_digest),
}
_OF_BOTH = ("id", "policy_version", "requested_at", "stores", "kept", "unreachable", "sequence", "previous")
_ERASURE_FORM: _Form = {name: _FORM[name] for name in _OF_BOTH} | {
    "request_id": _is_text,
    "decided_at": _is_time,
    "erased_at": _is_time,
    "databases": _some_rows({"database_id": _is_text}),
    "processors": _some_rows({"processor": _is_text, "noted_at": _is_time}),
}
_FORMS: Mapping[str, _Form] = {FORMAT: _FORM, ERASURE: _ERASURE_FORM}
