"""What database deletion stands on: its settings and the stores that its role may touch."""

from collections.abc import Callable
from typing import Annotated, Any

from pydantic import Field

from database_deletion.deletion import Deletion
from privacy import policy
from privacy.aws import client
from privacy.clock import Clock, system_clock
from privacy.hosting import Names, hosts
from privacy.queues import Queues
from privacy.settings import Deployment
from privacy.tables.databases import Databases
from privacy.tables.jobs import Jobs
from privacy.tables.removals import Removals
from privacy.tables.store import Table


class DeletionSettings(Deployment):
    """`settle_seconds` is how long after emptying a database it is listed for the last time: the longest function's
    timeout and the life of a cached data key.
    """

    settle_seconds: Annotated[int, Field(ge=0)]


def assemble(
    settings: DeletionSettings, clock: Clock = system_clock, clients: Callable[[str, str], Any] = client
) -> Deletion:
    """The worker as it is on AWS."""
    names = Names(settings.stack, settings.account)
    home = clients("dynamodb", settings.home_region)
    in_force = policy.load()
    return Deletion(
        policy=in_force,
        aws_region=settings.aws_region,
        home_region=settings.home_region,
        settle_seconds=settings.settle_seconds,
        databases=Databases(Table(home, names.table("databases"))),
        jobs=Jobs(Table(home, names.table("jobs"))),
        removals=Removals(Table(home, names.table("removals"))),
        hosts=hosts(names, in_force, clients),
        queues=Queues(settings.stack, settings.account, clients),
        now=clock,
    )
