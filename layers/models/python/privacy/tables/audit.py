"""The audit table (home region): what was done, append-only, and the blocks that chain it.

Key `part`, `id`. An entry lies under the part `entry`, its id beginning with its time; until it is sealed it has
`pending`, by which the index `pending` finds it. A block lies under the part `block`, its id being its number. Nothing
is ever deleted, and of an entry nothing changes but that `pending` goes (template.yaml gives nobody more).

The last block is witnessed by an item of the removals table, which other functions write: who cuts the trail short must
write there, too.
"""

import json
import re
from collections.abc import Iterator, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from boto3.dynamodb.conditions import Attr, Key

from privacy.models.audit import Entry, Head, head_of
from privacy.models.ids import new_id
from privacy.tables.store import (
    ConditionFailedError,
    Item,
    Operation,
    Table,
    TransactionRefusedError,
    epoch,
    instant,
    transact,
)

SEALED_AT_ONCE = 90
"""Entries of one block: a transaction has at most 100 operations
(https://docs.aws.amazon.com/amazondynamodb/latest/APIReference/API_TransactWriteItems.html)."""

_ENTRY, _BLOCK = "entry", "block"
_NUMBER = re.compile(r"[0-9]{12}")
_NAMES = frozenset({"part", "id", "pending", "at", "action", "actor", "subject", "facts"})
_WITNESS = {"subject": "audit", "entry": "head"}


def new_entry(
    action: str,
    actor: str,
    now: datetime,
    *,
    subject: str | None = None,
    facts: Mapping[str, str | int] | None = None,
) -> Entry:
    """An entry of something done now. Its id begins with the time (epoch seconds), so that ids sort by it."""
    return Entry(f"{epoch(now):011d}-{new_id('aud')}", now, action, actor, subject, facts)


@dataclass(frozen=True, slots=True)
class Trail:
    """Typed access to the trail."""

    table: Table

    def add(self, entry: Entry) -> None:
        """Write an entry; the same one again is the same."""
        with suppress(ConditionFailedError):
            self.table.put(_item(entry), Attr("id").not_exists())

    def add_operation(self, entry: Entry) -> Operation:
        """The write of an entry, for a transaction: on record if and only if it happened."""
        return self.table.put_operation(_item(entry), Attr("id").not_exists())

    def page(self, limit: int, before: str | None = None) -> tuple[list[tuple[str, Entry | None, bool]], str | None]:
        """Some entries by id, the newest first: the entry (None when it is none of ours), and whether it is sealed;
        and where to go on, or None at the end.
        """
        condition = Key("part").eq(_ENTRY)
        if before:
            condition = condition & Key("id").lt(before)
        found: list[tuple[str, Entry | None, bool]] = []
        for item in self.table.query(condition, page=limit + 1, newest_first=True):
            if len(found) == limit:
                return found, found[-1][0]
            found.append((item["id"], _entry_or_none(item), "pending" not in item))
        return found, None

    def digests(self) -> Iterator[tuple[str, str | None, bool]]:
        """Every entry by id, the oldest first: its digest (None when it is none of ours), and whether it is sealed."""
        for item in self.table.query(Key("part").eq(_ENTRY)):
            entry = _entry_or_none(item)
            yield item["id"], entry.digest() if entry else None, "pending" not in item

    def pending(self) -> list[Entry]:
        """Some entries that are not sealed yet, the oldest first; the index may be a moment behind."""
        waiting: list[Item] = []
        for item in self.table.query(Key("pending").eq(1), index="pending", names=("part", "id"), page=SEALED_AT_ONCE):
            waiting.append({"part": item["part"], "id": item["id"]})
            if len(waiting) == SEALED_AT_ONCE:
                break
        found = [_entry_or_none(item) for item in self.table.get_all(waiting) if "pending" in item]
        return sorted((entry for entry in found if entry), key=lambda entry: entry.id)

    def head(self) -> Head:
        """The latest block, read consistently."""
        condition = Key("part").eq(_BLOCK)
        for item in self.table.query(condition, page=1, newest_first=True):
            if _NUMBER.fullmatch(item["id"]):  # what else lies there is for the check to tell, and stops no sealing
                return head_of(int(item["id"]), item["document"])
        return Head()

    def seal(self, head: Head, entries: Sequence[Entry], document: bytes) -> bool:
        """Add a signed block after a head, all or nothing with the mark of each entry; False when another sealer was
        faster.
        """
        number = {"part": _BLOCK, "id": _number(head.sequence + 1), "document": document}
        added = self.table.put_operation(number, Attr("id").not_exists())
        marked = [
            self.table.update_operation({"part": _ENTRY, "id": entry.id}, {"pending": None}, Attr("pending").exists())
            for entry in entries
        ]
        try:
            transact(self.table.client, [added, *marked])
        except TransactionRefusedError:
            return False
        return True

    def blocks(self, after: int = 0) -> Iterator[tuple[int, bytes]]:
        """Every block with its number, those after a number only; 0 is the number of what no block is called."""
        for item in self.table.query(Key("part").eq(_BLOCK) & Key("id").gt(_number(after))):
            yield int(item["id"]) if _NUMBER.fullmatch(item["id"]) else 0, item["document"]


@dataclass(frozen=True, slots=True)
class Witness:
    """The latest block, noted away from the trail; `table` is the removals table."""

    table: Table

    def note(self, head: Head) -> None:
        """Note a head, unless a later one is noted already."""
        item = _WITNESS | {"sequence": head.sequence, "digest": head.digest}
        with suppress(ConditionFailedError):
            self.table.put(item, Attr("sequence").not_exists() | Attr("sequence").lt(head.sequence))

    def latest(self) -> Head:
        """The latest head that was noted."""
        item = self.table.get(_WITNESS)
        return Head(item["sequence"], item["digest"]) if item else Head()


def _number(sequence: int) -> str:
    return f"{sequence:012d}"


def _item(entry: Entry) -> Item:
    facts = json.dumps(dict(entry.facts or {}), sort_keys=True)
    return {
        "part": _ENTRY,
        "id": entry.id,
        "pending": 1,
        "at": epoch(entry.at),
        "action": entry.action,
        "actor": entry.actor,
        "subject": entry.subject,
        "facts": facts,
    }


def _entry_or_none(item: Item) -> Entry | None:
    try:
        return _entry(item)
    except (KeyError, TypeError, ValueError, RecursionError):  # JSON nested too deep for its reader
        return None


def _entry(item: Item) -> Entry:
    if not item.keys() <= _NAMES:
        raise ValueError("an entry has nothing else, or something would lie in the trail that no block seals")
    facts: dict[str, Any] = json.loads(item["facts"])
    return Entry(item["id"], instant(item["at"]), item["action"], item["actor"], item.get("subject"), facts)
