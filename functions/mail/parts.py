"""What the mail worker stands on."""

from collections.abc import Callable
from dataclasses import dataclass
from functools import partial

from mail.post import Post
from privacy import policy
from privacy.aws import client
from privacy.clock import Clock, system_clock
from privacy.hosting import Names
from privacy.settings import Deployment
from privacy.tables.accounts import Accounts
from privacy.tables.enquiries import Enquiries
from privacy.tables.signups import Signups
from privacy.tables.store import Table
from privacy.vault.secrets import secret
from privacy.vault.tokens import Links, Pseudonyms


class MailSettings(Deployment):
    """`mail_sender` is a sender that SES has verified; `helpdesk_mailbox` hears of enquiries."""

    mail_sender: str
    helpdesk_mailbox: str


@dataclass(frozen=True, slots=True)
class Parts:
    """The parts of a container, built once; secrets are asked for when needed, so that they can be rotated."""

    settings: MailSettings
    clock: Clock
    signups: Signups
    accounts: Accounts
    enquiries: Enquiries
    links: Callable[[], Links]
    pseudonyms: Callable[[], Pseudonyms]
    post: Post


def assemble(settings: MailSettings, clock: Clock = system_clock) -> Parts:
    """The parts as they are on AWS."""
    home = settings.home_region
    names = Names(settings.stack, settings.account)
    in_force = policy.load()
    dynamodb = client("dynamodb", home)
    secret_of = partial(secret, client("secretsmanager", home))
    return Parts(
        settings=settings,
        clock=clock,
        signups=Signups(Table(dynamodb, names.table("signups")), in_force),
        accounts=Accounts(Table(dynamodb, names.table("accounts"))),
        enquiries=Enquiries(Table(dynamodb, names.table("enquiries")), in_force),
        links=lambda: Links(secret_of(f"{settings.stack}/links")),
        pseudonyms=lambda: Pseudonyms(secret_of(f"{settings.stack}/pseudonyms")),
        post=Post(client("sesv2", home), settings.mail_sender),
    )
