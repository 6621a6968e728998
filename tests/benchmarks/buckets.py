"""An S3 with versions that costs next to nothing, and can forget what it was sent."""

import io
import threading
import time
from bisect import bisect_left
from collections import Counter
from itertools import count, islice
from typing import Any

from botocore.exceptions import ClientError

PAGE = 1000

Version = tuple[str, bytes]


class Buckets:
    """The calls of a boto3 client that our code makes, for buckets that need not be made first.

    `part_seconds` is what a part takes on its way, so that several are on their way at once, as they would be.
    `forgets` names the buckets that keep nothing of what they are sent but its name.
    """

    def __init__(self) -> None:
        self.part_seconds = 0.0
        self.forgets: set[str] = set()
        self.calls: Counter[str] = Counter()
        self.objects: dict[str, dict[str, list[Version]]] = {}
        self._uploads: dict[str, dict[int, bytes]] = {}
        self._order: dict[str, list[str]] = {}
        self._numbers = count(1)
        self._lock = threading.Lock()

    def put_object(self, **call: Any) -> dict[str, Any]:
        self._called("put_object")
        return self._store(call["Bucket"], call["Key"], self._kept(call))

    def get_object(self, **call: Any) -> dict[str, Any]:
        self._called("get_object")
        number, body = self._find(call, "NoSuchKey")
        if "Range" in call:
            body = _cut(body, call["Range"])
        return {"Body": io.BytesIO(body), "ETag": number, "ContentLength": len(body), "VersionId": number}

    def head_object(self, **call: Any) -> dict[str, Any]:
        self._called("head_object")
        number, body = self._find(call, "404")
        return {"ETag": number, "ContentLength": len(body), "VersionId": number}

    def copy_object(self, **call: Any) -> dict[str, Any]:
        self._called("copy_object")
        return self._store(call["Bucket"], call["Key"], self._find(call["CopySource"], "NoSuchKey")[1])

    def list_objects_v2(self, **call: Any) -> dict[str, Any]:
        self._called("list_objects_v2")
        keys = [key for key in self.objects.get(call["Bucket"], {}) if key.startswith(call["Prefix"])]
        if len(keys) > PAGE:
            raise NotImplementedError("no benchmark listed so much so far")
        return {"Contents": [{"Key": key} for key in sorted(keys)], "IsTruncated": False}

    def delete_object(self, **call: Any) -> dict[str, Any]:
        self._called("delete_object")
        self._delete(call["Bucket"], call["Key"], call.get("VersionId"))
        return {}

    def delete_objects(self, **call: Any) -> dict[str, Any]:
        self._called("delete_objects")
        for entry in call["Delete"]["Objects"]:
            self._delete(call["Bucket"], entry["Key"], entry.get("VersionId"))
        return {}

    def list_object_versions(self, **call: Any) -> dict[str, Any]:
        self._called("list_object_versions")
        if "KeyMarker" in call:
            raise NotImplementedError("no benchmark went past the first page so far")
        objects = self.objects.get(call["Bucket"], {})
        order = self._sorted(call["Bucket"])
        start = bisect_left(order, call["Prefix"])
        found = (
            {"Key": key, "VersionId": number}
            for key in islice(order, start, None)
            if key.startswith(call["Prefix"])
            for number, _ in objects.get(key, ())
        )
        entries = list(islice(found, PAGE + 1))
        if len(entries) <= PAGE:
            return {"Versions": entries, "IsTruncated": False}
        last = entries[PAGE - 1]
        more = {"NextKeyMarker": last["Key"], "NextVersionIdMarker": last["VersionId"]}
        return {"Versions": entries[:PAGE], "IsTruncated": True, **more}

    def list_multipart_uploads(self, **call: Any) -> dict[str, Any]:
        self._called("list_multipart_uploads")
        return {"Uploads": [], "IsTruncated": False}

    def create_multipart_upload(self, **call: Any) -> dict[str, Any]:
        self._called("create_multipart_upload")
        upload_id = f"upload-{next(self._numbers)}"
        self._uploads[upload_id] = {}
        return {"UploadId": upload_id}

    def upload_part(self, **call: Any) -> dict[str, Any]:
        self._called("upload_part")
        if self.part_seconds:
            time.sleep(self.part_seconds)
        with self._lock:
            self._uploads[call["UploadId"]][call["PartNumber"]] = self._kept(call)
        return {"ETag": f"part-{call['PartNumber']}"}

    def upload_part_copy(self, **call: Any) -> dict[str, Any]:
        self._called("upload_part_copy")
        part = _cut(self._find(call["CopySource"], "NoSuchKey")[1], call["CopySourceRange"])
        with self._lock:
            self._uploads[call["UploadId"]][call["PartNumber"]] = part
        return {"CopyPartResult": {"ETag": f"part-{call['PartNumber']}"}}

    def complete_multipart_upload(self, **call: Any) -> dict[str, Any]:
        self._called("complete_multipart_upload")
        parts = self._uploads.pop(call["UploadId"])
        return self._store(call["Bucket"], call["Key"], b"".join(parts[number] for number in sorted(parts)))

    def body(self, bucket: str, key: str) -> bytes:
        """The bytes of an object, as they were kept."""
        return self.objects[bucket][key][-1][1]

    def _called(self, name: str) -> None:
        with self._lock:
            self.calls[name] += 1

    def _kept(self, call: dict[str, Any]) -> bytes:
        return b"" if call["Bucket"] in self.forgets else bytes(call["Body"])

    def _store(self, bucket: str, key: str, body: bytes) -> dict[str, Any]:
        number = f"version-{next(self._numbers)}"
        objects = self.objects.setdefault(bucket, {})
        if key not in objects:
            self._order.pop(bucket, None)
        objects.setdefault(key, []).append((number, body))
        return {"ETag": number, "VersionId": number}

    def _find(self, call: dict[str, Any], code: str) -> Version:
        for version in reversed(self.objects.get(call["Bucket"], {}).get(call["Key"], [])):
            if call.get("VersionId", version[0]) == version[0]:
                return version
        raise ClientError({"Error": {"Code": code, "Message": "there is no such object"}}, "GetObject")

    def _delete(self, bucket: str, key: str, number: str | None) -> None:
        objects = self.objects.get(bucket, {})
        left = [version for version in objects.get(key, ()) if number is not None and version[0] != number]
        if left:
            objects[key] = left
        else:
            objects.pop(key, None)

    def _sorted(self, bucket: str) -> list[str]:
        """The keys in order; what is gone stays in the list until half of it is."""
        objects = self.objects.get(bucket, {})
        if len(self._order.get(bucket, ())) > 2 * len(objects) or bucket not in self._order:
            self._order[bucket] = sorted(objects)
        return self._order[bucket]


def _cut(body: bytes, asked: str) -> bytes:
    """What a range (`bytes=first-last`) asks for."""
    first, last = asked.removeprefix("bytes=").split("-")
    return body[int(first) : int(last) + 1]
