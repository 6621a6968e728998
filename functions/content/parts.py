"""What the content routes stand on: their settings and the stores that their role may touch."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial

from privacy import policy
from privacy.aws import client
from privacy.clock import Clock, system_clock
from privacy.hosting import Host, Names, hosts
from privacy.policy import Policy
from privacy.queues import Queues
from privacy.settings import Deployment
from privacy.tables.databases import Databases
from privacy.tables.idempotency import Idempotency
from privacy.tables.jobs import Jobs
from privacy.tables.sessions import Sessions
from privacy.tables.store import Operation, Table, transact
from privacy.vault.secrets import secret
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
    idempotency: Idempotency
    pseudonyms: Callable[[], Pseudonyms]
    host: Callable[[str], Host]
    queues: Queues
    transact: Callable[[Sequence[Operation]], None]


def assemble(settings: ContentSettings, clock: Clock = system_clock) -> Parts:
    """The parts as they are on AWS."""
    home = settings.home_region
    names = Names(settings.stack, settings.account)
    in_force = policy.load()
    dynamodb, secrets = client("dynamodb", home), client("secretsmanager", home)

    def table(thing: str) -> Table:
        return Table(dynamodb, names.table(thing))

    return Parts(
        settings=settings,
        policy=in_force,
        clock=clock,
        sessions=Sessions(table("sessions"), in_force),
        databases=Databases(table("databases")),
        jobs=Jobs(table("jobs")),
        idempotency=Idempotency(table("idempotency"), in_force),
        pseudonyms=lambda: Pseudonyms(secret(secrets, f"{settings.stack}/pseudonyms")),
        host=hosts(names, in_force),
        queues=Queues(settings.stack, settings.account),
        transact=partial(transact, dynamodb),
    )
