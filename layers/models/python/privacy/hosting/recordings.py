"""The recordings bucket of a region: `<database>/<recording>`, each from an upload in the same region."""

from dataclasses import dataclass
from http import HTTPStatus

from botocore.exceptions import ClientError

from privacy.hosting.host import Host
from privacy.hosting.objects import PartCopy
from privacy.hosting.transfers import Transfers
from privacy.tables.store import StoreBusyError


def recording_key(database_id: str, recording_id: str) -> str:
    """Where a recording lies."""
    return f"{database_id}/{recording_id}"


@dataclass(frozen=True, slots=True)
class StoredRecordings:
    """The recordings bucket of a host."""

    host: Host

    def bring(self, staged: str, key: str, size: int) -> bool:
        """Bring a staged upload of some bytes to its place, and remove it from the other: nothing of it lies there
        once this has returned. Repeated after a crash it goes on. False when there is no such upload any more.

        Raises: StoreBusyError when another request is at it.
        """
        transfers = Transfers(self.host)
        if transfers.size(staged) is None:
            return self._size(key) == size
        target = {"Bucket": self.host.recordings_bucket, "Key": key}
        source = {"Bucket": self.host.transfer_bucket, "Key": staged}
        try:
            PartCopy(self.host.s3, target, source, size).copy("", lambda _: None, lambda: None)
        except ClientError as error:
            if error.response["ResponseMetadata"]["HTTPStatusCode"] != HTTPStatus.NOT_FOUND:
                raise
            raise StoreBusyError("another request is storing the same recording") from None
        transfers.remove(staged)
        return True

    def link(self, key: str, content_type: str, seconds: int) -> str:
        """A link to a recording's bytes that lives for some seconds; it downloads and never renders."""
        parameters = {
            "Bucket": self.host.recordings_bucket,
            "Key": key,
            "ResponseContentDisposition": "attachment",
            "ResponseContentType": content_type,
        }
        url: str = self.host.s3.generate_presigned_url("get_object", Params=parameters, ExpiresIn=seconds)
        return url

    def _size(self, key: str) -> int | None:
        answer = self.host.s3.list_objects_v2(Bucket=self.host.recordings_bucket, Prefix=key, MaxKeys=1)
        for entry in answer.get("Contents", []):
            if entry["Key"] == key:
                return int(entry["Size"])
        return None
