"""What was refused to processors: as the DPO finds it, and sent again."""

import json
from collections.abc import Iterator
from datetime import datetime, timedelta
from typing import Any

import pytest

from helpdesk.parts import Parts
from privacy.clock import rfc3339
from privacy.models.disclosures import Disclosure, erasure_notice, payment
from privacy.models.ids import new_id
from privacy.tables.store import ConditionFailedError
from tests.unit.engine import NOON, SetClock, items, messages, sample, send
from tests.unit.interference import killed_at, once_before, recorded
from tests.unit.staff import Issuer, call

pytestmark = pytest.mark.promise("processors.allow-list")

ROUTE = "/helpdesk/disclosures"
SECOND = timedelta(seconds=1)


@pytest.fixture
def token(issuer: Issuer) -> str:
    return issuer.token("dpo", exp=int((NOON + timedelta(days=2000)).timestamp()))


def queued(parts: Parts, at: datetime = NOON) -> Disclosure:
    made = payment("stripe", new_id("bil"), "acc_canary", at)
    parts.disclosures.create(made)
    return made


def refused(parts: Parts, at: datetime = NOON, reason: str = "the processor answered 422") -> Disclosure:
    made = queued(parts, at)
    parts.disclosures.refused(made, reason, at + SECOND)
    return made


def listed(app: Any, token: str, query: str = "") -> list[dict[str, Any]]:
    answer = call(app, token, "GET", ROUTE + query)
    assert answer.status == 200, answer.body
    found: list[dict[str, Any]] = answer.json()["items"]
    return found


def resend(app: Any, token: str, disclosure_id: str) -> Any:
    return call(app, token, "POST", f"{ROUTE}/{disclosure_id}/resend")


def test_what_was_refused_comes_first_then_what_waits_and_what_arrived_is_not_listed(
    app: Any, token: str, parts: Parts
) -> None:
    waits, late, early, arrived = (
        queued(parts), refused(parts, NOON - SECOND), refused(parts, NOON - 2 * SECOND), queued(parts),
    )  # fmt: skip
    parts.disclosures.delivered(arrived, NOON)
    assert [one["disclosure_id"] for one in listed(app, token)] == [early.id, late.id, waits.id]
    assert [one["disclosure_id"] for one in listed(app, token, "?status=refused")] == [early.id, late.id]
    assert [one["disclosure_id"] for one in listed(app, token, "?status=queued")] == [waits.id]


def test_a_disclosure_is_shown_by_field_names_and_reason_and_tells_nobody_s_name(
    app: Any, token: str, parts: Parts
) -> None:
    made = refused(parts)
    answer = call(app, token, "GET", ROUTE)
    assert answer.json() == {
        "items": [
            {
                "disclosure_id": made.id,
                "processor": "stripe",
                "purpose": "payment",
                "fields": ["amount", "currency", "description", "reference", "name", "email"],
                "record": made.record,
                "ground": made.record,
                "status": "refused",
                "reason": "the processor answered 422",
                "created_at": rfc3339(NOON),
                "refused_at": rfc3339(NOON + SECOND),
                "resends": 0,
            }
        ],
        "next_cursor": None,
    }
    assert b"acc_canary" not in answer.body
    assert [entry["action"] for entry in items("audit")] == ["disclosures.read"]


@pytest.mark.parametrize("limit", [1, 2, 3, 5, 1000])
def test_pages_leave_nothing_out(app: Any, token: str, parts: Parts, limit: int) -> None:
    made = [refused(parts, NOON - number // 2 * SECOND).id for number in range(4)] + [queued(parts).id]
    found: list[str] = []
    query = f"?limit={limit}"
    while True:
        page = call(app, token, "GET", ROUTE + query).json()
        found += [one["disclosure_id"] for one in page["items"]]
        if page["next_cursor"] is None:
            break
        assert len(page["items"]) == limit
        query = f"?limit={limit}&cursor={page['next_cursor']}"
    assert sorted(found) == sorted(made)
    assert found[-1] == made[-1]


def test_a_cursor_goes_on_though_its_disclosure_waits_again(app: Any, token: str, parts: Parts) -> None:
    first, second = refused(parts, NOON - SECOND), refused(parts)
    cursor = call(app, token, "GET", f"{ROUTE}?status=refused&limit=1").json()["next_cursor"]
    assert resend(app, token, first.id).status == 202
    (found,) = listed(app, token, f"?status=refused&limit=1&cursor={cursor}")
    assert found["disclosure_id"] == second.id
    assert call(app, token, "GET", f"{ROUTE}?status=queued&cursor={cursor}").status == 422


@pytest.mark.parametrize("query", ["?status=delivered", "?status=", "?status=canary", "?cursor=eA", "?cursor=eC95L3o"])
def test_another_state_or_a_forged_cursor_is_422(app: Any, token: str, query: str) -> None:
    answer = call(app, token, "GET", ROUTE + query)
    assert answer.status == 422
    assert b"canary" not in answer.body


def test_a_disclosure_is_listed_and_sent_again_until_its_period_ends(
    app: Any, token: str, parts: Parts, clock: SetClock
) -> None:
    made = refused(parts)
    clock.set(NOON.replace(year=NOON.year + 3) - SECOND)
    assert len(listed(app, token)) == 1
    clock.advance(seconds=1)
    assert listed(app, token) == []
    assert resend(app, token, made.id).status == 404


def test_what_was_refused_waits_again_and_its_id_alone_is_queued(app: Any, token: str, parts: Parts) -> None:
    made = refused(parts)
    answer = resend(app, token, made.id)
    assert (answer.status, answer.json()["status"], answer.json()["resends"]) == (202, "queued", 1)
    assert (answer.json()["reason"], answer.json()["refused_at"]) == (None, None)
    assert messages("disclosure") == [json.dumps({"id": made.id})]
    (row,) = items("disclosures")
    assert (row["status"], row["open_shard"], row["resends"]) == ("queued", "queued", 1)
    assert not {"reason", "refused_at"} & set(row)
    (entry,) = items("audit")
    assert (entry["action"], entry["subject"]) == ("disclosure.resent", made.id)
    assert json.loads(entry["facts"]) == {"processor": "stripe", "purpose": "payment", "status": "refused"}
    assert entry["actor"] != "person-dpo"


@pytest.mark.promise("rights.erase")
def test_a_notice_of_an_erasure_is_sent_again_like_any_other(app: Any, token: str, parts: Parts) -> None:
    notice = erasure_notice("paypal", new_id("bil"), new_id("ers"), NOON)
    parts.disclosures.create(notice)
    parts.disclosures.refused(notice, "the processor answered 404", NOON)
    (found,) = listed(app, token)
    assert (found["purpose"], found["fields"], found["ground"]) == ("erasure-notice", ["reference"], notice.ground)
    assert resend(app, token, notice.id).status == 202


def test_asked_twice_it_is_sent_again_once(app: Any, token: str, parts: Parts) -> None:
    made = refused(parts)
    first, second = resend(app, token, made.id), resend(app, token, made.id)
    assert (first.status, second.status) == (202, 202)
    assert first.json() == second.json()
    assert items("disclosures")[0]["resends"] == 1


def test_of_two_at_the_same_moment_one_sends_it_again(app: Any, token: str, parts: Parts) -> None:
    made = refused(parts)
    with once_before("dynamodb.UpdateItem", lambda: parts.disclosures.resend(made, parts.clock())):
        answer = resend(app, token, made.id)
    assert (answer.status, answer.json()["resends"]) == (202, 1)


def test_what_waits_for_the_first_time_or_arrived_is_409(app: Any, token: str, parts: Parts) -> None:
    waits, arrived, again = queued(parts), queued(parts), refused(parts)
    parts.disclosures.delivered(arrived, NOON)
    resend(app, token, again.id)
    messages("disclosure")
    found = parts.disclosures.get(again.id, NOON)
    assert found is not None
    parts.disclosures.delivered(found, NOON)
    for one in (waits, arrived, again):
        answer = resend(app, token, one.id)
        assert answer.status == 409
        assert answer.headers["content-type"] == "application/problem+json"
    assert messages("disclosure") == []


@pytest.mark.parametrize("disclosure_id", ["dsc_" + "a" * 26, "canary-oxbow", "dsc_%00"])
def test_what_is_no_disclosure_is_404(app: Any, token: str, disclosure_id: str) -> None:
    answer = resend(app, token, disclosure_id)
    assert answer.status == 404
    assert b"canary" not in answer.body


def test_killed_anywhere_it_waits_or_is_refused_as_before(app: Any, token: str, parts: Parts) -> None:
    """Once it waits, the sweep of account_expiry queues it, be its message lost."""
    for made in (refused(parts), refused(parts)):  # the first asks for secrets and the queue's address, too
        with recorded() as calls:
            resend(app, token, made.id)
    for number in range(sum(calls.values())):
        one = refused(parts)
        with killed_at(number):
            assert resend(app, token, one.id).status == 500
        found = parts.disclosures.get(one.id, NOON)
        assert found is not None
        assert (found.status.value, found.resends, found.reason is None) in (
            ("refused", 0, False), ("queued", 1, True),
        )  # fmt: skip
        assert resend(app, token, one.id).status == 202


def test_a_late_attempt_says_nothing_of_the_next(parts: Parts) -> None:
    late = refused(parts)
    parts.disclosures.resend(late, parts.clock())
    parts.disclosures.delivered(late, NOON)
    parts.disclosures.refused(late, "late", NOON)
    found = parts.disclosures.get(late.id, NOON)
    assert found is not None
    assert (found.status.value, found.resends) == ("queued", 1)
    assert late.idempotency_key == late.id != found.idempotency_key
    with pytest.raises(ConditionFailedError):
        parts.disclosures.resend(late, parts.clock())


def routes() -> Iterator[tuple[str, str]]:
    yield "GET", ROUTE
    yield "POST", f"{ROUTE}/dsc_{'a' * 26}/resend"


@pytest.mark.parametrize("role", ["helpdesk", "security", "admin"])
def test_they_are_for_the_dpo_alone(app: Any, issuer: Issuer, role: str) -> None:
    for method, path in routes():
        assert call(app, issuer.token(role), method, path).status == 403
        assert call(app, None, method, path).status == 401


@pytest.mark.parametrize(
    ("name", "status"),
    [("disclosures", 200), ("bad-disclosures-status", 422), ("bad-resend-of-an-unknown-disclosure", 404)],
)
def test_the_sample_events_are_answered(app: Any, token: str, name: str, status: int) -> None:
    event = sample(f"helpdesk/{name}")
    event["headers"]["Authorization"] = f"Bearer {token}"
    assert send(app, event).status == status
