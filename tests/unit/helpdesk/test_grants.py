"""Grants: who gets leave to read a database, for what, how long, and on whose record."""

import base64
import json
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from helpdesk.parts import Parts
from privacy.models.access import REQUEST, Grant, SupportRequest
from privacy.models.databases import Database, Status
from privacy.models.ids import database_of, new_id, new_id_within
from privacy.tables.access import new_access_id, time_of
from tests.unit.customers import destroyed
from tests.unit.database_deletion import planted
from tests.unit.engine import NOON, Answer, SetClock, items, sample, send
from tests.unit.staff import Issuer, call

pytestmark = pytest.mark.promise("helpdesk.access")

REASON = "The canary-reason import fails"
LATEST = datetime(2027, 5, 24, 12, 0, tzinfo=UTC)
"""Six months after the tests' noon: how long a grant may be kept from its customer (access.undisclosed)."""


@pytest.fixture
def made(stores: None) -> Database:
    return planted.database(NOON)


@pytest.fixture
def token(issuer: Issuer) -> str:
    return issuer.token("helpdesk", exp=int((NOON + timedelta(days=30)).timestamp()))


def form(made: Database, **changes: Any) -> dict[str, Any]:
    whole = {"database_id": made.id, "purpose": "issue", "reason": REASON, "hours": 4} | changes
    return {name: value for name, value in whole.items() if value is not None}


def ask(app: Any, token: str, body: dict[str, Any], **headers: str) -> Answer:
    return call(app, token, "POST", "/helpdesk/grants", body=body, headers=headers)


def end(app: Any, token: str, grant_id: str) -> int:
    return call(app, token, "DELETE", f"/helpdesk/grants/{grant_id}").status


def request_support(parts: Parts, made: Database, at: datetime) -> SupportRequest:
    request = SupportRequest(new_access_id(REQUEST, made.id, at), at, "canary-message")
    parts.transact([parts.access.create_operation(request)])
    return request


def granted(parts: Parts, grant_id: str) -> Grant:
    grant = parts.access.grant(grant_id, parts.clock())
    assert grant is not None
    return grant


def trail() -> list[tuple[str, dict[str, Any]]]:
    """What the audit trail tells, oldest first: each action and its facts."""
    entries = sorted((row for row in items("audit")), key=lambda row: str(row["at"]))
    return [(row["action"], json.loads(row["facts"])) for row in entries]


@pytest.mark.parametrize("purpose", ["issue", "legal", "security"])
def test_a_grant_is_bound_to_its_maker_its_database_its_purpose_and_its_hours(
    app: Any, token: str, parts: Parts, made: Database, purpose: str
) -> None:
    answer = ask(app, token, form(made, purpose=purpose))
    assert answer.status == 201, answer.body
    told = answer.json()
    assert told | {"grant_id": "?"} == {
        "grant_id": "?",
        "database_id": made.id,
        "purpose": purpose,
        "until": "2026-11-24T16:00:00Z",
    }
    assert database_of("grt", told["grant_id"]) == made.id
    grant = granted(parts, told["grant_id"])
    assert (grant.staff, grant.reason) == (parts.pseudonyms().of("staff", "person-helpdesk"), REASON)
    assert (grant.begins_at, grant.until) == (NOON, NOON + timedelta(hours=4))
    assert "person-helpdesk" not in repr(items("access"))
    [(action, facts)] = trail()
    assert (action, facts) == ("grant.created", {"database_id": made.id, "purpose": purpose, "hours": 4})
    assert "canary" not in repr(items("audit"))


@pytest.mark.parametrize(
    ("changes", "field"),
    [
        ({"purpose": "curiosity"}, "purpose"),
        ({"purpose": None}, "purpose"),
        ({"hours": 0}, "hours"),
        ({"hours": 73}, "hours"),
        ({"hours": 1.5}, "hours"),
        ({"hours": "4"}, "hours"),
        ({"hours": True}, "hours"),
        ({"reason": ""}, "reason"),
        ({"reason": " "}, "reason"),
        ({"reason": "x" * 501}, "reason"),
        ({"reason": "pay with 4111 1111 1111 1111"}, "reason"),
        ({"reason": None}, "reason"),
        ({"until": "2026-11-24T13:00:00Z"}, "(unknown)"),
        ({"purpose": "issue", "undisclosed_until": "2026-12-24T12:00:00Z"}, "undisclosed_until"),
        ({"purpose": "legal", "undisclosed_until": "2026-12-24"}, "undisclosed_until"),
        ({"purpose": "legal", "undisclosed_until": "2026-12-24T12:00:00"}, "undisclosed_until"),
        ({"purpose": "legal", "undisclosed_until": 1798113600}, "undisclosed_until"),
        ({"purpose": "legal", "undisclosed_until": "2026-11-24T12:00:00Z"}, "undisclosed_until"),
        ({"purpose": "legal", "undisclosed_until": "2027-05-24T12:00:01Z"}, "undisclosed_until"),
    ],
    ids=str,
)
def test_a_grant_that_lacks_or_bends_a_bound_is_none(
    app: Any, token: str, made: Database, changes: dict[str, Any], field: str
) -> None:
    answer = ask(app, token, form(made, **changes))
    assert (answer.status, set(answer.errors)) == (422, {field})
    assert items("access") == []
    assert items("audit") == []


def test_a_law_s_delay_may_last_six_months_to_the_second(app: Any, token: str, parts: Parts, made: Database) -> None:
    at_most = form(made, purpose="legal", undisclosed_until="2027-05-24T13:00:00+01:00")
    grant = granted(parts, ask(app, token, at_most).json()["grant_id"])
    assert grant.undisclosed_until == LATEST
    assert trail()[0][1]["undisclosed_until"] == "2027-05-24T12:00:00Z"


def test_what_a_law_delays_is_shown_before_the_log_forgets_it(parts: Parts) -> None:
    longest = parts.policy.retention["access.undisclosed"].after(NOON + timedelta(hours=72))
    assert longest < parts.policy.retention["access.log"].after(NOON)


def test_72_hours_is_the_longest(app: Any, token: str, made: Database) -> None:
    assert ask(app, token, form(made, hours=72)).json()["until"] == "2026-11-27T12:00:00Z"


def test_a_request_for_support_is_a_ground_for_14_days(
    app: Any, token: str, parts: Parts, made: Database, clock: SetClock
) -> None:
    other = planted.database(NOON)
    request_support(parts, other, NOON)
    body = form(made, purpose="support-request")
    refused = ask(app, token, body)
    assert refused.status == 409
    assert refused.json()["detail"] == "nobody asked for support with this database in the last 14 days"
    assert trail() == [("grant.refused", {"database_id": made.id, "purpose": "support-request", "hours": 4})]

    request = request_support(parts, made, NOON)
    clock.set(NOON + timedelta(days=14) - timedelta(seconds=1))
    told = ask(app, token, body).json()
    asked = {"request_id": request.id, "created_at": "2026-11-24T12:00:00Z", "message": "canary-message"}
    assert told["support_request"] == asked
    clock.advance(seconds=1)
    assert ask(app, token, body).status == 409


def test_there_is_no_grant_for_a_database_that_is_unknown_given_up_or_destroyed(
    app: Any, token: str, parts: Parts, made: Database
) -> None:
    gone, given_up = destroyed(parts, made), planted.database(NOON)
    planted.give_up(given_up, NOON)
    for database_id, status in ((new_id("db"), 404), ("db_x", 404), ("", 404), (gone.id, 410), (given_up.id, 409)):
        assert ask(app, token, form(made, database_id=database_id)).status == status, database_id
    assert items("access") == []
    assert items("audit") == []


@pytest.mark.parametrize("status", [Status.DEACTIVATED, Status.MOVING, Status.RESTORING])
def test_a_database_that_may_open_again_may_have_a_grant(
    app: Any, token: str, parts: Parts, made: Database, status: Status
) -> None:
    parts.databases.change(made, status, NOON)
    assert ask(app, token, form(made)).status == 201


def test_a_database_given_up_meanwhile_gets_none(
    app: Any, token: str, parts: Parts, made: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    add = type(parts.trail).add

    def and_then(self: Any, entry: Any) -> None:
        add(self, entry)
        planted.give_up(made, NOON)

    monkeypatch.setattr(type(parts.trail), "add", and_then)
    assert ask(app, token, form(made)).status == 409
    assert items("access") == []


def test_a_grant_that_is_asked_for_twice_with_one_key_is_one(
    app: Any, token: str, issuer: Issuer, made: Database, clock: SetClock
) -> None:
    first = ask(app, token, form(made), **{"Idempotency-Key": "one"})
    clock.advance(seconds=30)
    again = ask(app, token, form(made), **{"Idempotency-Key": "one"})
    assert (again.status, again.json()) == (201, first.json())
    assert len(items("access")) == 1
    assert ask(app, token, form(made, hours=5), **{"Idempotency-Key": "one"}).status == 422
    another = issuer.token("helpdesk", sub="another-person")
    assert ask(app, another, form(made), **{"Idempotency-Key": "one"}).json() != first.json()
    assert "canary" not in repr(items("idempotency"))


def test_ending_a_grant_ends_it_now_and_once(
    app: Any, token: str, issuer: Issuer, parts: Parts, made: Database, clock: SetClock
) -> None:
    grant_id = ask(app, token, form(made)).json()["grant_id"]
    clock.advance(minutes=1)
    another = issuer.token("helpdesk", sub="another-person")
    assert end(app, another, grant_id) == 204  # to end is anybody's of the HelpDesk
    assert granted(parts, grant_id).ended_at == clock()
    assert not granted(parts, grant_id).in_force(clock())
    clock.advance(minutes=1)
    assert end(app, token, grant_id) == 204
    assert granted(parts, grant_id).ended_at == NOON + timedelta(minutes=1)
    ended = [row for row in items("audit") if row["action"] == "grant.ended"]
    assert [(row["subject"], row["actor"]) for row in ended] == [
        (grant_id, parts.pseudonyms().of("staff", "another-person"))
    ]


def test_a_grant_that_ended_by_itself_stays_as_it_is(
    app: Any, token: str, parts: Parts, made: Database, clock: SetClock
) -> None:
    grant_id = ask(app, token, form(made)).json()["grant_id"]
    clock.advance(hours=4)
    assert end(app, token, grant_id) == 204
    assert granted(parts, grant_id).ended_at is None


def test_there_is_nothing_to_end_where_there_is_no_grant(app: Any, token: str, parts: Parts, made: Database) -> None:
    request = request_support(parts, made, NOON)
    for grant_id in (new_id_within("grt", made.id), new_id("grt"), "grt_x", request.id, "x"):
        assert end(app, token, grant_id) == 404, grant_id
    assert items("audit") == []


def test_an_id_tells_its_time_and_a_later_one_is_a_greater_text(made: Database) -> None:
    ids = [new_access_id("grt", made.id, NOON + timedelta(seconds=3 ** (number % 20))) for number in range(200)]
    assert len(set(ids)) == 200
    assert [time_of(one) for one in sorted(ids)] == sorted(map(time_of, ids))
    assert all(database_of("grt", one) == made.id for one in ids)


ANSWERS = {"grant": 201, "end-grant": 404, "bad-grant-for-days": 422, "bad-grant-of-an-unknown-database": 404}


@pytest.mark.parametrize("name", ANSWERS)
def test_a_sample_gets_its_answer(app: Any, token: str, made: Database, name: str) -> None:
    event = sample(f"helpdesk/{name}")
    event["headers"]["Authorization"] = f"Bearer {token}"
    if event["body"] and "unknown" not in name:
        raw = base64.b64decode(event["body"]).replace(b"db_" + b"a" * 26, made.id.encode())
        event["body"] = base64.b64encode(raw).decode()
    assert send(app, event).status == ANSWERS[name]
