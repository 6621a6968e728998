"""What the content routes stand on: their settings and the stores that their role may touch."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from privacy.aws import client
from privacy.clock import Clock, system_clock
from privacy.home import Clients, Home
from privacy.hosting import Host
from privacy.policy import Policy
from privacy.queues import Queues
from privacy.settings import Deployment
from privacy.tables.databases import Databases
from privacy.tables.deletions import Deletions
from privacy.tables.idempotency import Idempotency
from privacy.tables.jobs import Jobs
from privacy.tables.sessions import Sessions
from privacy.tables.store import Operation
from privacy.vault.tokens import Pseudonyms


class ContentSettings(Deployment):
    """Nothing beyond what every function knows of the deployment."""


@dataclass(frozen=True, slots=True)
class Parts:
    """The parts of a container, built once; secrets are asked for when needed, so that they can be rotated."""

    settings: ContentSettings
    policy: Policy
    clock: Clock
    sessions: Sessions
    databases: Databases
    jobs: Jobs
    deletions: Deletions
    idempotency: Idempotency
    pseudonyms: Callable[[], Pseudonyms]
    host: Callable[[str], Host]
    queues: Queues
    transact: Callable[[Sequence[Operation]], None]


def assemble(settings: ContentSettings, clock: Clock = system_clock, clients: Clients = client) -> Parts:
    """The parts as they are on AWS."""
    home = Home(settings, clients)
    return Parts(
        settings=settings,
        policy=home.policy,
        clock=clock,
        sessions=Sessions(home.table("sessions"), home.policy),
        databases=Databases(home.table("databases")),
        jobs=Jobs(home.table("jobs")),
        deletions=Deletions(home.table("deletions"), home.policy),
        idempotency=Idempotency(home.table("idempotency"), home.policy),
        pseudonyms=home.pseudonyms,
        host=home.hosts(),
        queues=home.queues(),
        transact=home.transact,
    )
