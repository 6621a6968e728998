"""Where a database's content can lie, each as something that can be listed and emptied.

S3 keeps old versions, delete markers and unfinished multipart uploads under a plain delete, so each is listed and
removed by its own id, and the `Errors` of a bulk delete are looked at (aws-facts.md).
"""

import itertools
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from typing import Any, Protocol

from boto3.dynamodb.conditions import ConditionBase, Key

from privacy.hosting.host import Host
from privacy.hosting.partitions import FILE, RECORD, place
from privacy.hosting.transfers import EXPORTS, STAGING
from privacy.tables.jobs import Jobs
from privacy.tables.store import SHARDS, Table

PAGE = 1000
"""Things in one batch: what S3 deletes in one call
(https://docs.aws.amazon.com/AmazonS3/latest/API/API_DeleteObjects.html)."""

_HEX = "0123456789abcdef"

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

    @property
    def region(self) -> str:
        """The Cloud Region that the store lies in."""
        ...

    def left(self) -> Sequence[Thing]:
        """Some of the things that are still there, up to `PAGE`; none means empty, read consistently."""
        ...

    def remove(self, things: Sequence[Thing]) -> None:
        """Remove things; one that is gone already is no error."""
        ...


@dataclass(slots=True)
class Items:
    """A database's items in some places (shards) of the content table: those whose id begins with `prefix`.

    A place once found empty is not asked again: an object lives for one pass, and the last listing is another's.
    """

    name: str
    segment: str
    region: str
    table: Table
    places: tuple[str, ...]
    prefix: str = ""
    page: int = PAGE
    emptied: set[str] = field(default_factory=set, repr=False)

    def left(self) -> list[Thing]:
        """Items that are still there."""
        found: list[Thing] = []
        for partition in self.places:
            if partition in self.emptied:
                continue
            before = len(found)
            for items in self.table.pages(self._in(partition), names=("place", "id"), page=self.page):
                found += [(item["place"], item["id"]) for item in items]
                if len(found) >= self.page:
                    return found[: self.page]
            if len(found) == before:
                self.emptied.add(partition)
        return found

    def remove(self, things: Sequence[Thing]) -> None:
        """Delete items, 25 a call and up to 16 calls at a time."""
        self.table.delete_all({"place": where, "id": item_id} for where, item_id in things)

    def _in(self, partition: str) -> ConditionBase:
        whole = Key("place").eq(partition)
        return whole & Key("id").begins_with(self.prefix) if self.prefix else whole


@dataclass(slots=True)
class Objects:
    """Objects under some prefixes of a bucket: every version, delete marker and unfinished multipart upload.

    A prefix once found empty is not asked again, as in `Items`.
    """

    name: str
    segment: str
    region: str
    s3: Any
    bucket: str
    prefixes: tuple[str, ...]
    page: int = PAGE
    emptied: set[str] = field(default_factory=set, repr=False)

    def left(self) -> list[Thing]:
        """Versions, markers and open uploads that are still there."""
        found: list[Thing] = []
        for prefix in self.prefixes:
            if prefix in self.emptied:
                continue
            here = next(self._versions(prefix), []) + next(self._uploads(prefix), [])
            if not here:
                self.emptied.add(prefix)
            found += here
            if len(found) >= self.page:
                break
        return found[: self.page]

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

    def _versions(self, prefix: str) -> Iterator[list[Thing]]:
        """Pages of versions and markers; a page may be empty and another follow, so the end is where S3 says it is."""
        more: dict[str, str] = {}
        while True:
            answer = self.s3.list_object_versions(Bucket=self.bucket, Prefix=prefix, MaxKeys=self.page, **more)
            entries = answer.get("Versions", []) + answer.get("DeleteMarkers", [])
            if entries:
                yield [("version", entry["Key"], entry["VersionId"]) for entry in entries]
            if not answer.get("IsTruncated"):
                return
            more = {"KeyMarker": answer["NextKeyMarker"], "VersionIdMarker": answer["NextVersionIdMarker"]}

    def _uploads(self, prefix: str) -> Iterator[list[Thing]]:
        more: dict[str, str] = {}
        while True:
            answer = self.s3.list_multipart_uploads(Bucket=self.bucket, Prefix=prefix, **more)
            if answer.get("Uploads"):
                yield [("upload", entry["Key"], entry["UploadId"]) for entry in answer["Uploads"]]
            if not answer.get("IsTruncated"):
                return
            more = {"KeyMarker": answer["NextKeyMarker"], "UploadIdMarker": answer["NextUploadIdMarker"]}


@dataclass(frozen=True, slots=True)
class JobItems:
    """A database's jobs, exports and uploads as the control plane knows them. With its item gone, a worker that is
    under way can journal nothing any more.
    """

    jobs: Jobs
    database_id: str
    region: str
    name: str = "jobs"
    segment: str = "0"
    page: int = PAGE

    def left(self) -> Sequence[Thing]:
        """Jobs that are still there."""
        jobs = itertools.islice(self.jobs.of_database(self.database_id), self.page)
        return [(job.database_id, job.id) for job in jobs]

    def remove(self, things: Sequence[Thing]) -> None:
        """Delete job items."""
        self.jobs.table.delete_all({"database_id": database_id, "id": job_id} for database_id, job_id in things)


def stores_of(database_id: str, host: Host, jobs: Jobs, home: str, segments: int, page: int = PAGE) -> list[Store]:
    """Every place of a database, the large ones in some segments (1, 4 or 16), each listed `page` things at a time;
    `home` is the control tables' region.

    The jobs come first: without them, exports and imports that are under way end.
    """
    stores: list[Store] = [JobItems(jobs, database_id, home, page=page)]
    for number in range(segments):
        places = _places(database_id)[number::segments]
        stores.append(Items("records", str(number), host.region, host.content, places, RECORD, page))
    for number in range(segments):
        prefixes = tuple(f"{database_id}/{digit}" for digit in _HEX[number::segments])
        if segments == 1:
            prefixes = (f"{database_id}/",)
        stores.append(Objects("files", str(number), host.region, host.s3, host.content_bucket, prefixes, page))
    stores.append(Items("catalogue", "0", host.region, host.content, _places(database_id), FILE, page))
    return stores + _passing_through(database_id, host, page)


def looks_at(database_id: str, host: Host, jobs: Jobs, home: str) -> list[Store]:
    """The same places to look at for the last time, each whole and with no thought to how it was emptied: whatever
    bears the database's id is found, also under a name that nothing of ours would give.
    """
    return [
        JobItems(jobs, database_id, home),
        Items("content", "all", host.region, host.content, _places(database_id)),
        Objects("files", "all", host.region, host.s3, host.content_bucket, (f"{database_id}/",)),
        *_passing_through(database_id, host),
    ]


def _places(database_id: str) -> tuple[str, ...]:
    return tuple(place(database_id, shard) for shard in SHARDS)


def _passing_through(database_id: str, host: Host, page: int = PAGE) -> list[Store]:
    return [
        Objects("exports", "0", host.region, host.s3, host.transfer_bucket, (f"{EXPORTS}{database_id}/",), page),
        Objects("uploads", "0", host.region, host.s3, host.transfer_bucket, (f"{STAGING}{database_id}/",), page),
    ]
