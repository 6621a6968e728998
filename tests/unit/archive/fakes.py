"""Hand-written stand-ins: an S3 in memory, one that crashes, one that keeps nothing, files with a hole."""

import threading
import zlib
from base64 import b64decode
from collections.abc import Callable
from datetime import UTC, datetime
from io import BytesIO
from itertools import count
from pathlib import Path
from typing import Any

from privacy.archive.multipart import SMALLEST_PART_BYTES, StoredObject

BUCKET = "perfectwork-transfer"
KEY = "exports/db_1/exp_1.zip"
SCRATCH = "exports/db_1/exp_1/"
NOW = datetime(2024, 5, 1, 10, 30, 7, tzinfo=UTC)


class ServiceError(Exception):
    """Looks like boto3's ClientError to those who ask for its code."""

    def __init__(self, code: str) -> None:
        super().__init__(code)
        self.response = {"Error": {"Code": code}}


class MemoryStore:
    """An S3 in memory with the rules that matter: part sizes, checksums, ETags, If-Match, ranges, pages."""

    def __init__(self) -> None:
        self.objects: dict[str, tuple[bytes, str]] = {}
        self.uploads: dict[str, dict[int, tuple[bytes, str]]] = {}
        self.calls: list[tuple[str, dict[str, Any]]] = []
        self._lock = threading.Lock()
        self._numbers = count(1)

    def put_object(self, **call: Any) -> dict[str, Any]:
        return {"ETag": self._store(call["Key"], self._note("put_object", call))}

    def get_object(self, **call: Any) -> dict[str, Any]:
        self._note("get_object", call)
        body, etag = self._find(call["Key"], "NoSuchKey")
        if call.get("IfMatch", etag) != etag:
            raise ServiceError("PreconditionFailed")
        if "Range" in call:
            first, last = map(int, call["Range"].removeprefix("bytes=").split("-"))
            if first >= len(body):
                raise ServiceError("InvalidRange")
            body = body[first : last + 1]
        return {"Body": BytesIO(body), "ETag": etag, "ContentLength": len(body)}

    def head_object(self, **call: Any) -> dict[str, Any]:
        self._note("head_object", call)
        body, etag = self._find(call["Key"], "404")
        return {"ContentLength": len(body), "ETag": etag}

    def delete_object(self, **call: Any) -> dict[str, Any]:
        self._note("delete_object", call)
        self.objects.pop(call["Key"], None)
        return {}

    def delete_objects(self, **call: Any) -> dict[str, Any]:
        self._note("delete_objects", call)
        for item in call["Delete"]["Objects"]:
            self.objects.pop(item["Key"], None)
        return {}

    def list_objects_v2(self, **call: Any) -> dict[str, Any]:
        self._note("list_objects_v2", call)
        keys = sorted(key for key in self.objects if key.startswith(call["Prefix"]))
        keys = [key for key in keys if key > call.get("ContinuationToken", "")]
        page = keys[:2]
        more = {"NextContinuationToken": page[-1]} if len(keys) > len(page) else {}
        return {"Contents": [{"Key": key} for key in page], "IsTruncated": bool(more), **more}

    def create_multipart_upload(self, **call: Any) -> dict[str, Any]:
        self._note("create_multipart_upload", call)
        upload_id = f"upload-{next(self._numbers)}"
        self.uploads[upload_id] = {}
        return {"UploadId": upload_id}

    def upload_part(self, **call: Any) -> dict[str, Any]:
        body = self._note("upload_part", call)
        parts = self._upload(call)
        etag = f'"part-{next(self._numbers)}"'
        with self._lock:
            parts[call["PartNumber"]] = (body, etag)
        return {"ETag": etag}

    def complete_multipart_upload(self, **call: Any) -> dict[str, Any]:
        self._note("complete_multipart_upload", call)
        stored = self._upload(call)
        whole = []
        listed = call["MultipartUpload"]["Parts"]
        for part in listed:
            body, etag = stored.get(part["PartNumber"], (b"", ""))
            if etag != part["ETag"] or b64decode(part["ChecksumCRC32"]) != zlib.crc32(body).to_bytes(4, "big"):
                raise ServiceError("InvalidPart")
            if part is not listed[-1] and len(body) < SMALLEST_PART_BYTES:
                raise ServiceError("EntityTooSmall")
            whole.append(body)
        del self.uploads[call["UploadId"]]
        return {"ETag": self._store(call["Key"], b"".join(whole))}

    def abort_multipart_upload(self, **call: Any) -> dict[str, Any]:
        self._note("abort_multipart_upload", call)
        self._upload(call)
        del self.uploads[call["UploadId"]]
        return {}

    def list_multipart_uploads(self, **call: Any) -> dict[str, Any]:
        self._note("list_multipart_uploads", call)
        open_ones = sorted(upload_id for upload_id in self.uploads if upload_id > call.get("UploadIdMarker", ""))
        page = open_ones[:1]
        more = {"NextKeyMarker": call["Prefix"], "NextUploadIdMarker": page[0]} if open_ones[1:] else {}
        uploads = [{"Key": call["Prefix"], "UploadId": upload_id} for upload_id in page]
        return {"Uploads": uploads, "IsTruncated": bool(more), **more}

    def bytes_of(self, key: str) -> bytes:
        """The stored bytes of an object."""
        return self.objects[key][0]

    def counted(self, operation: str) -> int:
        """How often an operation was called."""
        return sum(name == operation for name, _ in self.calls)

    def _note(self, name: str, call: dict[str, Any]) -> bytes:
        body = bytes(call.get("Body", b""))
        if "ChecksumCRC32" in call and b64decode(call["ChecksumCRC32"]) != zlib.crc32(body).to_bytes(4, "big"):
            raise ServiceError("BadDigest")
        with self._lock:
            self.calls.append((name, {key: value for key, value in call.items() if key != "Body"}))
        return body

    def _store(self, key: str, body: bytes) -> str:
        etag = f'"object-{next(self._numbers)}"'
        self.objects[key] = (body, etag)
        return etag

    def _find(self, key: str, code: str) -> tuple[bytes, str]:
        if key not in self.objects:
            raise ServiceError(code)
        return self.objects[key]

    def _upload(self, call: dict[str, Any]) -> dict[int, tuple[bytes, str]]:
        if call["UploadId"] not in self.uploads:
            raise ServiceError("NoSuchUpload")
        return self.uploads[call["UploadId"]]


class CrashError(Exception):
    """The worker dies."""


class CrashingStore:
    """Passes calls on and dies at the n-th one, before it or after it; a dead worker makes no further calls."""

    def __init__(self, inner: Any, crash_at: int, *, after: bool) -> None:
        self._inner = inner
        self._left = crash_at
        self._after = after
        self._lock = threading.Lock()

    def __getattr__(self, name: str) -> Any:
        operation: Callable[..., Any] = getattr(self._inner, name)

        def call(**arguments: Any) -> Any:
            with self._lock:
                self._left -= 1
                left = self._left
            if left < 0 or (left == 0 and not self._after):
                raise CrashError
            answer = operation(**arguments)
            if left == 0:
                raise CrashError
            return answer

        return call

    @property
    def crashed(self) -> bool:
        """Whether the n-th call was reached."""
        return self._left <= 0


class DiscardingStore(MemoryStore):
    """Keeps nothing, so that what memory is used is the writer's own."""

    def _note(self, name: str, call: dict[str, Any]) -> bytes:
        return b""


class FileSink:
    """Writes an archive into a file, from any offset on: a hole before it takes no room on the disk."""

    def __init__(self, path: Path, offset: int = 0) -> None:
        path.touch()
        self._file = path.open("r+b")
        self._file.seek(offset)

    def write(self, data: bytes, /) -> int:
        return self._file.write(data)

    def tell(self) -> int:
        return self._file.tell()

    def flush(self) -> None:
        self._file.flush()

    def checkpoint(self) -> dict[str, Any]:
        self._file.flush()
        return {"offset": self._file.tell()}

    def finish(self) -> StoredObject:
        self._file.close()
        return StoredObject(0, "")

    def release(self) -> None:
        self._file.close()


class MemorySink:
    """Writes an archive into memory."""

    def __init__(self) -> None:
        self.data = bytearray()

    def write(self, data: bytes, /) -> int:
        self.data += data
        return len(data)

    def tell(self) -> int:
        return len(self.data)

    def flush(self) -> None:
        pass

    def checkpoint(self) -> dict[str, Any]:
        return {"offset": len(self.data)}

    def finish(self) -> StoredObject:
        return StoredObject(len(self.data), "")

    def release(self) -> None:
        pass
