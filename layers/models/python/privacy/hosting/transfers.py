"""The transfer bucket of a region: exports on their way out, uploads on their way in. Nothing in it stays.

Keys: `exports/<database>/<export>.zip` (and its journal beside it), `staging/<database>/<upload>`. It has no versions,
so a delete is final.
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from botocore.exceptions import ClientError

from privacy.hosting.host import Host

EXPORTS, STAGING = "exports/", "staging/"
"""What the keys begin with; then comes the database's id and a slash."""

MAX_UPLOAD_BYTES = 5 * 1024**3
"""What one CopyObject moves (https://docs.aws.amazon.com/AmazonS3/latest/API/API_CopyObject.html)."""

_REFUSED_PARTS = frozenset({"InvalidPart", "InvalidPartOrder", "EntityTooSmall", "MalformedXML", "InvalidRequest"})
"""What S3 calls parts that do not fit (https://docs.aws.amazon.com/AmazonS3/latest/API/API_CompleteMultipartUpload.html)."""

_LEAST_PART = 8 * 1024**2
_PARTS = 100
"""At most this many links in one answer, so that it stays small."""


def export_key(database_id: str, export_id: str) -> str:
    """Where an export's ZIP lies."""
    return f"{EXPORTS}{database_id}/{export_id}.zip"


def journal_key(database_id: str, export_id: str) -> str:
    """Where an unfinished export's journal lies."""
    return f"{EXPORTS}{database_id}/{export_id}.journal"


def export_prefix(database_id: str, export_id: str) -> str:
    """What everything of an export begins with: its ZIP, its journal, and what a crashed worker left beside them."""
    return f"{EXPORTS}{database_id}/{export_id}"


def staging_key(database_id: str, upload_id: str) -> str:
    """Where an upload waits to be used."""
    return f"{STAGING}{database_id}/{upload_id}"


class PartsRefusedError(Exception):
    """The parts of an upload are not those that were stored, or one but the last is too small."""


@dataclass(frozen=True, slots=True)
class Transfers:
    """The transfer bucket of a host."""

    host: Host

    def begin(self, key: str) -> str:
        """Open a multipart upload and give S3's id of it."""
        answer = self.host.s3.create_multipart_upload(Bucket=self._bucket, Key=key)
        upload_id: str = answer["UploadId"]
        return upload_id

    def part_links(self, key: str, s3_upload: str, size: int, seconds: int) -> tuple[int, list[dict[str, Any]]]:
        """The size of a part in bytes, and a link for each part that lives for some seconds."""
        part_size = max(_LEAST_PART, math.ceil(size / _PARTS))
        links = [
            {
                "number": number,
                "url": self.host.s3.generate_presigned_url(
                    "upload_part",
                    Params={"Bucket": self._bucket, "Key": key, "UploadId": s3_upload, "PartNumber": number},
                    ExpiresIn=seconds,
                ),
            }
            for number in range(1, max(1, math.ceil(size / part_size)) + 1)
        ]
        return part_size, links

    def parts(self, key: str, s3_upload: str) -> dict[int, tuple[str, int]] | None:
        """The parts that are stored: ETag (without its quotes) and bytes by number; None when S3 knows no such upload,
        or no longer: it was joined, or given up.
        """
        found: dict[int, tuple[str, int]] = {}
        more: dict[str, int] = {}
        while True:
            try:
                page = self.host.s3.list_parts(Bucket=self._bucket, Key=key, UploadId=s3_upload, **more)
            except ClientError as error:
                if error.response["Error"]["Code"] == "NoSuchUpload":
                    return None
                raise
            found |= {part["PartNumber"]: (part["ETag"].strip('"'), part["Size"]) for part in page.get("Parts", [])}
            if not page.get("IsTruncated"):
                return found
            more = {"PartNumberMarker": page["NextPartNumberMarker"]}

    def complete(self, key: str, s3_upload: str, parts: Sequence[tuple[int, str]]) -> None:
        """Join the parts (number and ETag, by number) to one object. An upload that S3 no longer knows, since it was
        joined before or given up, is no error: the object's `size` tells which.

        Raises: PartsRefusedError; the upload goes on.
        """
        joined = {"Parts": [{"PartNumber": number, "ETag": etag} for number, etag in parts]}
        try:
            self.host.s3.complete_multipart_upload(
                Bucket=self._bucket, Key=key, UploadId=s3_upload, MultipartUpload=joined
            )
        except ClientError as error:
            code = error.response["Error"]["Code"]
            if code in _REFUSED_PARTS:
                raise PartsRefusedError from None
            if code != "NoSuchUpload":
                raise

    def abort(self, key: str, s3_upload: str) -> None:
        """Give a multipart upload up; one that is over already is no error."""
        try:
            self.host.s3.abort_multipart_upload(Bucket=self._bucket, Key=key, UploadId=s3_upload)
        except self.host.s3.exceptions.NoSuchUpload:
            return

    def size(self, key: str) -> int | None:
        """The bytes of an object, or None when there is none."""
        answer = self.host.s3.list_objects_v2(Bucket=self._bucket, Prefix=key, MaxKeys=1)
        for entry in answer.get("Contents", []):
            if entry["Key"] == key:
                return int(entry["Size"])
        return None

    def put(self, key: str, content: bytes) -> None:
        """Store an object."""
        self.host.s3.put_object(Bucket=self._bucket, Key=key, Body=content)

    def open(self, key: str) -> Any:
        """The bytes of an object, as a stream to read from."""
        return self.host.s3.get_object(Bucket=self._bucket, Key=key)["Body"]

    def link(self, key: str, filename: str, seconds: int) -> str:
        """A download link to a ZIP that lives for some seconds."""
        parameters = {
            "Bucket": self._bucket,
            "Key": key,
            "ResponseContentDisposition": f'attachment; filename="{filename}"',
            "ResponseContentType": "application/zip",
        }
        url: str = self.host.s3.generate_presigned_url("get_object", Params=parameters, ExpiresIn=seconds)
        return url

    def remove(self, key: str) -> None:
        """Remove an object; none is no error."""
        self.host.s3.delete_object(Bucket=self._bucket, Key=key)

    @property
    def _bucket(self) -> str:
        return self.host.transfer_bucket
