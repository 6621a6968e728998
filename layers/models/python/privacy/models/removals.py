"""How far a removal has come: the journal that a worker resumes from, and the ledger that stays."""

from dataclasses import dataclass
from datetime import datetime


@dataclass(frozen=True, slots=True)
class Removal:
    """The removal of one subject (a database). It holds no personal data and outlives what it removed.

    `expected` is what each store was last counted to hold. `settles_at` is when the last listing may be made: later
    than any write that was under way. `finished_at` is when absence was checked and the subject became a tombstone.
    """

    subject: str
    region: str
    started_at: datetime
    active_at: datetime
    expected: dict[str, int]
    settles_at: datetime | None = None
    finished_at: datetime | None = None


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
