"""Sending a campaign's message to one person: if they agree at this moment, and once (promise marketing.opt-out).

Consent is a condition of the transaction that takes the message in hand: an opt-out either comes before it, and nothing
leaves, or after it, while SES is being called. What follows the transaction is done once at most: a worker that dies
there loses one marketing message, which is better than sending it twice.
"""

from marketing_sending.parts import Parts
from marketing_sending.post import NotTakenError, Text
from marketing_sending.texts import message
from privacy.models.accounts import Account
from privacy.models.campaigns import Campaign, Outcome
from privacy.models.fields import mailbox
from privacy.tables.store import TransactionRefusedError


def send(parts: Parts, campaign_id: str, account_id: str) -> None:
    """Send a campaign's message to a person who was listed for it.

    Raises: NotTakenError (it comes again), and what leaves open whether SES took it (it is not sent again).
    """
    now = parts.clock()
    campaign = parts.campaigns.get(campaign_id, now)
    if campaign is None:
        return
    recipient = parts.recipient(campaign.id, account_id)
    account = parts.accounts.get(account_id)
    # All that can go wrong comes before the message is taken in hand: from there on it is done once.
    ready = _ready(parts, campaign, account) if account and campaign.is_for(account) else None
    if account is None or ready is None or not _taken(parts, campaign.id, recipient, account):
        parts.campaigns.settle(campaign.id, recipient, Outcome.QUEUED, Outcome.SKIPPED)
        return
    try:
        parts.post.send(*ready)
    except NotTakenError:
        parts.campaigns.settle(campaign.id, recipient, Outcome.SENDING, Outcome.QUEUED)
        raise
    parts.campaigns.settle(campaign.id, recipient, Outcome.SENDING, Outcome.SENT)


def _ready(parts: Parts, campaign: Campaign, account: Account) -> tuple[str, Text]:
    """The address and the message."""
    until = parts.policy.retention["marketing.link"].after(campaign.created_at)
    settings = parts.settings
    text = message(campaign, account.id, parts.links(), until, site=settings.site_url, api=settings.api_url)
    return mailbox(account.profile["email"]), text


def _taken(parts: Parts, campaign_id: str, recipient: str, account: Account) -> bool:
    """Whether the message is this worker's to send: its person agrees, and nobody has taken it before."""
    period = parts.policy.retention["accounts.marketing"]
    try:
        parts.transact(
            [
                parts.accounts.agrees_operation(account, period, parts.clock()),
                parts.campaigns.claim_operation(campaign_id, recipient),
            ]
        )
    except TransactionRefusedError:
        return False
    return True
