"""What holds stand on: who staff are, the holds themselves, and the stores that they free from TTL."""

import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass

from privacy.aws import client
from privacy.clock import Clock, system_clock
from privacy.home import Clients, Home
from privacy.policy import Policy
from privacy.removal.holds import account_items
from privacy.tables.audit import Trail
from privacy.tables.holds import AccountItems, Holds
from privacy.tables.idempotency import Idempotency
from privacy.tables.visits import Visits
from privacy.vault.tokens import Pseudonyms
from privacy.web.staff import KeySet, NamesStaff, StaffSettings


@dataclass(frozen=True, slots=True)
class Parts(NamesStaff):
    """The parts of a container, built once; secrets are asked for when needed, so that they can be rotated."""

    settings: StaffSettings
    policy: Policy
    clock: Clock
    key_set: KeySet
    holds: Holds
    visits: Visits
    of_accounts: Mapping[str, AccountItems]
    idempotency: Idempotency
    trail: Trail
    pseudonyms: Callable[[], Pseudonyms]
    monotonic: Callable[[], float] = time.monotonic


def assemble(settings: StaffSettings, clock: Clock = system_clock, clients: Clients = client) -> Parts:
    """The parts as they are on AWS."""
    home = Home(settings, clients)
    return Parts(
        settings=settings,
        policy=home.policy,
        clock=clock,
        key_set=KeySet(settings.staff_key_set),
        holds=Holds(home.table("holds"), home.policy),
        visits=Visits(home.table("visits"), home.policy),
        of_accounts=account_items(home.table),
        idempotency=Idempotency(home.table("idempotency"), home.policy),
        trail=Trail(home.table("audit")),
        pseudonyms=home.pseudonyms,
    )
