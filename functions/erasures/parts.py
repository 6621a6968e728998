"""What the desk for erasures stands on: settings, who staff are, and the stores that its role may touch."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from privacy.aws import client
from privacy.clock import Clock, system_clock
from privacy.home import Clients, Home
from privacy.policy import Policy
from privacy.queues import Queues
from privacy.subjects.registry import Registry, registry
from privacy.tables.accounts import Accounts
from privacy.tables.audit import Trail
from privacy.tables.databases import Databases
from privacy.tables.disclosures import Disclosures
from privacy.tables.erasures import Erasures
from privacy.tables.holds import Holds
from privacy.tables.store import Operation
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
    accounts: Accounts
    databases: Databases
    disclosures: Disclosures
    erasures: Erasures
    holds: Holds
    registry: Registry
    queues: Queues
    pseudonyms: Callable[[], Pseudonyms]
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
        accounts=Accounts(home.table("accounts")),
        databases=Databases(home.table("databases")),
        disclosures=Disclosures(home.table("disclosures"), home.policy),
        erasures=Erasures(home.table("erasures"), home.policy),
        holds=Holds(home.table("holds"), home.policy),
        registry=registry(home, clock),
        queues=home.queues(),
        pseudonyms=home.pseudonyms,
        transact=home.transact,
    )
