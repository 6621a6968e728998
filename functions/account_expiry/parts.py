"""What account expiry stands on."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from privacy.aws import client
from privacy.clock import Clock, system_clock
from privacy.home import Clients, Home
from privacy.policy import Policy
from privacy.queues import Queues
from privacy.settings import Deployment
from privacy.subjects.registry import Registry, registry
from privacy.tables.accounts import Accounts
from privacy.tables.databases import Databases
from privacy.tables.disclosures import Disclosures
from privacy.tables.erasures import Erasures
from privacy.tables.holds import Holds
from privacy.tables.removals import Removals
from privacy.tables.store import Operation
from privacy.vault.tokens import Pseudonyms


@dataclass(frozen=True, slots=True)
class Parts:
    """The parts of a container, built once; secrets are asked for when needed, so that they can be rotated."""

    settings: Deployment
    policy: Policy
    clock: Clock
    accounts: Accounts
    databases: Databases
    disclosures: Disclosures
    erasures: Erasures
    holds: Holds
    removals: Removals
    registry: Registry
    queues: Queues
    pseudonyms: Callable[[], Pseudonyms]
    transact: Callable[[Sequence[Operation]], None]

    def carry_out(self, erasure_id: str) -> None:
        """Queue an approved erasure, be it again: its worker goes on from the journal."""
        self.queues.send("erasure", self.settings.home_region, {"id": erasure_id})

    def disclose(self, disclosure_id: str) -> None:
        """Queue a disclosure again: its worker looks at what is noted of it."""
        self.queues.send("disclosure", self.settings.home_region, {"id": disclosure_id})


def assemble(settings: Deployment, clock: Clock = system_clock, clients: Clients = client) -> Parts:
    """The parts as they are on AWS."""
    home = Home(settings, clients)
    return Parts(
        settings=settings,
        policy=home.policy,
        clock=clock,
        accounts=Accounts(home.table("accounts")),
        databases=Databases(home.table("databases")),
        disclosures=Disclosures(home.table("disclosures"), home.policy),
        erasures=Erasures(home.table("erasures"), home.policy),
        holds=Holds(home.table("holds"), home.policy),
        removals=Removals(home.table("removals")),
        registry=registry(home, clock),
        queues=home.queues(),
        pseudonyms=home.pseudonyms,
        transact=home.transact,
    )
