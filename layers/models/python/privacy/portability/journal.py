"""How far an archive is read and written into a database: a journal in the job's detail, of numbers, not content."""

from dataclasses import asdict, dataclass
from enum import StrEnum
from typing import Any

from privacy import work
from privacy.models.jobs import Job

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


class Journal(work.Journal[Place]):
    """The place of one worker's turn at an import or a restore; its progress is in percent."""

    def __init__(self, turn: work.Turn) -> None:
        super().__init__(turn, Place.of(turn.job))
        self._kept = self.place

    def look_at_time(self, progress: int) -> None:
        """End the turn within a step when time is up. Raises: LostLeaseError, OutOfTimeError, NoProgressError."""
        if not self.turn.has_time():
            self.keep(progress)
            self.turn.look_at_time()

    def _keep(self, done: float) -> None:
        if self.place != self._kept:
            self.turn.keep(int(done), self.place.in_detail(self.turn.job))
            self._kept = self.place
