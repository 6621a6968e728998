"""What the mail worker stands on."""

from collections.abc import Callable
from dataclasses import dataclass

from mail.post import Post
from privacy.aws import client
from privacy.clock import Clock, system_clock
from privacy.egress import Letters
from privacy.home import Clients, Home
from privacy.settings import Deployment
from privacy.tables.access import Access
from privacy.tables.accounts import Accounts
from privacy.tables.changes import Changes
from privacy.tables.enquiries import Enquiries
from privacy.tables.signups import Signups
from privacy.vault.tokens import Links, Pseudonyms


class MailSettings(Deployment):
    """`mail_sender` is a sender that SES has verified; `helpdesk_mailbox` hears of what is asked."""

    mail_sender: str
    helpdesk_mailbox: str


@dataclass(frozen=True, slots=True)
class Parts:
    """The parts of a container, built once; secrets are asked for when needed, so that they can be rotated."""

    settings: MailSettings
    clock: Clock
    signups: Signups
    changes: Changes
    accounts: Accounts
    enquiries: Enquiries
    access: Access
    links: Callable[[], Links]
    pseudonyms: Callable[[], Pseudonyms]
    post: Post


def assemble(settings: MailSettings, clock: Clock = system_clock, clients: Clients = client) -> Parts:
    """The parts as they are on AWS."""
    home = Home(settings, clients)
    return Parts(
        settings=settings,
        clock=clock,
        signups=Signups(home.table("signups"), home.policy),
        changes=Changes(home.table("signups"), home.policy),
        accounts=Accounts(home.table("accounts")),
        enquiries=Enquiries(home.table("enquiries"), home.policy),
        access=Access(home.table("access"), home.policy),
        links=home.links,
        pseudonyms=home.pseudonyms,
        post=Post(Letters(home.client("sesv2"), settings.mail_sender, home.policy)),
    )
