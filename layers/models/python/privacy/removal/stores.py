"""Where a database's content can lie, each as something that can be listed and emptied.

S3 keeps old versions, delete markers and unfinished multipart uploads under a plain delete, so each is listed and
removed by its own id, and the `Errors` of a bulk delete are looked at (aws-facts.md).
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Protocol

from boto3.dynamodb.conditions import Key

from privacy.hosting.host import Host
from privacy.tables.jobs import Jobs
from privacy.tables.store import SHARDS, Table

PAGE = 1000
"""Things in one batch: what S3 deletes in one call
(https://docs.aws.amazon.com/AmazonS3/latest/API/API_DeleteObjects.html)."""

SEGMENTS = 4
"""The parts of a large store, which workers empty beside each other."""

Thing = tuple[str, ...]


class RemovalRefusedError(Exception):
    """A store did not remove something that it was told to; the same removal is tried again."""


class Store(Protocol):
    """One segment of one store of a subject."""

    @property
    def name(self) -> str:
        """The store, in the words of the deletion's answer."""
        ...

    @property
    def segment(self) -> str:
        """Which part of the store."""
        ...

    def left(self) -> Sequence[Thing]:
        """Up to `PAGE` of the things that are still there; none means empty, read consistently."""
        ...

    def remove(self, things: Sequence[Thing]) -> None:
        """Remove things; one that is gone already is no error."""
        ...


@dataclass(frozen=True, slots=True)
class Items:
    """A database's items in the content table: those whose id begins with `prefix`, in some shards."""

    name: str
    segment: str
    table: Table
    database_id: str
    prefix: str
    shards: tuple[str, ...]

    def left(self) -> list[Thing]:
        """Items that are still there."""
        found: list[Thing] = []
        for shard in self.shards:
            condition = Key("place").eq(f"{self.database_id}#{shard}") & Key("id").begins_with(self.prefix)
            for page in self.table.pages(condition, names=("place", "id"), page=PAGE):
                found += [(item["place"], item["id"]) for item in page]
                if len(found) >= PAGE:
                    return found[:PAGE]
        return found

    def remove(self, things: Sequence[Thing]) -> None:
        """Delete items, 25 a call and up to 16 calls at a time."""
        self.table.delete_all({"place": place, "id": item_id} for place, item_id in things)


@dataclass(frozen=True, slots=True)
class Objects:
    """Objects under some prefixes of a bucket: every version, delete marker and unfinished multipart upload."""

    name: str
    segment: str
    s3: Any
    bucket: str
    prefixes: tuple[str, ...]

    def left(self) -> list[Thing]:
        """Versions, markers and open uploads that are still there."""
        found: list[Thing] = []
        for prefix in self.prefixes:
            answer = self.s3.list_object_versions(Bucket=self.bucket, Prefix=prefix, MaxKeys=PAGE)
            for entry in answer.get("Versions", []) + answer.get("DeleteMarkers", []):
                found.append(("version", entry["Key"], entry["VersionId"]))
            uploads = self.s3.list_multipart_uploads(Bucket=self.bucket, Prefix=prefix)
            for entry in uploads.get("Uploads", []):
                found.append(("upload", entry["Key"], entry["UploadId"]))
            if len(found) >= PAGE:
                break
        return found[:PAGE]

    def remove(self, things: Sequence[Thing]) -> None:
        """Delete versions and markers by id, and abort uploads. Raises: RemovalRefusedError."""
        versions = [{"Key": key, "VersionId": number} for what, key, number in things if what == "version"]
        if versions:
            answer = self.s3.delete_objects(Bucket=self.bucket, Delete={"Objects": versions, "Quiet": True})
            if answer.get("Errors"):
                raise RemovalRefusedError(f"S3 kept {len(answer['Errors'])} object versions")
        for key, number in [(key, number) for what, key, number in things if what == "upload"]:
            try:
                self.s3.abort_multipart_upload(Bucket=self.bucket, Key=key, UploadId=number)
            except self.s3.exceptions.NoSuchUpload:
                continue


@dataclass(frozen=True, slots=True)
class JobItems:
    """A database's jobs, exports and uploads as the control plane knows them."""

    jobs: Jobs
    database_id: str
    name: str = "jobs"
    segment: str = "0"

    def left(self) -> Sequence[Thing]:
        """Jobs that are still there."""
        return [(job.database_id, job.id) for job in self.jobs.of_database(self.database_id)][:PAGE]

    def remove(self, things: Sequence[Thing]) -> None:
        """Delete job items."""
        self.jobs.table.delete_all({"database_id": database_id, "id": job_id} for database_id, job_id in things)


def stores_of(database_id: str, host: Host, jobs: Jobs) -> list[Store]:
    """Every place of a database in its region, the large ones in segments."""
    stores: list[Store] = []
    for number in range(SEGMENTS):
        shards = SHARDS[number::SEGMENTS]
        stores.append(Items("records", str(number), host.content, database_id, "r#", shards))
        prefixes = tuple(f"{database_id}/{digit:x}" for digit in range(16)[number::SEGMENTS])
        stores.append(Objects("files", str(number), host.s3, host.content_bucket, prefixes))
    stores.append(Items("catalogue", "0", host.content, database_id, "f#", SHARDS))
    stores.append(Objects("exports", "0", host.s3, host.transfer_bucket, (f"exports/{database_id}/",)))
    stores.append(Objects("uploads", "0", host.s3, host.transfer_bucket, (f"staging/{database_id}/",)))
    stores.append(JobItems(jobs, database_id))
    return stores
