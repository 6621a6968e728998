"""Asking for support, and the log of who of the staff looked at what, as the owner of a database sees it."""

import json
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from boto3.dynamodb.conditions import Attr

from databases.parts import Parts
from privacy.hosting.reading import sealed_names
from privacy.models.access import GRANT, READ, REQUEST, Entry, Grant, Kind, Purpose, Read, SupportRequest
from privacy.models.databases import Database, Status
from privacy.models.ids import database_of, new_id
from privacy.tables.access import new_access_id
from tests.unit.customers import Customer, database, destroyed, signed_in
from tests.unit.database_deletion import planted
from tests.unit.engine import NOON, SetClock, everything, items, messages, table

pytestmark = pytest.mark.promise("helpdesk.access")

SECOND = timedelta(seconds=1)


@pytest.fixture
def made(ada: Customer, parts: Parts) -> Database:
    return database(parts, ada.owner)


def noted(parts: Parts, entry: Entry) -> str:
    parts.transact([parts.access.create_operation(entry)])
    return entry.id


def grant(parts: Parts, made: Database, at: datetime, **changes: Any) -> str:
    grant_id = new_access_id(GRANT, made.id, at)
    until = at + timedelta(hours=1)
    return noted(parts, Grant(grant_id, made.id, "staff-pseudonym", Purpose.ISSUE, "Why", at, until, **changes))


def read(parts: Parts, made: Database, at: datetime, grant_id: str, **names: str) -> str:
    read_id = new_access_id(READ, made.id, at)
    sealed = sealed_names(parts.host(made.region), made.id, read_id, names)
    return noted(parts, Read(read_id, at, grant_id, Kind.FILE, sealed))


def ask(who: Customer, made: Database, message: str = "Please help", **headers: str) -> Any:
    return who.post(f"/databases/{made.id}/support-requests", body={"message": message}, headers=headers)


def log(who: Customer, made: Database, query: str = "") -> dict[str, Any]:
    answer = who.get(f"/databases/{made.id}/access-log{query}")
    assert answer.status == 200, answer.body
    shown: dict[str, Any] = answer.json()
    return shown


def test_a_request_for_support_is_noted_and_shown(ada: Customer, parts: Parts, made: Database) -> None:
    answer = ask(ada, made, "It stops:\n1. at the start")
    told = answer.json()
    assert (answer.status, told.keys()) == (201, {"request_id", "created_at"})
    assert told["created_at"] == "2026-11-24T12:00:00Z"
    assert log(ada, made)["items"] == [
        {
            "entry": "support-request",
            "id": told["request_id"],
            "at": "2026-11-24T12:00:00Z",
            "message": "It stops:\n1. at the start",
        }
    ]
    request = parts.access.request(made.id, NOON)
    assert request is not None
    assert request.id == told["request_id"]
    assert messages("mail") == [json.dumps({"kind": "support", "id": request.id})]


def test_a_request_that_is_sent_twice_with_one_key_is_one(ada: Customer, made: Database, clock: SetClock) -> None:
    first = ask(ada, made, "canary", **{"Idempotency-Key": "one"})
    clock.advance(seconds=40)
    again = ask(ada, made, "canary", **{"Idempotency-Key": "one"})
    assert (again.status, again.json()) == (201, first.json())
    assert len(items("access")) == 1
    assert "canary" not in repr(items("idempotency"))
    assert ask(ada, made, "another", **{"Idempotency-Key": "one"}).status == 422


@pytest.mark.promise("signup.no-cards")
@pytest.mark.parametrize("message", ["", " \n", "x" * 5001, "my card is 4111-1111-1111-1111", 7, None])
def test_what_is_no_message_is_refused(ada: Customer, made: Database, message: Any) -> None:
    answer = ask(ada, made, message)
    assert (answer.status, set(answer.errors)) == (422, {"message"})
    assert items("access") == []


@pytest.mark.parametrize("status", [Status.DEACTIVATED, Status.MOVING, Status.RESTORING])
def test_support_is_there_whatever_a_database_is_doing(
    ada: Customer, parts: Parts, made: Database, status: Status
) -> None:
    parts.databases.change(made, status, NOON)
    assert ask(ada, made).status == 201
    assert len(log(ada, made)["items"]) == 1


def test_nothing_is_written_down_of_a_database_that_is_given_up(ada: Customer, parts: Parts, made: Database) -> None:
    ask(ada, made)
    planted.give_up(made, NOON)
    assert ask(ada, made).status == 409
    assert len(log(ada, made)["items"]) == 1
    gone = destroyed(parts, database(parts, ada.owner))
    assert ask(ada, gone).status == 410
    assert ada.get(f"/databases/{gone.id}/access-log").status == 410
    assert len(items("access")) == 1


def test_the_log_has_the_newest_first_and_pages_leave_nothing_out(
    ada: Customer, parts: Parts, made: Database, subtests: pytest.Subtests
) -> None:
    expected: list[str] = []
    for minute in range(7):
        at = NOON - timedelta(minutes=minute)
        granted = grant(parts, made, at)
        same_second = sorted([read(parts, made, at, granted), read(parts, made, at, granted)], reverse=True)
        asked = noted(parts, SupportRequest(new_access_id(REQUEST, made.id, at), at, "help"))
        expected += [*same_second, granted, asked]
    other = database(parts, ada.owner)
    grant(parts, other, NOON)
    for limit in (1, 2, 3, 5, 1000):
        with subtests.test(limit=limit):
            found: list[str] = []
            query = f"?limit={limit}"
            while True:
                page = log(ada, made, query)
                found += [entry["id"] for entry in page["items"]]
                if page["next_cursor"] is None:
                    break
                assert len(page["items"]) == limit
                query = f"?limit={limit}&cursor={page['next_cursor']}"
            assert found == expected


def test_a_cursor_of_another_log_is_none(ada: Customer, parts: Parts, made: Database) -> None:
    other = database(parts, ada.owner)
    for minute in range(2):
        grant(parts, other, NOON - timedelta(minutes=minute))
    cursor = log(ada, other, "?limit=1")["next_cursor"]
    for wrong in (cursor, "x", "YQ"):
        assert ada.get(f"/databases/{made.id}/access-log?cursor={wrong}").status == 422


def test_an_entry_is_shown_to_the_last_second_of_its_period(
    ada: Customer, parts: Parts, made: Database, clock: SetClock
) -> None:
    granted = grant(parts, made, NOON)
    read(parts, made, NOON, granted)
    ask(ada, made)
    end = datetime(2027, 11, 24, 12, 0, tzinfo=UTC)
    clock.set(end - SECOND)
    ada = signed_in(ada, parts)
    assert len(log(ada, made)["items"]) == 3
    clock.set(end)
    assert log(ada, made)["items"] == []
    assert parts.access.grant(granted, end) is None
    assert len(items("access")) == 3


def test_what_is_hidden_is_hidden_from_whoever_reads_for_the_owner(parts: Parts, made: Database) -> None:
    hidden = grant(parts, made, NOON, undisclosed_until=NOON + timedelta(days=1))
    shown = grant(parts, made, NOON)
    assert [entry.id for entry in parts.access.of_database(made.id, NOON + timedelta(days=1) - SECOND)] == [shown]
    assert {entry.id for entry in parts.access.of_database(made.id, NOON + timedelta(days=1))} == {hidden, shown}


def alter(entry_id: str, changes: dict[str, Any]) -> None:
    """Alter a row by hand; what is None is taken out."""
    key = {"database_id": database_of(entry_id[:3], entry_id), "id": entry_id}
    table("access").update(key, changes, Attr("id").exists())


@pytest.mark.parametrize(
    ("kind", "changes"),
    [
        (REQUEST, {"message": None}),
        (REQUEST, {"message": 7}),
        (REQUEST, {"at": None}),
        (REQUEST, {"at": "yesterday"}),
        (REQUEST, {"at": 10**30}),
        (REQUEST, {"at": 253402300799}),
        (GRANT, {"purpose": "curiosity"}),
        (GRANT, {"reason": ["Why"]}),
        (GRANT, {"staff": None}),
        (GRANT, {"until": 10**30}),
        (GRANT, {"ended_at": "now"}),
        (READ, {"kind": "everything"}),
        (READ, {"grant_id": None}),
        (READ, {"sealed": "canary"}),
        (READ, {"sealed": b"canary"}),
    ],
    ids=str,
)
def test_an_entry_that_cannot_be_read_is_named_as_such_beside_the_others(
    ada: Customer, parts: Parts, made: Database, kind: str, changes: dict[str, Any]
) -> None:
    asked = noted(parts, SupportRequest(new_access_id(REQUEST, made.id, NOON), NOON, "help"))
    granted = grant(parts, made, NOON)
    was_read = read(parts, made, NOON, granted, path="a/path")
    before = log(ada, made)["items"]
    altered = {REQUEST: asked, GRANT: granted, READ: was_read}[kind]
    alter(altered, changes)
    shown = log(ada, made)["items"]
    assert [entry["id"] for entry in shown] == [was_read, granted, asked]
    assert [entry.get("unreadable", False) for entry in shown] == [one == altered for one in (was_read, granted, asked)]
    assert [entry for entry in shown if entry["id"] != altered] == [one for one in before if one["id"] != altered]
    (told,) = [entry for entry in shown if entry["id"] == altered]
    assert "canary" not in repr(told)
    assert (told["entry"], told["at"]) == (
        {REQUEST: "support-request", GRANT: "grant", READ: "read"}[kind],
        "2026-11-24T12:00:00Z",
    )
    assert [
        entry["id"] for entry in log(ada, made, f"?limit=1&cursor={log(ada, made, '?limit=1')['next_cursor']}")["items"]
    ] == [granted]


def test_what_is_no_entry_of_ours_is_left_out(ada: Customer, parts: Parts, made: Database) -> None:
    granted = grant(parts, made, NOON)
    for name in (granted + "x", granted[:-1], granted[:-26] + "z" * 30):
        table("access").put({"database_id": made.id, "id": name, "at": 1795521600, "shard": "00"})
    assert [entry["id"] for entry in log(ada, made)["items"]] == [granted]


@pytest.mark.parametrize(
    ("changes", "shown_at"),
    [
        ({"purpose": "curiosity"}, NOON + timedelta(days=1)),
        ({"undisclosed_until": "for ever"}, datetime(2027, 5, 24, 12, 0, tzinfo=UTC)),
        ({"undisclosed_until": ""}, datetime(2027, 5, 24, 12, 0, tzinfo=UTC)),
        ({"undisclosed_until": 0}, datetime(2027, 5, 24, 12, 0, tzinfo=UTC)),
        ({"undisclosed_until": 10**30}, datetime(2027, 5, 24, 12, 0, tzinfo=UTC)),
        ({"at": "yesterday", "undisclosed_until": b"x"}, datetime(2027, 5, 24, 12, 0, tzinfo=UTC)),
    ],
    ids=str,
)
def test_what_is_hidden_stays_hidden_when_it_cannot_be_read(
    ada: Customer, parts: Parts, made: Database, clock: SetClock, changes: dict[str, Any], shown_at: datetime
) -> None:
    hidden = grant(parts, made, NOON, undisclosed_until=NOON + timedelta(days=1))
    alter(hidden, changes)
    for now, count in ((NOON, 0), (shown_at - SECOND, 0), (shown_at, 1)):
        clock.set(now)
        shown = log(signed_in(ada, parts), made)["items"]
        assert [entry["unreadable"] for entry in shown] == [True] * count


def test_an_entry_that_cannot_be_read_ends_with_its_period_and_is_no_ground_for_anything(
    ada: Customer, parts: Parts, made: Database, clock: SetClock
) -> None:
    earlier = noted(parts, SupportRequest(new_access_id(REQUEST, made.id, NOON), NOON, "help"))
    later = noted(parts, SupportRequest(new_access_id(REQUEST, made.id, NOON + SECOND), NOON + SECOND, "help"))
    first, second = grant(parts, made, NOON), grant(parts, made, NOON + SECOND)
    alter(later, {"message": None, "at": None})
    alter(second, {"until": "late"})
    now = NOON + 2 * SECOND
    assert [parts.access.has_request(request_id, now) for request_id in (earlier, later)] == [True, False]
    found, in_force = parts.access.request(made.id, now), parts.access.in_force(made.id, "staff-pseudonym", now)
    assert (found and found.id, in_force and in_force.id) == (earlier, first)
    assert parts.access.grant(second, now) is None
    end = datetime(2027, 11, 24, 12, 0, 1, tzinfo=UTC)
    for at, count in ((end - SECOND, 2), (end, 0)):
        clock.set(at)
        assert len(log(signed_in(ada, parts), made)["items"]) == count


def test_staff_are_named_nowhere_in_the_log(ada: Customer, parts: Parts, made: Database) -> None:
    grant(parts, made, NOON, ended_at=None)
    [entry] = log(ada, made)["items"]
    assert "staff-pseudonym" not in repr(entry)


def test_what_was_read_is_sealed(ada: Customer, parts: Parts, made: Database) -> None:
    read(parts, made, NOON, grant(parts, made, NOON), path="canary/path")
    assert log(ada, made)["items"][0]["path"] == "canary/path"
    assert b"canary" not in everything()


def test_nobody_else_sees_a_log_or_asks_for_support(ada: Customer, bob: Customer, made: Database) -> None:
    ask(ada, made)
    for who, database_id in ((bob, made.id), (ada, new_id("db"))):
        assert who.get(f"/databases/{database_id}/access-log").status == 404
        assert who.post(f"/databases/{database_id}/support-requests", body={"message": "x"}).status == 404
    assert len(items("access")) == 1
