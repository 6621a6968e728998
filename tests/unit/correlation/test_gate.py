"""The gate: one asks with a ground and a case, another approves, the result comes once, and all of it is on record."""

import json
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from boto3.dynamodb.conditions import Attr

from correlation.app import build
from correlation.parts import Parts
from privacy.clock import rfc3339
from privacy.models.staff import Role
from privacy.tables.store import TransactionRefusedError
from privacy.web.callers import CALLERS
from tests.unit.correlation.conftest import ADDRESS, HOUR, ROUTE, Gate, trail, visit
from tests.unit.engine import NOON, SetClock, everything, items, sample, send, table
from tests.unit.interference import before_each_call, once_before
from tests.unit.people import CANARIES
from tests.unit.staff import Issuer, call

pytestmark = pytest.mark.promise("correlation.gate")

SECOND = timedelta(seconds=1)
WEEK = timedelta(days=7)
NOBODY = "cor_" + "a" * 26


def test_two_people_a_ground_and_a_case_bring_both_sides_together_once(gate: Gate, account_id: str) -> None:
    visit(NOON + 2 * SECOND, referrer="https://search.example/")
    visit(NOON + 3 * SECOND, "198.51.100.9")
    asked = gate.ask(account_id)
    assert asked.status == 201
    correlation_id = asked.json()["correlation_id"]
    expires_at = rfc3339(NOON + HOUR + WEEK)
    assert asked.json() == {"correlation_id": correlation_id, "status": "waiting", "expires_at": expires_at}
    assert gate.result(correlation_id) == {
        "sessions": [
            {
                "created_at": "2026-11-24T12:00:00Z",
                "last_used_at": "2026-11-24T12:00:00Z",
                "address": ADDRESS,
                "seal": "opened",
            }
        ],
        "visits": [
            {
                "visited_at": "2026-11-24T12:00:02Z",
                "address": ADDRESS,
                "browser": "Firefox",
                "browser_version": "145.0",
                "platform": "Linux",
                "referrer": "https://search.example/",
                "language": "en-SG",
                "country": "SG",
            }
        ],
        "complete": True,
    }
    second = gate.approve(correlation_id, sub="yet-another-person")
    assert second.status == 409
    assert "not kept" in second.json()["detail"]
    assert ADDRESS.encode() not in second.body


def test_who_decides_sees_what_is_asked_while_it_waits_and_nobody_does_afterwards(gate: Gate, account_id: str) -> None:
    visit(NOON)
    correlation_id = gate.asked(account_id, ground="law", case="Ordre n° 12, Tribunal")
    waiting = {
        "correlation_id": correlation_id,
        "status": "waiting",
        "ground": "law",
        "case": "Ordre n° 12, Tribunal",
        "account_id": account_id,
        "window": {"from": "2026-11-24T12:00:00Z", "to": "2026-11-24T13:00:00Z"},
        "requested_at": "2026-11-24T13:00:00Z",
        "expires_at": "2026-12-01T13:00:00Z",
    }
    assert [gate.show(correlation_id, role).json() for role in ("security", "dpo")] == [waiting, waiting]
    gate.clock.advance(minutes=5)
    gate.result(correlation_id)
    assert gate.show(correlation_id).json() == waiting | {
        "status": "delivered",
        "case": None,
        "account_id": None,
        "window": None,
        "expires_at": "2027-11-24T13:00:00Z",
        "decided_at": "2026-11-24T13:05:00Z",
    }


# --- who -----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("route", "roles"),
    [(route, roles) for route, roles in CALLERS.items() if route.partition(" ")[2].startswith(ROUTE)],
)
def test_a_route_is_for_the_roles_of_its_row_and_nobody_else(
    app: Any, issuer: Issuer, route: str, roles: frozenset[Role]
) -> None:
    method, path = route.split(" ")
    path = path.replace("{correlation_id}", NOBODY)
    for role in ("helpdesk", "security", "dpo", "admin"):
        answer = call(app, issuer.token(role), method, path)
        assert (answer.status == 403) == (role not in roles), role
        assert answer.status not in (200, 201, 401, 500)
    assert call(app, None, method, path).status == 401
    assert call(app, None, method, path, cookie="a-token-of-a-customer").status == 401
    assert trail() == []


def test_the_second_person_is_another_whatever_the_roles_of_the_first(gate: Gate, account_id: str) -> None:
    visit(NOON)
    both = {"sub": "one-person", "roles": ["security", "dpo"]}
    correlation_id = gate.asked(account_id, token=gate.token("security", **both))
    gate.clock.advance(seconds=1)
    answer = gate.approve(correlation_id, **both)
    assert (answer.status, answer.json()["detail"]) == (403, "another person must approve")
    assert ADDRESS.encode() not in answer.body
    assert gate.show(correlation_id).json()["status"] == "waiting"
    assert {row["action"] for row in trail()} == {"correlation.requested", "correlation.refused", "correlation.read"}
    assert len(gate.result(correlation_id)["visits"]) == 1
    assert gate.approve(correlation_id, **both).status == 403


# --- once ----------------------------------------------------------------------------------------------------------


def test_of_two_approvals_beside_each_other_one_gets_the_result(gate: Gate, account_id: str) -> None:
    visit(NOON)
    correlation_id = gate.asked(account_id)
    first: list[Any] = []
    with once_before("dynamodb.TransactWriteItems", lambda: first.append(gate.approve(correlation_id, sub="faster"))):
        second = gate.approve(correlation_id)
    assert [first[0].status, second.status] == [200, 409]
    assert ADDRESS.encode() not in second.body
    assert sorted(row["action"] for row in trail()) == [
        "correlation.approved",
        "correlation.refused",
        "correlation.requested",
    ]


def test_what_fails_before_the_result_is_there_leaves_the_request_waiting(gate: Gate, account_id: str) -> None:
    visit(NOON)
    correlation_id = gate.asked(account_id)

    def die(name: str) -> None:
        if name == "kms.Decrypt":
            raise OSError("canary")

    with before_each_call(die):
        assert gate.approve(correlation_id).status == 500
    assert gate.show(correlation_id).json()["status"] == "waiting"
    assert len(gate.result(correlation_id)["visits"]) == 1


def test_a_retry_of_our_own_that_finds_its_write_done_still_answers(gate: Gate, parts: Parts, account_id: str) -> None:
    visit(NOON)
    correlation_id = gate.asked(account_id)

    def retried(operations: Any) -> None:
        parts.transact(operations)
        raise TransactionRefusedError((0,))

    gate.app = build(lambda: replace(parts, transact=retried))
    assert len(gate.result(correlation_id)["visits"]) == 1
    assert gate.approve(correlation_id).status == 409


def test_the_same_request_sent_twice_is_one(gate: Gate, account_id: str) -> None:
    first, second = (gate.ask(account_id, key="key-1") for _ in range(2))
    assert first.json() == second.json()
    assert len(items("correlations")) == 1
    assert [row["action"] for row in trail()] == ["correlation.requested"]
    assert gate.ask(account_id, key="key-1", case="Another").status == 422


def test_a_request_that_broke_off_is_on_record_once_when_it_is_repeated(gate: Gate, account_id: str) -> None:
    def die(name: str) -> None:
        if name == "dynamodb.UpdateItem":  # the note that the work is done
            raise OSError("canary")

    with before_each_call(die):
        assert gate.ask(account_id, key="key-1").status == 500
    assert gate.ask(account_id, key="key-1").status in (201, 409)
    gate.clock.advance(seconds=61)
    assert gate.ask(account_id, key="key-1").status == 201
    assert len(items("correlations")) == 1
    assert [row["action"] for row in trail()] == ["correlation.requested"]


# --- in time -------------------------------------------------------------------------------------------------------


def test_a_request_waits_to_the_last_second_of_its_week(gate: Gate, account_id: str) -> None:
    begin, correlation_id = gate.clock(), gate.asked(account_id)
    late = gate.asked(account_id)
    assert {row["ttl"] for row in items("correlations")} == {int((begin + WEEK).timestamp())}
    gate.clock.set(begin + WEEK - SECOND)
    assert gate.show(correlation_id).status == 200
    assert gate.approve(correlation_id).status == 200
    gate.clock.set(begin + WEEK)
    for answer in (gate.show(late), gate.approve(late)):
        assert answer.status == 404
        assert "expired" in answer.json()["detail"]
    assert gate.show(correlation_id).json()["status"] == "delivered"  # the fact outlives the wait


def test_that_it_was_decided_is_kept_for_its_year_and_no_longer(gate: Gate, account_id: str) -> None:
    begin, correlation_id = gate.clock(), gate.asked(account_id)
    gate.result(correlation_id)
    (row,) = items("correlations")
    end = datetime(2027, 11, 24, 13, tzinfo=UTC)
    assert (row["ttl"], row["created_at"]) == (int(end.timestamp()), int(begin.timestamp()))
    gate.clock.set(end - SECOND)
    assert gate.show(correlation_id).status == 200
    gate.clock.set(end)
    assert [gate.show(correlation_id).status, gate.approve(correlation_id).status] == [404, 404]


def test_what_does_not_exist_is_said_so(gate: Gate, account_id: str) -> None:
    for name in (NOBODY, "cor_x", account_id, "%2e%2e"):
        assert [gate.show(name).status, gate.approve(name).status] == [404, 404]
    for unknown in ("acc_" + "a" * 26, "acc_x", f"email#{'0' * 32}"):
        assert gate.ask(unknown, key="key").status == 404
    assert gate.ask(account_id, key="key").status == 201
    assert len(items("correlations")) == 1


# --- what is asked -------------------------------------------------------------------------------------------------


def window(first: datetime | str, last: datetime | str) -> dict[str, str]:
    return {"from": str(first), "to": str(last)}


NOW = NOON + HOUR
OLDEST = datetime(2025, 11, 24, 13, tzinfo=UTC)
"""The first second that is over of the visits' twelve months."""


@pytest.mark.parametrize(
    ("first", "last", "wrong"),
    [
        (NOON, NOON, "window.to"),
        (NOON, NOON - SECOND, "window.to"),
        (NOON - timedelta(days=31), NOON, None),
        (NOON - timedelta(days=31), NOON + SECOND, "window.to"),
        (OLDEST, OLDEST + HOUR, "window.from"),
        (OLDEST + SECOND, OLDEST + HOUR, None),
        (NOW, NOW + HOUR, None),
        (NOW + SECOND, NOW + HOUR, "window.from"),
    ],
)
def test_a_window_is_a_month_at_most_of_the_time_that_visits_are_kept(
    gate: Gate, account_id: str, first: datetime, last: datetime, wrong: str | None
) -> None:
    answer = gate.ask(account_id, window=window(rfc3339(first), rfc3339(last)))
    assert answer.status == (422 if wrong else 201)
    assert list(answer.errors) == ([wrong] if wrong else [])


def test_nobody_is_watched_a_window_ends_when_it_is_asked_about(gate: Gate, account_id: str) -> None:
    correlation_id = gate.asked(account_id, window=window(rfc3339(NOON), rfc3339(NOON + 24 * HOUR)))
    assert gate.show(correlation_id).json()["window"]["to"] == rfc3339(NOW)
    visit(NOW)
    visit(NOW + SECOND)
    gate.clock.advance(hours=2)
    assert [entry["visited_at"] for entry in gate.result(correlation_id)["visits"]] == [rfc3339(NOW)]


@pytest.mark.parametrize(
    "text",
    [
        "2026-11-24",
        "2026-11-24T12:00:00",
        "2026-11-24 12:00:00Z",
        "2026-11-31T12:00:00Z",
        "2026-11-24T12:00:60Z",
        "2026-11-24T24:00:01Z",
        "0001-01-01T00:00:00+14:00",
        "٢026-11-24T12:00:00Z",
        "",
        1795521600,
        None,
        True,
        ["2026-11-24T12:00:00Z"],
    ],
    ids=str,
)
def test_a_time_is_one_of_rfc_3339(gate: Gate, account_id: str, text: Any) -> None:
    answer = gate.ask(account_id, window={"from": text, "to": rfc3339(NOW)})
    assert (answer.status, list(answer.errors)) == (422, ["window.from"])


def test_a_time_may_come_from_any_zone_and_with_a_fraction(gate: Gate, account_id: str) -> None:
    correlation_id = gate.asked(account_id, window=window("2026-11-24T20:00:00.987+08:00", "2026-11-24t13:00:00z"))
    assert gate.show(correlation_id).json()["window"] == window("2026-11-24T12:00:00Z", "2026-11-24T13:00:00Z")


@pytest.mark.parametrize(
    ("changes", "wrong"),
    [
        ({"ground": "curiosity"}, "ground"),
        ({"ground": None}, "ground"),
        ({"case": ""}, "case"),
        ({"case": "  "}, "case"),
        ({"case": "x" * 201}, "case"),
        ({"case": 4711}, "case"),
        ({"account_id": 7}, "account_id"),
        ({"window": None}, "window"),
        ({"window": {"from": "2026-11-24T12:00:00Z"}}, "window.to"),
        ({"window": {"first": "2026-11-24T12:00:00Z", "to": "2026-11-24T13:00:00Z"}}, "window.from"),
        ({"canary-of-a-field": "x"}, "(unknown)"),
    ],
    ids=str,
)
def test_a_ground_and_a_case_are_wanted_and_nothing_else(
    gate: Gate, account_id: str, changes: dict[str, Any], wrong: str
) -> None:
    answer = gate.ask(**{"account_id": account_id} | changes)
    assert answer.status == 422
    assert wrong in answer.errors
    assert b"canary" not in answer.body
    assert items("correlations") == trail() == []


@pytest.mark.parametrize("ground", ["law", "security"])
def test_a_case_has_up_to_two_hundred_characters(gate: Gate, account_id: str, ground: str) -> None:
    correlation_id = gate.asked(account_id, ground=ground, case="é" * 200)
    assert gate.show(correlation_id).json()["case"] == "é" * 200


def test_an_approval_takes_no_fields(gate: Gate, account_id: str) -> None:
    route = f"{ROUTE}/{gate.asked(account_id)}/approval"
    answer = call(gate.app, gate.token("dpo"), "POST", route, body={"sessions": "all"})
    assert answer.status == 422


# --- on record, and nowhere else -----------------------------------------------------------------------------------


def test_each_step_is_on_record_by_pseudonyms_counts_and_words_of_ours(
    gate: Gate, parts: Parts, account_id: str
) -> None:
    visit(NOON)
    visit(NOON + SECOND)
    correlation_id = gate.asked(account_id)
    gate.clock.advance(seconds=1)
    gate.show(correlation_id, "security")
    gate.clock.advance(seconds=1)
    gate.result(correlation_id)
    gate.clock.advance(seconds=1)
    gate.approve(correlation_id)
    of = parts.pseudonyms().of
    told = [(row["action"], row["actor"], row["subject"], json.loads(row["facts"])) for row in trail()]
    why = {"ground": "security", "case": of("case", "Case 4711"), "account": of("correlation", account_id)}
    counts = {"sessions": 1, "visits": 2, "broken": 0, "complete": "yes"}
    requester, approver = of("staff", "person-security"), of("staff", "person-dpo")
    assert told == [
        ("correlation.requested", requester, correlation_id, why),
        ("correlation.read", requester, correlation_id, {}),
        ("correlation.approved", approver, correlation_id, why | counts),
        ("correlation.refused", approver, correlation_id, {"ground": "security", "reason": "delivered-before"}),
    ]


def test_the_result_is_in_no_store_and_no_log_and_the_question_goes_with_the_answer(
    gate: Gate, account_id: str, capsys: pytest.CaptureFixture[str]
) -> None:
    visit(NOON, referrer="https://canary.example/")
    correlation_id = gate.asked(account_id, case="Canary v. Canary")
    gate.result(correlation_id)
    gate.approve(correlation_id)
    gate.show(correlation_id)
    left = everything()
    for row in items("visits"):
        left = left.replace(repr(row).encode(), b"")
    for needle in (ADDRESS, "canary.example", "Canary v. Canary"):
        assert needle.encode() not in left, needle
    about = repr([items("correlations"), items("audit"), items("idempotency")])
    for needle in (account_id, CANARIES["email"], "person-security", "person-dpo"):
        assert needle not in about, needle
    out = capsys.readouterr()
    for needle in (ADDRESS, account_id, "Canary", "canary", "person-"):
        assert needle not in out.out + out.err, needle


def test_without_a_record_there_is_no_result(gate: Gate, account_id: str) -> None:
    """The entry is written with the delivery: where it cannot be, nothing is delivered."""
    visit(NOON)
    correlation_id = gate.asked(account_id)

    def forbidden(name: str) -> None:
        if name == "dynamodb.TransactWriteItems":
            raise OSError("canary")

    with before_each_call(forbidden):
        answer = gate.approve(correlation_id)
    assert answer.status == 500
    assert ADDRESS.encode() not in answer.body
    assert gate.show(correlation_id).json()["status"] == "waiting"


def test_a_request_whose_row_is_gone_before_the_delivery_has_no_result(gate: Gate, account_id: str) -> None:
    visit(NOON)
    correlation_id = gate.asked(account_id)

    def gone() -> None:
        table("correlations").delete({"id": correlation_id}, Attr("id").exists())

    with once_before("dynamodb.TransactWriteItems", gone):
        assert gate.approve(correlation_id).status == 409
    assert items("correlations") == []  # an update creates what is missing, unless it has a condition


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        ("ask", 401),
        ("approve", 401),
        ("show", 401),
        ("bad-no-token", 401),
        ("bad-customer", 401),
        ("bad-json", 401),
    ],
)
def test_each_sample_gets_the_answer_that_it_is_a_sample_of(app: Any, name: str, expected: int) -> None:
    """Their token is to be filled in; who is not let in learns nothing about the rest."""
    assert send(app, sample(f"correlation/{name}")).status == expected


@pytest.mark.parametrize(("name", "expected"), [("ask", 404), ("approve", 404), ("show", 404), ("bad-json", 400)])
def test_each_sample_with_a_token_is_read(app: Any, issuer: Issuer, clock: SetClock, name: str, expected: int) -> None:
    event = sample(f"correlation/{name}")
    role = "dpo" if name == "approve" else "security"
    event["headers"]["Authorization"] = f"Bearer {issuer.token(role)}"
    clock.set(NOON + HOUR)
    assert send(app, event).status == expected
