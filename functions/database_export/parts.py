"""What the export worker stands on."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from privacy import policy
from privacy.aws import client
from privacy.clock import Clock, system_clock
from privacy.hosting import Host, Names, hosts
from privacy.policy import Policy
from privacy.queues import Queues
from privacy.settings import Deployment
from privacy.tables.databases import Databases
from privacy.tables.jobs import Jobs
from privacy.tables.store import Table


@dataclass(frozen=True, slots=True)
class Parts:
    """The parts of a container; databases and jobs are the control tables of the home region."""

    policy: Policy
    clock: Clock
    databases: Databases
    jobs: Jobs
    host: Callable[[str], Host]
    queues: Queues


def assemble(settings: Deployment, clock: Clock = system_clock, clients: Callable[[str, str], Any] = client) -> Parts:
    """The parts as they are on AWS."""
    names = Names(settings.stack, settings.account)
    in_force = policy.load()
    home = clients("dynamodb", settings.home_region)
    return Parts(
        policy=in_force,
        clock=clock,
        databases=Databases(Table(home, names.table("databases"))),
        jobs=Jobs(Table(home, names.table("jobs"))),
        host=hosts(names, in_force, clients),
        queues=Queues(settings.stack, settings.account, clients),
    )
