"""What the disclosure worker stands on."""

from dataclasses import dataclass
from functools import partial
from typing import Annotated, Literal

from pydantic import Field

from disclosure.carrying import Carrier, ToProcessors, ToSink
from privacy.aws import client
from privacy.clock import Clock, system_clock
from privacy.egress import Https, Letters, Sink
from privacy.home import Clients, Home
from privacy.policy import Policy
from privacy.settings import Deployment
from privacy.tables.accounts import Accounts
from privacy.tables.billing import Billing
from privacy.tables.disclosures import Disclosures


class DisclosureSettings(Deployment):
    """`processors` is `local` on the local engine, where a sink at `processor_sink` (a port of this machine) takes what
    the processors would. `mail_sender` is a sender that SES has verified.
    """

    processors: Literal["real", "local"]
    processor_sink: Annotated[int, Field(ge=0, le=65535)]
    mail_sender: str


@dataclass(frozen=True, slots=True)
class Parts:
    """The parts of a container, built once; secrets are asked for when needed, so that they can be rotated."""

    policy: Policy
    clock: Clock
    disclosures: Disclosures
    billing: Billing
    accounts: Accounts
    carrier: Carrier


def assemble(settings: DisclosureSettings, clock: Clock = system_clock, clients: Clients = client) -> Parts:
    """The parts as they are on AWS."""
    home = Home(settings, clients)
    carrier: Carrier = ToSink(Sink(settings.processor_sink))
    if settings.processors == "real":
        letters = Letters(home.client("sesv2"), settings.mail_sender, home.policy)
        carrier = ToProcessors(home.policy, Https(home.policy), letters, partial(home.secret, "processors"))
    return Parts(
        policy=home.policy,
        clock=clock,
        disclosures=Disclosures(home.table("disclosures"), home.policy),
        billing=Billing(home.table("billing"), home.policy),
        accounts=Accounts(home.table("accounts")),
        carrier=carrier,
    )
