"""An object's way from one bucket into another, inside S3 and in parts: another worker can go on with it."""

from collections.abc import Callable, Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import Any

from botocore.exceptions import ClientError

PART_BYTES = 64 * 1024**2
"""What one UploadPartCopy moves: seconds, also across regions. Its 10,000 parts hold 625 GiB."""
IN_FLIGHT = 4
"""Parts on their way at once."""


@dataclass(frozen=True, slots=True)
class PartCopy:
    """`s3` is the client of the target's region; `target` names Bucket and Key, `source` what CopySource takes; `size`
    is in bytes.
    """

    s3: Any
    target: Mapping[str, str]
    source: Mapping[str, str]
    size: int

    def copy(self, upload: str, on_begin: Callable[[str], None], on_parts: Callable[[], None]) -> dict[str, Any]:
        """Copy what is not copied yet, and give S3's answer to the last call.

        `upload` is the id of an upload that was begun before, or empty. `on_begin` hears the id of one that is begun,
        `on_parts` after each few parts; what they raise ends the copying.
        """
        done = self._done(upload) if upload else None
        if done is None:
            upload = self.s3.create_multipart_upload(**self.target)["UploadId"]
            on_begin(upload)
            done = {}
        missing = [number for number in range(1, -(-self.size // PART_BYTES) + 1) if number not in done]
        with ThreadPoolExecutor(IN_FLIGHT, thread_name_prefix="parts") as pool:
            for start in range(0, len(missing), IN_FLIGHT):
                wave = missing[start : start + IN_FLIGHT]
                done |= dict(zip(wave, pool.map(lambda number: self._part(upload, number), wave), strict=True))
                on_parts()
        parts = {"Parts": [{"PartNumber": number, "ETag": done[number]} for number in sorted(done)]}
        answer: dict[str, Any] = self.s3.complete_multipart_upload(
            **self.target, UploadId=upload, MultipartUpload=parts
        )
        return answer

    def _part(self, upload: str, number: int) -> str:
        first = (number - 1) * PART_BYTES
        last = min(first + PART_BYTES, self.size) - 1
        answer = self.s3.upload_part_copy(
            **self.target,
            UploadId=upload,
            PartNumber=number,
            CopySource=dict(self.source),
            CopySourceRange=f"bytes={first}-{last}",
        )
        etag: str = answer["CopyPartResult"]["ETag"]
        return etag

    def _done(self, upload: str) -> dict[int, str] | None:
        """The ETags of parts that are there; None when S3 knows no such upload, or no longer."""
        found: dict[int, str] = {}
        more: dict[str, int] = {}
        while True:
            try:
                page = self.s3.list_parts(**self.target, UploadId=upload, **more)
            except ClientError as error:
                if error.response["Error"]["Code"] == "NoSuchUpload":
                    return None
                raise
            found |= {part["PartNumber"]: part["ETag"] for part in page.get("Parts", [])}
            if not page.get("IsTruncated"):
                return found
            more = {"PartNumberMarker": page["NextPartNumberMarker"]}
