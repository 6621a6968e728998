"""A database's records: sealed under its data key, names included, and given back as they were written.

An item's key is `<database>#<shard>` and `r#<model tag>#<key tag>`; the tags are HMACs under the database's key, so
that a table without the key shows neither content nor names. Sixteen shards keep a large database off one partition.
"""

import json
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from datetime import datetime

from boto3.dynamodb.conditions import Key

from privacy.clock import rfc3339
from privacy.hosting.host import Host
from privacy.tables.store import SHARDS, Item, TransactionRefusedError, shard_of, transact
from privacy.vault.keys import DataKey, KeyDestroyedError

_LAST = "~"
"""Sorts after every tag: tags are hexadecimal."""


@dataclass(frozen=True, slots=True)
class Record:
    """One record: `data` is the raw JSON object, as it was written; `updated_at` is RFC 3339."""

    model: str
    key: str
    data: bytes
    updated_at: str


@dataclass(frozen=True, slots=True)
class Page:
    """Some records and the place to go on from, or None at the end."""

    records: list[Record]
    cursor: str | None


@dataclass(frozen=True, slots=True)
class Records:
    """The records of one database in its host."""

    host: Host
    database_id: str

    def put(self, record: Record) -> None:
        """Write a record, in one transaction with the fence: a destroyed database takes no write.

        Raises: KeyDestroyedError.
        """
        item = self._item(self._key(), record)
        operations = [self.host.keyring.fence(self.database_id), self.host.content.put_operation(item)]
        try:
            transact(self.host.content.client, operations)
        except TransactionRefusedError:
            raise KeyDestroyedError from None

    def put_all(self, records: list[Record]) -> None:
        """Write many records; of two with one name the later stays.

        A batch takes no condition, so the fence is read first; what a destruction overtakes all the same is found by
        its last listing. Raises: KeyDestroyedError, StoreBusyError.
        """
        key = self._key(fresh=True)
        items = {(item["place"], item["id"]): item for item in (self._item(key, record) for record in records)}
        self.host.content.put_all(items.values())

    def get(self, model: str, name: str) -> Record | None:
        """A record by model and key. Raises: KeyDestroyedError."""
        key = self._key()
        item = self.host.content.get(self._place(key, model, name))
        return _record(key, item) if item else None

    def delete(self, model: str, name: str) -> bool:
        """Delete a record; whether there was one. Raises: KeyDestroyedError."""
        return self.host.content.delete(self._place(self._key(), model, name)) is not None

    def page(self, model: str, *, limit: int, max_bytes: int, cursor: str | None = None) -> Page:
        """Some of a model's records, in an order of its own that never changes.

        A page ends at `limit` records or before `max_bytes` bytes of them. `cursor` is a former page's; one of
        another kind raises ValueError. Raises: KeyDestroyedError.
        """
        key = self._key()
        records: list[Record] = []
        size = 0
        last: Item | None = None
        for item in self._scan(key, f"r#{key.tag('model', model)}#", _start(cursor), page=min(limit + 1, 1000)):
            record = _record(key, item)
            size += len(record.data) + len(record.key) + 100
            if last is not None and (len(records) == limit or size > max_bytes):
                return Page(records, f"{last['place'][-2:]}{last['id']}")
            records.append(record)
            last = item
        return Page(records, None)

    def every(self, model_tag: str, after: str | None = None) -> Iterator[tuple[str, Record]]:
        """Every record of a model (by tag), each with the cursor that lies after it. Raises: KeyDestroyedError."""
        key = self._key(fresh=True)
        for item in self._scan(key, f"r#{model_tag}#", _start(after)):
            yield f"{item['place'][-2:]}{item['id']}", _record(key, item)

    def models(self) -> list[tuple[str, str]]:
        """The models in use, as (name, tag), by name: found by skipping from one to the next, not by reading all.

        Raises: KeyDestroyedError.
        """
        key = self._key()
        with ThreadPoolExecutor(len(SHARDS)) as pool:
            found = {
                tag: name
                for shard in pool.map(lambda place: self._models_in(key, place), SHARDS)
                for tag, name in shard
            }
        return sorted((name, tag) for tag, name in found.items())

    def is_empty(self) -> bool:
        """Whether the database holds neither a record nor a file."""
        return all(self._nothing_in(shard) for shard in SHARDS)

    def _nothing_in(self, shard: str) -> bool:
        pages = self.host.content.pages(Key("place").eq(f"{self.database_id}#{shard}"), names=("id",), page=1)
        return next(pages, None) is None

    def count(self, prefix: str, deadline: float) -> tuple[int, int] | None:
        """How many items' ids begin with a prefix, and the bytes in them; None when `deadline` (monotonic seconds)
        passes first.
        """
        with ThreadPoolExecutor(len(SHARDS)) as pool:
            parts = list(pool.map(lambda shard: self._count_in(shard, prefix, deadline), SHARDS))
        if any(part is None for part in parts):
            return None
        return sum(part[0] for part in parts if part), sum(part[1] for part in parts if part)

    def _count_in(self, shard: str, prefix: str, deadline: float) -> tuple[int, int] | None:
        items = size = 0
        condition = Key("place").eq(f"{self.database_id}#{shard}") & Key("id").begins_with(prefix)
        for page in self.host.content.pages(condition, names=("size",)):
            items += len(page)
            size += sum(item["size"] for item in page)
            if time.monotonic() > deadline:
                return None
        return items, size

    def _models_in(self, key: DataKey, shard: str) -> list[tuple[str, str]]:
        found: list[tuple[str, str]] = []
        after = "r#"
        while True:
            condition = Key("place").eq(f"{self.database_id}#{shard}") & Key("id").between(after, "r#" + _LAST)
            item = next(self.host.content.query(condition, page=1), None)
            if item is None:
                return found
            tag = item["id"].split("#")[1]
            found.append((tag, _record(key, item).model))
            after = f"r#{tag}#{_LAST}"

    def _scan(
        self, key: DataKey, prefix: str, start: tuple[str, str] | None, page: int | None = None
    ) -> Iterator[Item]:
        if start and not start[1].startswith(prefix):
            raise ValueError("the cursor belongs to another list")
        for shard in SHARDS:
            if start and shard < start[0]:
                continue
            place = f"{self.database_id}#{shard}"
            after = {"place": place, "id": start[1]} if start and shard == start[0] else None
            condition = Key("place").eq(place) & Key("id").begins_with(prefix)
            yield from self.host.content.query(condition, after=after, page=page)

    def _key(self, *, fresh: bool = False) -> DataKey:
        return self.host.keyring.key(self.database_id, fresh=fresh)

    def _place(self, key: DataKey, model: str, name: str) -> Item:
        tag = key.tag("record", f"{model}/{name}")
        return {"place": f"{self.database_id}#{shard_of(tag)}", "id": f"r#{key.tag('model', model)}#{tag}"}

    def _item(self, key: DataKey, record: Record) -> Item:
        place = self._place(key, record.model, record.key)
        head = json.dumps([record.model, record.key, record.updated_at]).encode("ascii")
        sealed = key.seal(head + b"\n" + record.data, place["id"])
        return place | {"sealed": sealed, "size": len(record.data)}


def new_record(model: str, key: str, data: bytes, now: datetime) -> Record:
    """A record that is written now."""
    return Record(model, key, data, rfc3339(now))


def _record(key: DataKey, item: Item) -> Record:
    head, data = key.unseal(item["sealed"], item["id"]).split(b"\n", 1)
    model, name, updated_at = json.loads(head)
    return Record(model, name, data, updated_at)


def _start(cursor: str | None) -> tuple[str, str] | None:
    if cursor is None:
        return None
    if cursor[:2] not in SHARDS:
        raise ValueError("not a cursor")
    return cursor[:2], cursor[2:]
