"""How far an archive is read and written into a database: a journal in the job's detail, of numbers, not content."""

import time
from dataclasses import asdict, dataclass, replace
from enum import StrEnum
from typing import Any

from privacy.models.jobs import Job
from privacy.work import OutOfTimeError, Turn

KEEP_SECONDS = 5.0
"""Between two entries in the journal: what was done since the last one is done again after a crash."""

_PLACE = "place"


class Stage(StrEnum):
    """The whole archive is checked before any of it is written."""

    CHECKING = "checking"
    WRITING = "writing"
    WRITTEN = "written"


@dataclass(frozen=True, slots=True)
class Place:
    """The member (by index) and the line of it that come next; `etag` names the stored object that they are of.

    `plain` says that all lines were found to be as our exports write them. `records` and `files` count what is written,
    `withheld` what was not, since its owner had deleted it; `bytes` are those that were read.
    """

    stage: Stage = Stage.CHECKING
    etag: str = ""
    plain: bool = True
    member: int = 0
    line: int = 0
    records: int = 0
    files: int = 0
    withheld: int = 0
    bytes: int = 0

    @classmethod
    def of(cls, job: Job) -> "Place":
        """Where the last worker's journal ends."""
        found: dict[str, Any] = dict(job.detail.get(_PLACE, {"stage": Stage.CHECKING}))
        return cls(**found | {"stage": Stage(found["stage"])})

    def in_detail(self, job: Job) -> dict[str, Any]:
        """The job's detail with this place in it."""
        return job.detail | {_PLACE: asdict(self) | {"stage": self.stage.value}}


class Journal:
    """The place of one worker's turn: moved as it works, and kept now and then."""

    def __init__(self, turn: Turn) -> None:
        self.turn = turn
        self.place = self._kept = Place.of(turn.job)
        self._kept_at = time.monotonic()

    def move(self, **changes: Any) -> None:
        """Note what was done; a crash forgets it until it is kept."""
        self.place = replace(self.place, **changes)

    def keep(self, progress: int) -> None:
        """Keep the place, if it was moved; `progress` in percent. Raises: LostLeaseError."""
        if self.place != self._kept:
            self.turn.keep(progress, self.place.in_detail(self.turn.job))
            self._kept = self.place
        self._kept_at = time.monotonic()

    def look_at_time(self, progress: int) -> None:
        """End the turn within a step when time is up. Raises: LostLeaseError, OutOfTimeError, NoProgressError."""
        if not self.turn.has_time():
            self.keep(progress)
            self.turn.look_at_time()

    def keep_when_due(self, progress: int) -> None:
        """Keep the place after a while; when time is up, keep it and end the turn.

        Raises: LostLeaseError, OutOfTimeError.
        """
        in_time = self.turn.has_time()
        if not in_time or time.monotonic() - self._kept_at > KEEP_SECONDS:
            self.keep(progress)
        if not in_time:
            raise OutOfTimeError
