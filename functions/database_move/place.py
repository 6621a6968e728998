"""How far a move has come: its journal, in the job's detail. It holds regions, counts and places, and no content."""

from dataclasses import asdict, dataclass
from datetime import datetime
from enum import StrEnum
from typing import Any

from privacy import work
from privacy.clock import rfc3339
from privacy.models.jobs import Job

_PLACE = "place"


class Stage(StrEnum):
    """What a move is doing. Up to `waiting` the database is active and written to; from `closing` to `switching` it is
    moving, and takes no writes; after that it is active where it was to go.
    """

    COPYING = "copying"
    WAITING = "waiting"
    CLOSING = "closing"
    SETTLING = "settling"
    COMPARING = "comparing"
    VERIFYING = "verifying"
    SWITCHING = "switching"
    SWITCHED = "switched"
    EMPTYING = "emptying"


AFTER_THE_SWITCH = frozenset({Stage.SWITCHED, Stage.EMPTYING})
"""There is no way back from here, and nothing to go back for."""

PROGRESS: dict[Stage, tuple[int, int]] = {
    Stage.COPYING: (0, 50),
    Stage.WAITING: (50, 50),
    Stage.CLOSING: (50, 52),
    Stage.SETTLING: (52, 55),
    Stage.COMPARING: (55, 75),
    Stage.VERIFYING: (75, 90),
    Stage.SWITCHING: (90, 90),
    Stage.SWITCHED: (92, 92),
    Stage.EMPTYING: (95, 95),
}
"""Percent at the beginning and at the end of a stage."""


@dataclass(frozen=True, slots=True)
class Place:
    """Where the next worker goes on: in a stage, in one of its steps (`database_move.passes`), after an id or key.

    `pending` is what is being brought and not checked yet. Times are RFC 3339: `settles_at` is when
    what was under way is over, `closed_at` when the database began to take no writes, `at` the latest progress. `round`
    counts the comparisons; `differences` what the last check found; the rest what it counted.
    """

    stage: Stage = Stage.COPYING
    step: int = 0
    after: str = ""
    pending: str = ""
    at: str = ""
    settles_at: str = ""
    closed_at: str = ""
    round: int = 0
    differences: int = 0
    records: int = 0
    files: int = 0
    bytes: int = 0

    @classmethod
    def of(cls, job: Job) -> "Place":
        """Where the last worker's journal ends."""
        found: dict[str, Any] = dict(job.detail.get(_PLACE, {"stage": Stage.COPYING, "at": rfc3339(job.created_at)}))
        return cls(**found | {"stage": Stage(found["stage"])})

    def in_detail(self, job: Job) -> dict[str, Any]:
        """The job's detail with this place in it."""
        return job.detail | {_PLACE: asdict(self) | {"stage": self.stage.value}}


class Journal(work.Journal[Place]):
    """The place of one worker's turn at a move; it is told how much of the stage is done, from 0 to 1."""

    def __init__(self, turn: work.Turn) -> None:
        super().__init__(turn, Place.of(turn.job))

    def enter(self, stage: Stage, **changes: Any) -> None:
        """Begin a stage, and keep that. Raises: LostLeaseError."""
        self.move(stage=stage, step=0, after="", pending="", **changes)
        self.keep(0)

    def settled(self) -> bool:
        """Whether what was under way when the stage began is over."""
        return datetime.fromisoformat(self.place.settles_at) <= self.turn.clock()

    def _keep(self, done: float) -> None:
        begins, ends = PROGRESS[self.place.stage]
        progress = max(self.turn.job.progress, begins + int((ends - begins) * min(1.0, done)))
        self.move(at=rfc3339(self.turn.clock()))
        self.turn.keep(progress, self.place.in_detail(self.turn.job))
