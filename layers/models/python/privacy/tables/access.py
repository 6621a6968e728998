"""The access table (home region): grants of staff, reads under them, and requests for support, by database.

Key `database_id`, `id`. An id begins with its kind and its database, and goes on with its time: a database's entries of
a kind lie in the order of time, and whoever has an id needs no search. Index `due` (`shard`, `at`); index `requests`
(`asked`, `at`), sparse: requests for support alone, few, and wanted in the order of time. It expires, so it has no
point-in-time recovery; a database that is destroyed takes its entries along.
"""

import heapq
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta
from itertools import dropwhile

from boto3.dynamodb.conditions import Attr, Key

from privacy.models.access import (
    GRANT,
    LONGEST_HOURS,
    READ,
    REQUEST,
    REQUEST_COUNTS,
    Entry,
    Grant,
    Kind,
    Purpose,
    Read,
    SupportRequest,
    UnreadableEntry,
    is_disclosed,
)
from privacy.models.ids import database_of, new_id_within
from privacy.models.paging import CursorError
from privacy.policy import Policy
from privacy.tables.expiry import Expiring
from privacy.tables.store import (
    ConditionFailedError,
    Item,
    Operation,
    Table,
    epoch,
    instant,
    of_type,
    read_instant,
    readable,
    shard_of,
)

_KINDS = (REQUEST, GRANT, READ)
"""In the order in which they follow each other within a second."""

_DIGITS = "234567abcdefghijklmnopqrstuvwxyz"
"""The characters of ids, in their own order: a greater time is a greater text."""

_TIME = 7
"""Characters of an id that tell its time: 35 bits of epoch seconds; 95 random bits follow."""

_BODY = 26
"""Characters of a database's id without its prefix, and of what follows it in an id of ours."""

_LAST = "~"
"""After every character of ids."""


def new_access_id(kind: str, database_id: str, now: datetime) -> str:
    """A new id of an entry of a database's access log."""
    made = new_id_within(kind, database_id)
    return made[:-_BODY] + _time(now) + made[-_BODY:-_TIME]


def time_of(entry_id: str) -> datetime:
    """The time that an entry's id tells."""
    seconds = 0
    for digit in entry_id[-_BODY:][:_TIME]:
        seconds = seconds * len(_DIGITS) + _DIGITS.index(digit)
    return instant(seconds)


@dataclass(frozen=True, slots=True)
class Access:
    """Typed access to the access table."""

    table: Table
    policy: Policy

    def create_operation(self, entry: Entry) -> Operation:
        """The write of a new entry; refused when its id is taken."""
        return self.table.put_operation(self._item(entry), Attr("id").not_exists())

    def grant(self, grant_id: str, now: datetime) -> Grant | None:
        """A grant by its id, read consistently; None for an id of another shape, too."""
        entry = self._get(GRANT, grant_id, now)
        return entry if isinstance(entry, Grant) else None

    def has_request(self, request_id: str, now: datetime) -> bool:
        """Whether there is a request for support of this id (still) that can be read."""
        return isinstance(self._get(REQUEST, request_id, now), SupportRequest)

    def in_force(self, database_id: str, staff: str, now: datetime) -> Grant | None:
        """The latest grant of a member of staff (a pseudonym) that is in force for a database."""
        since = now - timedelta(hours=LONGEST_HOURS)
        for entry in self._of_kind(GRANT, database_id, now, since=since):
            if isinstance(entry, Grant) and entry.staff == staff and entry.in_force(now):
                return entry
        return None

    def in_force_operation(self, grant: Grant, now: datetime) -> Operation:
        """A transaction's condition that a grant is still in force."""
        return self.table.check_operation(
            _where(grant.id), Attr("ended_at").not_exists() & Attr("until").gt(epoch(now))
        )

    def end(self, grant: Grant, now: datetime) -> None:
        """End a grant; one that has ended already stays as it is."""
        try:
            self.table.update(
                _where(grant.id), {"ended_at": epoch(now)}, Attr("id").exists() & Attr("ended_at").not_exists()
            )
        except ConditionFailedError:
            return

    def request(self, database_id: str, now: datetime) -> SupportRequest | None:
        """The latest request for support of a database that is a ground for a grant."""
        for entry in self._of_kind(REQUEST, database_id, now, since=now - REQUEST_COUNTS):
            if isinstance(entry, SupportRequest) and now < entry.created_at + REQUEST_COUNTS:
                return entry
        return None

    def open_requests(
        self, now: datetime, *, after: str | None = None, page: int | None = None
    ) -> Iterator[SupportRequest | UnreadableEntry]:
        """The requests for support that are a ground for a grant, of all databases, the oldest first, `after` the id of
        one; one call looks at `page` of them. Raises: CursorError for an id of another kind.
        """
        if after is not None and database_of(REQUEST, after) is None:
            raise CursorError
        over = epoch(now - REQUEST_COUNTS)
        start = None
        if after is not None and epoch(time_of(after)) > over:
            start = _where(after) | {"asked": REQUEST, "at": epoch(time_of(after))}
        open_still = Key("asked").eq(REQUEST) & Key("at").gt(over)
        names = ("database_id", "id")
        for keys in self.table.pages(open_still, index="requests", after=start, names=names, page=page):
            rows = {row["id"]: row for row in self.table.get_all(keys)}  # the index may tell of what is gone
            for key in keys:
                entry = self._entry(rows[key["id"]], now) if key["id"] in rows else None
                if isinstance(entry, SupportRequest | UnreadableEntry):
                    yield entry

    def of_database(
        self, database_id: str, now: datetime, *, after: str | None = None, page: int | None = None
    ) -> Iterator[Entry | UnreadableEntry]:
        """A database's entries that its owner may be shown, those that cannot be read included, the newest first,
        `after` the id of one of them; one call looks at `page` of each kind.

        Raises: CursorError for an id of another database's.
        """
        if after is not None and not any(database_of(kind, after) == database_id for kind in _KINDS):
            raise CursorError
        kinds = [self._of_kind(kind, database_id, now, after=after, page=page) for kind in _KINDS]
        for entry in heapq.merge(*kinds, key=lambda entry: _order(entry.id), reverse=True):
            if is_disclosed(entry, now):
                yield entry

    def expiring(self) -> Expiring:
        """What is due."""
        return _Rows(self.table, "id", "due", "at", self.policy.retention["access.log"])

    def _get(self, kind: str, entry_id: str, now: datetime) -> Entry | UnreadableEntry | None:
        item = self.table.get(_where(entry_id)) if database_of(kind, entry_id) else None
        return self._entry(item, now) if item else None

    def _of_kind(
        self,
        kind: str,
        database_id: str,
        now: datetime,
        *,
        since: datetime | None = None,
        after: str | None = None,
        page: int | None = None,
    ) -> Iterator[Entry | UnreadableEntry]:
        """A database's living entries of a kind, the newest first: those since a time, or those older than an entry."""
        prefix = f"{kind}_{database_id.removeprefix('db_')}"
        first = prefix + (_time(since) if since else "")
        last = prefix + (_bound(kind, after) if after else _LAST)
        condition = Key("database_id").eq(database_id) & Key("id").between(first, last)
        found = self.table.query(condition, newest_first=True, page=page)
        for item in dropwhile(lambda item: item["id"] == after, found):
            entry = self._entry(item, now)
            if entry:
                yield entry

    def _entry(self, item: Item, now: datetime) -> Entry | UnreadableEntry | None:
        """An entry, or None when its period is over or its id is none of ours. Its time is that of its id: the key of a
        row is what nobody can alter.
        """
        at = readable(lambda item: time_of(item["id"]), item) if database_of(item["id"][:3], item["id"]) else None
        if at is None or self.policy.retention["access.log"].over(at, now):
            return None
        return readable(_entry, item) or UnreadableEntry(item["id"], at, self._undisclosed_until(item, at))

    def _undisclosed_until(self, item: Item, at: datetime) -> datetime | None:
        """Until when an entry that cannot be read is kept from the owner: if even that cannot be read, as long as a law
        can ask for.
        """
        if "undisclosed_until" not in item:
            return None
        latest = self.policy.retention["access.undisclosed"].after(at)
        return readable(lambda item: read_instant(item["undisclosed_until"]), item) or latest

    def _item(self, entry: Entry) -> Item:
        at = time_of(entry.id)
        ttl = epoch(self.policy.retention["access.log"].after(at))
        item = _where(entry.id) | {"at": epoch(at), "shard": shard_of(entry.id), "ttl": ttl}
        if isinstance(entry, SupportRequest):
            return item | {"message": entry.message, "asked": REQUEST}
        item["undisclosed_until"] = epoch(entry.undisclosed_until) if entry.undisclosed_until else None
        if isinstance(entry, Read):
            return item | {"grant_id": entry.grant_id, "kind": entry.kind.value, "sealed": entry.sealed}
        return item | {
            "staff": entry.staff,
            "purpose": entry.purpose.value,
            "reason": entry.reason,
            "until": epoch(entry.until),
        }


class _Rows(Expiring):
    """Entries that are due, by their ids alone: these name their database."""

    __slots__ = ()

    def place(self, key: str) -> Item:
        """The whole key of an entry."""
        return _where(key)


def _time(now: datetime) -> str:
    seconds, digits = epoch(now), ""
    for _ in range(_TIME):
        seconds, digit = divmod(seconds, len(_DIGITS))
        digits = _DIGITS[digit] + digits
    return digits


def _order(entry_id: str) -> tuple[str, int, str]:
    """What entries of several kinds are put in order by: their time, and within a second what follows what."""
    time, rest = entry_id[-_BODY:][:_TIME], entry_id[-_BODY:][_TIME:]
    return time, _KINDS.index(entry_id[:3]), rest


def _bound(kind: str, after: str) -> str:
    """The end of what of a kind comes after an entry in the order of `_order`, the entry itself included."""
    time, rank, rest = _order(after)
    own = _KINDS.index(kind)
    if own == rank:
        return time + rest
    return time + _LAST if own < rank else time


def _where(entry_id: str) -> Item:
    return {"database_id": database_of(entry_id[:3], entry_id), "id": entry_id}


def _entry(item: Item) -> Entry:
    at = read_instant(item["at"])
    undisclosed_until = read_instant(item["undisclosed_until"]) if "undisclosed_until" in item else None
    kind = item["id"][:3]
    if kind == REQUEST:
        return SupportRequest(item["id"], at, of_type(str, item["message"]))
    if kind == READ:
        grant_id, sealed = of_type(str, item["grant_id"]), of_type(bytes, item["sealed"])
        return Read(item["id"], at, grant_id, Kind(item["kind"]), sealed, undisclosed_until)
    return Grant(
        id=item["id"],
        database_id=item["database_id"],
        staff=of_type(str, item["staff"]),
        purpose=Purpose(item["purpose"]),
        reason=of_type(str, item["reason"]),
        begins_at=at,
        until=read_instant(item["until"]),
        ended_at=read_instant(item["ended_at"]) if "ended_at" in item else None,
        undisclosed_until=undisclosed_until,
    )
