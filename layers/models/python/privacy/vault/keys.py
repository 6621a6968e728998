"""The data key of each database: made by KMS, stored wrapped in both regions, cached briefly, destroyed for good.

Destroying it makes every copy of the database's records and backups unreadable at once, also those in point-in-time
recovery and in the other region (aws-facts.md).
"""

import hmac
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from botocore.exceptions import ClientError

from privacy.tables.keys import Keys, KeyState, WrappedKey
from privacy.tables.store import Operation
from privacy.vault.sealing import derive, seal, unseal

CACHE_SECONDS = 60
"""The longest that a container holds an unwrapped data key: destruction's last listing waits for it."""

_CACHE_KEYS = 256

_NOT_OURS = ("InvalidCiphertextException", "IncorrectKeyException")
"""KMS: the ciphertext was altered, or was made in another context or under another key
(https://docs.aws.amazon.com/kms/latest/APIReference/API_Decrypt.html)."""


class KeyDestroyedError(Exception):
    """The database has no data key any more: nothing of it can be read or written."""


class KeyClosedError(Exception):
    """The database takes no writes in this region: it is being moved away, or was."""


class KeyBrokenError(Exception):
    """The wrapped key does not open as this database's: it was altered, or is another's."""


@dataclass(frozen=True, slots=True)
class DataKey:
    """A database's key, already split by purpose: one to seal with, one to make tags with."""

    database_id: str
    sealing: bytes = field(repr=False)
    naming: bytes = field(repr=False)

    def seal(self, plain: bytes, place: str) -> bytes:
        """Seal content for one place (the item's sort key): it opens in no other place and no other database."""
        return seal(self.sealing, plain, f"{self.database_id}|{place}")

    def unseal(self, sealed: bytes, place: str) -> bytes:
        """Open content that lies in its own place. Raises: SealBrokenError."""
        return unseal(self.sealing, sealed, f"{self.database_id}|{place}")

    def tag(self, kind: str, name: str) -> str:
        """A name's stand-in in keys (128 bits of HMAC-SHA-256, hex): with the key gone, names are unreadable too."""
        return hmac.digest(self.naming, f"{kind}|{name}".encode(), "sha256").hex()[:32]


@dataclass(frozen=True, slots=True)
class Keyring:
    """The data keys of databases as one region holds them; `peers` gives the keyrings of the other regions."""

    kms: Any
    keys: Keys
    master_key: str
    peers: Callable[[], Sequence["Keyring"]] = tuple
    monotonic: Callable[[], float] = time.monotonic
    cache: dict[str, tuple[float, DataKey]] = field(default_factory=dict, repr=False)

    def create(self, database_id: str, now: datetime) -> None:
        """Give a new database its data key: open here, standing by in every other region. Repeated, the first one
        stays, and what is missing is completed.

        Raises: KeyDestroyedError for a database that was destroyed.
        """
        answer = self.kms.generate_data_key(
            KeyId=self.master_key, KeySpec="AES_256", EncryptionContext=_context(database_id)
        )
        root: bytes = answer["Plaintext"]
        if not self.keys.create(database_id, answer["CiphertextBlob"], KeyState.OPEN, now):
            root = self._unwrapped(database_id, self._held(database_id))
        self._replicate(database_id, root, now)

    def replicate(self, database_id: str, now: datetime) -> None:
        """Complete a database's key in the other regions. Raises: KeyDestroyedError, KeyBrokenError."""
        self._replicate(database_id, self._unwrapped(database_id, self._held(database_id)), now)

    def key(self, database_id: str, *, fresh: bool = False) -> DataKey:
        """The data key of a database, from this container's cache for at most `CACHE_SECONDS`.

        `fresh` looks whether it still exists, whatever the cache holds: what goes on for long asks for this first.

        Raises: KeyDestroyedError, KeyBrokenError.
        """
        cached = self._cached(database_id)
        if cached and not fresh:
            return cached
        return self._opened(database_id, self._held(database_id))

    def writing_key(self, database_id: str) -> DataKey:
        """The data key, if the database may be written here at this moment: what writes in batches, which take no
        conditions, asks for this first.

        Raises: KeyDestroyedError, KeyClosedError, KeyBrokenError.
        """
        held = self._held(database_id)
        if held.state is not KeyState.OPEN:
            raise KeyClosedError
        return self._opened(database_id, held)

    def fence(self, database_id: str) -> Operation:
        """A transaction's condition that the database may be written here."""
        return self.keys.open_operation(database_id)

    def refused(self, database_id: str) -> KeyDestroyedError | KeyClosedError:
        """Why a transaction met the fence."""
        held = self.keys.get(database_id)
        if held is None or held.state is KeyState.DESTROYED:
            return KeyDestroyedError()
        return KeyClosedError()

    def close(self, database_id: str) -> None:
        """Take no more writes here. Raises: KeyDestroyedError."""
        self._turn(database_id, KeyState.STANDBY)

    def open(self, database_id: str) -> None:
        """Take writes here. Raises: KeyDestroyedError."""
        self._turn(database_id, KeyState.OPEN)

    def destroy(self, database_id: str, now: datetime) -> datetime:
        """Destroy a database's key in this region for good and leave a fence, also where no such database was ever
        seen; when it was destroyed.
        """
        self.cache.pop(database_id, None)
        self.keys.destroy(database_id, now)
        held = self.keys.get(database_id)
        return held.destroyed_at or now if held else now

    def _turn(self, database_id: str, to: KeyState) -> None:
        if not self.keys.turn(database_id, to):
            raise KeyDestroyedError

    def _replicate(self, database_id: str, root: bytes, now: datetime) -> None:
        for peer in self.peers():
            answer = peer.kms.encrypt(KeyId=peer.master_key, Plaintext=root, EncryptionContext=_context(database_id))
            if not peer.keys.create(database_id, answer["CiphertextBlob"], KeyState.STANDBY, now):
                peer._held(database_id)  # one class, another region

    def _held(self, database_id: str) -> WrappedKey:
        held = self.keys.get(database_id)
        if held is None or held.wrapped is None:
            self.cache.pop(database_id, None)
            raise KeyDestroyedError
        return held

    def _opened(self, database_id: str, held: WrappedKey) -> DataKey:
        cached = self._cached(database_id)
        if cached:
            return cached
        root = self._unwrapped(database_id, held)
        key = DataKey(database_id, derive(root, "records"), derive(root, "names"))
        now = self.monotonic()
        self._forget(now)
        self.cache[database_id] = (now + CACHE_SECONDS, key)
        return key

    def _cached(self, database_id: str) -> DataKey | None:
        until, key = self.cache.get(database_id, (0.0, None))
        return key if until > self.monotonic() else None

    def _unwrapped(self, database_id: str, held: WrappedKey) -> bytes:
        try:
            answer = self.kms.decrypt(
                KeyId=self.master_key, CiphertextBlob=held.wrapped, EncryptionContext=_context(database_id)
            )
        except ClientError as error:
            if error.response["Error"]["Code"] in _NOT_OURS:
                raise KeyBrokenError("the wrapped key does not open") from None
            raise
        root: bytes = answer["Plaintext"]
        return root

    def _forget(self, now: float) -> None:
        for database_id in [name for name, (until, _) in self.cache.items() if until <= now]:
            del self.cache[database_id]
        if len(self.cache) >= _CACHE_KEYS:
            self.cache.clear()


def _context(database_id: str) -> dict[str, str]:
    return {"database": database_id}
