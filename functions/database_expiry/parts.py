"""What database expiry stands on: the control tables, each region's buckets, and the queues."""

from collections.abc import Callable
from dataclasses import dataclass

from privacy.aws import client
from privacy.clock import Clock, system_clock
from privacy.home import Clients, Home
from privacy.hosting import Host
from privacy.policy import Policy
from privacy.queues import Queues
from privacy.settings import Deployment
from privacy.tables.databases import Databases
from privacy.tables.jobs import Jobs
from privacy.tables.recordings import Recordings
from privacy.tables.removals import Removals


@dataclass(frozen=True, slots=True)
class Parts:
    """The parts of a container, built once. `home` is the Cloud Region of the control tables."""

    home: str
    policy: Policy
    clock: Clock
    databases: Databases
    jobs: Jobs
    recordings: Recordings
    removals: Removals
    host: Callable[[str], Host]
    queues: Queues


def assemble(settings: Deployment, clock: Clock = system_clock, clients: Clients = client) -> Parts:
    """The parts as they are on AWS."""
    home = Home(settings, clients)
    return Parts(
        home=home.policy.region_in(settings.home_region),
        policy=home.policy,
        clock=clock,
        databases=Databases(home.table("databases")),
        jobs=Jobs(home.table("jobs")),
        recordings=Recordings(home.table("recordings"), home.policy),
        removals=Removals(home.table("removals")),
        host=home.hosts(),
        queues=home.queues(),
    )
