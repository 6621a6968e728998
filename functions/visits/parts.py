"""What recording a visit stands on."""

from dataclasses import dataclass

from privacy.aws import client
from privacy.clock import Clock, system_clock
from privacy.home import Clients, Home
from privacy.settings import Deployment
from privacy.tables.visits import Visits
from privacy.web.requests import Edge


class VisitsSettings(Deployment):
    """`trusted_edge` may tell a visitor's address and country."""

    trusted_edge: Edge


@dataclass(frozen=True, slots=True)
class Parts:
    """The parts of a container, built once."""

    settings: VisitsSettings
    clock: Clock
    visits: Visits


def assemble(settings: VisitsSettings, clock: Clock = system_clock, clients: Clients = client) -> Parts:
    """The parts as they are on AWS."""
    home = Home(settings, clients)
    return Parts(settings, clock, Visits(home.table("visits"), home.policy))
