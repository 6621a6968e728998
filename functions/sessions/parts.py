"""What sessions stand on."""

from collections.abc import Callable
from dataclasses import dataclass

from privacy.aws import client
from privacy.clock import Clock, system_clock
from privacy.home import Clients, Home
from privacy.policy import Policy
from privacy.queues import Queues
from privacy.settings import Deployment
from privacy.tables.accounts import Accounts
from privacy.tables.attempts import Attempts
from privacy.tables.changes import Changes
from privacy.tables.sessions import Sessions
from privacy.vault.addresses import AddressSeal
from privacy.vault.tokens import Links, Pseudonyms
from privacy.web.requests import Edge


class SessionsSettings(Deployment):
    """`trusted_edge` may tell a visitor's address."""

    trusted_edge: Edge


@dataclass(frozen=True, slots=True)
class Parts:
    """The parts of a container, built once; the secret is asked for when needed, so that it can be rotated."""

    settings: SessionsSettings
    policy: Policy
    clock: Clock
    accounts: Accounts
    sessions: Sessions
    attempts: Attempts
    changes: Changes
    links: Callable[[], Links]
    queues: Queues
    pseudonyms: Callable[[], Pseudonyms]
    addresses: AddressSeal


def assemble(settings: SessionsSettings, clock: Clock = system_clock, clients: Clients = client) -> Parts:
    """The parts as they are on AWS."""
    home = Home(settings, clients)
    return Parts(
        settings=settings,
        policy=home.policy,
        clock=clock,
        accounts=Accounts(home.table("accounts")),
        sessions=Sessions(home.table("sessions"), home.policy),
        attempts=Attempts(home.table("sessions"), home.policy),
        changes=Changes(home.table("signups"), home.policy),
        links=home.links,
        queues=home.queues(),
        pseudonyms=home.pseudonyms,
        addresses=home.addresses(),
    )
