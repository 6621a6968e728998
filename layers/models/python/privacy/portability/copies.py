"""The copies of a backup: `<database>/<backup>.sealed` in the backup bucket of each Cloud Region, one version each."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from botocore.exceptions import BotoCoreError, ClientError

from privacy.archive import journal
from privacy.archive.directory import GIB, MIB, Limits
from privacy.archive.errors import ArchiveChangedError
from privacy.archive.ranges import RangeReader
from privacy.archive.store import error_code
from privacy.archive.writer import ByteSink
from privacy.hosting import Host, objects
from privacy.portability.sealed import BackupBrokenError, SealedSink, Seals
from privacy.portability.shelf import Shelf
from privacy.removal.stores import Objects

LIMITS = Limits(
    members=1_000_000,
    directory_bytes=256 * MIB,
    manifest_bytes=384 * MIB,
    total_bytes=8192 * GIB,
    ratio=1032,
)
"""What a restore reads, and so what a backup may be: half a million members take 800 MB of memory (measured). Nothing
of it is a stranger's, so it may be packed as tightly as deflate can (1,032 to 1).
"""


def backup_prefix(database_id: str, backup_id: str) -> str:
    """What every key of a backup begins with: its object, its journal, and what a crashed worker left beside them."""
    return f"{database_id}/{backup_id}"


def backup_key(database_id: str, backup_id: str) -> str:
    """Where a backup lies, in the backup bucket of each region."""
    return f"{backup_prefix(database_id, backup_id)}.sealed"


@dataclass(frozen=True, slots=True)
class Stored:
    """The present version of a stored backup, and its bytes."""

    bytes: int
    version: str


def stored(host: Host, key: str) -> Stored | None:
    """A backup's object in a region, when it is complete there."""
    try:
        head = host.s3.head_object(Bucket=host.backup_bucket, Key=key)
    except ClientError as error:
        if error_code(error) in ("404", "NoSuchKey", "NotFound"):
            return None
        raise
    return Stored(int(head["ContentLength"]), head["VersionId"])


def reader(host: Host, key: str, version: str) -> RangeReader:
    """A copy's bytes. Raises: BackupBrokenError when it is not there."""
    transient = (BotoCoreError, OSError)
    try:
        return RangeReader(host.s3, host.backup_bucket, key, version_id=version, transient=transient)
    except ArchiveChangedError:
        raise BackupBrokenError("The backup is not in its place.") from None


def remove(host: Host, database_id: str, backup_id: str, *, but: str | None = None) -> None:
    """Remove everything of a backup in a region, every version, marker and open upload, but one version of it."""
    prefix, kept = backup_prefix(database_id, backup_id), ("version", backup_key(database_id, backup_id), but or "")
    store = Objects("backups", backup_id, host.region, host.s3, host.backup_bucket, (prefix,))
    while things := [thing for thing in store.left() if thing != kept]:
        store.remove(things)


class Copying:
    """A backup's way from one region into another, inside S3: `upload` is the id of an upload that was begun before."""

    def __init__(self, source: Host, target: Host, key: str, original: Stored, upload: str) -> None:
        self._target = target
        self._place = {"Bucket": target.backup_bucket, "Key": key}
        self._source = {"Bucket": source.backup_bucket, "Key": key, "VersionId": original.version}
        self._bytes = original.bytes
        self._upload = upload

    def copy(self, on_begin: Callable[[str], None], on_parts: Callable[[], None]) -> str:
        """Copy what is not copied yet, and give the copy's version.

        `on_begin` hears the id of an upload that is begun, `on_parts` after each few parts; what they raise ends the
        copying.
        """
        found = stored(self._target, self._place["Key"])
        if found is not None and found.bytes == self._bytes:
            return found.version  # a worker died after its last call
        if self._bytes <= objects.PART_BYTES:
            return str(self._target.s3.copy_object(**self._place, CopySource=self._source)["VersionId"])
        copy = objects.PartCopy(self._target.s3, self._place, self._source, self._bytes)
        return str(copy.copy(self._upload, on_begin, on_parts)["VersionId"])


@dataclass(frozen=True, slots=True)
class SealedShelf(Shelf):
    """A backup's place while it is written. Its journal holds names and the end of the content, so it is sealed too."""

    host: Host
    seals: Seals

    @classmethod
    def of(cls, host: Host, seals: Seals) -> "SealedShelf":
        """The place of a backup in a region."""
        names = (seals.key.database_id, seals.backup_id)
        keys = (backup_key(*names), f"{backup_prefix(*names)}.journal")
        return cls(host.s3, host.backup_bucket, *keys, host, seals)

    def sink(self, checkpoint: Mapping[str, Any] | None) -> ByteSink:
        """What seals the archive's bytes."""
        if checkpoint is None:
            return SealedSink(self.stream(None), self.seals)
        return SealedSink.resume(self.stream(checkpoint["sink"]), self.seals, checkpoint)

    def load(self) -> dict[str, Any] | None:
        """What `save` saved last. Raises: BackupBrokenError."""
        try:
            body = self.s3.get_object(Bucket=self.bucket, Key=self.journal)["Body"].read()
        except ClientError as error:
            if error_code(error) == "NoSuchKey":
                return None
            raise
        return journal.unpacked(self.seals.unseal_journal(body))

    def save(self, state: Mapping[str, Any]) -> None:
        """Save the archive's state and the place, sealed."""
        body = self.seals.seal_journal(journal.packed(state))
        self.s3.put_object(Bucket=self.bucket, Key=self.journal, Body=body)

    def clear(self) -> None:
        """Remove what an unfinished backup consists of, with all versions; a complete one stays."""
        found = stored(self.host, self.key)
        names = (self.seals.key.database_id, self.seals.backup_id)
        remove(self.host, *names, but=found.version if found else None)
