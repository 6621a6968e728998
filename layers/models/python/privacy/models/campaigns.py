"""Marketing campaigns: one message to all who agree and whom it is for (promise marketing.opt-out)."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum
from typing import Annotated, Literal

from privacy.models.accounts import Account
from privacy.models.fields import Form, Line, Message, NoCards

Audience = Literal["all", "registration", "download", "subscription", "trial"]
"""Everybody, or those whose account came of one kind of form."""


class NewCampaign(Form):
    """The body of `POST /helpdesk/campaigns`."""

    subject: Annotated[Line, NoCards]
    text: Annotated[Message, NoCards]
    audience: Audience


class Outcome(StrEnum):
    """What became of a campaign's message to one person."""

    QUEUED = "queued"
    SENDING = "sending"
    """It was given to SES, which has not answered yet; where its worker died it stays so, and is not sent again."""
    SENT = "sent"
    SKIPPED = "skipped"
    """Not sent: at that moment they did not agree, or the account was gone."""


LISTED = "end"
"""The place in a list of people after which nobody comes."""


@dataclass(frozen=True, slots=True)
class Campaign:
    """A marketing message. `places` says how far the people of each shard are listed."""

    id: str
    created_at: datetime
    subject: str
    text: str
    audience: Audience
    places: Mapping[str, str] = field(default_factory=dict)

    def is_for(self, account: Account) -> bool:
        """Whether a person is of the audience."""
        return self.audience in ("all", account.profile.get("kind"))
