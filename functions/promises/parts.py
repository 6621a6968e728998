"""What showing the promises stands on: the policy and the findings, and nothing else."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from privacy.aws import client
from privacy.clock import Clock, system_clock
from privacy.home import Clients, Home
from privacy.policy import Policy
from privacy.settings import Deployment
from privacy.tables.store import Item, Table


@dataclass(frozen=True, slots=True)
class Findings:
    """The current findings of the audit (table `findings`, entry `now`)."""

    table: Table

    def current(self, promises: Sequence[str]) -> Mapping[str, Item]:
        """What is known of some promises, by id; those that were never checked are left out. Raises: StoreBusyError."""
        keys = [{"promise": promise, "entry": "now"} for promise in promises]
        return {item["promise"]: item for item in self.table.get_all(keys)}


@dataclass(frozen=True, slots=True)
class Parts:
    """The parts of a container, built once."""

    settings: Deployment
    policy: Policy
    clock: Clock
    findings: Findings


def assemble(settings: Deployment, clock: Clock = system_clock, clients: Clients = client) -> Parts:
    """The parts as they are on AWS."""
    home = Home(settings, clients)
    return Parts(settings, home.policy, clock, Findings(home.table("findings")))
