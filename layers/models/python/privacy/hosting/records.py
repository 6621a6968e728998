"""A database's records: sealed under its data key, names included, and given back as they were written.

An item's key is `<database>#<shard>` and `r#<model tag>#<key tag>`; the tags are HMACs under the database's key, so
that a table without the key shows neither content nor names.
"""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime

import orjson
from boto3.dynamodb.conditions import Attr, Key

from privacy.aws import overlapped
from privacy.clock import rfc3339
from privacy.hosting.host import Host
from privacy.hosting.partitions import RECORD, count, cursor_after, in_order, is_empty, place
from privacy.tables.deletions import Deletions
from privacy.tables.store import SHARDS, Item, TransactionRefusedError, shard_of, transact
from privacy.vault.keys import DataKey

MAX_RECORD_BYTES = 358_400
"""350 KB of JSON (api.md, records): with its names, seal and keys it stays below DynamoDB's 400 KB an item."""

_EXISTS = Attr("id").exists()

_LAST = "~"
"""Sorts after every tag: tags are hexadecimal."""

_HEAD_BYTES = 100
"""What a record's names and time add to a page, about."""


@dataclass(frozen=True, slots=True)
class Record:
    """One record: `data` is the raw JSON object, as it was written; `updated_at` is RFC 3339."""

    model: str
    key: str
    data: bytes
    updated_at: str

    def shown(self) -> bytes:
        """The record as JSON: its key, its data as they were written, and when; also a line of an export."""
        key, updated_at = orjson.dumps(self.key), orjson.dumps(self.updated_at)
        return b'{"key":%b,"data":%b,"updated_at":%b}' % (key, self.data, updated_at)


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
        """Write a record, in one transaction with the fence: a destroyed or moving database takes no write.

        Raises: KeyDestroyedError, KeyClosedError, StoreBusyError.
        """
        item = self._item(self._key(), record)
        operations = [self.host.keyring.fence(self.database_id), self.host.content.put_operation(item)]
        try:
            transact(self.host.content.client, operations)
        except TransactionRefusedError:
            raise self.host.keyring.refused(self.database_id) from None

    def put_all(self, records: Sequence[Record]) -> None:
        """Write many records; of two with one name the later stays.

        A batch takes no condition, so the fence is read first; what a destruction or a move overtakes all the same is
        found by its last listing. Raises: KeyDestroyedError, KeyClosedError, StoreBusyError.
        """
        key = self.host.keyring.writing_key(self.database_id)
        items = {(item["place"], item["id"]): item for item in (self._item(key, record) for record in records)}
        self.host.content.put_all(items.values())

    def get(self, model: str, name: str) -> Record | None:
        """A record by model and key. Raises: KeyDestroyedError."""
        key = self._key()
        item = self.host.content.get(self._place(key, model, name))
        return _record(key, item) if item else None

    def delete(self, model: str, name: str, ledger: Deletions, now: datetime) -> bool:
        """Delete a record; whether there was one. It is in the ledger first, so that no restore brings it back; while
        the database is closed for writes, nothing is noted either.

        Raises: KeyDestroyedError, KeyClosedError, StoreBusyError.
        """
        where = self._place(self.host.keyring.writing_key(self.database_id), model, name)
        if self.host.content.get(where) is None:
            return False
        ledger.note(where, now)
        fence, delete = self.host.keyring.fence(self.database_id), self.host.content.delete_operation(where, _EXISTS)
        try:
            transact(self.host.content.client, [fence, delete])
        except TransactionRefusedError as refused:
            if refused.failed == (1,):
                return False  # somebody else was faster
            raise self.host.keyring.refused(self.database_id) from None
        return True

    def page(self, model: str, *, limit: int, max_bytes: int, cursor: str | None = None) -> Page:
        """Some of a model's records, in an order of its own that never changes: one at least, when there is one.

        A page ends at `limit` records or before `max_bytes` bytes of them. Raises: KeyDestroyedError, CursorError.
        """
        key = self._key()
        prefix = f"{RECORD}{key.tag('model', model)}#"
        records: list[Record] = []
        size = 0
        last: Item | None = None
        for item in in_order(self.host, self.database_id, prefix, after=cursor, page=limit + 1):
            record = _record(key, item)
            size += len(record.data) + len(record.key) + _HEAD_BYTES
            if last is not None and (len(records) == limit or size > max_bytes):
                return Page(records, cursor_after(last))
            records.append(record)
            last = item
        return Page(records, None)

    def every(self, model_tag: str, after: str | None = None) -> Iterator[tuple[str, Record]]:
        """Every record of a model (by tag), each with the cursor that lies after it.

        Raises: KeyDestroyedError, CursorError.
        """
        key = self._key(fresh=True)
        for item in in_order(self.host, self.database_id, f"{RECORD}{model_tag}#", after=after):
            yield cursor_after(item), _record(key, item)

    def models(self) -> list[tuple[str, str]]:
        """The models in use, as (name, tag), by name: found by skipping from one to the next, not by reading all.

        Raises: KeyDestroyedError.
        """
        key = self._key()
        shards = overlapped(lambda shard: self._models_in(key, shard), SHARDS)
        found = {tag: name for shard in shards for tag, name in shard}
        return sorted((name, tag) for tag, name in found.items())

    def counted_models(self, deadline: float) -> list[tuple[str, int | None]]:
        """The models in use with their number of records, by name; the numbers are None when `deadline` (monotonic
        seconds) passes before all are counted.

        Raises: KeyDestroyedError.
        """
        models = self.models()
        tally = count(self.host, self.database_id, deadline) if models else None
        if tally is None:
            return [(name, None) for name, _ in models]
        return [(name, tally.by_model[tag]) for name, tag in models if tag in tally.by_model]

    def places(self, records: Iterable[Record]) -> list[Item]:
        """The key of each record in the content table, be it there or not; the ledger of deletions has the same.

        Raises: KeyDestroyedError.
        """
        key = self._key()
        return [self._place(key, record.model, record.key) for record in records]

    def is_empty(self) -> bool:
        """Whether the database holds neither a record nor a file."""
        return is_empty(self.host, self.database_id)

    def _models_in(self, key: DataKey, shard: str) -> list[tuple[str, str]]:
        found: list[tuple[str, str]] = []
        after = RECORD
        while True:
            condition = Key("place").eq(place(self.database_id, shard)) & Key("id").between(after, RECORD + _LAST)
            item = next(self.host.content.query(condition, page=1), None)
            if item is None:
                return found
            tag = item["id"].split("#")[1]
            found.append((tag, _record(key, item).model))
            after = f"{RECORD}{tag}#{_LAST}"

    def _key(self, *, fresh: bool = False) -> DataKey:
        return self.host.keyring.key(self.database_id, fresh=fresh)

    def _place(self, key: DataKey, model: str, name: str) -> Item:
        tag = key.tag("record", f"{model}/{name}")
        return {
            "place": place(self.database_id, shard_of(tag)),
            "id": f"{RECORD}{key.tag('model', model)}#{tag}",
        }

    def _item(self, key: DataKey, record: Record) -> Item:
        where = self._place(key, record.model, record.key)
        head = orjson.dumps([record.model, record.key, record.updated_at])
        sealed = key.seal(head + b"\n" + record.data, where["id"])
        return where | {"sealed": sealed, "size": len(record.data)}


def new_record(model: str, key: str, data: bytes, now: datetime) -> Record:
    """A record that is written now."""
    return Record(model, key, data, rfc3339(now))


def _record(key: DataKey, item: Item) -> Record:
    head, data = key.unseal(item["sealed"], item["id"]).split(b"\n", 1)
    model, name, updated_at = orjson.loads(head)
    return Record(model, name, data, updated_at)
