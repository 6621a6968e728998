"""A campaign's message as one person gets it: what staff wrote, why it came, and the way out."""

from datetime import datetime

from marketing_sending.post import Text
from privacy.models.accounts import MARKETING_OPT_OUT
from privacy.models.campaigns import Campaign
from privacy.vault.tokens import Links


def message(campaign: Campaign, account_id: str, links: Links, until: datetime, *, site: str, api: str) -> Text:
    """The message. Its two ways out have one token, which works `until` then; a program reads the link from the line of
    its own.
    """
    token = links.token(MARKETING_OPT_OUT, account_id, until)
    return Text(
        campaign.subject,
        f"""{campaign.text}

--
This comes to you because you agreed to news and offers of PerfectWORK by e-mail.
You can stop them at any time. Open this link:

{site}/opt-out#token={token}

PerfectWORK
""",
        f"{api}/marketing/opt-out/{token}",
    )
