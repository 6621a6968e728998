"""What database restore stands on: what every worker does, the ledger of deletions, and how long requests settle."""

from dataclasses import dataclass
from datetime import timedelta
from typing import Annotated

from pydantic import Field

from privacy import work
from privacy.aws import client
from privacy.clock import Clock, system_clock
from privacy.home import Clients, Home
from privacy.settings import Deployment
from privacy.tables.deletions import Deletions


class RestoreSettings(Deployment):
    """`drain_seconds` is longer than any request that is under way: what one of them still writes or deletes is done
    by then.
    """

    drain_seconds: Annotated[int, Field(ge=0)]


@dataclass(frozen=True, slots=True)
class Parts:
    """The parts of a container."""

    work: work.Parts
    ledger: Deletions
    settle: timedelta


def assemble(settings: RestoreSettings, clock: Clock = system_clock, clients: Clients = client) -> Parts:
    """The parts as they are on AWS."""
    home = Home(settings, clients)
    ledger = Deletions(home.table("deletions"), home.policy)
    return Parts(work.assemble(settings, clock, clients), ledger, timedelta(seconds=settings.drain_seconds))
