"""What the control panel stands on: its settings and the stores that its role may touch."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from privacy.aws import client
from privacy.clock import Clock, system_clock
from privacy.home import Clients, Home
from privacy.hosting import Host
from privacy.policy import Policy
from privacy.queues import Queues
from privacy.settings import Deployment
from privacy.tables.access import Access
from privacy.tables.accounts import Accounts
from privacy.tables.certificates import Certificates
from privacy.tables.databases import Databases
from privacy.tables.idempotency import Idempotency
from privacy.tables.jobs import Jobs
from privacy.tables.removals import Removals
from privacy.tables.sessions import Sessions
from privacy.tables.store import Operation
from privacy.vault.signing import Signer
from privacy.vault.tokens import Pseudonyms
from privacy.web.requests import Edge


class DatabasesSettings(Deployment):
    """`trusted_edge` tells the country of who asks for a database without naming one. `closed_regions` are the Cloud
    Regions, separated by commas, that no database may be moved to.
    """

    trusted_edge: Edge
    closed_regions: str = ""


@dataclass(frozen=True, slots=True)
class Parts:
    """The parts of a container, built once; secrets are asked for when needed, so that they can be rotated."""

    settings: DatabasesSettings
    policy: Policy
    clock: Clock
    sessions: Sessions
    accounts: Accounts
    databases: Databases
    jobs: Jobs
    access: Access
    removals: Removals
    certificates: Certificates
    signer: Signer
    idempotency: Idempotency
    pseudonyms: Callable[[], Pseudonyms]
    host: Callable[[str], Host]
    queues: Queues
    transact: Callable[[Sequence[Operation]], None]

    @property
    def home(self) -> str:
        """The Cloud Region of the control tables."""
        return self.policy.region_in(self.settings.home_region)

    def send(self, queue: str, region: str, message: dict[str, str]) -> None:
        """Send ids to a queue of a Cloud Region."""
        self.queues.send(queue, self.policy.regions[region].aws, message)


def assemble(settings: DatabasesSettings, clock: Clock = system_clock, clients: Clients = client) -> Parts:
    """The parts as they are on AWS."""
    home = Home(settings, clients)
    return Parts(
        settings=settings,
        policy=home.policy,
        clock=clock,
        sessions=Sessions(home.table("sessions"), home.policy),
        accounts=Accounts(home.table("accounts")),
        databases=Databases(home.table("databases")),
        jobs=Jobs(home.table("jobs")),
        access=Access(home.table("access"), home.policy),
        removals=Removals(home.table("removals")),
        certificates=Certificates(home.table("removals")),
        signer=home.signer("certificates"),
        idempotency=Idempotency(home.table("idempotency"), home.policy),
        pseudonyms=home.pseudonyms,
        host=home.hosts(),
        queues=home.queues(),
        transact=home.transact,
    )
