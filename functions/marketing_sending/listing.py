"""Listing who is to get a campaign: a message for each of them, from a journal that a died worker's successor goes on
from.

Who is listed twice, as a repeated message or a contact in between can do, is noted and sent to once.
"""

from dataclasses import replace
from functools import partial
from itertools import islice

from marketing_sending.parts import Parts
from privacy.aws import overlapped
from privacy.consumer import HasTime
from privacy.models.campaigns import LISTED, Campaign
from privacy.queues import MalformedMessageError
from privacy.tables.store import SHARDS

PAGE = 100
"""People between two entries in the journal: what is listed again after a crash."""


def begin(parts: Parts, campaign_id: str) -> None:
    """Queue the listing of each shard of those who agreed."""
    if parts.campaigns.get(campaign_id, parts.clock()) is None:
        return
    for shard in SHARDS:
        parts.send_on({"kind": "shard", "id": campaign_id, "segment": shard})


def list_shard(parts: Parts, campaign_id: str, shard: str, has_time: HasTime) -> None:
    """Queue a message for each person of a shard that the campaign is for; when time is up, the rest of the listing.

    Raises: MalformedMessageError for a shard that is none.
    """
    if shard not in SHARDS:
        raise MalformedMessageError("there is no such shard")
    campaign = parts.campaigns.get(campaign_id, parts.clock())
    if campaign is None:
        return
    while (place := campaign.places.get(shard)) != LISTED:
        if not has_time():
            parts.send_on({"kind": "shard", "id": campaign_id, "segment": shard})
            return
        people = list(islice(parts.accounts.agreed(shard, place, PAGE), PAGE))
        overlapped(partial(_queue, parts, campaign), _audience(parts, campaign, people))
        reached = people[-1][1] if len(people) == PAGE else LISTED
        if not parts.campaigns.go_on(campaign, shard, reached):
            return
        campaign = replace(campaign, places={**campaign.places, shard: reached})


def _audience(parts: Parts, campaign: Campaign, people: list[tuple[str, str]]) -> list[str]:
    ids = [account_id for account_id, _ in people]
    if campaign.audience == "all":
        return ids
    kinds = parts.accounts.kinds(ids)
    return [account_id for account_id in ids if kinds.get(account_id) == campaign.audience]


def _queue(parts: Parts, campaign: Campaign, account_id: str) -> None:
    parts.campaigns.queue(campaign, parts.recipient(campaign.id, account_id))
    parts.send_on({"kind": "message", "id": campaign.id, "account_id": account_id})
