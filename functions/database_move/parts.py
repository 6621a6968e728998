"""What database move stands on: what every worker does, and how long a switch settles."""

from dataclasses import dataclass
from typing import Annotated

from pydantic import Field

from privacy import work
from privacy.aws import client
from privacy.clock import Clock, system_clock
from privacy.home import Clients
from privacy.settings import Deployment


class MoveSettings(Deployment):
    """`drain_seconds` is longer than any request that is under way: what one of them still writes or reads where
    a database lay is done by then.
    """

    drain_seconds: Annotated[int, Field(ge=0)]


@dataclass(frozen=True, slots=True)
class Parts:
    """The parts of a worker's container."""

    work: work.Parts
    drain_seconds: int


def assemble(settings: MoveSettings, clock: Clock = system_clock, clients: Clients = client) -> Parts:
    """The parts as they are on AWS."""
    return Parts(work.assemble(settings, clock, clients), settings.drain_seconds)
