"""Where a database's content can lie, each as something that can be listed and emptied.

S3 keeps old versions, delete markers and unfinished multipart uploads under a plain delete, so each is listed and
removed by its own id, and the `Errors` of a bulk delete are looked at (aws-facts.md).
"""

import itertools
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from typing import Any, Protocol

from boto3.dynamodb.conditions import ConditionBase, Key

from privacy.aws import overlapped
from privacy.hosting.host import Host
from privacy.hosting.partitions import RECORD, place
from privacy.hosting.transfers import EXPORTS, STAGING
from privacy.tables.store import SHARDS, Table

PAGE = 1000
"""Things in one batch: what S3 deletes in one call
(https://docs.aws.amazon.com/AmazonS3/latest/API/API_DeleteObjects.html)."""

OTHERS = "others"
"""The segment of files under names that nothing of ours gives: emptied when the others are."""

ALL = "all"
"""Said of a store that is listed whole."""

_HEX = "0123456789abcdef"
"""How the names of file objects begin: a path's tag."""

_RECORDS, _CATALOGUE = Key("id").gte(RECORD), Key("id").lt(RECORD)
"""The ids of records, and all others (the rows of files): together every id there can be."""

_AHEAD = (1, 1, 2, 4, 8)
"""Places that are asked at once: doubled while they give too little (as in `hosting.partitions`)."""

_AT_ONCE = (len(SHARDS),)
"""All places at once, where little or nothing is expected."""

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


def empty(store: Store, after_each: Callable[[], None] = lambda: None) -> bool:
    """Remove things until a store lists none; whether there were any. What must count and go on after a crash takes
    `removal.reclaim`. `after_each` is called after each batch; what it raises ends it.
    """
    found = False
    while things := store.left():
        found = True
        store.remove(things)
        after_each()
    return found


@dataclass(slots=True)
class Items:
    """A database's items in some places (shards) of a table: all, or those that a condition on their ids selects.

    A place once found empty is not asked again: an object lives for one pass, and the last listing is another's.
    `waves` says how many places are asked at once, one wave after the other until there is a page.
    """

    name: str
    segment: str
    region: str
    table: Table
    places: tuple[str, ...]
    ids: ConditionBase | None = None
    page: int = PAGE
    waves: tuple[int, ...] = _AHEAD
    emptied: set[str] = field(default_factory=set, repr=False)

    def left(self) -> list[Thing]:
        """Items that are still there."""
        waiting = [partition for partition in self.places if partition not in self.emptied]
        found: list[Thing] = []
        for size in self.waves:
            wave, waiting = waiting[:size], waiting[size:]
            for partition, things in zip(wave, overlapped(self._first, wave), strict=True):
                found += things
                if not things:
                    self.emptied.add(partition)
            if len(found) >= self.page or not waiting:
                break
        return found[: self.page]

    def _first(self, partition: str) -> list[Thing]:
        """A page of one place; what is left out of an answer (1 MB) is asked for, so that none means empty."""
        things: list[Thing] = []
        for items in self.table.pages(self._in(partition), names=("place", "id"), page=self.page):
            things += [(item["place"], item["id"]) for item in items]
            if len(things) >= self.page:
                break
        return things

    def remove(self, things: Sequence[Thing]) -> None:
        """Delete items, 25 a call and up to 16 calls at a time."""
        self.table.delete_all({"place": where, "id": item_id} for where, item_id in things)

    def _in(self, partition: str) -> ConditionBase:
        whole = Key("place").eq(partition)
        return whole if self.ids is None else whole & self.ids


@dataclass(slots=True)
class Objects:
    """Objects under some prefixes of a bucket: every version, delete marker and unfinished multipart upload; but not
    those under the prefixes `besides`, which are another's.

    A prefix once found empty is not asked again, as in `Items`.
    """

    name: str
    segment: str
    region: str
    s3: Any
    bucket: str
    prefixes: tuple[str, ...]
    page: int = PAGE
    besides: tuple[str, ...] = ()
    emptied: set[str] = field(default_factory=set, repr=False)

    def left(self) -> list[Thing]:
        """Versions, markers and open uploads that are still there."""
        found: list[Thing] = []
        for prefix in self.prefixes:
            if prefix in self.emptied:
                continue
            here = next(self._versions(prefix), [])
            if len(here) < self.page:
                here = here + next(self._uploads(prefix), [])
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
            entries = self._ours(answer.get("Versions", []) + answer.get("DeleteMarkers", []))
            if entries:
                yield [("version", entry["Key"], entry["VersionId"]) for entry in entries]
            if not answer.get("IsTruncated"):
                return
            more = {"KeyMarker": answer["NextKeyMarker"], "VersionIdMarker": answer["NextVersionIdMarker"]}

    def _uploads(self, prefix: str) -> Iterator[list[Thing]]:
        more: dict[str, str] = {}
        while True:
            answer = self.s3.list_multipart_uploads(Bucket=self.bucket, Prefix=prefix, **more)
            entries = self._ours(answer.get("Uploads", []))
            if entries:
                yield [("upload", entry["Key"], entry["UploadId"]) for entry in entries]
            if not answer.get("IsTruncated"):
                return
            more = {"KeyMarker": answer["NextKeyMarker"], "UploadIdMarker": answer["NextUploadIdMarker"]}

    def _ours(self, entries: Sequence[dict[str, Any]]) -> list[dict[str, Any]]:
        return [entry for entry in entries if not entry["Key"].startswith(self.besides)]


@dataclass(frozen=True, slots=True)
class Rows:
    """A database's rows in a table of the control plane, whose key is `database_id`, `id`. With the row of a job gone,
    a worker that is under way can journal nothing any more; with that of a recording, no request can store it.
    """

    name: str

    table: Table
    database_id: str
    region: str
    segment: str = "0"
    page: int = PAGE

    def left(self) -> Sequence[Thing]:
        """Rows that are still there."""
        of_database = Key("database_id").eq(self.database_id)
        rows = self.table.query(of_database, names=("database_id", "id"), page=self.page)
        return [(row["database_id"], row["id"]) for row in itertools.islice(rows, self.page)]

    def remove(self, things: Sequence[Thing]) -> None:
        """Delete rows, 25 a call and up to 16 calls at a time."""
        self.table.delete_all({"database_id": database_id, "id": row_id} for database_id, row_id in things)


@dataclass(frozen=True, slots=True)
class Everywhere:
    """All that a database can lie in: the hosts of every region, and the control tables of the home region, which is
    `home`.
    """

    hosts: Sequence[Host]
    jobs: Table
    deletions: Table
    recordings: Table
    home: str
    access: Table

    def stores(self, database_id: str, hosted_in: str, segments: int, page: int = PAGE) -> list[Store]:
        """Every place of a database, those of its host region in some segments (1, 4 or 16), each listed `page` things
        at a time.

        The jobs come first: without them, exports, imports, backups and moves that are under way end.
        """
        stores = self._control(database_id, page)
        for host in self.hosts:
            stores += copies_in(database_id, host, segments if host.region == hosted_in else 1, page)
            stores += _apart(database_id, host, page)
        return stores

    def looks(self, database_id: str) -> list[Store]:
        """The same places to look at again, each whole and with no thought to how it was emptied: whatever bears the
        database's id is found, also under a name that nothing of ours would give.
        """
        looks = self._control(database_id, PAGE)
        for host in self.hosts:
            looks.append(Items("content", ALL, host.region, host.content, _places(database_id), waves=_AT_ONCE))
            looks.append(Objects("files", ALL, host.region, host.s3, host.content_bucket, (f"{database_id}/",)))
            looks += [*_passing_through(database_id, host, PAGE), *_apart(database_id, host, PAGE)]
        return looks

    def _control(self, database_id: str, page: int) -> list[Store]:
        return [
            Rows("jobs", self.jobs, database_id, self.home, page=page),
            Items("deletions", "0", self.home, self.deletions, _places(database_id), page=page, waves=_AT_ONCE),
            Rows("recording-rows", self.recordings, database_id, self.home, page=page),
            Rows("access", self.access, database_id, self.home, page=page),
        ]


def copies_in(database_id: str, host: Host, segments: int = 1, page: int = PAGE) -> list[Store]:
    """A database's content in one region: records, files with their catalogue, exports and uploads; but not its backups
    and recordings, which stay where they are when it moves.

    The segments of a store share nothing and leave nothing out. One of `OTHERS` lists what all the rest of its store
    should have removed, so it costs little when it is emptied last.
    """
    whole, digits = f"{database_id}/", tuple(f"{database_id}/{digit}" for digit in _HEX)
    stores: list[Store] = []
    for number in range(segments):
        places = _places(database_id)[number::segments]
        stores.append(Items("records", str(number), host.region, host.content, places, _RECORDS, page))
    for number in range(segments):
        prefixes = digits[number::segments] if segments > 1 else (whole,)
        stores.append(Objects("files", str(number), host.region, host.s3, host.content_bucket, prefixes, page))
    stores.append(Items("catalogue", "0", host.region, host.content, _places(database_id), _CATALOGUE, page))
    stores += _passing_through(database_id, host, page)
    if segments > 1:
        stores.append(Objects("files", OTHERS, host.region, host.s3, host.content_bucket, (whole,), page, digits))
    return stores


def _places(database_id: str) -> tuple[str, ...]:
    return tuple(place(database_id, shard) for shard in SHARDS)


def _passing_through(database_id: str, host: Host, page: int) -> list[Store]:
    return [
        Objects("exports", "0", host.region, host.s3, host.transfer_bucket, (f"{EXPORTS}{database_id}/",), page),
        Objects("uploads", "0", host.region, host.s3, host.transfer_bucket, (f"{STAGING}{database_id}/",), page),
    ]


def _apart(database_id: str, host: Host, page: int) -> list[Store]:
    whole = (f"{database_id}/",)
    return [
        Objects("backups", "0", host.region, host.s3, host.backup_bucket, whole, page),
        Objects("recordings", "0", host.region, host.s3, host.recordings_bucket, whole, page),
    ]
