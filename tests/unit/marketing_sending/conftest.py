"""The sending of marketing over the template's stores and queue, with an SES that a test can break."""

import json
from collections.abc import Callable
from dataclasses import replace
from typing import Any

import pytest
from botocore.exceptions import ClientError

from marketing_sending.app import build
from marketing_sending.parts import MarketingSettings, Parts, assemble
from marketing_sending.post import Post
from privacy.models.campaigns import Campaign
from privacy.models.ids import new_id
from privacy.settings import load
from tests.unit.engine import Context, SetClock, environment, failures, messages, sqs_event
from tests.unit.subscribers import ADDRESS, Ses

API = "https://api.perfectwork.example"


@pytest.fixture
def ses() -> Ses:
    return Ses()


@pytest.fixture
def parts(stores: None, clock: SetClock, ses: Ses) -> Parts:
    settings = load(MarketingSettings, environment("MarketingSendingFunction", ApiUrl=API))
    assembled = assemble(settings, clock)
    return replace(assembled, post=Post(replace(assembled.post.letters, ses=ses)))


@pytest.fixture
def handler(parts: Parts) -> Any:
    return build(lambda: parts)


@pytest.fixture
def campaign(parts: Parts, clock: SetClock) -> Campaign:
    """A campaign for everybody, stored and not yet begun."""
    return made(parts, clock)


def made(parts: Parts, clock: SetClock, audience: Any = "all") -> Campaign:
    campaign = Campaign(new_id("cam"), clock(), "A new report", "It shows what moves slowly.", audience)
    parts.campaigns.create(campaign)
    return campaign


@pytest.fixture
def deliver(handler: Any) -> Callable[..., list[str]]:
    """Hand over these messages; which of them failed."""
    return lambda *bodies: failures(handler(sqs_event(bodies, "marketing"), Context()))


@pytest.fixture
def listed(deliver: Any) -> Callable[[Campaign], list[dict[str, str]]]:
    """List a campaign's people; the messages that then wait for them."""

    def run(campaign: Campaign) -> list[dict[str, str]]:
        assert deliver({"kind": "campaign", "id": campaign.id}) == []
        shards = [json.loads(body) for body in messages("marketing")]
        assert len(shards) == 16
        for message in shards:
            assert deliver(message) == []
        return [json.loads(body) for body in messages("marketing")]

    return run


def outcomes(parts: Parts, campaign: Campaign) -> dict[str, int]:
    return {outcome.value: count for outcome, count in parts.campaigns.counts(campaign.id).items() if count}


def refusal(code: int) -> ClientError:
    response = {"Error": {"Code": f"Canary{code}", "Message": ADDRESS}, "ResponseMetadata": {"HTTPStatusCode": code}}
    return ClientError(response, "SendEmail")
