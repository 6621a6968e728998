"""How far a removal has come: the journal that a worker resumes from, and the ledger that stays."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta

from privacy.models.databases import Database

SILENCE = timedelta(minutes=20)
"""How long a removal may make no progress before it counts as stalled: longer than Lambda's 15 minutes, and than the
longest delay of a queue (900 s) with which its last listing waits."""

SMALL = 5_000
"""Things that one worker empties by itself (in about 20 s): below that, segments cost calls and save no time."""

LARGE = 500_000
"""Things from which on a store is emptied by more workers beside each other."""


EVERYWHERE = ("records", "catalogue", "files", "exports", "uploads", "backups", "recordings")
"""The stores of a database in each region, whether it ever lay there or not."""

AT_HOME = ("jobs", "deletions", "recording-rows", "access")
"""Its stores in the home region: its jobs, the ledger of what its owner deleted of it, the rows of its recordings, and
the log of access to it.
"""

UNCOUNTED = frozenset({"access"})
"""Stores of whose things no number is told: a law may have kept some of them from being shown."""

KEYS, CERTIFICATE = "keys", "certificate"
"""What comes before all stores, and after them: a data key in each region, and the proof of it all."""


@dataclass(frozen=True, slots=True)
class Removal:
    """The removal of one subject (a database). It holds no personal data and outlives what it removed.

    `region` is the host's, `expected` what each store there was last counted to hold, `segments` the number of parts
    that a large one is emptied in. `active_at` is the last progress, `revived_at` when the sweep last woke a stalled
    one. `keys` tells when the data key of a region was destroyed. `looked_at` is when everything was first listed again
    and nothing found; `settles_at` is when it may be listed for the last time: later than any write that was under way.
    `finished_at` is when absence was checked and the subject became a tombstone.
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
    looked_at: datetime | None = None
    keys: Mapping[str, datetime] = field(default_factory=dict)

    def segments_of(self, store: str, region: str) -> int:
        """In how many parts a store is emptied: a large one in its host region in several, and of files those under
        names that are none of ours in one more.
        """
        if region != self.region or store not in ("records", "files") or self.segments == 1:
            return 1
        return self.segments + 1 if store == "files" else self.segments

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
        return segment_id(self.region, self.store, self.segment)


def segment_id(region: str, store: str, segment: str) -> str:
    """The name of a store's segment in the journal of its subject."""
    return f"{region}#{store}#{segment}"


def places(regions: Iterable[str], home: str) -> list[tuple[str, str]]:
    """Every store of a database with its region."""
    return [(store, home) for store in AT_HOME] + [(store, region) for region in regions for store in EVERYWHERE]


def unfinished(removal: Removal, journal: Iterable[Progress], regions: Iterable[str], home: str) -> set[str]:
    """What a removal has still to do: the stores that are not empty in every region, and keys and certificate."""
    regions = list(regions)
    ended: dict[tuple[str, str], int] = {}
    for progress in journal:
        place = (progress.store, progress.region)
        ended[place] = ended.get(place, 0) + (progress.done_at is not None)
    left = {place[0] for place in places(regions, home) if ended.get(place, 0) < removal.segments_of(*place)}
    if set(regions) - set(removal.keys):
        left.add(KEYS)
    return left if removal.finished_at else left | {CERTIFICATE}


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
