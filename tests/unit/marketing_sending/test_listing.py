"""Who is to get a campaign: everybody of the audience once, whatever is repeated, late or breaks off."""

import json
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from datetime import timedelta
from typing import Any

import pytest
from boto3.dynamodb.conditions import Attr

from marketing_sending import listing
from marketing_sending.app import build
from marketing_sending.parts import Parts
from privacy.models.accounts import Consent
from privacy.models.campaigns import LISTED, Campaign
from privacy.tables.accounts import Accounts
from privacy.tables.store import SHARDS, shard_of
from tests.unit.engine import NOON, Context, SetClock, failures, messages, sqs_event, table
from tests.unit.marketing_sending.conftest import made
from tests.unit.subscribers import Ses, subscriber

pytestmark = pytest.mark.promise("marketing.opt-out")

Deliver = Callable[..., list[str]]
Listed = Callable[[Campaign], list[dict[str, str]]]
SHARD = "0a"


def of_shard(count: int, *, now: Any = None) -> list[str]:
    """People of one shard, all of one second unless told otherwise."""
    made: list[str] = []
    number = 0
    while len(made) < count:
        number += 1
        account_id = f"acc_{number:026d}".replace("0", "a").replace("1", "b").replace("8", "c").replace("9", "d")
        if shard_of(account_id) == SHARD and account_id not in made:
            made.append(subscriber(f"person-{number}@example.org", account_id=account_id, now=now or NOON))
    return made


def shard(campaign: Campaign) -> dict[str, str]:
    return {"kind": "shard", "id": campaign.id, "segment": SHARD}


@dataclass
class Looked(Context):
    """A context whose time goes by from one look to the next."""

    looks: list[float] = field(default_factory=list)

    def get_remaining_time_in_millis(self) -> int:
        return int(self.looks.pop(0) * 1000)


def people(bodies: list[str]) -> Counter[str]:
    """Whom the messages that wait are for."""
    return Counter(json.loads(body)["account_id"] for body in bodies if "account_id" in body)


def test_everybody_who_agreed_is_listed_once_and_nobody_else(listed: Listed, campaign: Campaign) -> None:
    agreed = {subscriber(f"person-{number}@example.org") for number in range(40)}
    subscriber("no-oxbow@example.org", agreed=False)
    assert sorted(message["account_id"] for message in listed(campaign)) == sorted(agreed)


def test_an_audience_is_those_who_came_by_one_form(
    parts: Parts, listed: Listed, deliver: Deliver, ses: Ses, clock: SetClock
) -> None:
    kinds = ("registration", "download", "subscription", "trial")
    ids = {kind: subscriber(f"{kind}@example.org", kind=kind) for kind in kinds}
    for kind in kinds:
        waiting = listed(made(parts, clock, kind))
        assert [message["account_id"] for message in waiting] == [ids[kind]]
        assert deliver(*waiting) == []
    assert ses.to == [f"{kind}@example.org" for kind in kinds]


def test_a_message_outside_the_audience_does_not_leave(
    parts: Parts, deliver: Deliver, ses: Ses, clock: SetClock
) -> None:
    account_id = subscriber(kind="download")
    campaign = made(parts, clock, "trial")
    parts.campaigns.queue(campaign, parts.recipient(campaign.id, account_id))
    deliver({"kind": "message", "id": campaign.id, "account_id": account_id})
    assert ses.sent == []


def test_more_than_a_page_of_people_is_listed_whole(
    parts: Parts, deliver: Deliver, campaign: Campaign, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(listing, "PAGE", 7)
    ids = of_shard(22)
    assert deliver(shard(campaign)) == []
    assert people(messages("marketing")) == Counter(ids)
    found = parts.campaigns.get(campaign.id, NOON)
    assert found is not None
    assert found.places == {SHARD: LISTED}


def test_when_time_is_up_the_rest_is_queued_and_goes_on_from_there(
    handler: Any, campaign: Campaign, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(listing, "PAGE", 5)
    ids = of_shard(12)
    waiting: list[str] = [json.dumps(shard(campaign))]
    listed: Counter[str] = Counter()
    for looks in ([61.0, 59.0], [59.0], [300.0] * 9):  # seconds left: time for one page, for none, for the rest
        context = Looked(looks=looks)
        assert failures(handler(sqs_event(waiting, "marketing"), context)) == []
        bodies = messages("marketing")
        listed += people(bodies)
        waiting = [body for body in bodies if "segment" in body]
    assert waiting == []
    assert listed == Counter(ids)


def test_a_worker_that_died_repeats_one_page_and_nobody_gets_two_messages(
    parts: Parts, deliver: Deliver, ses: Ses, campaign: Campaign, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(listing, "PAGE", 5)
    ids = of_shard(12)

    class Dying:
        """Campaigns whose worker ends before it journals the second page."""

        pages = 0

        def __getattr__(self, name: str) -> Any:
            return getattr(parts.campaigns, name)

        def go_on(self, *arguments: Any) -> bool:
            self.pages += 1
            if self.pages == 2:
                raise MemoryError
            return parts.campaigns.go_on(*arguments)

    dying = build(lambda: replace(parts, campaigns=Dying()))  # type: ignore[arg-type]  # a fake by hand
    assert failures(dying(sqs_event([shard(campaign)], "marketing"), Context())) == ["message-0"]
    assert deliver(shard(campaign)) == []
    waiting = messages("marketing")
    assert people(waiting).keys() == set(ids)
    assert people(waiting).total() == 12 + 5
    for body in waiting:
        assert deliver(body) == []
    assert len(ses.sent) == 12
    assert len(set(ses.to)) == 12


def test_two_workers_at_one_shard_do_not_list_it_for_ever(
    parts: Parts, deliver: Deliver, campaign: Campaign, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(listing, "PAGE", 5)
    ids = of_shard(12)
    assert deliver(shard(campaign), shard(campaign)) == []
    stale = replace(campaign, places={})
    assert parts.campaigns.go_on(stale, SHARD, "1795521600.acc_x") is False
    assert people(messages("marketing")) == Counter(ids)


def test_a_place_in_the_list_outlives_the_account_that_it_names(parts: Parts, monkeypatch: pytest.MonkeyPatch) -> None:
    ids = sorted(of_shard(6))
    seen = list(parts.accounts.agreed(SHARD))[:3]
    parts.accounts.choose_marketing(seen[2][0], Consent(False, NOON, "2026-11-24"))
    table("accounts").delete({"id": seen[1][0]})
    rest = [account_id for account_id, _ in parts.accounts.agreed(SHARD, seen[2][1])]
    assert sorted([account_id for account_id, _ in seen] + rest) == ids


def test_who_is_heard_of_during_the_listing_is_in_it_and_gets_one_message(
    parts: Parts, deliver: Deliver, ses: Ses, campaign: Campaign, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(listing, "PAGE", 5)
    ids = of_shard(12)
    agreed = Accounts.agreed

    def moving(accounts: Accounts, name: str, after: str | None = None, page: int = 1000) -> Any:
        if after:  # the first in the list is heard of: it is the last from now on
            contact = int((NOON + timedelta(days=2)).timestamp())
            table("accounts").update({"id": sorted(ids)[0]}, {"marketing_at": contact}, Attr("id").exists())
        return agreed(accounts, name, after, page)

    monkeypatch.setattr(Accounts, "agreed", moving)
    assert deliver(shard(campaign)) == []
    for body in messages("marketing"):
        deliver(body)
    assert len(ses.sent) == len(set(ses.to)) == 12


def test_a_campaign_queues_every_shard(deliver: Deliver, campaign: Campaign) -> None:
    assert deliver({"kind": "campaign", "id": campaign.id}) == []
    assert sorted(json.loads(body)["segment"] for body in messages("marketing")) == list(SHARDS)


def test_a_campaign_that_is_listed_is_not_listed_again(listed: Listed, campaign: Campaign) -> None:
    subscriber()
    assert len(listed(campaign)) == 1
    assert listed(campaign) == []
