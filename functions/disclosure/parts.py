"""What the disclosure worker stands on."""

import json
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from typing import Annotated, Any, Literal

from pydantic import Field

from privacy.aws import client
from privacy.clock import Clock, system_clock
from privacy.egress import Https, Sender, Sink
from privacy.home import Clients, Home
from privacy.policy import Policy
from privacy.settings import Deployment
from privacy.tables.accounts import Accounts
from privacy.tables.billing import Billing
from privacy.tables.disclosures import Disclosures


class DisclosureSettings(Deployment):
    """`processors` is `local` on the local engine, where a sink at `processor_sink` (a port of this machine) takes what
    the processors would.
    """

    processors: Literal["real", "local"]
    processor_sink: Annotated[int, Field(ge=0, le=65535)]


class NotConfiguredError(Exception):
    """The secret `processors` does not say where, or with what credentials, a processor takes this."""


@dataclass(frozen=True, slots=True)
class Access:
    """Where at a processor's host a purpose is served, and the `Authorization` that we come with."""

    path: str
    authorization: str | None = None


@dataclass(frozen=True, slots=True)
class Parts:
    """The parts of a container, built once; secrets are asked for when needed, so that they can be rotated."""

    policy: Policy
    clock: Clock
    disclosures: Disclosures
    billing: Billing
    accounts: Accounts
    sender: Sender
    access: Callable[[str, str], Access]


def assemble(settings: DisclosureSettings, clock: Clock = system_clock, clients: Clients = client) -> Parts:
    """The parts as they are on AWS."""
    home = Home(settings, clients)
    is_local = settings.processors == "local"
    return Parts(
        policy=home.policy,
        clock=clock,
        disclosures=Disclosures(home.table("disclosures"), home.policy),
        billing=Billing(home.table("billing"), home.policy),
        accounts=Accounts(home.table("accounts")),
        sender=Sink(settings.processor_sink) if is_local else Https(home.policy),
        access=_at_the_sink if is_local else partial(_in_secret, partial(home.secret, "processors")),
    )


def _at_the_sink(processor: str, purpose: str) -> Access:
    del processor  # the sink is told by the sender
    return Access(f"/{purpose}")


def _in_secret(secret: Callable[[], bytes], processor: str, purpose: str) -> Access:
    """Raises: NotConfiguredError, which tells nothing of the secret."""
    try:
        row: Any = json.loads(secret())[processor]
        return Access(str(row["paths"][purpose]), str(row["authorization"]))
    except (ValueError, KeyError, TypeError):
        raise NotConfiguredError(f"the secret processors has no row for {processor} and {purpose}") from None
