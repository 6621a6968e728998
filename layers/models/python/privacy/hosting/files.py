"""A database's files: bytes in the region's bucket, and a sealed catalogue row for each in the content table.

Every write has an object of its own, `<database>/<path tag>/<random>`; path, type and digest are sealed under the data
key. The row names the object that is the file, so a reader sees whole files only, and two writers of one path cannot
mix; what no row names is a leftover and goes (`hosting.leftovers`).
"""

import hashlib
import json
import secrets
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime
from http import HTTPStatus
from typing import Any

from boto3.dynamodb.conditions import Attr
from botocore.exceptions import ClientError

from privacy.clock import rfc3339
from privacy.hosting.host import Host
from privacy.hosting.leftovers import Leftover, Leftovers
from privacy.hosting.partitions import FILE, cursor_after, in_order, place
from privacy.tables.deletions import Deletions
from privacy.tables.store import Item, StoreBusyError, TransactionRefusedError, shard_of, transact
from privacy.vault.keys import DataKey

_TRIES = 8
"""Rounds for a file that others write at the same time."""

_FENCE, _ROW, _OWN_NOTE = range(3)
"""The operations of the transaction that makes an object the file, in this order."""


@dataclass(frozen=True, slots=True)
class File:
    """One file of a database. `key` and `version` name the object that holds its bytes; `sha256` is hexadecimal."""

    path: str
    content_type: str
    bytes: int
    sha256: str
    updated_at: str
    key: str
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

    def put(
        self, path: str, content_type: str, content: bytes, now: datetime, *, updated_at: str | None = None
    ) -> File:
        """Store a file's bytes and make them the file; `updated_at` (RFC 3339) is now, unless it comes from an archive.

        Raises: KeyDestroyedError, StoreBusyError.
        """
        key = self._key()
        leftover = self._begin(key, path, now)
        answer = self.host.s3.put_object(Bucket=self.host.content_bucket, Key=leftover.key, Body=content)
        digest = hashlib.sha256(content).hexdigest()
        written = updated_at or rfc3339(now)
        file = File(path, content_type, len(content), digest, written, leftover.key, answer["VersionId"])
        return self._switch(key, file, leftover, now)

    def adopt(
        self,
        path: str,
        content_type: str,
        source: dict[str, str],
        size: int,
        sha256: str,
        now: datetime,
        *,
        updated_at: str | None = None,
    ) -> File:
        """Make a checked upload (`source`: Bucket and Key, at most 5 GiB) the file, by a copy inside S3.

        `updated_at` is as in `put`. Raises: KeyDestroyedError, StoreBusyError.
        """
        key = self.host.keyring.writing_key(self.database_id)
        leftover = self._begin(key, path, now)
        answer = self.host.s3.copy_object(
            Bucket=self.host.content_bucket,
            Key=leftover.key,
            CopySource=source,
            MetadataDirective="REPLACE",
            ChecksumAlgorithm="CRC32",  # of the whole: an upload in parts has one of its parts only
        )
        file = File(path, content_type, size, sha256, updated_at or rfc3339(now), leftover.key, answer["VersionId"])
        return self._switch(key, file, leftover, now)

    def get(self, path: str) -> File | None:
        """A file by path. Raises: KeyDestroyedError."""
        key = self._key()
        item = self.host.content.get(self._place(key, path))
        return _file(key, item) if item else None

    def place(self, path: str) -> Item:
        """The key of a file's row in the content table, be it there or not; the ledger of deletions has the same.

        Raises: KeyDestroyedError.
        """
        return self._place(self._key(), path)

    def open(self, file: File) -> Any:
        """The bytes of a file, as a stream to read from. Raises botocore's NoSuchKey or NoSuchVersion when the file was
        replaced or deleted since it was read.
        """
        return self.host.s3.get_object(Bucket=self.host.content_bucket, Key=file.key, VersionId=file.version)["Body"]

    def is_stored(self, file: File) -> bool:
        """Whether a file's bytes are there, as many as there should be."""
        try:
            found = self.host.s3.head_object(Bucket=self.host.content_bucket, Key=file.key, VersionId=file.version)
        except ClientError as error:
            if error.response["ResponseMetadata"]["HTTPStatusCode"] == HTTPStatus.NOT_FOUND:
                return False
            raise
        return bool(found["ContentLength"] == file.bytes)

    def read(self, path: str, *, at_most: int) -> tuple[File, bytes | None] | None:
        """A file by path and its bytes, or no bytes when it has more than `at_most`; None when there is no file.

        Raises: KeyDestroyedError, StoreBusyError.
        """
        replaced: str | None = None
        for _ in range(_TRIES):
            file = self.get(path)
            if file is None:
                return None
            if file.bytes > at_most:
                return file, None
            try:
                return file, self.open(file).read()
            except ClientError as error:
                gone = error.response["Error"]["Code"] in ("NoSuchKey", "NoSuchVersion")
                if not gone or file.key == replaced:
                    raise
                replaced = file.key
        raise StoreBusyError("the file is being written by others")

    def link(self, file: File, seconds: int) -> str:
        """A link to a file's bytes that lives for some seconds; it downloads and never renders."""
        parameters = {
            "Bucket": self.host.content_bucket,
            "Key": file.key,
            "VersionId": file.version,
            "ResponseContentDisposition": "attachment",
            "ResponseContentType": file.content_type,
        }
        url: str = self.host.s3.generate_presigned_url("get_object", Params=parameters, ExpiresIn=seconds)
        return url

    def delete(self, path: str, ledger: Deletions, now: datetime) -> bool:
        """Delete a file: its row first, so that nobody reads it any more, then its bytes. It is in the ledger before,
        so that no restore brings it back; while the database is closed for writes, nothing is noted either.

        Returns whether there was one. Raises: KeyDestroyedError, KeyClosedError, StoreBusyError.
        """
        where = self._place(self.host.keyring.writing_key(self.database_id), path)
        for _ in range(_TRIES):
            item = self.host.content.get(where)
            if item is None:
                return False
            ledger.note(where, now)
            old = Leftover(now, item["key"])
            operations = [
                self.host.keyring.fence(self.database_id),
                self.host.content.delete_operation(where, Attr("key").eq(item["key"])),
                self._leftovers.note_operation(old),
            ]
            try:
                transact(self.host.content.client, operations)
            except TransactionRefusedError as refused:
                if _FENCE in refused.failed:
                    raise self.host.keyring.refused(self.database_id) from None
                continue
            self._leftovers.remove(old.note)
            return True
        raise StoreBusyError("the file is being written by others")

    def page(self, *, limit: int, cursor: str | None = None) -> FilePage:
        """Some of the files, in an order of its own that never changes. Raises: KeyDestroyedError, CursorError."""
        key = self._key()
        files: list[File] = []
        last: Item | None = None
        for item in in_order(self.host, self.database_id, FILE, after=cursor, page=limit + 1):
            if last is not None and len(files) == limit:
                return FilePage(files, cursor_after(last))
            files.append(_file(key, item))
            last = item
        return FilePage(files, None)

    def every(self, after: str | None = None) -> Iterator[tuple[str, File]]:
        """Every file, each with the cursor that lies after it. Raises: KeyDestroyedError, CursorError."""
        key = self._key(fresh=True)
        for item in in_order(self.host, self.database_id, FILE, after=after):
            yield cursor_after(item), _file(key, item)

    def of(self, row: Item) -> File:
        """The file that a row of the content table tells of. Raises: KeyDestroyedError, SealBrokenError."""
        return _file(self._key(), row)

    def sealed_name(self, job_id: str, path: str, content_type: str) -> bytes:
        """What a job that puts a file in its place is told, sealed. Raises: KeyDestroyedError."""
        return self._key().seal(json.dumps([path, content_type]).encode("ascii"), job_id)

    def name(self, job_id: str, sealed: bytes) -> tuple[str, str]:
        """The path and content type that a job was told. Raises: KeyDestroyedError."""
        path, content_type = json.loads(self._key().unseal(sealed, job_id))
        return path, content_type

    def sealed_type(self, upload_id: str, content_type: str) -> bytes:
        """An upload's content type, sealed. Raises: KeyDestroyedError."""
        return self._key().seal(content_type.encode("utf-8"), upload_id)

    def type(self, upload_id: str, sealed: bytes) -> str:
        """The content type that an upload was announced with. Raises: KeyDestroyedError."""
        return self._key().unseal(sealed, upload_id).decode("utf-8")

    def _begin(self, key: DataKey, path: str, now: datetime) -> Leftover:
        """Note an object before it is written: until it is the file, it is a leftover."""
        leftover = Leftover(now, f"{self.database_id}/{key.tag('file', path)}/{secrets.token_hex(8)}")
        self._leftovers.note(leftover)
        return leftover

    def _switch(self, key: DataKey, file: File, own: Leftover, now: datetime) -> File:
        """Make a stored object the file, and remove the object that it replaces."""
        where = self._place(key, file.path)
        head = json.dumps([file.path, file.content_type, file.sha256, file.updated_at]).encode("ascii")
        sealed = key.seal(head, where["id"])
        row = where | {"sealed": sealed, "size": file.bytes, "key": file.key, "version": file.version}
        for _ in range(_TRIES):
            item = self.host.content.get(where)
            old = Leftover(now, item["key"]) if item else None
            unchanged = Attr("key").eq(item["key"]) if item else Attr("key").not_exists()
            operations = [
                self.host.keyring.fence(self.database_id),
                self.host.content.put_operation(row, unchanged),
                self._leftovers.keep_operation(own),
            ]
            if old:
                operations.append(self._leftovers.note_operation(old))
            try:
                transact(self.host.content.client, operations)
            except TransactionRefusedError as refused:
                if refused.failed == (_ROW,):
                    continue
                self._leftovers.remove(own.note)
                if _FENCE in refused.failed:
                    raise self.host.keyring.refused(self.database_id) from None
                raise StoreBusyError("the write took too long") from None
            if old:
                self._leftovers.remove(old.note)
            return file
        self._leftovers.remove(own.note)
        raise StoreBusyError("the file is being written by others")

    @property
    def _leftovers(self) -> Leftovers:
        return Leftovers(self.host)

    def _key(self, *, fresh: bool = False) -> DataKey:
        return self.host.keyring.key(self.database_id, fresh=fresh)

    def _place(self, key: DataKey, path: str) -> Item:
        tag = key.tag("file", path)
        return {"place": place(self.database_id, shard_of(tag)), "id": FILE + tag}


def _file(key: DataKey, item: Item) -> File:
    path, content_type, sha256, updated_at = json.loads(key.unseal(item["sealed"], item["id"]))
    return File(path, content_type, item["size"], sha256, updated_at, item["key"], item["version"])
