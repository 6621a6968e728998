"""What policy publishing stands on."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date

from privacy.aws import client
from privacy.clock import Clock, system_clock
from privacy.home import Clients, Home
from privacy.policy import Document, documents
from privacy.queues import Queues
from privacy.settings import Deployment
from privacy.tables.accounts import Accounts
from privacy.tables.policies import Policies


@dataclass(frozen=True, slots=True)
class Parts:
    """The parts of a container, built once; `versions` are those of this release."""

    settings: Deployment
    clock: Clock
    versions: Mapping[date, Document]
    policies: Policies
    accounts: Accounts
    queues: Queues

    def tell(self, account_id: str, version: str) -> None:
        """Queue the mail to an account about a version."""
        message = {"kind": "policy", "id": account_id, "version": version}
        self.queues.send("mail", self.settings.home_region, message)


def assemble(settings: Deployment, clock: Clock = system_clock, clients: Clients = client) -> Parts:
    """The parts as they are on AWS."""
    home = Home(settings, clients)
    return Parts(
        settings=settings,
        clock=clock,
        versions=documents(),
        policies=Policies(home.table("policies")),
        accounts=Accounts(home.table("accounts")),
        queues=home.queues(),
    )
