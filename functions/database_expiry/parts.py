"""What database expiry stands on: the control tables, each region's transfer bucket, and the queues."""

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
from privacy.tables.removals import Removals
from privacy.tables.store import Table


@dataclass(frozen=True, slots=True)
class Parts:
    """The parts of a container, built once."""

    policy: Policy
    clock: Clock
    databases: Databases
    jobs: Jobs
    removals: Removals
    host: Callable[[str], Host]
    queues: Queues


def assemble(settings: Deployment, clock: Clock = system_clock, clients: Callable[[str, str], Any] = client) -> Parts:
    """The parts as they are on AWS."""
    names = Names(settings.stack, settings.account)
    home = clients("dynamodb", settings.home_region)
    in_force = policy.load()
    return Parts(
        policy=in_force,
        clock=clock,
        databases=Databases(Table(home, names.table("databases"))),
        jobs=Jobs(Table(home, names.table("jobs"))),
        removals=Removals(Table(home, names.table("removals"))),
        host=hosts(names, in_force, clients),
        queues=Queues(settings.stack, settings.account, clients),
    )
