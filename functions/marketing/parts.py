"""What the choice about marketing stands on: sessions, accounts, and the links of the messages."""

from collections.abc import Callable
from dataclasses import dataclass

from privacy.aws import client
from privacy.clock import Clock, system_clock
from privacy.home import Clients, Home
from privacy.policy import Policy
from privacy.settings import Deployment
from privacy.tables.accounts import Accounts
from privacy.tables.sessions import Sessions
from privacy.vault.tokens import Links


@dataclass(frozen=True, slots=True)
class Parts:
    """The parts of a container, built once; the secret is asked for when needed, so that it can be rotated."""

    settings: Deployment
    policy: Policy
    clock: Clock
    sessions: Sessions
    accounts: Accounts
    links: Callable[[], Links]


def assemble(settings: Deployment, clock: Clock = system_clock, clients: Clients = client) -> Parts:
    """The parts as they are on AWS."""
    home = Home(settings, clients)
    return Parts(
        settings=settings,
        policy=home.policy,
        clock=clock,
        sessions=Sessions(home.table("sessions"), home.policy),
        accounts=Accounts(home.table("accounts")),
        links=home.links,
    )
