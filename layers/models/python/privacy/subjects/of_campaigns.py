"""What is held of marketing messages that a person received, or was to receive."""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime

from privacy.clock import rfc3339
from privacy.models.campaigns import Outcome
from privacy.policy import Policy
from privacy.subjects.holding import HOSTING, MAILING, Holding, Item, Thing
from privacy.subjects.person import Person
from privacy.tables.campaigns import Campaigns
from privacy.vault.tokens import Pseudonyms

_MAILED = (Outcome.SENDING, Outcome.SENT)


@dataclass(frozen=True, slots=True)
class OfCampaigns(Holding):
    """Marketing messages; the secret of the pseudonyms is asked for when it is needed, so that it can be rotated."""

    campaigns: Campaigns
    pseudonyms: Callable[[], Pseudonyms]
    policy: Policy
    category = "marketing-messages"
    store = "campaigns"
    purpose = "to send a message once, and only while you agree"
    origin = "us, when you agreed to news and offers"
    holds = "which marketing messages were sent: each counts on, without whose it was"

    def items(self, person: Person, now: datetime) -> Iterator[Item]:
        """The messages; each ends with its campaign."""
        outcomes = self._outcomes(person)
        for campaign in self.campaigns.several(outcomes, now):
            outcome, created_at = outcomes[campaign.id], rfc3339(campaign.created_at)
            data = {
                "campaign_id": campaign.id,
                "subject": campaign.subject,
                "outcome": outcome.value,
                "created_at": created_at,
            }
            ends = self.policy.retention["campaigns"].after(campaign.created_at)
            recipients = (HOSTING, MAILING) if outcome in _MAILED else (HOSTING,)
            yield Item(f"{created_at} {campaign.id}", data, ends, recipients)

    def left(self, person: Person) -> Sequence[Thing]:
        """All of them, by their campaigns."""
        return [(campaign_id,) for campaign_id in self._outcomes(person)]

    def remove(self, person: Person, things: Sequence[Thing]) -> None:
        """Take out whose they were; the counts of a campaign stay what they are."""
        for (campaign_id,) in things:
            recipient = self.pseudonyms().recipient(campaign_id, person.account_id)
            self.campaigns.forget_person(campaign_id, recipient)

    def _outcomes(self, person: Person) -> dict[str, Outcome]:
        pseudonyms = self.pseudonyms()
        return self.campaigns.of_person(lambda campaign_id: pseudonyms.recipient(campaign_id, person.account_id))
