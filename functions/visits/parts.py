"""What recording a visit stands on."""

from dataclasses import dataclass

from privacy import policy
from privacy.aws import client
from privacy.clock import Clock, system_clock
from privacy.hosting import Names
from privacy.settings import Deployment
from privacy.tables.store import Table
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


def assemble(settings: VisitsSettings, clock: Clock = system_clock) -> Parts:
    """The parts as they are on AWS."""
    table = Table(client("dynamodb", settings.home_region), Names(settings.stack, settings.account).table("visits"))
    return Parts(settings, clock, Visits(table, policy.load()))
