"""What the sending of marketing stands on."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from marketing_sending.post import Post
from privacy.aws import client
from privacy.clock import Clock, system_clock
from privacy.egress import Letters
from privacy.home import Clients, Home
from privacy.policy import Policy
from privacy.queues import Queues
from privacy.settings import Deployment
from privacy.tables.accounts import Accounts
from privacy.tables.campaigns import Campaigns
from privacy.tables.store import Operation
from privacy.vault.tokens import Links, Pseudonyms

QUEUE = "marketing"


class MarketingSettings(Deployment):
    """`mail_sender` is a sender that SES has verified; `api_url` the API's public address, for the way out."""

    mail_sender: str
    api_url: str


@dataclass(frozen=True, slots=True)
class Parts:
    """The parts of a container, built once; secrets are asked for when needed, so that they can be rotated."""

    settings: MarketingSettings
    policy: Policy
    clock: Clock
    accounts: Accounts
    campaigns: Campaigns
    links: Callable[[], Links]
    pseudonyms: Callable[[], Pseudonyms]
    queues: Queues
    post: Post
    transact: Callable[[Sequence[Operation]], None]

    def recipient(self, campaign_id: str, account_id: str) -> str:
        """How a campaign knows a person."""
        return self.pseudonyms().recipient(campaign_id, account_id)

    def send_on(self, message: dict[str, str]) -> None:
        """Queue a message of ids."""
        self.queues.send(QUEUE, self.settings.home_region, message)


def assemble(settings: MarketingSettings, clock: Clock = system_clock, clients: Clients = client) -> Parts:
    """The parts as they are on AWS."""
    home = Home(settings, clients)
    return Parts(
        settings=settings,
        policy=home.policy,
        clock=clock,
        accounts=Accounts(home.table("accounts")),
        campaigns=Campaigns(home.table("campaigns"), home.policy),
        links=home.links,
        pseudonyms=home.pseudonyms,
        queues=home.queues(),
        # One attempt: a repeated call whose answer was lost would send a message twice.
        post=Post(Letters(client("sesv2", settings.home_region, attempts=1), settings.mail_sender, home.policy)),
        transact=home.transact,
    )
