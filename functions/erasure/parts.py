"""What the erasure worker stands on: its settings and the stores that its role may touch."""

from typing import Annotated

from pydantic import Field

from erasure.erasing import Worker
from erasure.post import Post
from privacy.aws import client
from privacy.clock import Clock, system_clock
from privacy.egress import Letters
from privacy.home import Clients, Home
from privacy.removal.certificate import Notary
from privacy.settings import Deployment
from privacy.subjects.registry import registry
from privacy.tables.accounts import Accounts
from privacy.tables.certificates import Certificates
from privacy.tables.databases import Databases
from privacy.tables.disclosures import Disclosures
from privacy.tables.erasures import Erasures
from privacy.tables.holds import Holds
from privacy.tables.removals import Removals


class ErasureSettings(Deployment):
    """`drain_seconds` is how long after emptying everything it is listed for the last time: longer than any request;
    `mail_sender` is a sender that SES has verified.
    """

    drain_seconds: Annotated[int, Field(ge=0)]
    mail_sender: str


def assemble(settings: ErasureSettings, clock: Clock = system_clock, clients: Clients = client) -> Worker:
    """The worker as it is on AWS."""
    home = Home(settings, clients)
    certificates = Certificates(home.table("removals"))
    return Worker(
        policy=home.policy,
        home=home.policy.region_in(settings.home_region),
        drain_seconds=settings.drain_seconds,
        accounts=Accounts(home.table("accounts")),
        databases=Databases(home.table("databases")),
        disclosures=Disclosures(home.table("disclosures"), home.policy),
        erasures=Erasures(home.table("erasures"), home.policy),
        holds=Holds(home.table("holds"), home.policy),
        removals=Removals(home.table("removals")),
        registry=registry(home, clock),
        notary=Notary(certificates, home.signer("certificates")),
        queues=home.queues(),
        post=Post(Letters(home.client("sesv2"), settings.mail_sender, home.policy)),
        pseudonyms=home.pseudonyms,
        transact=home.transact,
        now=clock,
    )
