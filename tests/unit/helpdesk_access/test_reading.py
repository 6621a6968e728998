"""Reading for support: under a grant in force alone, each read on record before it is made, and shown to its owner."""

import json
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from databases.parts import Parts as DatabasesParts
from helpdesk_access.app import app as deployed
from helpdesk_access.parts import Parts
from privacy.hosting.files import Files
from privacy.hosting.reading import MAX_INLINE_BYTES
from privacy.models.databases import Database, Status
from privacy.models.ids import new_id
from privacy.models.staff import Role
from privacy.web.callers import CALLERS
from tests.template.source import ROOT
from tests.unit.customers import Customer, database, signed_in
from tests.unit.engine import AMERICAS, NOON, SetClock, everything, items, sample, send
from tests.unit.helpdesk_access.conftest import Staff
from tests.unit.staff import Issuer, call

pytestmark = pytest.mark.promise("helpdesk.access")

RECORD = "records/canary-model/canary-key"
ROUTES = (RECORD, "records/canary-model", "files", "files/content?path=canary/path.txt")
NO_GRANT = "no grant of yours is in force for this database"


def log(ada: Customer, made: Database, query: str = "") -> list[dict[str, Any]]:
    """What the customer is shown."""
    answer = ada.get(f"/databases/{made.id}/access-log{query}")
    assert answer.status == 200, answer.body
    shown: list[dict[str, Any]] = answer.json()["items"]
    return shown


def reads(ada: Customer, made: Database) -> list[dict[str, Any]]:
    return [entry for entry in log(ada, made) if entry["entry"] == "read"]


def trail(action: str) -> list[dict[str, Any]]:
    return [row | {"facts": json.loads(row["facts"])} for row in items("audit") if row["action"] == action]


# --- what is read --------------------------------------------------------------------------------------------------


def test_under_a_grant_content_is_read_as_its_owner_reads_it(grace: Staff, made: Database) -> None:
    grace.grant(made)
    record = grace.get(f"{made.id}/{RECORD}")
    assert record.body == b'{"key":"canary-key","data":{"canary-field": 1.50},"updated_at":"2026-11-24T12:00:00Z"}'
    page = grace.get(f"{made.id}/records/canary-model?limit=1").json()
    assert (len(page["items"]), bool(page["next_cursor"])) == (1, True)
    [file] = grace.get(f"{made.id}/files").json()["items"]
    assert (file["path"], file["bytes"]) == ("canary/path.txt", 12)
    content = grace.get(f"{made.id}/files/content?path=canary/path.txt")
    assert (content.status, content.body, content.headers["content-type"]) == (200, b"canary-bytes", "text/x-canary")
    assert content.headers["content-disposition"] == "attachment; filename*=UTF-8''path.txt"


def test_a_large_file_comes_by_a_link_of_minutes(grace: Staff, made: Database, parts: Parts) -> None:
    Files(parts.host("americas"), made.id).put("large", "a/b", b"x" * (MAX_INLINE_BYTES + 1), NOON)
    grace.grant(made)
    answer = grace.get(f"{made.id}/files/content?path=large")
    assert answer.status == 302
    assert "X-Amz-Expires=300" in answer.headers["location"]


def test_what_is_not_there_is_not_found_and_the_look_is_on_record(grace: Staff, ada: Customer, made: Database) -> None:
    grace.grant(made)
    assert grace.get(f"{made.id}/records/canary-model/absent").status == 404
    assert grace.get(f"{made.id}/files/content?path=absent").status == 404
    assert {(entry.get("key"), entry.get("path")) for entry in reads(ada, made)} == {
        ("absent", None),
        (None, "absent"),
    }


# --- no grant, no access -------------------------------------------------------------------------------------------


@pytest.mark.parametrize("path", ROUTES)
def test_no_grant_no_access(
    grace: Staff, alan: Staff, ada: Customer, panel: DatabasesParts, made: Database, path: str
) -> None:
    alan.grant(made)
    grace.grant(database(panel, ada.owner))  # of another database
    for database_id in (made.id, new_id("db"), "db_x", "%00", "canary-id"):
        answer = grace.get(f"{database_id}/{path}")
        assert (answer.status, answer.json()["detail"]) == (403, NO_GRANT), database_id
        assert b"canary" not in answer.body
    assert reads(ada, made) == []
    refused = trail("content.refused")
    assert len(refused) == 5
    assert {entry["facts"]["why"] for entry in refused} == {"no-grant"}
    assert made.id in {entry.get("subject") for entry in refused}
    assert trail("content.read") == []
    assert "canary" not in repr(items("audit"))
    assert alan.get(f"{made.id}/{path}").status == 200


def test_a_grant_is_in_force_to_the_second_before_its_end(grace: Staff, made: Database, clock: SetClock) -> None:
    grace.grant(made, hours=72)
    clock.set(NOON + timedelta(hours=72) - timedelta(seconds=1))
    assert grace.get(f"{made.id}/{RECORD}").status == 200
    clock.advance(seconds=1)
    assert grace.get(f"{made.id}/{RECORD}").status == 403


def test_a_grant_that_is_ended_is_over_at_once(grace: Staff, made: Database) -> None:
    first, second = grace.grant(made), grace.grant(made)
    grace.end(second)
    assert grace.get(f"{made.id}/{RECORD}").status == 200
    grace.end(first)
    assert grace.get(f"{made.id}/{RECORD}").status == 403


def test_of_several_grants_the_latest_is_read_under(
    grace: Staff, ada: Customer, made: Database, clock: SetClock
) -> None:
    grace.grant(made)
    clock.advance(seconds=1)
    latest = grace.grant(made, purpose="security", hours=1)
    grace.get(f"{made.id}/{RECORD}")
    assert [entry["grant_id"] for entry in reads(ada, made)] == [latest]


def test_a_grant_ended_between_the_look_and_the_read_lets_nothing_through(
    grace: Staff, ada: Customer, made: Database, parts: Parts, monkeypatch: pytest.MonkeyPatch
) -> None:
    grant_id = grace.grant(made)
    add = type(parts.trail).add

    def and_then(self: Any, entry: Any) -> None:
        add(self, entry)
        if entry.action == "content.read":
            grace.end(grant_id)

    monkeypatch.setattr(type(parts.trail), "add", and_then)
    assert grace.get(f"{made.id}/{RECORD}").status == 403
    assert reads(ada, made) == []
    assert len(trail("content.refused")) == 1


@pytest.mark.parametrize("status", [Status.DEACTIVATED, Status.RESTORING, Status.DELETING])
def test_a_closed_database_is_closed_for_staff_too(
    grace: Staff, ada: Customer, panel: DatabasesParts, made: Database, status: Status
) -> None:
    grace.grant(made)
    panel.databases.change(made, status, NOON)
    answer = grace.get(f"{made.id}/{RECORD}")
    assert (answer.status, b"canary" in answer.body) == (409, False)
    assert reads(ada, made) == []
    assert [entry["facts"]["why"] for entry in trail("content.refused")] == ["closed"]


def test_a_database_closed_between_the_look_and_the_read_stays_closed(
    grace: Staff, made: Database, panel: DatabasesParts, parts: Parts, monkeypatch: pytest.MonkeyPatch
) -> None:
    grace.grant(made)
    add = type(parts.trail).add

    def and_then(self: Any, entry: Any) -> None:
        add(self, entry)
        if entry.action == "content.read":
            panel.databases.change(made, Status.DELETING, NOON)

    monkeypatch.setattr(type(parts.trail), "add", and_then)
    assert grace.get(f"{made.id}/{RECORD}").status == 409
    assert [row["id"][:3] for row in items("access")] == ["grt"]


def test_without_its_key_nothing_is_read(grace: Staff, made: Database, parts: Parts, clock: SetClock) -> None:
    grace.grant(made)
    parts.host("americas").keyring.destroy(made.id, clock())
    assert grace.get(f"{made.id}/{RECORD}").status == 409
    assert [row["id"][:3] for row in items("access")] == ["grt"]


def test_while_it_moves_a_database_may_be_read(grace: Staff, made: Database, panel: DatabasesParts) -> None:
    grace.grant(made)
    panel.databases.change(made, Status.MOVING, NOON)
    assert grace.get(f"{made.id}/{RECORD}").status == 200


# --- each read is logged, and shown --------------------------------------------------------------------------------


def test_each_read_is_on_record_and_shown_with_what_was_read(
    grace: Staff, ada: Customer, made: Database, parts: Parts, clock: SetClock
) -> None:
    grant_id = grace.grant(made)
    for path in ROUTES:
        clock.advance(seconds=1)
        assert grace.get(f"{made.id}/{path}").status == 200
    shown = log(ada, made)
    common = {"entry": "read", "grant_id": grant_id}
    assert [{name: value for name, value in entry.items() if name != "id"} for entry in shown[:4]] == [
        common | {"at": "2026-11-24T12:00:04Z", "kind": "file", "path": "canary/path.txt"},
        common | {"at": "2026-11-24T12:00:03Z", "kind": "files"},
        common | {"at": "2026-11-24T12:00:02Z", "kind": "records", "model": "canary-model"},
        common | {"at": "2026-11-24T12:00:01Z", "kind": "record", "model": "canary-model", "key": "canary-key"},
    ]
    assert shown[4] == {
        "entry": "grant",
        "id": grant_id,
        "purpose": "issue",
        "reason": "An import fails",
        "from": "2026-11-24T12:00:00Z",
        "until": "2026-11-24T16:00:00Z",
        "ended_at": None,
    }
    entries = trail("content.read")
    assert {entry["subject"] for entry in entries} == {grant_id}
    assert {entry["actor"] for entry in entries} == {parts.pseudonyms().of("staff", "grace")}
    assert {entry["facts"]["kind"] for entry in entries} == {"record", "records", "files", "file"}
    assert {entry["facts"]["read_id"] for entry in entries} == {entry["id"] for entry in shown[:4]}
    assert {entry["facts"]["database_id"] for entry in entries} == {made.id}


@pytest.mark.parametrize("broken", ["access", "audit"])
def test_what_cannot_be_put_on_record_is_not_read(
    grace: Staff, made: Database, parts: Parts, monkeypatch: pytest.MonkeyPatch, broken: str
) -> None:
    grace.grant(made)

    def fails(*arguments: Any, **named: Any) -> None:
        raise RuntimeError

    if broken == "access":
        monkeypatch.setattr(type(parts.access), "create_operation", fails)
    else:
        monkeypatch.setattr(type(parts.trail), "add", fails)
    for path in ROUTES:
        answer = grace.get(f"{made.id}/{path}")
        assert (answer.status, b"canary" in answer.body) == (500, False)


def test_a_read_is_noted_before_anything_is_read(
    grace: Staff, ada: Customer, made: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    grace.grant(made)

    def dies(*arguments: Any, **named: Any) -> None:
        raise RuntimeError

    monkeypatch.setattr("privacy.hosting.reading.record", dies)
    assert grace.get(f"{made.id}/{RECORD}").status == 500
    assert [entry["key"] for entry in reads(ada, made)] == ["canary-key"]


def test_nothing_of_the_content_is_in_plain_in_any_store_queue_or_log(
    grace: Staff, alan: Staff, made: Database, capsys: pytest.CaptureFixture[str]
) -> None:
    grace.grant(made)
    for path in (*ROUTES, "records/canary-model/absent-canary", "files/content?path=canary/absent"):
        grace.get(f"{made.id}/{path}")
        alan.get(f"{made.id}/{path}")
    for path in ("records/CANARY", "records/canary-model/canary%23wrong", "files/content?path=canary/../canary"):
        assert grace.get(f"{made.id}/{path}").status == 422
    assert len([row for row in items("access") if row["id"].startswith("red_")]) == 6
    assert b"canary" not in everything().lower()
    printed = capsys.readouterr()
    assert "canary" not in (printed.out + printed.err).lower()


def test_no_read_changes_anything_of_the_content(grace: Staff, made: Database) -> None:
    before = items("content", AMERICAS)
    grace.grant(made)
    for path in ROUTES:
        grace.get(f"{made.id}/{path}")
    assert items("content", AMERICAS) == before


def test_what_was_read_goes_with_the_key(grace: Staff, ada: Customer, made: Database, panel: DatabasesParts) -> None:
    grace.grant(made)
    grace.get(f"{made.id}/{RECORD}")
    panel.databases.change(made, Status.DELETING, NOON)
    panel.host("americas").keyring.destroy(made.id, NOON)
    [read] = reads(ada, made)
    assert (read["kind"], "model" in read, "key" in read) == ("record", False, False)


# --- what a law forbids to show ------------------------------------------------------------------------------------


def test_what_a_law_hides_is_shown_from_the_second_of_its_end(
    grace: Staff, ada: Customer, made: Database, panel: DatabasesParts, clock: SetClock
) -> None:
    grace.grant(made)
    clock.advance(seconds=1)
    hidden = grace.grant(made, purpose="legal", undisclosed_until="2026-12-24T12:00:00Z")
    clock.advance(seconds=1)
    assert grace.get(f"{made.id}/{RECORD}").status == 200
    assert [entry["entry"] for entry in log(ada, made)] == ["grant"]
    [noted] = trail("content.read")
    assert noted["subject"] == hidden

    clock.set(datetime(2026, 12, 24, 11, 59, 59, tzinfo=UTC))
    ada = signed_in(ada, panel)
    assert [entry["entry"] for entry in log(ada, made)] == ["grant"]
    clock.advance(seconds=1)
    shown = log(ada, made)
    assert [entry["entry"] for entry in shown] == ["read", "grant", "grant"]
    assert (shown[0]["grant_id"], shown[1]["id"], shown[1]["purpose"]) == (hidden, hidden, "legal")


def test_pages_do_not_tell_of_what_is_hidden(grace: Staff, ada: Customer, made: Database, clock: SetClock) -> None:
    for _ in range(3):
        grace.grant(made)
        grace.grant(made, purpose="legal", undisclosed_until="2026-12-24T12:00:00Z")
        clock.advance(seconds=1)
    first = ada.get(f"/databases/{made.id}/access-log?limit=2").json()
    assert len(first["items"]) == 2
    last = ada.get(f"/databases/{made.id}/access-log?limit=2&cursor={first['next_cursor']}").json()
    assert (len(last["items"]), last["next_cursor"]) == (1, None)
    assert {entry["purpose"] for entry in first["items"] + last["items"]} == {"issue"}


# --- routes --------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("path", deployed.routes)
def test_a_route_is_for_the_helpdesk_alone(app: Any, issuer: Issuer, path: str) -> None:
    assert CALLERS[f"GET {path}"] == frozenset({Role.HELPDESK})
    for role in ("security", "dpo", "admin"):
        answer = call(app, issuer.token(role), "GET", path)
        assert (answer.status, answer.json()["detail"]) == (403, "this is for the role helpdesk")
    assert call(app, issuer.token("helpdesk"), "GET", path).json()["detail"] == NO_GRANT
    assert call(app, None, "GET", path).status == 401
    assert call(app, None, "GET", path, cookie="a-token-of-a-customer").status == 401
    assert {method for methods in deployed.routes.values() for method in methods} == {"GET"}


ANSWERS = {
    "list-records": 200,
    "get-record": 404,
    "list-files": 200,
    "get-file": 404,
    "bad-no-token": 401,
    "bad-model": 422,
    "bad-path-upwards": 422,
    "bad-cursor": 422,
    "bad-another-database": 403,
    "get-recording": 404,
    "bad-recording-id": 403,
}


@pytest.mark.parametrize("name", ANSWERS)
def test_a_sample_gets_its_answer(app: Any, grace: Staff, made: Database, name: str) -> None:
    grace.grant(made)
    text = json.dumps(sample(f"helpdesk_access/{name}")).replace("a" * 26, made.id.removeprefix("db_"))
    event = json.loads(text.replace("put-a-token-of-make-token-here", grace.token))
    assert send(app, event).status == ANSWERS[name]


def test_every_sample_is_here() -> None:
    assert {path.stem for path in (ROOT / "events/helpdesk_access").glob("*.json")} == set(ANSWERS)
