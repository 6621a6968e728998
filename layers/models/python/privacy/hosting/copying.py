"""A database's way from one region's host to another's: items as they lie, and the objects that file rows name.

Both regions hold the same data key and no seal names a region, so nothing is opened to be copied but what tells a
file's digest: each object is read back where it was copied to, and its row is written only then (promise
databases.region). Whoever copies is the only one who writes at the destination.
"""

import hashlib
import heapq
from collections.abc import Callable, Iterable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from functools import partial

from boto3.dynamodb.conditions import Key
from botocore.exceptions import ClientError

from privacy.aws import POOL
from privacy.hosting.files import Files
from privacy.hosting.host import Host
from privacy.hosting.objects import PartCopy
from privacy.hosting.partitions import FILE, place
from privacy.hosting.transfers import EXPORTS, MAX_UPLOAD_BYTES, STAGING, Transfers
from privacy.tables.store import SHARDS, Item, shard_of

CHUNK_ITEMS = 256
CHUNK_BYTES = 4 * 1024**2
CHUNK_FILES_BYTES = 1024**3
"""A chunk ends with the item that reaches one of these (sealed bytes in memory, files' bytes to be read back), so that
memory stays flat whatever the database holds, and a worker gets through more than one of them.
"""

COPY_BYTES = MAX_UPLOAD_BYTES
"""What one CopyObject moves."""

_READ_BYTES = 1024**2

_GONE = ("NoSuchKey", "NoSuchVersion")

_LAST = "~"
"""Sorts after every tag: tags are hexadecimal."""


class CopyBrokenError(Exception):
    """An object's bytes are not those that its digest tells of: at their source, or after they were copied."""


@dataclass(frozen=True, slots=True)
class Pair:
    """What lies under one id of a shard at the source (`here`) and at the destination (`there`)."""

    id: str
    here: Item | None
    there: Item | None

    @property
    def differs(self) -> bool:
        """Whether the destination has not yet, or no longer, what the source has. The version of a file's object is
        its bucket's own.
        """
        return _content(self.here) != _content(self.there)


@dataclass(frozen=True, slots=True)
class Placed:
    """An object at the destination: the version that its file's row names, if one does, and those that are there."""

    key: str
    version: str | None
    found: tuple[str, ...]

    @property
    def is_missing(self) -> bool:
        """Whether a row names what is not there."""
        return self.version is not None and self.version not in self.found

    @property
    def strays(self) -> list[str]:
        """The versions that no row names: a worker died, or a file was replaced, between object and row."""
        return [version for version in self.found if version != self.version]


@dataclass(frozen=True, slots=True)
class Copying:
    """One database between two hosts. `look` is called while a large object is read; what it raises ends that."""

    source: Host
    destination: Host
    database_id: str
    look: Callable[[], None] = lambda: None

    def chunks(self, shard: str, after: str = "") -> Iterator[list[Pair]]:
        """Everything in a shard of either host, by id, from after an id on; all of it, equal or not."""
        chunk: list[Pair] = []
        size = files = 0
        for pair in self._pairs(shard, after):
            chunk.append(pair)
            size += sum(len(item.get("sealed", b"")) for item in (pair.here, pair.there) if item)
            files += int(pair.here["size"]) if pair.here is not None and _is_file(pair.here) else 0
            if len(chunk) >= CHUNK_ITEMS or size >= CHUNK_BYTES or files >= CHUNK_FILES_BYTES:
                yield chunk
                chunk, size, files = [], 0, 0
        if chunk:
            yield chunk

    def bring(self, pairs: Sequence[Pair]) -> int:
        """Make the destination be as the source in some places. Returns how many files were passed over: their object
        was replaced or deleted since their row was read.

        Raises: CopyBrokenError, SealBrokenError, KeyDestroyedError, StoreBusyError, and what `look` does.
        """
        there = [pair.here for pair in pairs if pair.here is not None]
        files = [item for item in there if _is_file(item)]
        rows = [item for item in there if not _is_file(item)]
        passed = 0
        if files:
            with ThreadPoolExecutor(POOL, thread_name_prefix="files") as pool:
                brought = list(pool.map(self._bring_file, files))
            rows += [row for row in brought if row is not None]
            passed = brought.count(None)
        self.destination.content.put_all(rows)
        gone = [pair.there for pair in pairs if pair.here is None and pair.there is not None]
        self.destination.content.delete_all({"place": item["place"], "id": item["id"]} for item in gone)
        return passed

    def objects(self, after: str = "") -> Iterator[Placed]:
        """Every object of the database's files at the destination, and every one that a row there names, by key, from
        after a key on.
        """
        rows = _Ahead(self._rows(after))
        for key, found in self._versions(after):
            while rows.head is not None and rows.head["key"] < key:
                yield _missing(rows.take())
            row = rows.take_if("key", key)
            yield Placed(key, row["version"] if row else None, tuple(found))
        while rows.head is not None:
            yield _missing(rows.take())

    def put_right(self, placed: Placed) -> None:
        """Remove the versions that no row names, and the row of an object that is not there: it is brought again."""
        for version in placed.strays:
            self.destination.s3.delete_object(Bucket=self.destination.content_bucket, Key=placed.key, VersionId=version)
        if placed.is_missing:
            tag = placed.key.split("/")[1]
            self.destination.content.delete({"place": place(self.database_id, shard_of(tag)), "id": FILE + tag})

    def bring_transfer(self, key: str, sha256: str | None) -> bool:
        """Copy an object of the transfer bucket and read it back; without a digest (hexadecimal) the source is read,
        too. Whether there was one.

        Raises: CopyBrokenError, and what `look` does.
        """
        source, destination = self.source, self.destination
        size = Transfers(source).size(key)
        if size is None:
            return False
        place_of = {"Bucket": source.transfer_bucket, "Key": key}
        if size <= COPY_BYTES:
            destination.s3.copy_object(Bucket=destination.transfer_bucket, Key=key, CopySource=place_of)
        else:
            self._copy_in_parts(key, place_of, size)
        expected = sha256 or self._sha256(source, **place_of)
        if self._sha256(destination, Bucket=destination.transfer_bucket, Key=key) != expected:
            raise CopyBrokenError
        return True

    def transferred(self) -> Iterator[str]:
        """The keys of what lies in the transfer bucket of the destination."""
        for prefix in (EXPORTS, STAGING):
            more: dict[str, str] = {}
            while True:
                answer = self.destination.s3.list_objects_v2(
                    Bucket=self.destination.transfer_bucket, Prefix=f"{prefix}{self.database_id}/", **more
                )
                yield from (entry["Key"] for entry in answer.get("Contents", []))
                if not answer.get("IsTruncated"):
                    break
                more = {"ContinuationToken": answer["NextContinuationToken"]}

    def is_transferred(self, key: str) -> bool:
        """Whether an object of the transfer bucket is as large at the destination as it is at the source."""
        return Transfers(self.source).size(key) == Transfers(self.destination).size(key)

    def _bring_file(self, row: Item) -> Item | None:
        file = Files(self.destination, self.database_id).of(row)
        bucket = self.destination.content_bucket
        source = {"Bucket": self.source.content_bucket, "Key": file.key, "VersionId": file.version}
        try:
            answer = self.destination.s3.copy_object(
                Bucket=bucket, Key=file.key, CopySource=source, ChecksumAlgorithm="CRC32"
            )
        except ClientError as error:
            if error.response["Error"]["Code"] in _GONE:
                return None
            raise
        version = answer["VersionId"]
        if self._sha256(self.destination, Bucket=bucket, Key=file.key, VersionId=version) != file.sha256:
            raise CopyBrokenError
        return row | {"version": version}

    def _sha256(self, host: Host, **named: str) -> str:
        digest = hashlib.sha256()
        body = host.s3.get_object(**named)["Body"]
        for piece in iter(partial(body.read, _READ_BYTES), b""):
            digest.update(piece)
            self.look()
        return digest.hexdigest()

    def _copy_in_parts(self, key: str, source: dict[str, str], size: int) -> None:
        """A copy that breaks off is begun anew, so its parts go."""
        destination = self.destination
        target = {"Bucket": destination.transfer_bucket, "Key": key}
        begun: list[str] = []
        try:
            PartCopy(destination.s3, target, source, size).copy("", begun.append, self.look)
        except Exception:
            for upload in begun:
                Transfers(destination).abort(key, upload)
            raise

    def _pairs(self, shard: str, after: str) -> Iterator[Pair]:
        here, there = (
            _Ahead(self._items(self.source, shard, after)),
            _Ahead(self._items(self.destination, shard, after)),
        )
        while heads := [side.head["id"] for side in (here, there) if side.head is not None]:
            item_id = min(heads)
            yield Pair(item_id, here.take_if("id", item_id), there.take_if("id", item_id))

    def _items(self, host: Host, shard: str, after: str) -> Iterator[Item]:
        condition = Key("place").eq(place(self.database_id, shard))
        return host.content.query(condition & Key("id").gt(after) if after else condition)

    def _rows(self, after: str) -> Iterator[Item]:
        """The rows of files at the destination in the order of their objects' keys: a path's tag is in both."""
        between = Key("id").between(FILE + (after.split("/")[1] if after else ""), FILE + _LAST)
        shards = [
            self.destination.content.query(
                Key("place").eq(place(self.database_id, shard)) & between, names=("id", "key", "version")
            )
            for shard in SHARDS
        ]
        return (row for row in heapq.merge(*shards, key=lambda row: str(row["key"])) if row["key"] > after)

    def _versions(self, after: str) -> Iterator[tuple[str, list[str]]]:
        """The versions and markers of each key of the database at the destination."""
        more: dict[str, str] = {"KeyMarker": after} if after else {}
        key, found = "", list[str]()
        while True:
            answer = self.destination.s3.list_object_versions(
                Bucket=self.destination.content_bucket, Prefix=f"{self.database_id}/", **more
            )
            entries = answer.get("Versions", []) + answer.get("DeleteMarkers", [])
            for entry in sorted(entries, key=lambda entry: str(entry["Key"])):
                if entry["Key"] <= after:
                    continue  # whether a marker's own key is listed is not said
                if entry["Key"] != key and found:
                    yield key, found
                    found = []
                key = entry["Key"]
                found.append(entry["VersionId"])
            if not answer.get("IsTruncated"):
                break
            more = {"KeyMarker": answer["NextKeyMarker"], "VersionIdMarker": answer["NextVersionIdMarker"]}
        if found:
            yield key, found


class _Ahead:
    """Items with a look at the next one."""

    def __init__(self, items: Iterable[Item]) -> None:
        self._items = iter(items)
        self.head = next(self._items, None)

    def take(self) -> Item:
        """The next one. Raises: IndexError at the end."""
        taken = self.head
        if taken is None:
            raise IndexError("there is no next item")
        self.head = next(self._items, None)
        return taken

    def take_if(self, name: str, value: str) -> Item | None:
        """The next one, when it has a value under a name."""
        return self.take() if self.head is not None and self.head[name] == value else None


def _missing(row: Item) -> Placed:
    return Placed(row["key"], row["version"], ())


def _is_file(item: Item) -> bool:
    return str(item["id"]).startswith(FILE)


def _content(item: Item | None) -> Item | None:
    if item is None or not _is_file(item):
        return item
    return {name: value for name, value in item.items() if name != "version"}
