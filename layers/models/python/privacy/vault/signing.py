"""The key that signs deletion certificates: it never leaves KMS, and anybody can check with its public half."""

import base64
import hashlib
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.serialization import (
    Encoding,
    PublicFormat,
    load_der_public_key,
    load_pem_public_key,
)

from privacy.models.certificates import ALGORITHM, canonical


@dataclass(frozen=True, slots=True)
class Signer:
    """Signs with an asymmetric KMS key (ECC_NIST_P256), named by its alias; public keys are kept by their ARN."""

    kms: Any
    key: str
    public: dict[str, str] = field(default_factory=dict, repr=False)

    def sign(self, content: bytes) -> dict[str, Any]:
        """The signature of some bytes, with all that is needed to check it: algorithm, key id, public key (PEM), value
        (base64).
        """
        answer = self.kms.sign(
            KeyId=self.key,
            Message=hashlib.sha256(content).digest(),  # of a whole message KMS takes no more than 4 KB
            MessageType="DIGEST",
            SigningAlgorithm=ALGORITHM,
        )
        arn = answer["KeyId"]
        return {
            "algorithm": ALGORITHM,
            "key_id": arn.rsplit("/", 1)[-1],
            "public_key": self._public_key(arn),
            "value": base64.b64encode(answer["Signature"]).decode("ascii"),
        }

    def published(self) -> dict[str, str]:
        """The key that signs at this moment, for who checks a certificate by more than what it says of itself:
        algorithm, key id, public key (PEM), and fingerprint (SHA-256 of the key in DER, hexadecimal).
        """
        answer = self.kms.get_public_key(KeyId=self.key)
        return {
            "algorithm": ALGORITHM,
            "key_id": answer["KeyId"].rsplit("/", 1)[-1],
            "public_key": _pem(answer["PublicKey"]),
            "fingerprint": hashlib.sha256(answer["PublicKey"]).hexdigest(),
        }

    def _public_key(self, arn: str) -> str:
        if arn not in self.public:
            self.public[arn] = _pem(self.kms.get_public_key(KeyId=arn)["PublicKey"])
        return self.public[arn]


def is_signed(document: Mapping[str, Any], published: Mapping[str, str]) -> bool:
    """Whether a document's `signature` is that of a published key over the rest of it, in canonical form."""
    signature = document.get("signature")
    if not isinstance(signature, Mapping) or signature.get("algorithm") != ALGORITHM:
        return False
    rest = {name: value for name, value in document.items() if name != "signature"}
    key = load_pem_public_key(published["public_key"].encode("ascii"))
    if not isinstance(key, ec.EllipticCurvePublicKey):
        return False
    try:
        key.verify(base64.b64decode(str(signature.get("value")), validate=True), canonical(rest), ec.ECDSA(SHA256()))
    except (InvalidSignature, TypeError, ValueError):
        return False
    return True


def _pem(der: bytes) -> str:
    public = load_der_public_key(der).public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo)
    return public.decode("ascii")
