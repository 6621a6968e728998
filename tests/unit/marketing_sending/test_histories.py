"""Whatever comes in whatever order: nobody is written to who does not agree at that moment, and nobody twice."""

import json
import random
from collections import Counter
from contextlib import suppress
from dataclasses import dataclass, field, replace
from typing import Any

import pytest
from botocore.exceptions import ClientError, ReadTimeoutError

from marketing_sending.app import build
from marketing_sending.parts import Parts
from marketing_sending.post import Post
from privacy.models.accounts import Consent
from privacy.models.campaigns import Campaign
from privacy.tables.store import ConditionFailedError
from tests.unit.engine import NOON, Context, SetClock, failures, messages, sqs_event
from tests.unit.subscribers import chosen, subscriber

pytestmark = pytest.mark.promise("marketing.opt-out")


class DiedError(Exception):
    """The worker ended here."""


@dataclass
class World:
    """People who change their minds, a queue that repeats and reorders, workers that die, and an SES that fails."""

    parts: Parts
    dice: random.Random
    people: dict[str, str]
    waiting: list[str] = field(default_factory=list)
    delivered: list[str] = field(default_factory=list)
    sent: Counter[tuple[str, str]] = field(default_factory=Counter)
    against: list[str] = field(default_factory=list)

    def send_email(self, **mail: Any) -> dict[str, str]:
        """SES's side: what it takes has left."""
        (address,) = mail["Destination"]["ToAddresses"]
        kind = self.dice.choice(["taken"] * 4 + ["throttled", "lost before", "lost after"])
        if kind == "throttled":
            raise ClientError({"Error": {"Code": "TooManyRequestsException"}}, "SendEmail")
        if kind != "lost before":
            self.sent[mail["Content"]["Simple"]["Subject"]["Data"], address] += 1
            if not chosen(self.people[address]).agreed:
                self.against.append(address)
        if kind != "taken":
            raise ReadTimeoutError(endpoint_url="https://ses.example")
        return {"MessageId": "1"}

    def links(self) -> Any:
        """Asked for between the reading of an account and its taking in hand: what happens then, happens there."""
        if self.dice.random() < 0.2:
            self.change_a_mind()
        if self.dice.random() < 0.1:
            raise DiedError
        return self.parts.links()

    def change_a_mind(self) -> None:
        account_id = self.dice.choice(list(self.people.values()))
        choice = Consent(self.dice.random() < 0.5, NOON, "2026-11-24")
        with suppress(ConditionFailedError):  # it was their choice already
            self.parts.accounts.choose_marketing(account_id, choice)

    def work(self) -> bool:
        """Some of what waits comes, in any order; some of what came comes again. Whether anything waited."""
        self.waiting += messages("marketing")
        self.dice.shuffle(self.waiting)
        batch = [self.waiting.pop() for _ in range(min(len(self.waiting), self.dice.randint(1, 10)))]
        if not batch:
            return False
        batch += self.dice.sample(self.delivered, min(len(self.delivered), 2))
        parts = replace(self.parts, links=self.links, post=Post(replace(self.parts.post.letters, ses=self)))
        again = failures(build(lambda: parts)(sqs_event(batch, "marketing"), Context()))
        self.waiting += [batch[int(name.removeprefix("message-"))] for name in again]
        self.delivered += batch
        return True


@pytest.mark.parametrize("seed", range(6))
def test_nobody_who_does_not_agree_is_written_to_and_nobody_twice(parts: Parts, clock: SetClock, seed: int) -> None:
    people = {
        f"person-{letter}@example.org": subscriber(f"person-{letter}@example.org", account_id=f"acc_{letter * 26}")
        for letter in "abcd"
    }
    world = World(parts, random.Random(seed), people)
    campaigns = [Campaign(f"cam_{letter * 26}", clock(), f"News {letter}", "Text", "all") for letter in "xy"]
    for campaign in campaigns:
        parts.campaigns.create(campaign)
        world.waiting.append(json.dumps({"kind": "campaign", "id": campaign.id}))
    for _ in range(25):
        world.dice.choice([world.work, world.work, world.work, world.change_a_mind])()
    while world.work():
        pass
    assert world.against == []
    assert world.sent
    assert set(world.sent.values()) == {1}
    for campaign in campaigns:
        counts = {outcome.value: count for outcome, count in parts.campaigns.counts(campaign.id).items()}
        assert counts["queued"] == 0
        of_campaign = sum(count for (subject, _), count in world.sent.items() if subject == campaign.subject)
        assert counts["sent"] <= of_campaign <= counts["sent"] + counts["sending"]
