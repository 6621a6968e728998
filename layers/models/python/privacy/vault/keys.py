"""The data key of each database: made by KMS, stored wrapped, cached briefly, destroyed for good.

Destroying it makes every copy of the database's records unreadable at once, also those in point-in-time recovery and in
backups (aws-facts.md).
"""

import hmac
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from privacy.tables.keys import Keys
from privacy.tables.store import Operation
from privacy.vault.sealing import derive, seal, unseal

CACHE_SECONDS = 60
"""The longest that a container holds an unwrapped data key: destruction's last listing waits for it."""

_CACHE_KEYS = 256


class KeyDestroyedError(Exception):
    """The database has no data key any more: nothing of it can be read or written."""


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
    """The data keys of the databases hosted in one region."""

    kms: Any
    keys: Keys
    master_key: str
    monotonic: Callable[[], float] = time.monotonic
    cache: dict[str, tuple[float, DataKey]] = field(default_factory=dict, repr=False)

    def create(self, database_id: str, now: datetime) -> None:
        """Give a new database its data key, once: repeated, the first one stays.

        Raises: KeyDestroyedError for a database that was destroyed here.
        """
        answer = self.kms.generate_data_key_without_plaintext(
            KeyId=self.master_key, KeySpec="AES_256", EncryptionContext=_context(database_id)
        )
        if not self.keys.create(database_id, answer["CiphertextBlob"], now) and not self.keys.wrapped(database_id):
            raise KeyDestroyedError

    def key(self, database_id: str, *, fresh: bool = False) -> DataKey:
        """The data key of a database, from this container's cache for at most `CACHE_SECONDS`.

        `fresh` looks whether it still exists, whatever the cache holds: what writes in batches, which take no
        conditions, asks for this first.

        Raises: KeyDestroyedError.
        """
        cached = self.cache.get(database_id)
        now = self.monotonic()
        if cached and cached[0] > now and not fresh:
            return cached[1]
        wrapped = self.keys.wrapped(database_id)
        if wrapped is None:
            self.cache.pop(database_id, None)
            raise KeyDestroyedError
        if cached and cached[0] > now:
            return cached[1]
        answer = self.kms.decrypt(
            KeyId=self.master_key, CiphertextBlob=wrapped, EncryptionContext=_context(database_id)
        )
        root = answer["Plaintext"]
        key = DataKey(database_id, derive(root, "records"), derive(root, "names"))
        self._forget(now)
        self.cache[database_id] = (now + CACHE_SECONDS, key)
        return key

    def fence(self, database_id: str) -> Operation:
        """A transaction's condition that the database still has its key."""
        return self.keys.open_operation(database_id)

    def destroy(self, database_id: str, now: datetime) -> None:
        """Destroy a database's key for good and leave a fence, also where no such database was ever seen."""
        self.keys.destroy(database_id, now)
        self.cache.pop(database_id, None)

    def _forget(self, now: float) -> None:
        for database_id in [name for name, (until, _) in self.cache.items() if until <= now]:
            del self.cache[database_id]
        if len(self.cache) >= _CACHE_KEYS:
            self.cache.clear()


def _context(database_id: str) -> dict[str, str]:
    return {"database": database_id}
