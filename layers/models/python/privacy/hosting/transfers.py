"""The transfer bucket of a region: exports on their way out, uploads on their way in. Nothing in it stays.

Keys: `exports/<database>/<export>.zip` (and its journal beside it), `staging/<database>/<upload>`. It has no versions,
so a delete is final.
"""

import math
from dataclasses import dataclass
from typing import Any

from privacy.hosting.host import Host

MAX_UPLOAD_BYTES = 5 * 1024**3
"""What one CopyObject moves (https://docs.aws.amazon.com/AmazonS3/latest/API/API_CopyObject.html)."""

_LEAST_PART = 8 * 1024**2
_PARTS = 100
"""At most this many links in one answer, so that it stays small."""


def export_key(database_id: str, export_id: str) -> str:
    """Where an export's ZIP lies."""
    return f"exports/{database_id}/{export_id}.zip"


def journal_key(database_id: str, export_id: str) -> str:
    """Where an unfinished export's journal lies."""
    return f"exports/{database_id}/{export_id}.journal"


def staging_key(database_id: str, upload_id: str) -> str:
    """Where an upload waits to be used."""
    return f"staging/{database_id}/{upload_id}"


@dataclass(frozen=True, slots=True)
class Transfers:
    """The transfer bucket of a host."""

    host: Host

    def begin(self, key: str, content_type: str) -> str:
        """Open a multipart upload and give S3's id of it."""
        answer = self.host.s3.create_multipart_upload(Bucket=self._bucket, Key=key, ContentType=content_type)
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

    def complete(self, key: str, s3_upload: str, parts: list[dict[str, Any]]) -> None:
        """Join the parts (`{number, etag}`) to one object. Raises botocore's ClientError when S3 refuses them."""
        self.host.s3.complete_multipart_upload(
            Bucket=self._bucket,
            Key=key,
            UploadId=s3_upload,
            MultipartUpload={"Parts": [{"PartNumber": part["number"], "ETag": part["etag"]} for part in parts]},
        )

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

    def put(self, key: str, content: bytes, content_type: str) -> None:
        """Store an object."""
        self.host.s3.put_object(Bucket=self._bucket, Key=key, Body=content, ContentType=content_type)

    def open(self, key: str) -> Any:
        """The bytes of an object, as a stream to read from."""
        return self.host.s3.get_object(Bucket=self._bucket, Key=key)["Body"]

    def link(self, key: str, filename: str, seconds: int) -> str:
        """A download link that lives for some seconds."""
        parameters = {
            "Bucket": self._bucket,
            "Key": key,
            "ResponseContentDisposition": f'attachment; filename="{filename}"',
        }
        url: str = self.host.s3.generate_presigned_url("get_object", Params=parameters, ExpiresIn=seconds)
        return url

    def remove(self, key: str) -> None:
        """Remove an object; none is no error."""
        self.host.s3.delete_object(Bucket=self._bucket, Key=key)

    @property
    def _bucket(self) -> str:
        return self.host.transfer_bucket
