"""A campaign's message to one person: with a way out, to who agrees at that moment, once."""

import base64
import re
from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from boto3.dynamodb.conditions import Attr

import marketing.app
import marketing.parts
from marketing_sending.app import build
from marketing_sending.parts import Parts
from privacy import policy
from privacy.models.accounts import Consent
from privacy.models.campaigns import Campaign, Outcome
from privacy.settings import Deployment, load
from tests.unit.engine import (
    NOON,
    SITE,
    Context,
    SetClock,
    environment,
    everything,
    failures,
    http,
    items,
    messages,
    sample,
    sqs_event,
    table,
)
from tests.unit.marketing_sending.conftest import API, made, outcomes, refusal
from tests.unit.subscribers import ADDRESS, Ses, opt_out, subscriber

pytestmark = pytest.mark.promise("marketing.opt-out")

Deliver = Callable[..., list[str]]
Listed = Callable[[Campaign], list[dict[str, str]]]


@pytest.fixture
def website(stores: None, clock: SetClock) -> Any:
    """The function of the way out."""
    parts = marketing.parts.assemble(load(Deployment, environment("MarketingFunction")), clock)
    return marketing.app.build(lambda: parts)


# --- what leaves ---------------------------------------------------------------------------------------------------


def test_who_agreed_gets_one_message_with_both_headers_and_the_way_out_on_a_line(
    parts: Parts, deliver: Deliver, listed: Listed, ses: Ses, campaign: Campaign
) -> None:
    subscriber()
    assert deliver(*listed(campaign)) == []
    assert ses.to == [ADDRESS]
    (token,) = re.findall(rf"^{SITE}/opt-out#token=(\S+)$", ses.texts[0], re.MULTILINE)
    assert ses.headers == [
        {
            "List-Unsubscribe": f"<{API}/marketing/opt-out/{token}>",
            "List-Unsubscribe-Post": "List-Unsubscribe=One-Click",
        }
    ]
    assert ses.texts[0].startswith("It shows what moves slowly.\n")
    (sent,) = ses.sent
    assert sent["Content"]["Simple"]["Subject"]["Data"] == "A new report"
    assert sent["FromEmailAddress"] == "no-reply@perfectwork.app"
    assert sent["Destination"] == {"ToAddresses": [ADDRESS]}
    assert sent["Content"]["Simple"]["Body"].keys() == {"Text"}
    assert outcomes(parts, campaign) == {"sent": 1}


def test_the_way_out_of_a_message_works_by_one_click(
    deliver: Deliver, listed: Listed, ses: Ses, campaign: Campaign, website: Any, clock: SetClock, parts: Parts
) -> None:
    account_id = subscriber()
    deliver(*listed(campaign))
    link = ses.headers[0]["List-Unsubscribe"].strip("<>").removeprefix(API)
    assert http(website, "POST", link, body="List-Unsubscribe=One-Click").status == 200
    clock.advance(hours=1)
    assert listed(made(parts, clock)) == []
    account = parts.accounts.get(account_id)
    assert account is not None
    assert account.marketing == Consent(False, NOON, policy.load().version.isoformat())


def test_a_header_of_the_way_out_is_one_that_ses_takes(
    deliver: Deliver, listed: Listed, ses: Ses, campaign: Campaign
) -> None:
    """https://docs.aws.amazon.com/ses/latest/APIReference-V2/API_MessageHeader.html"""
    subscriber()
    deliver(*listed(campaign))
    for name, value in ses.headers[0].items():
        assert len(name) <= 126
        assert 0 < len(value) <= 870
        assert re.fullmatch(r"[\x21-\x7e]+", value)


def test_the_way_out_of_an_old_message_outlives_another_yes(
    deliver: Deliver, listed: Listed, ses: Ses, campaign: Campaign, website: Any, parts: Parts
) -> None:
    account_id = subscriber()
    deliver(*listed(campaign))
    opt_out(account_id)
    parts.accounts.choose_marketing(account_id, Consent(True, NOON, "2026-11-24"))
    http(website, "POST", ses.headers[0]["List-Unsubscribe"].strip("<>").removeprefix(API))
    account = parts.accounts.get(account_id)
    assert account is not None
    assert not account.marketing.agreed


def test_a_message_tells_whose_it_is_to_nobody_but_by_an_id(
    deliver: Deliver, listed: Listed, ses: Ses, campaign: Campaign
) -> None:
    account_id = subscriber()
    deliver(*listed(campaign))
    token = ses.headers[0]["List-Unsubscribe"].strip("<>").rsplit("/", 1)[1]
    payload = base64.urlsafe_b64decode(token + "=" * (-len(token) % 4))[32:]
    assert payload == f"opt-out.{account_id}.{int(datetime(2031, 11, 24, 12, tzinfo=UTC).timestamp())}".encode()


# --- what does not -------------------------------------------------------------------------------------------------


def test_what_waits_in_the_queue_does_not_leave_after_an_opt_out(
    parts: Parts, deliver: Deliver, listed: Listed, ses: Ses, campaign: Campaign, website: Any
) -> None:
    first, second = subscriber(), subscriber("another-oxbow@example.org")
    waiting = listed(campaign)
    assert {message["account_id"] for message in waiting} == {first, second}
    token = parts.links().token("opt-out", first, NOON + timedelta(days=1))
    assert http(website, "POST", f"/marketing/opt-out/{token}").status == 200
    assert deliver(*waiting) == []
    assert ses.to == ["another-oxbow@example.org"]
    assert outcomes(parts, campaign) == {"sent": 1, "skipped": 1}


def _closed(account_id: str) -> None:
    changes = {"closed": True, "marketing_shard": None, "marketing_at": None}
    table("accounts").update({"id": account_id}, changes, Attr("id").exists())


def _gone(account_id: str) -> None:
    table("accounts").delete({"id": account_id})


def _out_of_the_list(account_id: str) -> None:
    changes = {"marketing_shard": None, "marketing_at": None}
    table("accounts").update({"id": account_id}, changes, Attr("id").exists())


def _closed_alone(account_id: str) -> None:
    table("accounts").update({"id": account_id}, {"closed": True}, Attr("id").exists())


GONE = [opt_out, _closed, _closed_alone, _gone, _out_of_the_list]


@pytest.mark.parametrize("change", GONE, ids=lambda change: change.__name__.strip("_"))
def test_nothing_leaves_to_who_agreed_when_it_was_queued_and_does_not_now(
    parts: Parts, deliver: Deliver, listed: Listed, ses: Ses, campaign: Campaign, change: Callable[[str], None]
) -> None:
    account_id = subscriber()
    waiting = listed(campaign)
    change(account_id)
    assert deliver(*waiting) == []
    assert ses.sent == []
    assert outcomes(parts, campaign) == {"skipped": 1}


@pytest.mark.parametrize("change", GONE, ids=lambda change: change.__name__.strip("_"))
def test_nothing_leaves_to_who_opts_out_between_the_reading_and_the_sending(
    parts: Parts, listed: Listed, ses: Ses, campaign: Campaign, change: Callable[[str], None]
) -> None:
    account_id = subscriber()
    waiting = listed(campaign)

    def links() -> Any:
        change(account_id)  # the account was read before, and agreed
        return parts.links()

    racing = build(lambda: replace(parts, links=links))
    assert failures(racing(sqs_event(waiting, "marketing"), Context())) == []
    assert ses.sent == []
    assert outcomes(parts, campaign) == {"skipped": 1}


def test_an_opt_out_while_ses_is_being_called_is_followed_by_nothing(
    parts: Parts, deliver: Deliver, listed: Listed, ses: Ses, campaign: Campaign, clock: SetClock
) -> None:
    account_id = subscriber()
    waiting = listed(campaign)
    ses.meanwhile = lambda: opt_out(account_id)
    deliver(*waiting)
    ses.meanwhile = None
    assert len(ses.sent) == 1
    assert deliver(*waiting, *waiting) == []
    other = made(parts, clock)
    parts.campaigns.queue(other, parts.recipient(other.id, account_id))  # listed a moment before
    assert deliver({"kind": "message", "id": other.id, "account_id": account_id}) == []
    assert len(ses.sent) == 1
    assert outcomes(parts, other) == {"skipped": 1}


def test_an_address_that_changed_after_it_was_read_is_not_written_to(
    parts: Parts, listed: Listed, ses: Ses, campaign: Campaign
) -> None:
    account_id = subscriber()
    waiting = listed(campaign)

    def links() -> Any:
        table("accounts").update({"id": account_id}, {"email_tag": "another"}, Attr("id").exists())
        return parts.links()

    racing = build(lambda: replace(parts, links=links))
    failures(racing(sqs_event(waiting, "marketing"), Context()))
    assert ses.sent == []


@pytest.mark.promise("accounts.necessity")
@pytest.mark.parametrize(("late", "sent"), [(-1, 1), (0, 0)])
def test_who_was_not_heard_of_for_two_years_gets_nothing_from_that_second_on(
    parts: Parts, deliver: Deliver, listed: Listed, ses: Ses, clock: SetClock, late: int, sent: int
) -> None:
    subscriber()
    clock.set(datetime(2028, 11, 24, 12, 0, tzinfo=UTC) + timedelta(seconds=late))
    deliver(*listed(made(parts, clock)))
    assert len(ses.sent) == sent


def test_who_never_agreed_gets_nothing_even_if_a_message_names_them(
    parts: Parts, deliver: Deliver, listed: Listed, ses: Ses, campaign: Campaign
) -> None:
    account_id = subscriber(agreed=False)
    assert listed(campaign) == []
    assert deliver({"kind": "message", "id": campaign.id, "account_id": account_id}) == []
    assert ses.sent == []


def test_who_was_not_listed_gets_nothing_though_they_agree(
    parts: Parts, deliver: Deliver, ses: Ses, campaign: Campaign
) -> None:
    account_id = subscriber()
    assert deliver({"kind": "message", "id": campaign.id, "account_id": account_id}) == []
    assert ses.sent == []
    assert outcomes(parts, campaign) == {}


@pytest.mark.parametrize(("late", "sent"), [(-1, 1), (0, 0)])
def test_a_campaign_whose_period_is_over_sends_nothing(
    parts: Parts, deliver: Deliver, listed: Listed, ses: Ses, campaign: Campaign, clock: SetClock, late: int, sent: int
) -> None:
    subscriber()
    waiting = listed(campaign)
    clock.set(datetime(2027, 5, 24, 12, 0, tzinfo=UTC) + timedelta(seconds=late))
    assert deliver(*waiting) == []
    assert len(ses.sent) == sent
    assert deliver({"kind": "campaign", "id": campaign.id}, {"kind": "shard", "id": campaign.id, "segment": "00"}) == []
    assert len(messages("marketing")) == (16 if sent else 0)


# --- who it was, in no place where it must not be ------------------------------------------------------------------


def test_no_address_and_no_name_is_in_a_queue_a_log_or_a_campaign_s_row(
    parts: Parts, deliver: Deliver, listed: Listed, ses: Ses, campaign: Campaign, capfd: pytest.CaptureFixture[str]
) -> None:
    account_id = subscriber()
    waiting = listed(campaign)
    ses.errors = [refusal(400), refusal(500)]
    deliver(*waiting)
    deliver(*waiting)
    for message in waiting:
        parts.send_on(message)
    stored = everything().decode().replace(str(table("accounts").get({"id": account_id})), "")
    out, err = capfd.readouterr()
    for canary in (ADDRESS, "Canary Subscriber", "oxbow", "Oxbow"):
        assert canary not in stored
        assert canary not in out + err
    rows = str(items("campaigns"))
    assert account_id not in rows  # by a keyed pseudonym alone
    assert account_id not in out + err


def test_one_person_has_another_pseudonym_in_each_campaign(
    parts: Parts, listed: Listed, campaign: Campaign, clock: SetClock
) -> None:
    subscriber()
    other = made(parts, clock)
    for each in (campaign, other):
        assert len(listed(each)) == 1
    marks = [row["id"].split("#")[1] for row in items("campaigns") if "#" in row["id"]]
    assert len(set(marks)) == 2


BAD = {
    "campaign": [],
    "shard": [],
    "message": [],
    "bad-no-account": ["00000000-0000-4000-8000-000000000000"],
    "bad-shard": ["00000000-0000-4000-8000-000000000000"],
    "bad-address-in-a-message": ["00000000-0000-4000-8000-000000000000"],
    "bad-one-in-a-batch": ["00000001-0000-4000-8000-000000000000"],
}


@pytest.mark.parametrize("name", BAD)
def test_a_message_that_is_none_of_ours_fails_alone(
    handler: Any, ses: Ses, name: str, capfd: pytest.CaptureFixture[str]
) -> None:
    assert failures(handler(sample(f"marketing_sending/{name}"), Context())) == BAD[name]
    assert ses.sent == []
    out, err = capfd.readouterr()
    assert ("MalformedMessageError" in out) == name.startswith("bad")
    assert "mei.tan" not in out + err


def test_an_outcome_that_was_settled_is_not_settled_again(parts: Parts, campaign: Campaign) -> None:
    parts.campaigns.queue(campaign, "x")
    parts.campaigns.settle(campaign.id, "x", Outcome.QUEUED, Outcome.SKIPPED)
    parts.campaigns.settle(campaign.id, "x", Outcome.QUEUED, Outcome.SENT)
    parts.campaigns.queue(campaign, "x")
    assert outcomes(parts, campaign) == {"skipped": 1}
