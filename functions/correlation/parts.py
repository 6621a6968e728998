"""What correlation stands on: who staff are, and both sides that nothing else reads together."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from privacy.aws import client
from privacy.clock import Clock, system_clock
from privacy.home import Clients, Home
from privacy.models.staff import Staff
from privacy.policy import Policy
from privacy.tables.accounts import Accounts
from privacy.tables.audit import Trail
from privacy.tables.correlations import Correlations
from privacy.tables.holds import Holds
from privacy.tables.idempotency import Idempotency
from privacy.tables.sessions import Sessions
from privacy.tables.store import Operation
from privacy.tables.visits import Visits
from privacy.vault.addresses import AddressSeal
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
    correlations: Correlations
    accounts: Accounts
    sessions: Sessions
    visits: Visits
    holds: Holds
    addresses: AddressSeal
    idempotency: Idempotency
    pseudonyms: Callable[[], Pseudonyms]
    transact: Callable[[Sequence[Operation]], None]

    def scope(self, staff: Staff) -> str:
        """Whose an Idempotency-Key is: in no store, so that nobody guesses a case by the digest of its body."""
        return self.pseudonyms().of("correlation-keys", staff.subject)


def assemble(settings: StaffSettings, clock: Clock = system_clock, clients: Clients = client) -> Parts:
    """The parts as they are on AWS."""
    home = Home(settings, clients)
    return Parts(
        settings=settings,
        policy=home.policy,
        clock=clock,
        key_set=KeySet(settings.staff_key_set),
        trail=Trail(home.table("audit")),
        correlations=Correlations(home.table("correlations"), home.policy),
        accounts=Accounts(home.table("accounts")),
        sessions=Sessions(home.table("sessions"), home.policy),
        visits=Visits(home.table("visits"), home.policy),
        holds=Holds(home.table("holds"), home.policy),
        addresses=home.addresses(),
        idempotency=Idempotency(home.table("idempotency"), home.policy),
        pseudonyms=home.pseudonyms,
        transact=home.transact,
    )
