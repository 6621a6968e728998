"""The campaigns table: marketing messages, and who was to get each, by a keyed pseudonym.

Key `id`: `cam_…` for a campaign, `<campaign>#<pseudonym>` for a recipient. Index `due` (`shard`, `created_at`): a
recipient's `created_at` is the campaign's, so that both end together. Index `outcomes` (`campaign`, `outcome`), sparse:
recipients alone. Index `campaigns` (`kind`, `created_at`), sparse: campaigns alone. How far the people of a shard are
listed is the campaign's attribute `place_<shard>`. Of who was erased the outcome stays, under a name that is nobody's.
"""

import secrets
from collections.abc import Callable, Iterable, Iterator
from contextlib import suppress
from dataclasses import dataclass
from datetime import datetime

from boto3.dynamodb.conditions import Attr, Key

from privacy.models.campaigns import Campaign, Outcome
from privacy.policy import Period, Policy
from privacy.tables.expiry import Expiring
from privacy.tables.store import (
    SHARDS,
    ConditionFailedError,
    Item,
    Operation,
    Table,
    TransactionRefusedError,
    epoch,
    instant,
    shard_of,
    transact,
)

_KIND = "campaign"


@dataclass(frozen=True, slots=True)
class Campaigns:
    """Typed access to the campaigns table."""

    table: Table
    policy: Policy

    def create(self, campaign: Campaign) -> None:
        """Store a new campaign; the same one again is the same."""
        said: Item = {"subject": campaign.subject, "text": campaign.text, "audience": campaign.audience, "kind": _KIND}
        with suppress(ConditionFailedError):
            self.table.put(self._item(campaign.id, campaign) | said, Attr("id").not_exists())

    def get(self, campaign_id: str, now: datetime) -> Campaign | None:
        """A campaign whose period has not ended."""
        item = self.table.get({"id": campaign_id})
        return None if item is None or self.expiring().is_over(item, now) else _campaign(item)

    def several(self, campaign_ids: Iterable[str], now: datetime) -> Iterator[Campaign]:
        """Those of some distinct campaigns whose period has not ended, in no order."""
        for item in self.table.get_all({"id": campaign_id} for campaign_id in campaign_ids):
            if not self.expiring().is_over(item, now):
                yield _campaign(item)

    def go_on(self, campaign: Campaign, shard: str, place: str) -> bool:
        """Note how far the people of a shard are listed; False when another worker has gone on in the meantime."""
        name, known = f"place_{shard}", campaign.places.get(shard)
        here = Attr(name).eq(known) if known else Attr(name).not_exists()
        try:
            self.table.update({"id": campaign.id}, {name: place}, Attr("id").exists() & here)
        except ConditionFailedError:
            return False
        return True

    def queue(self, campaign: Campaign, recipient: str) -> None:
        """Note that somebody (a keyed pseudonym) is to get a campaign's message; who is noted already stays so."""
        item = self._item(_key(campaign.id, recipient), campaign)
        item |= {"campaign": campaign.id, "outcome": Outcome.QUEUED.value}
        with suppress(ConditionFailedError):
            self.table.put(item, Attr("id").not_exists())

    def claim_operation(self, campaign_id: str, recipient: str) -> Operation:
        """The write, for a transaction, that takes a message in hand: once, and only for who was noted before."""
        queued = Attr("outcome").eq(Outcome.QUEUED.value)
        changes = {"outcome": Outcome.SENDING.value}
        return self.table.update_operation({"id": _key(campaign_id, recipient)}, changes, queued)

    def settle(self, campaign_id: str, recipient: str, was: Outcome, outcome: Outcome) -> None:
        """Note what became of a message, if it is still what it was."""
        with suppress(ConditionFailedError):
            changes = {"outcome": outcome.value}
            self.table.update({"id": _key(campaign_id, recipient)}, changes, Attr("outcome").eq(was.value))

    def of_person(self, recipient_in: Callable[[str], str]) -> dict[str, Outcome]:
        """What became of somebody's messages, by the campaign's id, also where it is over. `recipient_in` tells by
        which pseudonym a campaign knows them. Campaigns are few: each is asked.
        """
        campaigns = self.table.query(Key("kind").eq(_KIND), index="campaigns", names=("id",))
        keys = {_key(item["id"], recipient_in(item["id"])): item["id"] for item in campaigns}
        found = self.table.get_all(({"id": key} for key in keys), names=("id", "outcome"))
        return {keys[item["id"]]: Outcome(item["outcome"]) for item in found}

    def forget_person(self, campaign_id: str, recipient: str) -> None:
        """Keep what became of a message for the campaign's counts, and nothing of whose it was. One that waits is not
        sent any more; one whose outcome changes at this moment stays as it is.
        """
        found = self.table.get({"id": _key(campaign_id, recipient)})
        if found is None:
            return
        key, outcome = _key(campaign_id, secrets.token_hex(16)), found["outcome"]
        counted = Outcome.SKIPPED.value if outcome == Outcome.QUEUED.value else outcome
        nobodys = found | {"id": key, "shard": shard_of(key), "outcome": counted}
        with suppress(TransactionRefusedError):
            transact(
                self.table.client,
                [
                    self.table.delete_operation({"id": found["id"]}, Attr("outcome").eq(outcome)),
                    self.table.put_operation(nobodys, Attr("id").not_exists()),
                ],
            )

    def counts(self, campaign_id: str) -> dict[Outcome, int]:
        """How many messages came to each outcome; the index may be a moment behind."""
        counted = dict.fromkeys(Outcome, 0)
        for item in self.table.query(Key("campaign").eq(campaign_id), index="outcomes", names=("outcome",)):
            counted[Outcome(item["outcome"])] += 1
        return counted

    def expiring(self) -> Expiring:
        """What is due: campaigns and their recipients."""
        return Expiring(self.table, "id", "due", "created_at", self._period)

    @property
    def _period(self) -> Period:
        return self.policy.retention["campaigns"]

    def _item(self, key: str, campaign: Campaign) -> Item:
        return {
            "id": key,
            "created_at": epoch(campaign.created_at),
            "shard": shard_of(key),
            "ttl": epoch(self._period.after(campaign.created_at)),
        }


def _key(campaign_id: str, recipient: str) -> str:
    return f"{campaign_id}#{recipient}"


def _campaign(item: Item) -> Campaign:
    return Campaign(
        id=item["id"],
        created_at=instant(item["created_at"]),
        subject=item["subject"],
        text=item["text"],
        audience=item["audience"],
        places={shard: item[f"place_{shard}"] for shard in SHARDS if f"place_{shard}" in item},
    )
