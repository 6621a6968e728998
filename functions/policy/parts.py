"""What the published policy stands on: the versions of this release, and no store."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date

from privacy.clock import Clock, system_clock
from privacy.policy import Document, day_in_force, documents
from privacy.settings import Deployment


@dataclass(frozen=True, slots=True)
class Parts:
    """The parts of a container, built once."""

    settings: Deployment
    clock: Clock
    versions: Mapping[date, Document]

    @property
    def in_force(self) -> Document:
        """The version in force now; before the first, the first."""
        return self.versions[day_in_force(self.versions, self.clock().date())]

    def before(self, version: date) -> Document:
        """The version before one of ours, or that one when there is none."""
        return self.versions[max((day for day in self.versions if day < version), default=version)]

    def status(self, version: date) -> str:
        """Whether a version of ours is `upcoming`, `in-force` or `archived`."""
        current = self.in_force.version
        return "in-force" if version == current else "upcoming" if version > current else "archived"


def assemble(settings: Deployment, clock: Clock = system_clock) -> Parts:
    """The parts as they are on AWS."""
    return Parts(settings, clock, documents())
