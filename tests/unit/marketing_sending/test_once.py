"""A campaign's message is sent once: whatever is repeated, doubled, refused or not heard of."""

from collections.abc import Callable

import pytest
from botocore.exceptions import EndpointConnectionError, ParamValidationError, ReadTimeoutError

import mail.post
import mail.texts
from marketing_sending.parts import MarketingSettings, Parts, assemble
from privacy import policy
from privacy.egress import Letters
from privacy.models.campaigns import Campaign
from privacy.settings import load
from tests.unit.engine import SITE, environment
from tests.unit.marketing_sending.conftest import API, outcomes, refusal
from tests.unit.subscribers import ADDRESS, Ses, opt_out, subscriber

pytestmark = pytest.mark.promise("marketing.opt-out")

Deliver = Callable[..., list[str]]
Listed = Callable[[Campaign], list[dict[str, str]]]


def test_a_message_that_comes_twice_is_sent_once(
    parts: Parts, deliver: Deliver, listed: Listed, ses: Ses, campaign: Campaign
) -> None:
    subscriber()
    waiting = listed(campaign)
    assert deliver(*waiting, *waiting) == []
    assert deliver(*waiting) == []
    assert len(ses.sent) == 1
    assert outcomes(parts, campaign) == {"sent": 1}


def test_two_workers_with_the_same_message_send_it_once(
    parts: Parts, deliver: Deliver, listed: Listed, ses: Ses, campaign: Campaign
) -> None:
    subscriber()
    waiting = listed(campaign)
    second: list[list[str]] = []

    def meanwhile() -> None:
        ses.meanwhile = None
        second.append(deliver(*waiting))

    ses.meanwhile = meanwhile
    assert deliver(*waiting) == []
    assert second == [[]]
    assert len(ses.sent) == 1


NOT_TAKEN = [
    refusal(400),
    refusal(429),
    EndpointConnectionError(endpoint_url="https://ses.example"),
    ParamValidationError(report="canary"),
]
UNCLEAR = [refusal(500), ReadTimeoutError(endpoint_url="https://ses.example"), MemoryError()]


@pytest.mark.parametrize("error", NOT_TAKEN, ids=lambda error: type(error).__name__)
def test_what_ses_did_not_take_comes_again_and_is_sent(
    parts: Parts, deliver: Deliver, listed: Listed, ses: Ses, campaign: Campaign, error: Exception
) -> None:
    subscriber()
    waiting = listed(campaign)
    ses.errors = [error]
    assert deliver(*waiting) == ["message-0"]
    assert outcomes(parts, campaign) == {"queued": 1}
    assert deliver(*waiting) == []
    assert len(ses.sent) == 1
    assert outcomes(parts, campaign) == {"sent": 1}


def test_what_ses_did_not_take_does_not_leave_after_an_opt_out_either(
    parts: Parts, deliver: Deliver, listed: Listed, ses: Ses, campaign: Campaign
) -> None:
    account_id = subscriber()
    waiting = listed(campaign)
    ses.errors = [refusal(429)]
    assert deliver(*waiting) == ["message-0"]
    opt_out(account_id)
    assert deliver(*waiting) == []
    assert ses.sent == []
    assert outcomes(parts, campaign) == {"skipped": 1}


@pytest.mark.parametrize("error", UNCLEAR, ids=lambda error: type(error).__name__)
def test_where_ses_was_not_heard_to_answer_it_is_not_sent_twice(
    parts: Parts, deliver: Deliver, listed: Listed, ses: Ses, campaign: Campaign, error: Exception
) -> None:
    subscriber()
    waiting = listed(campaign)
    ses.errors = [error]
    assert deliver(*waiting) == ["message-0"]
    assert deliver(*waiting) == []
    assert ses.sent == []
    assert outcomes(parts, campaign) == {"sending": 1}


def test_a_mail_that_is_no_marketing_has_no_way_out_of_it(ses: Ses) -> None:
    mail.post.Post(Letters(ses, "no-reply@perfectwork.app", policy.load())).send(
        ADDRESS, mail.texts.known_address(SITE)
    )
    assert ses.headers == [{}]
    assert "opt-out" not in ses.texts[0]


def test_the_client_of_ses_makes_each_call_once(stores: None) -> None:
    settings = load(MarketingSettings, environment("MarketingSendingFunction", ApiUrl=API))
    assert assemble(settings).post.letters.ses.meta.config.retries["total_max_attempts"] == 1
    assert settings.api_url == API
    unset = load(MarketingSettings, environment("MarketingSendingFunction"))
    assert unset.api_url.startswith("https://")
    assert unset.api_url.endswith("/v1")
