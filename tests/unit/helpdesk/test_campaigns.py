"""Campaigns of the HelpDesk: who may begin one, what is kept of it, and how far it is."""

import json
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from helpdesk.parts import Parts
from privacy.models.campaigns import Campaign, Outcome
from privacy.tables.store import SHARDS
from tests.unit.engine import NOON, Answer, SetClock, everything, items, messages, sample, send
from tests.unit.staff import Issuer, call

pytestmark = pytest.mark.promise("marketing.opt-out")

ROUTE = "/helpdesk/campaigns"
NEWS = {"subject": "A new report", "text": "It shows what moves slowly.\n\nOpen it.", "audience": "all"}


def begin(app: Any, issuer: Issuer, body: Any = None, **headers: str) -> Answer:
    return call(app, issuer.token("helpdesk"), "POST", ROUTE, body=body or NEWS, headers=headers)


def begun(app: Any, issuer: Issuer, **changes: Any) -> str:
    answer = begin(app, issuer, NEWS | changes)
    assert answer.status == 202, answer.body
    return str(answer.json()["campaign_id"])


def follow(app: Any, issuer: Issuer, campaign_id: str, now: datetime = NOON) -> Answer:
    return call(app, issuer.token("helpdesk", now=now), "GET", f"{ROUTE}/{campaign_id}")


def test_a_campaign_is_stored_and_its_id_alone_is_queued(app: Any, issuer: Issuer) -> None:
    campaign_id = begun(app, issuer)
    (row,) = items("campaigns")
    assert {name: row[name] for name in ("id", *NEWS)} == NEWS | {"id": campaign_id}
    assert row["ttl"] == int(datetime(2027, 5, 24, 12, tzinfo=UTC).timestamp())
    assert [json.loads(body) for body in messages("marketing")] == [{"kind": "campaign", "id": campaign_id}]
    assert messages("mail") == []


@pytest.mark.promise("security.measures")
def test_it_is_on_record_under_a_pseudonym_before_anything_is_queued(app: Any, issuer: Issuer, parts: Parts) -> None:
    campaign_id = begun(app, issuer, audience="trial")
    (entry,) = items("audit")
    assert (entry["action"], entry["subject"]) == ("campaign.created", campaign_id)
    assert json.loads(entry["facts"]) == {"audience": "trial"}
    assert entry["actor"] == parts.pseudonyms().of("staff", "person-helpdesk")
    assert b"person-helpdesk" not in everything()
    assert "slowly" not in str(items("audit"))


def test_what_cannot_be_put_on_record_is_not_begun(parts: Parts, issuer: Issuer) -> None:
    from dataclasses import replace

    from helpdesk.app import build

    class Full:
        def add(self, entry: Any) -> None:
            raise MemoryError

    app = build(lambda: replace(parts, trail=Full()))  # type: ignore[arg-type]  # a fake by hand
    assert begin(app, issuer).status == 500
    assert (items("campaigns"), messages("marketing")) == ([], [])


@pytest.mark.parametrize("role", ["security", "dpo"])
def test_a_campaign_is_the_helpdesk_s(app: Any, issuer: Issuer, role: str) -> None:
    for method, route in (("POST", ROUTE), ("GET", f"{ROUTE}/cam_{'a' * 26}")):
        body = NEWS if method == "POST" else None
        assert call(app, issuer.token(role), method, route, body=body).status == 403
        assert call(app, None, method, route, body=body).status == 401
    assert (items("campaigns"), items("audit"), messages("marketing")) == ([], [], [])


@pytest.mark.parametrize(
    ("changes", "field"),
    [
        ({"subject": "Two\nlines"}, "subject"),
        ({"subject": "Bcc\r\nto: x"}, "subject"),
        ({"subject": " "}, "subject"),
        ({"subject": "x" * 201}, "subject"),
        ({"subject": None}, "subject"),
        ({"text": ""}, "text"),
        ({"text": "x" * 5001}, "text"),
        ({"text": "\u202e"}, "text"),
        ({"audience": "everybody"}, "audience"),
        ({"audience": "contact"}, "audience"),
        ({"audience": ["all"]}, "audience"),
        ({"to": "canary-oxbow@example.org"}, "(unknown)"),
    ],
)
def test_what_is_wrong_is_named_and_nothing_is_begun(
    app: Any, issuer: Issuer, changes: dict[str, Any], field: str
) -> None:
    answer = begin(app, issuer, NEWS | changes)
    assert (answer.status, set(answer.errors)) == (422, {field})
    assert b"canary" not in answer.body
    assert (items("campaigns"), items("audit"), messages("marketing")) == ([], [], [])


def test_the_same_key_begins_one_campaign(app: Any, issuer: Issuer) -> None:
    first, again = (begin(app, issuer, **{"Idempotency-Key": "news-1"}) for _ in range(2))
    assert (first.status, first.body) == (again.status, again.body)
    assert begin(app, issuer, NEWS | {"audience": "trial"}, **{"Idempotency-Key": "news-1"}).status == 422
    assert len(items("campaigns")) == len(messages("marketing")) == 1
    assert len(items("audit")) == 1


def test_without_a_key_each_is_a_campaign_of_its_own(app: Any, issuer: Issuer) -> None:
    assert begun(app, issuer) != begun(app, issuer)


def test_a_campaign_is_followed_from_its_listing_to_its_end(app: Any, issuer: Issuer, parts: Parts) -> None:
    campaign_id = begun(app, issuer)
    begins = {
        "campaign_id": campaign_id,
        "audience": "all",
        "created_at": "2026-11-24T12:00:00Z",
        "status": "listing",
        "sent": 0,
        "skipped": 0,
        "waiting": 0,
        "unclear": 0,
    }
    assert follow(app, issuer, campaign_id).json() == begins
    for number in range(5):
        parts.campaigns.queue(_read(parts, campaign_id), f"person-{number}")
    for shard in SHARDS:
        assert parts.campaigns.go_on(_read(parts, campaign_id), shard, "end")
    assert follow(app, issuer, campaign_id).json() == begins | {"status": "sending", "waiting": 5}
    ends = [Outcome.SENT, Outcome.SENT, Outcome.SENT, Outcome.SKIPPED, Outcome.SENDING]
    for number, outcome in enumerate(ends):
        parts.campaigns.settle(campaign_id, f"person-{number}", Outcome.QUEUED, outcome)
    told = follow(app, issuer, campaign_id).json()
    assert told == begins | {"status": "done", "sent": 3, "skipped": 1, "unclear": 1}


def _read(parts: Parts, campaign_id: str) -> Campaign:
    campaign = parts.campaigns.get(campaign_id, NOON)
    assert campaign is not None
    return campaign


def test_a_look_at_a_campaign_is_on_record(app: Any, issuer: Issuer) -> None:
    campaign_id = begun(app, issuer)
    follow(app, issuer, campaign_id)
    assert {entry["action"] for entry in items("audit")} == {"campaign.created", "campaign.read"}


@pytest.mark.parametrize("campaign_id", ["cam_" + "a" * 26, "canary-oxbow", "cam_%00", "cam_x%23person-1"])
def test_what_is_no_campaign_is_404(app: Any, issuer: Issuer, campaign_id: str) -> None:
    answer = follow(app, issuer, campaign_id)
    assert answer.status == 404
    assert b"canary" not in answer.body
    assert items("audit") == []


@pytest.mark.parametrize(("late", "status"), [(-1, 200), (0, 404)])
def test_a_campaign_is_shown_until_its_period_ends(
    app: Any, issuer: Issuer, clock: SetClock, late: int, status: int
) -> None:
    campaign_id = begun(app, issuer)
    clock.set(datetime(2027, 5, 24, 12, 0, tzinfo=UTC) + timedelta(seconds=late))
    assert follow(app, issuer, campaign_id, now=clock()).status == status


@pytest.mark.parametrize(("name", "status"), [("campaign", 202), ("follow-campaign", 404), ("bad-campaign", 422)])
def test_the_samples_are_requests_of_staff(app: Any, issuer: Issuer, name: str, status: int) -> None:
    event = sample(f"helpdesk/{name}")
    assert send(app, event).status == 401
    event["headers"]["Authorization"] = f"Bearer {issuer.token('helpdesk')}"
    assert send(app, event).status == status
