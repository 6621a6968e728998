"""What purging stands on."""

from dataclasses import dataclass

from privacy import policy
from privacy.aws import client
from privacy.clock import Clock, system_clock
from privacy.hosting import Names
from privacy.policy import Period
from privacy.removal.holds import Held, none_recorded
from privacy.settings import Deployment
from privacy.tables.store import Table
from privacy.tables.visits import Visits


@dataclass(frozen=True, slots=True)
class Parts:
    """The parts of a container, built once. `held` says whether a visit of an instant is held."""

    clock: Clock
    period: Period
    visits: Visits
    held: Held = none_recorded


def assemble(settings: Deployment, clock: Clock = system_clock) -> Parts:
    """The parts as they are on AWS."""
    table = Table(client("dynamodb", settings.home_region), Names(settings.stack, settings.account).table("visits"))
    in_force = policy.load()
    return Parts(clock, in_force.retention["visits"], Visits(table, in_force))
