"""What customers ask the HelpDesk for, as its staff find it."""

from datetime import timedelta
from typing import Any

import pytest
from boto3.dynamodb.conditions import Attr

from helpdesk.parts import Parts
from privacy.clock import rfc3339
from privacy.models.access import GRANT, REQUEST, Grant, Purpose, SupportRequest
from privacy.models.ids import new_id
from privacy.tables.access import new_access_id
from tests.unit.engine import NOON, SetClock, items, sample, send, table
from tests.unit.staff import Issuer, call

pytestmark = pytest.mark.promise("helpdesk.access")

ROUTE = "/helpdesk/support-requests"
SECOND, DAY = timedelta(seconds=1), timedelta(days=1)


@pytest.fixture
def token(issuer: Issuer) -> str:
    return issuer.token("helpdesk", exp=int((NOON + 60 * DAY).timestamp()))


def ask(parts: Parts, at: Any, message: str = "Please help", database_id: str | None = None) -> dict[str, str]:
    """A request for support, as staff are to see it."""
    database_id = database_id or new_id("db")
    request = SupportRequest(new_access_id(REQUEST, database_id, at), at, message)
    parts.transact([parts.access.create_operation(request)])
    return {
        "database_id": database_id,
        "request_id": request.id,
        "message": message,
        "created_at": rfc3339(at),
        "expires_at": rfc3339(at + 14 * DAY),
    }


def listed(app: Any, token: str, query: str = "") -> dict[str, Any]:
    answer = call(app, token, "GET", ROUTE + query)
    assert answer.status == 200, answer.body
    page: dict[str, Any] = answer.json()
    return page


def where(request: dict[str, str]) -> dict[str, Any]:
    return {"database_id": request["database_id"], "id": request["request_id"]}


def test_staff_see_what_is_asked_for_the_oldest_first_and_nothing_else_of_the_log(
    app: Any, token: str, parts: Parts
) -> None:
    later, earlier = ask(parts, NOON - DAY, "Zwei\n\u00fc"), ask(parts, NOON - 2 * DAY)
    database_id = later["database_id"]
    grant_id = new_access_id(GRANT, database_id, NOON)
    grant = Grant(grant_id, database_id, "staff", Purpose.ISSUE, "Why", NOON, NOON + DAY)
    parts.transact([parts.access.create_operation(grant)])
    assert listed(app, token) == {"items": [earlier, later], "next_cursor": None}
    assert [entry["action"] for entry in items("audit")] == ["support-requests.read"]


def test_a_request_is_listed_to_the_last_second_at_which_it_is_a_ground(
    app: Any, token: str, parts: Parts, clock: SetClock
) -> None:
    asked = ask(parts, NOON)
    for now, found in ((NOON + 14 * DAY - SECOND, [asked]), (NOON + 14 * DAY, [])):
        clock.set(now)
        assert listed(app, token)["items"] == found
        assert (parts.access.request(asked["database_id"], now) is not None) == bool(found)


@pytest.mark.parametrize("limit", [1, 2, 3, 7, 1000])
def test_pages_leave_nothing_out(app: Any, token: str, parts: Parts, clock: SetClock, limit: int) -> None:
    one = new_id("db")
    made = [ask(parts, NOON - timedelta(minutes=minute // 2), database_id=one) for minute in range(7)]
    found: list[dict[str, str]] = []
    query = f"?limit={limit}"
    while True:
        page = listed(app, token, query)
        found += page["items"]
        if page["next_cursor"] is None:
            break
        assert len(page["items"]) == limit
        query = f"?limit={limit}&cursor={page['next_cursor']}"
    assert sorted(found, key=str) == sorted(made, key=str)
    assert [each["created_at"] for each in found] == sorted(each["created_at"] for each in made)


def test_a_page_ends_at_four_megabytes(app: Any, token: str, parts: Parts) -> None:
    for _ in range(250):
        ask(parts, NOON, "\U0001f600" * 5000)  # 20,000 bytes of UTF-8 each
    answer = call(app, token, "GET", f"{ROUTE}?limit=1000")
    page = answer.json()
    assert 4_150_000 < len(answer.body) <= 4_194_304 + 200  # and the cursor
    assert 200 < len(page["items"]) < 250
    rest = listed(app, token, f"?limit=1000&cursor={page['next_cursor']}")["items"]
    assert not {one["request_id"] for one in page["items"]} & {one["request_id"] for one in rest}


def test_a_cursor_goes_on_though_its_request_has_ended(app: Any, token: str, parts: Parts, clock: SetClock) -> None:
    ask(parts, NOON)
    later = ask(parts, NOON + DAY)
    clock.set(NOON + DAY)
    cursor = listed(app, token, "?limit=1")["next_cursor"]
    clock.set(NOON + 14 * DAY)
    assert listed(app, token, f"?limit=1&cursor={cursor}")["items"] == [later]


def test_what_is_gone_or_cannot_be_read_hides_no_other(app: Any, token: str, parts: Parts) -> None:
    gone, altered, whole = (ask(parts, NOON + number * SECOND) for number in range(3))
    table("access").delete(where(gone))
    table("access").update(where(altered), {"message": 7}, Attr("id").exists())
    told = {name: value for name, value in altered.items() if name != "message"} | {"unreadable": True}
    assert listed(app, token)["items"] == [told, whole]


@pytest.mark.parametrize("role", ["security", "dpo", "admin"])
def test_requests_are_for_the_helpdesk_alone(app: Any, issuer: Issuer, role: str) -> None:
    assert call(app, issuer.token(role), "GET", ROUTE).status == 403
    assert call(app, None, "GET", ROUTE).status == 401


@pytest.mark.parametrize(("name", "status"), [("support-requests", 200), ("bad-support-requests-cursor", 422)])
def test_the_sample_events_are_answered(app: Any, token: str, name: str, status: int) -> None:
    event = sample(f"helpdesk/{name}")
    event["headers"]["Authorization"] = f"Bearer {token}"
    assert send(app, event).status == status
