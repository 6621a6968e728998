"""What purging stands on."""

from dataclasses import dataclass

from privacy.aws import client
from privacy.clock import Clock, system_clock
from privacy.home import Clients, Home
from privacy.policy import Period
from privacy.settings import Deployment
from privacy.tables.holds import Holds
from privacy.tables.visits import Visits


@dataclass(frozen=True, slots=True)
class Parts:
    """The parts of a container, built once."""

    clock: Clock
    period: Period
    visits: Visits
    holds: Holds


def assemble(settings: Deployment, clock: Clock = system_clock, clients: Clients = client) -> Parts:
    """The parts as they are on AWS."""
    home = Home(settings, clients)
    visits, holds = Visits(home.table("visits"), home.policy), Holds(home.table("holds"), home.policy)
    return Parts(clock, home.policy.retention["visits"], visits, holds)
