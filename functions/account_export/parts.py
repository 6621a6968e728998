"""What account exports stand on."""

from collections.abc import Callable
from dataclasses import dataclass

from privacy.aws import client
from privacy.clock import Clock, system_clock
from privacy.home import Clients, Home
from privacy.hosting import Host
from privacy.policy import Policy
from privacy.queues import Queues
from privacy.settings import Deployment
from privacy.subjects.registry import Registry, registry
from privacy.tables.accounts import Accounts
from privacy.tables.jobs import Jobs
from privacy.vault.tokens import Pseudonyms


@dataclass(frozen=True, slots=True)
class Parts:
    """The parts of a container, built once; secrets are asked for when needed, so that they can be rotated."""

    settings: Deployment
    policy: Policy
    clock: Clock
    accounts: Accounts
    jobs: Jobs
    registry: Registry
    host: Host
    queues: Queues
    pseudonyms: Callable[[], Pseudonyms]


def assemble(settings: Deployment, clock: Clock = system_clock, clients: Clients = client) -> Parts:
    """The parts as they are on AWS."""
    home = Home(settings, clients)
    return Parts(
        settings=settings,
        policy=home.policy,
        clock=clock,
        accounts=Accounts(home.table("accounts")),
        jobs=Jobs(home.table("jobs")),
        registry=registry(home, clock),
        host=home.hosts()(home.policy.region_in(settings.home_region)),
        queues=home.queues(),
        pseudonyms=home.pseudonyms,
    )
