"""The address of a sign-in, sealed for the correlation function alone (promises visits.unlinked, correlation.gate)."""

from dataclasses import dataclass
from typing import Any

from botocore.exceptions import ClientError

_BROKEN = frozenset({"InvalidCiphertextException", "IncorrectKeyException"})
"""What KMS says of a ciphertext that was altered, comes from another session's row, or is of another key
(https://docs.aws.amazon.com/kms/latest/APIReference/API_Decrypt.html)."""


class SealBrokenError(Exception):
    """What lies on a session is not the address that was sealed for it."""


@dataclass(frozen=True, slots=True)
class AddressSeal:
    """Seals with a KMS key that who signs people in may encrypt with; only the correlation function may decrypt."""

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

    def open(self, sealed: bytes, token_hash: str) -> str:
        """The address of a session's sign-in. Raises: SealBrokenError."""
        context = {"session": token_hash}
        try:
            answer = self.kms.decrypt(KeyId=self.key, CiphertextBlob=sealed, EncryptionContext=context)
        except ClientError as error:
            if error.response["Error"]["Code"] in _BROKEN:
                raise SealBrokenError("the sealed address does not open") from None
            raise
        return bytes(answer["Plaintext"]).decode("utf-8")
