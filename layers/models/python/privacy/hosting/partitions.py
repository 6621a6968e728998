"""A database's items in the content table: sixteen partitions (`<database>#<shard>`), read in one lasting order.

Sixteen keep a large database off one partition; a small one pays for it in calls, so they are read beside each other
where that is no waste.
"""

import re
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass

from boto3.dynamodb.conditions import Key

from privacy.aws import overlapped
from privacy.hosting.host import Host
from privacy.models.paging import CursorError
from privacy.tables.store import SHARDS, Item

RECORD, FILE = "r#", "f#"
"""How the ids of records and of files begin; what follows are tags, in hexadecimal."""

_CURSOR = re.compile(r"(0[0-9a-f])((?:r|f)#[0-9a-f#]{32,65})")

_AHEAD = (1, 1, 2, 4, 8)
"""Partitions that are asked at once for a page, one wave after the other: doubled while they give too little, so that
an empty list costs five round trips and a full one hardly reads more than it gives."""


def place(database_id: str, shard: str) -> str:
    """The partition of a shard."""
    return f"{database_id}#{shard}"


def cursor_after(item: Item) -> str:
    """The cursor that lies after an item."""
    return f"{item['place'][-2:]}{item['id']}"


def in_order(
    host: Host, database_id: str, prefix: str, *, after: str | None = None, page: int | None = None
) -> Iterator[Item]:
    """Every item of a database whose id begins with a prefix, from a cursor on.

    `page` is how many the caller wants: then partitions are asked beside each other. Without it they are read one after
    the other, with no more than one answer (1 MB) in memory.

    Raises: CursorError.
    """
    start = _opened(after, prefix)
    shards = [shard for shard in SHARDS if start is None or shard >= start[0]]
    with ThreadPoolExecutor(max(_AHEAD)) as pool:
        for wave in _waves(shards, ahead=page is not None):
            readers = [_pages(host, place(database_id, shard), prefix, start, page) for shard in wave]
            heads = [pool.submit(_first, reader) for reader in readers] if len(wave) > 1 else []
            for number, reader in enumerate(readers):
                yield from heads[number].result() if heads else ()
                for items in reader:
                    yield from items


def _first(reader: Iterator[list[Item]]) -> list[Item]:
    return next(reader, [])


def _pages(
    host: Host, partition: str, prefix: str, start: tuple[str, str] | None, page: int | None
) -> Iterator[list[Item]]:
    after = {"place": partition, "id": start[1]} if start and partition.endswith(f"#{start[0]}") else None
    condition = Key("place").eq(partition) & Key("id").begins_with(prefix)
    return host.content.pages(condition, after=after, page=page)


def _waves(shards: list[str], *, ahead: bool) -> Iterator[list[str]]:
    done = 0
    for size in _AHEAD if ahead else [1] * len(shards):
        if done < len(shards):
            yield shards[done : done + size]
            done += size


def _opened(cursor: str | None, prefix: str) -> tuple[str, str] | None:
    if cursor is None:
        return None
    match = _CURSOR.fullmatch(cursor)
    if match is None or match[1] not in SHARDS or not match[2].startswith(prefix):
        raise CursorError
    return match[1], match[2]


@dataclass(frozen=True, slots=True)
class Tally:
    """What a database was counted to hold: records by their model's tag, files, and the bytes in both."""

    by_model: dict[str, int]
    files: int
    bytes: int

    @property
    def records(self) -> int:
        """All records."""
        return sum(self.by_model.values())


def count(host: Host, database_id: str, deadline: float) -> Tally | None:
    """Count a database's items, all partitions at once; None when `deadline` (monotonic seconds) passes first."""
    parts = overlapped(lambda shard: _count_in(host, place(database_id, shard), deadline), SHARDS)
    models: dict[str, int] = {}
    files = size = 0
    for part in parts:
        if part is None:
            return None
        for model, number in part.by_model.items():
            models[model] = models.get(model, 0) + number
        files += part.files
        size += part.bytes
    return Tally(models, files, size)


def _count_in(host: Host, partition: str, deadline: float) -> Tally | None:
    models: dict[str, int] = {}
    files = size = 0
    late = False
    for items in host.content.pages(Key("place").eq(partition), names=("id", "size")):
        if late:
            return None
        for item in items:
            size += item["size"]
            if item["id"].startswith(RECORD):
                model = item["id"].split("#")[1]
                models[model] = models.get(model, 0) + 1
            else:
                files += 1
        late = time.monotonic() > deadline
    return Tally(models, files, size)


def is_empty(host: Host, database_id: str) -> bool:
    """Whether a database holds neither a record nor a file, read consistently."""

    def nothing_in(shard: str) -> bool:
        pages = host.content.pages(Key("place").eq(place(database_id, shard)), names=("id",), page=1)
        return next(pages, None) is None

    return all(overlapped(nothing_in, SHARDS))
