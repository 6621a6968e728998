"""How far a removal has come: the journal that a worker resumes from, and the ledger that stays."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta

from privacy.models.databases import Database

SILENCE = timedelta(minutes=20)
"""How long a removal may make no progress before it counts as stalled: longer than Lambda's 15 minutes, and than the
longest delay of a queue (900 s) with which its last listing waits."""

SMALL = 5_000
"""Things that one worker empties by itself (in about 20 s): below that, segments cost calls and save no time."""

LARGE = 500_000
"""Things from which on a store is emptied by more workers beside each other."""


@dataclass(frozen=True, slots=True)
class Removal:
    """The removal of one subject (a database). It holds no personal data and outlives what it removed.

    `expected` is what each store was last counted to hold. `segments` is the number of parts that a large store is
    emptied in. `active_at` is the last progress, `revived_at` when the sweep last woke a stalled one. `settles_at` is
    when the last listing may be made: later than any write that was under way. `finished_at` is when absence was
    checked and the subject became a tombstone.
    """

    subject: str
    region: str
    started_at: datetime
    active_at: datetime
    expected: dict[str, int]
    segments: int = 4
    settles_at: datetime | None = None
    finished_at: datetime | None = None
    revived_at: datetime | None = None

    def segments_of(self, store: str) -> int:
        """In how many parts a store is emptied."""
        return self.segments if store in ("records", "files") else 1

    def is_stalled(self, now: datetime) -> bool:
        """Whether it made no progress for longer than a worker that lives could be silent."""
        return self.active_at + SILENCE <= now

    def wants_waking(self, now: datetime) -> bool:
        """Whether it is stalled and was not woken a moment ago."""
        return self.is_stalled(now) and (self.revived_at is None or self.revived_at + SILENCE <= now)


@dataclass(frozen=True, slots=True)
class Progress:
    """How far one segment of one store has come.

    `removed` counts what was removed in finished batches; `pending` holds the digests of the batch that is being
    removed, so that after a crash nothing is counted twice. `version` lets one worker at a time go on.
    """

    subject: str
    store: str
    segment: str
    region: str
    removed: int = 0
    pending: bytes = b""
    done_at: datetime | None = None
    version: int = 0

    @property
    def id(self) -> str:
        """The segment's name within its subject."""
        return f"{self.store}#{self.segment}"


def opened(database: Database, now: datetime) -> Removal:
    """The journal of a database's removal, as it begins."""
    counts = database.counts
    expected = {"records": counts.records, "files": counts.files} if counts else {}
    return Removal(database.id, database.region, now, now, expected, segments_for(expected))


def segments_for(expected: Mapping[str, int]) -> int:
    """In how many parts a large store is emptied: 1, 4 or 16. What was never counted may be anything."""
    if not expected:
        return 4
    things = sum(expected.values())
    if things <= SMALL:
        return 1
    return 4 if things <= LARGE else 16
