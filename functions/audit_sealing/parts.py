"""What sealing stands on."""

from dataclasses import dataclass

from privacy.aws import client
from privacy.clock import Clock, system_clock
from privacy.home import Clients, Home
from privacy.settings import Deployment
from privacy.tables.audit import Trail, Witness
from privacy.vault.signing import Signer


@dataclass(frozen=True, slots=True)
class Parts:
    """The parts of a container, built once."""

    clock: Clock
    trail: Trail
    witness: Witness
    signer: Signer


def assemble(settings: Deployment, clock: Clock = system_clock, clients: Clients = client) -> Parts:
    """The parts as they are on AWS."""
    home = Home(settings, clients)
    return Parts(clock, Trail(home.table("audit")), Witness(home.table("removals")), home.signer("audit"))
