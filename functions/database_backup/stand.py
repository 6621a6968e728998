"""How far a backup is: its journal, in the job's detail."""

from dataclasses import asdict, dataclass, field
from typing import Any

from privacy.models.jobs import Job
from privacy.portability.sealed import Checked

_STAND = "stand"


@dataclass(frozen=True, slots=True)
class Stand:
    """`region` is the host that the backup is written in. `ended_at` (RFC 3339) and `bytes` are known once it is
    written. `versions` names the copy in each region, `upload` the upload that makes the next one. `checked` says how
    far a copy is read back, `verified` when (RFC 3339) it was found whole, and its digest.
    """

    region: str
    ended_at: str = ""
    bytes: int = 0
    upload: str = ""
    versions: dict[str, str] = field(default_factory=dict)
    checked: dict[str, dict[str, Any]] = field(default_factory=dict)
    verified: dict[str, str] = field(default_factory=dict)

    @classmethod
    def of(cls, job: Job) -> "Stand | None":
        """Where the last worker's journal ends."""
        found = job.detail.get(_STAND)
        return cls(**found) if found else None

    def in_detail(self, job: Job) -> dict[str, Any]:
        """The job's detail with this in it."""
        return job.detail | {_STAND: asdict(self)}

    def checked_of(self, region: str) -> Checked:
        """How far a region's copy is read back."""
        return Checked(**self.checked.get(region, {}))
