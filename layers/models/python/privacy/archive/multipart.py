"""A file that is written once, from front to end, into an S3 object, and that a later worker can go on writing."""

import base64
import hashlib
import zlib
from collections import deque
from collections.abc import Callable, Mapping
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass
from types import TracebackType
from typing import Any, Self

from privacy.archive.errors import ArchiveStateError, ArchiveTooLargeError, UploadLostError
from privacy.archive.store import ObjectStore, error_code

MIB = 1024 * 1024
SMALLEST_PART_BYTES = 5 * MIB
"""Least size of every part but the last (Amazon S3 user guide, "Multipart upload limits")."""
PARTS = 10_000
"""Most parts of one upload (same page)."""
PART_BYTES = 8 * MIB
PARTS_OF_ONE_SIZE = 2_000
"""The part size doubles after each 2,000 parts: 8 MiB up to 16 GiB, and 10,000 parts hold 484 GiB."""
IN_FLIGHT = 3
"""Parts on their way at once; memory is this plus one, times the part size."""


@dataclass(frozen=True, slots=True)
class StoredObject:
    """A finished object: its size in bytes, its ETag, and the SHA-256 of its bytes where one worker wrote them all."""

    bytes: int
    etag: str
    sha256: str | None = None


def part_size(number: int, base: int = PART_BYTES) -> int:
    """Return the size in bytes of a part, counted from 1, so that 10,000 parts reach far without large buffers."""
    return int(base << ((number - 1) // PARTS_OF_ONE_SIZE))


def completed(s3: ObjectStore, bucket: str, key: str) -> StoredObject | None:
    """Return the object when an upload to this key was finished, for a worker that cannot know how the last one ended.

    The key must be used by one upload only (an export's key holds its id).
    """
    try:
        head = s3.head_object(Bucket=bucket, Key=key)
    except Exception as error:
        if error_code(error) in ("404", "NoSuchKey", "NotFound"):
            return None
        raise
    return StoredObject(bytes=int(head["ContentLength"]), etag=str(head["ETag"]))


def abort_all(s3: ObjectStore, bucket: str, key: str) -> int:
    """Abort every unfinished upload to this key and return how many there were.

    For a key that is given up or finished: a worker that died before its first saved state leaves an upload
    that no state knows.
    """
    aborted = 0
    more: dict[str, str] = {}
    while True:
        page = s3.list_multipart_uploads(Bucket=bucket, Prefix=key, **more)
        for upload in page.get("Uploads", []):
            if upload["Key"] == key:
                _abort(s3, {"Bucket": bucket, "Key": key}, upload["UploadId"])
                aborted += 1
        if not page.get("IsTruncated"):
            return aborted
        more = {"KeyMarker": page["NextKeyMarker"], "UploadIdMarker": page["NextUploadIdMarker"]}


class MultipartStream:
    """A write-only, `tell()`-able binary file over one S3 object, flat in memory and resumable.

    Parts go up in a small pool while the next one is filled. `scratch` is a key prefix of this upload alone:
    what does not fill a part at a checkpoint is kept there. `encryption` goes into every call that stores
    something, for example `{"ServerSideEncryption": "aws:kms", "SSEKMSKeyId": ...}`.
    """

    def __init__(
        self,
        s3: ObjectStore,
        *,
        bucket: str,
        key: str,
        scratch: str,
        encryption: Mapping[str, str] | None = None,
        content_type: str = "application/zip",
        part_bytes: int = PART_BYTES,
        in_flight: int = IN_FLIGHT,
    ) -> None:
        if part_bytes < SMALLEST_PART_BYTES:
            raise ValueError(f"A part has at least {SMALLEST_PART_BYTES} bytes.")
        self._s3 = s3
        self._place = {"Bucket": bucket, "Key": key}
        self._scratch = scratch
        self._stored_as = {**(encryption or {}), "ContentType": content_type}
        self._part_bytes = part_bytes
        self._in_flight = in_flight
        self._pool = ThreadPoolExecutor(in_flight, thread_name_prefix="upload")
        self._upload_id: str | None = None
        self._parts: list[dict[str, Any]] = []
        self._pending: deque[Future[dict[str, Any]]] = deque()
        self._buffer = bytearray()
        self._offset = 0
        self._tails: list[str] = []
        # hashlib's state cannot be stored, so only an unbroken run knows the digest of the whole.
        self._digest: Any = hashlib.sha256()
        self._open = True

    @classmethod
    def resume(cls, s3: ObjectStore, checkpoint: Mapping[str, Any], **options: Any) -> Self:
        """Go on where `checkpoint` was taken; `options` are those of the constructor, with the same bucket and key.

        Raises:
            UploadLostError: the stored tail is missing or is another's.
        """
        stream = cls(s3, **{**options, "part_bytes": checkpoint["part_bytes"]})
        stream._upload_id = checkpoint["upload_id"]
        stream._parts = [dict(part) for part in checkpoint["parts"]]
        stream._offset = checkpoint["offset"]
        if stream._offset:
            stream._digest = None
        tail = checkpoint["tail"]
        if tail is not None:
            stream._buffer = bytearray(stream._read_tail(tail["key"]))
            stream._tails = [tail["key"]]
            if len(stream._buffer) != tail["bytes"] or zlib.crc32(stream._buffer) != tail["crc32"]:
                raise UploadLostError("The stored end of the unfinished archive is not the one that was written.")
        return stream

    def tell(self) -> int:
        """Return the offset in bytes, counted over all workers."""
        return self._offset

    def flush(self) -> None:
        """Do nothing: a part goes up when it is full."""

    def write(self, data: bytes | bytearray | memoryview, /) -> int:
        """Take all of `data`, waiting while the pool is full.

        Raises:
            ArchiveTooLargeError: 10,000 parts are full.
            UploadLostError: the upload is gone.
        """
        self._require_open()
        rest = memoryview(data).cast("B")
        length = len(rest)
        if self._digest is not None:
            self._digest.update(rest)
        while len(rest):
            room = part_size(self._next_number(), self._part_bytes) - len(self._buffer)
            self._buffer += rest[:room]
            self._offset += len(rest[:room])
            if len(rest) >= room:
                self._send_part()
            rest = rest[room:]
        return length

    def checkpoint(self) -> dict[str, Any]:
        """Wait until all parts are stored, keep the tail, and return plain data from which `resume` goes on.

        Save what is returned before the next call: the tail of the checkpoint before the last one is then
        removed.
        """
        self._require_open()
        self._settle(0)
        tail = None
        if self._buffer:
            # The offset is in the key, so that a crash before the caller has saved this leaves the last tail alone.
            key = f"{self._scratch}tail-{self._offset}"
            self._s3.put_object(Bucket=self._place["Bucket"], Key=key, Body=bytes(self._buffer), **self._encryption())
            tail = {"key": key, "bytes": len(self._buffer), "crc32": zlib.crc32(self._buffer)}
            if key not in self._tails:
                self._tails.append(key)
        self._drop_tails(keep=2)
        return {
            "upload_id": self._upload_id,
            "offset": self._offset,
            "part_bytes": self._part_bytes,
            "parts": [dict(part) for part in self._parts],
            "tail": tail,
        }

    def finish(self) -> StoredObject:
        """Complete the object and return it; what is smaller than one part needs a single call."""
        self._require_open()
        if self._upload_id is None:
            body = bytes(self._buffer)
            answer = self._s3.put_object(**self._place, Body=body, ChecksumCRC32=_crc32(body), **self._stored_as)
        else:
            if self._buffer:
                self._send_part()
            self._settle(0)
            parts = [
                {"PartNumber": part["number"], "ETag": part["etag"], "ChecksumCRC32": part["crc32"]}
                for part in self._parts
            ]
            answer = self._call(
                self._s3.complete_multipart_upload, UploadId=self._upload_id, MultipartUpload={"Parts": parts}
            )
        self.release()
        self._drop_tails(keep=0)
        digest = None if self._digest is None else self._digest.hexdigest()
        return StoredObject(bytes=self._offset, etag=str(answer["ETag"]), sha256=digest)

    def abort(self) -> None:
        """Give the upload up: its parts and its tails are removed; what is gone already is no error."""
        self.release()
        if self._upload_id is not None:
            _abort(self._s3, self._place, self._upload_id)
        self._drop_tails(keep=0)

    def release(self) -> None:
        """Let the threads go and leave everything stored as it is, for a later `resume`."""
        self._open = False
        self._pool.shutdown(wait=True, cancel_futures=True)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.release()

    def _require_open(self) -> None:
        if not self._open:
            raise ArchiveStateError("The stream is finished, aborted or released.")

    def _encryption(self) -> dict[str, str]:
        return {name: value for name, value in self._stored_as.items() if name != "ContentType"}

    def _next_number(self) -> int:
        return len(self._parts) + len(self._pending) + 1

    def _send_part(self) -> None:
        number = self._next_number()
        if number > PARTS:
            raise ArchiveTooLargeError("The archive is larger than one stored object can be.")
        if self._upload_id is None:
            # With the algorithm named here S3 checks every part and the list of parts at completion.
            created = self._s3.create_multipart_upload(**self._place, ChecksumAlgorithm="CRC32", **self._stored_as)
            self._upload_id = str(created["UploadId"])
        self._settle(self._in_flight - 1)
        self._pending.append(self._pool.submit(self._upload, number, bytes(self._buffer)))
        self._buffer = bytearray()

    def _upload(self, number: int, body: bytes) -> dict[str, Any]:
        checksum = _crc32(body)
        answer = self._call(
            self._s3.upload_part,
            UploadId=self._upload_id,
            PartNumber=number,
            Body=body,
            ChecksumCRC32=checksum,
        )
        return {"number": number, "etag": str(answer["ETag"]), "crc32": checksum}

    def _settle(self, pending: int) -> None:
        """Wait until at most `pending` parts are on their way; a failed one ends the stream."""
        while len(self._pending) > pending:
            try:
                part = self._pending[0].result()
            except BaseException:
                self._open = False
                raise
            self._pending.popleft()
            self._parts.append(part)

    def _call(self, operation: Callable[..., Any], **arguments: Any) -> Any:
        try:
            return operation(**self._place, **arguments)
        except Exception as error:
            if error_code(error) in ("NoSuchUpload", "InvalidPart", "InvalidPartOrder"):
                raise UploadLostError("The unfinished upload is gone, or another worker wrote to it.") from None
            raise

    def _read_tail(self, key: str) -> bytes:
        try:
            body: bytes = self._s3.get_object(Bucket=self._place["Bucket"], Key=key)["Body"].read()
        except Exception as error:
            if error_code(error) == "NoSuchKey":
                raise UploadLostError("The stored end of the unfinished archive is gone.") from None
            raise
        return body

    def _drop_tails(self, *, keep: int) -> None:
        while len(self._tails) > keep:
            self._s3.delete_object(Bucket=self._place["Bucket"], Key=self._tails[0])
            del self._tails[0]


def _crc32(body: bytes) -> str:
    """Return S3's form of a CRC-32: four bytes, big-endian, in base64."""
    return base64.b64encode(zlib.crc32(body).to_bytes(4, "big")).decode("ascii")


def _abort(s3: ObjectStore, place: Mapping[str, str], upload_id: str) -> None:
    try:
        s3.abort_multipart_upload(**place, UploadId=upload_id)
    except Exception as error:
        if error_code(error) != "NoSuchUpload":
            raise
