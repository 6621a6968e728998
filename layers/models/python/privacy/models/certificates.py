"""The deletion certificate as a document: canonical JSON, so that what is signed is the same bytes for everybody."""

import json
from collections.abc import Mapping
from typing import Any

FORMAT = "perfectwork-deletion-certificate/1"
"""Names the fields and how they are signed; another form gets another number."""

ERASURE_FORMAT = "perfectwork-erasure-certificate/1"
"""The same for the erasure of a person."""

ALGORITHM = "ECDSA_SHA_256"
"""The signature: ECDSA over NIST P-256 with SHA-256, in DER (FIPS 186-5; RFC 3279, 2.2.3)."""


def canonical(document: Mapping[str, Any]) -> bytes:
    """A document's one form in bytes: UTF-8, keys sorted, no space between, texts unescaped where JSON allows.

    Raises: TypeError for a number with a fraction or anything else that could be written in two ways.
    """
    _check(document)
    return json.dumps(document, ensure_ascii=False, separators=(",", ":"), sort_keys=True).encode("utf-8")


def _check(value: Any) -> None:
    if isinstance(value, Mapping):
        for name, entry in value.items():
            if not isinstance(name, str):
                raise TypeError("a name is a text")
            _check(entry)
    elif isinstance(value, list):
        for entry in value:
            _check(entry)
    elif value is not None and not isinstance(value, str | int):
        raise TypeError("a certificate holds texts, whole numbers, booleans and nothing else")
