"""What purging stands on."""

from dataclasses import dataclass

from privacy.aws import client
from privacy.clock import Clock, system_clock
from privacy.home import Clients, Home
from privacy.policy import Period
from privacy.removal.holds import Held, none_recorded
from privacy.settings import Deployment
from privacy.tables.visits import Visits


@dataclass(frozen=True, slots=True)
class Parts:
    """The parts of a container, built once. `held` says whether a visit of an instant is held."""

    clock: Clock
    period: Period
    visits: Visits
    held: Held = none_recorded


def assemble(settings: Deployment, clock: Clock = system_clock, clients: Clients = client) -> Parts:
    """The parts as they are on AWS."""
    home = Home(settings, clients)
    return Parts(clock, home.policy.retention["visits"], Visits(home.table("visits"), home.policy))
