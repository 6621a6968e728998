"""The address of a sign-in, sealed for the correlation function alone (promises visits.unlinked, correlation.gate)."""

from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True, slots=True)
class AddressSeal:
    """Seals with a KMS key that this function may encrypt with; only the correlation function may decrypt."""

    kms: Any
    key: str

    def seal(self, address: str | None, token_hash: str) -> bytes | None:
        """The sealed address, bound to its session; None where the address is not known."""
        if not address:
            return None
        answer = self.kms.encrypt(
            KeyId=self.key, Plaintext=address.encode("utf-8"), EncryptionContext={"session": token_hash}
        )
        blob: bytes = answer["CiphertextBlob"]
        return blob
