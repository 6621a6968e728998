"""What sign-up stands on: its settings and the stores that its role may touch."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Annotated, Literal

import urllib3
from pydantic import Field

from privacy.aws import client
from privacy.clock import Clock, system_clock
from privacy.home import Clients, Home
from privacy.hosting import Host
from privacy.policy import Policy
from privacy.queues import Queues
from privacy.settings import Deployment
from privacy.tables.accounts import Accounts
from privacy.tables.billing import Billing
from privacy.tables.databases import Databases
from privacy.tables.disclosures import Disclosures
from privacy.tables.enquiries import Enquiries
from privacy.tables.idempotency import Idempotency
from privacy.tables.sessions import Sessions
from privacy.tables.signups import Signups
from privacy.tables.store import Operation
from privacy.vault.addresses import AddressSeal
from privacy.vault.tokens import Links, Pseudonyms
from privacy.web.requests import Edge
from signup.captcha import Google, Local, Verifier


class SignupSettings(Deployment):
    """`captcha_minimum` is the lowest score let through, from 0 to 1; `captcha_when_down` what a form gets while the
    verifier is down.
    """

    trusted_edge: Edge
    captcha_verifier: Literal["google", "local"]
    captcha_when_down: Literal["refuse", "allow"]
    captcha_minimum: Annotated[float, Field(ge=0, le=1)]


@dataclass(frozen=True, slots=True)
class Parts:
    """The parts of a container, built once; secrets are asked for when needed, so that they can be rotated."""

    settings: SignupSettings
    policy: Policy
    clock: Clock
    signups: Signups
    enquiries: Enquiries
    accounts: Accounts
    billing: Billing
    disclosures: Disclosures
    databases: Databases
    sessions: Sessions
    idempotency: Idempotency
    links: Callable[[], Links]
    pseudonyms: Callable[[], Pseudonyms]
    addresses: AddressSeal
    host: Callable[[str], Host]
    queues: Queues
    verifier: Verifier
    transact: Callable[[Sequence[Operation]], None]


def assemble(settings: SignupSettings, clock: Clock = system_clock, clients: Clients = client) -> Parts:
    """The parts as they are on AWS."""
    home = Home(settings, clients)
    google = Google(partial(home.secret, "captcha"), urllib3.PoolManager(), home.policy)
    return Parts(
        settings=settings,
        policy=home.policy,
        clock=clock,
        signups=Signups(home.table("signups"), home.policy),
        enquiries=Enquiries(home.table("enquiries"), home.policy),
        accounts=Accounts(home.table("accounts")),
        billing=Billing(home.table("billing"), home.policy),
        disclosures=Disclosures(home.table("disclosures"), home.policy),
        databases=Databases(home.table("databases")),
        sessions=Sessions(home.table("sessions"), home.policy),
        idempotency=Idempotency(home.table("idempotency"), home.policy),
        links=home.links,
        pseudonyms=home.pseudonyms,
        addresses=home.addresses(),
        host=home.hosts(),
        queues=home.queues(),
        verifier=Local() if settings.captcha_verifier == "local" else google,
        transact=home.transact,
    )
