"""What database deletion stands on: its settings and the stores that its role may touch."""

from typing import Annotated

from pydantic import Field

from database_deletion.deletion import Deletion
from privacy.aws import client
from privacy.clock import Clock, system_clock
from privacy.home import Clients, Home
from privacy.removal.certificate import Notary
from privacy.removal.stores import Everywhere
from privacy.settings import Deployment
from privacy.tables.certificates import Certificates
from privacy.tables.databases import Databases
from privacy.tables.removals import Removals


class DeletionSettings(Deployment):
    """`settle_seconds` is how long after emptying a database it is listed for the last time: the longest function's
    timeout and the life of a cached data key.
    """

    settle_seconds: Annotated[int, Field(ge=0)]


def assemble(settings: DeletionSettings, clock: Clock = system_clock, clients: Clients = client) -> Deletion:
    """The worker as it is on AWS."""
    home = Home(settings, clients)
    host, control = home.hosts(), home.policy.region_in(settings.home_region)
    hosts = [host(region) for region in home.policy.regions]
    return Deletion(
        policy=home.policy,
        here=home.policy.region_in(settings.aws_region),
        settle_seconds=settings.settle_seconds,
        everywhere=Everywhere(
            hosts,
            home.table("jobs"),
            home.table("deletions"),
            home.table("recordings"),
            control,
            home.table("access"),
        ),
        databases=Databases(home.table("databases")),
        removals=Removals(home.table("removals")),
        notary=Notary(Certificates(home.table("removals")), home.signer("certificates")),
        queues=home.queues(),
        now=clock,
    )
