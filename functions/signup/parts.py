"""What sign-up stands on: its settings and the stores that its role may touch."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Annotated, Literal

import urllib3
from pydantic import Field

from privacy import policy
from privacy.aws import client
from privacy.clock import Clock, system_clock
from privacy.hosting import Host, Names, hosts
from privacy.policy import Policy
from privacy.queues import Queues
from privacy.settings import Deployment
from privacy.tables.accounts import Accounts
from privacy.tables.billing import Billing
from privacy.tables.databases import Databases
from privacy.tables.enquiries import Enquiries
from privacy.tables.idempotency import Idempotency
from privacy.tables.sessions import Sessions
from privacy.tables.signups import Signups
from privacy.tables.store import Operation, Table, transact
from privacy.vault.addresses import AddressSeal
from privacy.vault.secrets import secret
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


def assemble(settings: SignupSettings, clock: Clock = system_clock) -> Parts:
    """The parts as they are on AWS."""
    home = settings.home_region
    names = Names(settings.stack, settings.account)
    in_force = policy.load()
    dynamodb, secrets = client("dynamodb", home), client("secretsmanager", home)

    def table(thing: str) -> Table:
        return Table(dynamodb, names.table(thing))

    def secret_of(thing: str) -> bytes:
        return secret(secrets, f"{settings.stack}/{thing}")

    google = Google(partial(secret_of, "captcha"), urllib3.PoolManager())
    return Parts(
        settings=settings,
        policy=in_force,
        clock=clock,
        signups=Signups(table("signups"), in_force),
        enquiries=Enquiries(table("enquiries"), in_force),
        accounts=Accounts(table("accounts")),
        billing=Billing(table("billing"), in_force),
        databases=Databases(table("databases")),
        sessions=Sessions(table("sessions"), in_force),
        idempotency=Idempotency(table("idempotency"), in_force),
        links=lambda: Links(secret_of("links")),
        pseudonyms=lambda: Pseudonyms(secret_of("pseudonyms")),
        addresses=AddressSeal(client("kms", home), f"alias/{settings.stack}-addresses"),
        host=hosts(names, in_force),
        queues=Queues(settings.stack, settings.account),
        verifier=Local() if settings.captcha_verifier == "local" else google,
        transact=partial(transact, dynamodb),
    )
