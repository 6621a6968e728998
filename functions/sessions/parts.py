"""What sessions stand on."""

from collections.abc import Callable
from dataclasses import dataclass

from privacy import policy
from privacy.aws import client
from privacy.clock import Clock, system_clock
from privacy.hosting import Names
from privacy.policy import Policy
from privacy.settings import Deployment
from privacy.tables.accounts import Accounts
from privacy.tables.sessions import Sessions
from privacy.tables.store import Table
from privacy.vault.addresses import AddressSeal
from privacy.vault.secrets import secret
from privacy.vault.tokens import Pseudonyms
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
    pseudonyms: Callable[[], Pseudonyms]
    addresses: AddressSeal


def assemble(settings: SessionsSettings, clock: Clock = system_clock) -> Parts:
    """The parts as they are on AWS."""
    home = settings.home_region
    names = Names(settings.stack, settings.account)
    in_force = policy.load()
    dynamodb, secrets = client("dynamodb", home), client("secretsmanager", home)
    return Parts(
        settings=settings,
        policy=in_force,
        clock=clock,
        accounts=Accounts(Table(dynamodb, names.table("accounts"))),
        sessions=Sessions(Table(dynamodb, names.table("sessions")), in_force),
        pseudonyms=lambda: Pseudonyms(secret(secrets, f"{settings.stack}/pseudonyms")),
        addresses=AddressSeal(client("kms", home), f"alias/{settings.stack}-addresses"),
    )
