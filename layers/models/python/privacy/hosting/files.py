"""A database's files: bytes in the region's versioned bucket, and a sealed catalogue row for each in the content table.

The object's key is `<database>/<path tag>`; path, type and digest are sealed under the data key. The row names the one
version that is the file: a reader sees whole files only, and whoever replaces a row removes the version it named.
"""

import hashlib
import json
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from boto3.dynamodb.conditions import Attr, Key

from privacy.clock import rfc3339
from privacy.hosting.host import Host
from privacy.tables.store import (
    SHARDS,
    ConditionFailedError,
    Item,
    StoreBusyError,
    TransactionRefusedError,
    shard_of,
    transact,
)
from privacy.vault.keys import DataKey, KeyDestroyedError

_TRIES = 5


@dataclass(frozen=True, slots=True)
class File:
    """One file of a database. `version` is the S3 version that holds its bytes; `sha256` is hexadecimal."""

    path: str
    content_type: str
    bytes: int
    sha256: str
    updated_at: str
    version: str


@dataclass(frozen=True, slots=True)
class FilePage:
    """Some files and the place to go on from, or None at the end."""

    files: list[File]
    cursor: str | None


@dataclass(frozen=True, slots=True)
class Files:
    """The files of one database in its host."""

    host: Host
    database_id: str

    def put(self, path: str, content_type: str, content: bytes, now: datetime) -> File:
        """Store a file's bytes and make them the file. Raises: KeyDestroyedError, StoreBusyError."""
        key = self._key(fresh=True)
        answer = self.host.s3.put_object(
            Bucket=self.host.content_bucket, Key=self._object(key, path), Body=content, ContentType=content_type
        )
        digest = hashlib.sha256(content).hexdigest()
        return self._switch(key, File(path, content_type, len(content), digest, rfc3339(now), answer["VersionId"]))

    def adopt(
        self, path: str, content_type: str, source: dict[str, str], size: int, sha256: str, now: datetime
    ) -> File:
        """Make a checked upload (`source`: Bucket and Key, at most 5 GiB) the file, by a copy inside S3.

        Raises: KeyDestroyedError, StoreBusyError.
        """
        key = self._key(fresh=True)
        answer = self.host.s3.copy_object(
            Bucket=self.host.content_bucket,
            Key=self._object(key, path),
            CopySource=source,
            ContentType=content_type,
            MetadataDirective="REPLACE",
        )
        return self._switch(key, File(path, content_type, size, sha256, rfc3339(now), answer["VersionId"]))

    def get(self, path: str) -> File | None:
        """A file by path. Raises: KeyDestroyedError."""
        key = self._key()
        item = self.host.content.get(self._place(key, path))
        return _file(key, item) if item and "gone" not in item else None

    def open(self, file: File) -> Any:
        """The bytes of a file, as a stream to read from."""
        answer = self.host.s3.get_object(
            Bucket=self.host.content_bucket, Key=self._object(self._key(), file.path), VersionId=file.version
        )
        return answer["Body"]

    def link(self, file: File, seconds: int) -> str:
        """A link to a file's bytes that lives for some seconds; it downloads and never renders."""
        parameters = {
            "Bucket": self.host.content_bucket,
            "Key": self._object(self._key(), file.path),
            "VersionId": file.version,
            "ResponseContentDisposition": "attachment",
        }
        url: str = self.host.s3.generate_presigned_url("get_object", Params=parameters, ExpiresIn=seconds)
        return url

    def delete(self, path: str) -> bool:
        """Delete a file: hidden first, then its bytes, then its row, so that a repetition ends what a crash left.

        Returns whether there was one. Raises: KeyDestroyedError, StoreBusyError.
        """
        key = self._key()
        place = self._place(key, path)
        for _ in range(_TRIES):
            item = self.host.content.get(place)
            if item is None:
                return False
            same = Attr("version").eq(item["version"])
            try:
                self.host.content.update(place, {"gone": True}, same)
                self._remove_version(key, path, item["version"])
                self.host.content.delete(place, same)
                return True
            except ConditionFailedError:
                continue
        raise StoreBusyError("the file is being written by others")

    def page(self, *, limit: int, cursor: str | None = None) -> FilePage:
        """Some of the files, in an order of its own that never changes. Raises: KeyDestroyedError; ValueError for a
        cursor that is none.
        """
        found: list[File] = []
        place: str | None = None
        for next_place, file in self.every(cursor):
            if len(found) == limit:
                return FilePage(found, place)
            found.append(file)
            place = next_place
        return FilePage(found, None)

    def every(self, after: str | None = None) -> Iterator[tuple[str, File]]:
        """Every file, each with the cursor that lies after it. Raises: KeyDestroyedError; ValueError."""
        if after is not None and (after[:2] not in SHARDS or not after[2:].startswith("f#")):
            raise ValueError("the cursor belongs to another list")
        key = self._key(fresh=True)
        for shard in SHARDS:
            if after and shard < after[:2]:
                continue
            place = f"{self.database_id}#{shard}"
            start = {"place": place, "id": after[2:]} if after and shard == after[:2] else None
            for item in self.host.content.query(Key("place").eq(place) & Key("id").begins_with("f#"), after=start):
                if "gone" not in item:
                    yield shard + item["id"], _file(key, item)

    def _switch(self, key: DataKey, file: File) -> File:
        """Make a stored version the file, and remove the version that it replaces."""
        place = self._place(key, file.path)
        sealed = key.seal(
            json.dumps([file.path, file.content_type, file.sha256, file.updated_at]).encode("ascii"), place["id"]
        )
        row = place | {"sealed": sealed, "size": file.bytes, "version": file.version}
        for _ in range(_TRIES):
            old = self.host.content.get(place)
            unchanged = Attr("version").eq(old["version"]) if old else Attr("version").not_exists()
            try:
                fence = self.host.keyring.fence(self.database_id)
                transact(self.host.content.client, [fence, self.host.content.put_operation(row, unchanged)])
            except TransactionRefusedError as refused:
                if 0 in refused.failed:
                    self._remove_version(key, file.path, file.version)
                    raise KeyDestroyedError from None
                continue
            if old and old["version"] != file.version:
                self._remove_version(key, file.path, old["version"])
            return file
        self._remove_version(key, file.path, file.version)
        raise StoreBusyError("the file is being written by others")

    def _remove_version(self, key: DataKey, path: str, version: str) -> None:
        self.host.s3.delete_object(Bucket=self.host.content_bucket, Key=self._object(key, path), VersionId=version)

    def _key(self, *, fresh: bool = False) -> DataKey:
        return self.host.keyring.key(self.database_id, fresh=fresh)

    def _place(self, key: DataKey, path: str) -> Item:
        tag = key.tag("file", path)
        return {"place": f"{self.database_id}#{shard_of(tag)}", "id": f"f#{tag}"}

    def _object(self, key: DataKey, path: str) -> str:
        return f"{self.database_id}/{key.tag('file', path)}"


def _file(key: DataKey, item: Item) -> File:
    path, content_type, sha256, updated_at = json.loads(key.unseal(item["sealed"], item["id"]))
    return File(path, content_type, item["size"], sha256, updated_at, item["version"])
