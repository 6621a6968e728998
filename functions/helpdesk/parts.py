"""What the HelpDesk's routes stand on: settings, who staff are, and the stores that their role may touch."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from privacy.aws import client
from privacy.clock import Clock, system_clock
from privacy.home import Clients, Home
from privacy.policy import Policy
from privacy.queues import Queues
from privacy.tables.access import Access
from privacy.tables.audit import Trail, Witness
from privacy.tables.campaigns import Campaigns
from privacy.tables.databases import Databases
from privacy.tables.disclosures import Disclosures
from privacy.tables.idempotency import Idempotency
from privacy.tables.store import Operation
from privacy.vault.signing import Signer
from privacy.vault.tokens import Pseudonyms
from privacy.web.staff import KeySet, NamesStaff, StaffSettings


@dataclass(frozen=True, slots=True)
class Parts(NamesStaff):
    """The parts of a container, built once; secrets are asked for when needed, so that they can be rotated."""

    settings: StaffSettings
    policy: Policy
    clock: Clock
    key_set: KeySet
    trail: Trail
    witness: Witness
    signer: Signer
    access: Access
    databases: Databases
    disclosures: Disclosures
    idempotency: Idempotency
    pseudonyms: Callable[[], Pseudonyms]
    campaigns: Campaigns
    queues: Queues
    transact: Callable[[Sequence[Operation]], None]


def assemble(settings: StaffSettings, clock: Clock = system_clock, clients: Clients = client) -> Parts:
    """The parts as they are on AWS."""
    home = Home(settings, clients)
    return Parts(
        settings=settings,
        policy=home.policy,
        clock=clock,
        key_set=KeySet(settings.staff_key_set),
        trail=Trail(home.table("audit")),
        witness=Witness(home.table("removals")),
        signer=home.signer("audit"),
        access=Access(home.table("access"), home.policy),
        databases=Databases(home.table("databases")),
        disclosures=Disclosures(home.table("disclosures"), home.policy),
        idempotency=Idempotency(home.table("idempotency"), home.policy),
        pseudonyms=home.pseudonyms,
        campaigns=Campaigns(home.table("campaigns"), home.policy),
        queues=home.queues(),
        transact=home.transact,
    )
