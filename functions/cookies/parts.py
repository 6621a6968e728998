"""What the choice about cookies stands on."""

from dataclasses import dataclass

from privacy.aws import client
from privacy.clock import Clock, system_clock
from privacy.home import Clients, Home
from privacy.policy import Policy
from privacy.settings import Deployment
from privacy.tables.choices import Choices


@dataclass(frozen=True, slots=True)
class Parts:
    """The parts of a container, built once."""

    settings: Deployment
    clock: Clock
    policy: Policy
    choices: Choices


def assemble(settings: Deployment, clock: Clock = system_clock, clients: Clients = client) -> Parts:
    """The parts as they are on AWS."""
    home = Home(settings, clients)
    return Parts(settings, clock, home.policy, Choices(home.table("choices"), home.policy))
