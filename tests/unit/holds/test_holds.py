"""Holds through their routes: who may, what is taken, what is shown, and what is on record."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from holds.app import build
from holds.parts import Parts
from privacy.clock import rfc3339
from privacy.web.callers import CALLERS
from tests.template.source import template
from tests.unit.engine import NOON, Answer, SetClock, everything, items, sample, send
from tests.unit.holds.world import NETWORK, OF_NETWORK, alter, hold, visit
from tests.unit.staff import Issuer, call

pytestmark = pytest.mark.promise("visits.retention")

ROUTE = "/helpdesk/holds"
REASON = "canary-of-a-reason: the same network signs in again and again"
SECOND = timedelta(seconds=1)
MONTH = {"from": "2026-10-01T00:00:00Z", "to": "2026-11-01T00:00:00Z"}
LONGER = MONTH | {"to": "2026-11-01T00:00:01Z"}
"""Thirty-one days, the longest window of a hold that names no source; and a second more."""
UNTIL = NOON + timedelta(days=90)


def body(scope: Any = OF_NETWORK, **changes: Any) -> dict[str, Any]:
    whole: dict[str, Any] = {"scope": scope, "ground": "security", "reason": REASON, "until": rfc3339(UNTIL)}
    return {name: value for name, value in (whole | changes).items() if value is not None}


def ask(app: Any, issuer: Issuer, document: Any = None, role: str = "security", **request: Any) -> Answer:
    token = issuer.token(role, now=request.pop("now", NOON))
    return call(app, token, "POST", ROUTE, body=body() if document is None else document, **request)


def listed(app: Any, issuer: Issuer, now: datetime = NOON, query: str = "") -> dict[str, Any]:
    answer = call(app, issuer.token("dpo", now=now), "GET", ROUTE + query)
    assert answer.status == 200
    shown: dict[str, Any] = answer.json()
    return shown


def test_a_hold_names_its_scope_ground_reason_owner_and_end(app: Any, issuer: Issuer, parts: Parts) -> None:
    answer = ask(app, issuer)
    assert answer.status == 201
    made = answer.json()
    owner = parts.pseudonyms().of("staff", "person-security")
    assert made == {
        "hold_id": made["hold_id"],
        "scope": OF_NETWORK,
        "ground": "security",
        "reason": REASON,
        "owner": owner,
        "created_at": rfc3339(NOON),
        "until": rfc3339(UNTIL),
        "released_at": None,
        "in_force": True,
        "in_force_since": rfc3339(NOON + SECOND),
    }
    assert listed(app, issuer)["items"] == [made]


@pytest.mark.parametrize("route", [route for route in CALLERS if ROUTE in route])
def test_holds_are_for_security_and_the_data_protection_officer(app: Any, issuer: Issuer, route: str) -> None:
    method, path = route.split(" ")
    for role in ("helpdesk", "security", "dpo", "admin"):
        answer = call(app, issuer.token(role), method, path)
        assert (answer.status == 403) == (role not in ("security", "dpo")), role
        assert answer.status not in (401, 500)
    assert call(app, None, method, path).status == 401
    assert items("holds") == []


@pytest.mark.parametrize(
    ("scope", "kept"),
    [
        ({"visits": {"addresses": "203.0.113.7"}}, {"visits": {"addresses": "203.0.113.7/32"}}),
        ({"visits": {"addresses": "2001:DB8::/32"}}, {"visits": {"addresses": "2001:db8::/32"}}),
        ({"visits": {"addresses": "2001:db8::1"}}, {"visits": {"addresses": "2001:db8::1/128"}}),
        ({"visits": {"addresses": "::ffff:203.0.113.0/120"}}, {"visits": {"addresses": NETWORK}}),
        (
            {"visits": {"from": "2026-11-01T00:00:00+08:00", "to": "2026-11-08t00:00:00.5z"}},
            {"visits": {"from": "2026-10-31T16:00:00Z", "to": "2026-11-08T00:00:00Z"}},
        ),
        ({"visits": {"addresses": "203.0.0.0/8"}}, {"visits": {"addresses": "203.0.0.0/8"}}),
        ({"visits": {"addresses": "0.0.0.0/0", **MONTH}}, {"visits": {"addresses": "0.0.0.0/0", **MONTH}}),
        ({"visits": MONTH}, {"visits": MONTH}),
        ({"account_id": "acc_" + "a" * 26}, {"account_id": "acc_" + "a" * 26}),
    ],
    ids=str,
)
def test_a_scope_is_kept_in_its_one_writing(app: Any, issuer: Issuer, scope: Any, kept: Any) -> None:
    assert ask(app, issuer, body(scope)).json()["scope"] == kept
    assert listed(app, issuer)["items"][0]["scope"] == kept


WRONG: list[tuple[dict[str, Any], str]] = [
    ({"scope": None}, "scope"),
    ({"scope": {}}, "scope"),
    ({"scope": "everything"}, "scope"),
    ({"scope": {"visits": {}}}, "scope.visits"),
    ({"scope": {"visits": {"ids": []}}}, "scope.visits.ids"),
    ({"scope": {"visits": {"ids": "vis_1"}}}, "scope.visits.ids"),
    ({"scope": {"visits": {"ids": ["canary"]}}}, "scope.visits.ids.0"),
    ({"scope": {"visits": {"ids": ["vis_0a0017955216000123456789ABCDEF"]}}}, "scope.visits.ids.0"),
    ({"scope": {"visits": {"ids": ["vis_0a0017955216000123456789abcdef"] * 101}}}, "scope.visits.ids"),
    ({"scope": {"visits": {"addresses": "203.0.113.7/24"}}}, "scope.visits.addresses"),
    ({"scope": {"visits": {"addresses": "203.0.113.0/33"}}}, "scope.visits.addresses"),
    ({"scope": {"visits": {"addresses": "fe80::1%canary"}}}, "scope.visits.addresses"),
    ({"scope": {"visits": {"addresses": "canary"}}}, "scope.visits.addresses"),
    ({"scope": {"visits": {"addresses": 3405803783}}}, "scope.visits.addresses"),
    ({"scope": {"visits": {"from": "2026-11-08"}}}, "scope.visits.from"),
    ({"scope": {"visits": {"from": "2026-11-08T00:00:00"}}}, "scope.visits.from"),
    ({"scope": {"visits": {"from": "2026-02-30T00:00:00Z"}}}, "scope.visits.from"),
    ({"scope": {"visits": {"to": "0001-01-01T00:00:00+23:59"}}}, "scope.visits.to"),
    ({"scope": {"visits": {"to": 1795521600}}}, "scope.visits.to"),
    ({"scope": {"visits": {"from": "2026-11-08T00:00:00Z", "to": "2026-11-08T00:00:00Z"}}}, "scope.visits"),
    ({"scope": {"visits": {"addresses": "203.0.113.7", "canary": 1}}}, "scope.visits.(unknown)"),
    ({"scope": {"account_id": "canary@example.com"}}, "scope.account_id"),
    ({"scope": {"account_id": "acc_" + "a" * 26} | OF_NETWORK}, "scope"),
    ({"scope": {"visits": {"addresses": "0.0.0.0/0"}}}, "scope"),
    ({"scope": {"visits": {"addresses": "202.0.0.0/7"}}}, "scope"),
    ({"scope": {"visits": {"addresses": "::/0"}}}, "scope"),
    ({"scope": {"visits": {"addresses": "2001:db8::/31"}}}, "scope"),
    ({"scope": {"visits": {"addresses": "::ffff:0:0/96"}}}, "scope"),
    ({"scope": {"visits": {"addresses": "0.0.0.0/0", "to": "2026-11-08T00:00:00Z"}}}, "scope"),
    ({"scope": {"visits": {"addresses": "::/0", **LONGER}}}, "scope"),
    ({"scope": {"visits": {"from": "2026-11-08T00:00:00Z"}}}, "scope"),
    ({"scope": {"visits": {"to": "2026-11-08T00:00:00Z"}}}, "scope"),
    ({"scope": {"visits": LONGER}}, "scope"),
    ({"ground": "curiosity"}, "ground"),
    ({"ground": None}, "ground"),
    ({"reason": None}, "reason"),
    ({"reason": " "}, "reason"),
    ({"reason": "canary" * 84}, "reason"),
    ({"until": None}, "until"),
    ({"until": "soon"}, "until"),
    ({"until": rfc3339(NOON)}, "until"),
    ({"until": "2027-11-24T12:00:01Z"}, "until"),
    ({"canary": "canary"}, "(unknown)"),
]


@pytest.mark.parametrize(("changes", "field"), WRONG, ids=str)
def test_what_is_wrong_is_named_and_nothing_is_held(app: Any, issuer: Issuer, changes: Any, field: str) -> None:
    answer = ask(app, issuer, body(**changes))
    assert (answer.status, list(answer.errors)) == (422, [field])
    assert b"canary" not in answer.body
    assert items("holds") == items("audit") == []


def test_a_hold_lasts_at_most_its_longest_period(app: Any, issuer: Issuer) -> None:
    assert ask(app, issuer, body(until="2027-11-24T12:00:00Z")).status == 201


def test_the_end_itself_is_not_in_force_and_later_it_is_forgotten(app: Any, issuer: Issuer, clock: SetClock) -> None:
    hold_id = ask(app, issuer).json()["hold_id"]
    for now, in_force in ((UNTIL - SECOND, True), (UNTIL, False)):
        clock.set(now)
        (shown,) = listed(app, issuer, now)["items"]
        assert (shown["in_force"], shown["released_at"]) == (in_force, None)
    forgotten = datetime(2028, 2, 22, 12, 0, tzinfo=UTC)
    clock.set(forgotten - SECOND)
    assert len(listed(app, issuer, clock())["items"]) == 1
    clock.set(forgotten)
    assert listed(app, issuer, clock())["items"] == []
    assert call(app, issuer.token("dpo", now=clock()), "DELETE", f"{ROUTE}/{hold_id}").status == 404


def test_a_release_ends_a_hold_at_once_and_only_once(app: Any, issuer: Issuer, clock: SetClock) -> None:
    hold_id = ask(app, issuer).json()["hold_id"]
    for _ in range(2):
        clock.advance(hours=1)
        answer = call(app, issuer.token("dpo", now=clock()), "DELETE", f"{ROUTE}/{hold_id}")
        assert (answer.status, answer.body) == (204, b"")
    (shown,) = listed(app, issuer, clock())["items"]
    assert (shown["in_force"], shown["released_at"]) == (False, rfc3339(NOON + timedelta(hours=1)))
    released = [entry for entry in items("audit") if entry["action"] == "hold.released"]
    assert [entry["subject"] for entry in released] == [hold_id]


@pytest.mark.parametrize("hold_id", ["everything", "hld_" + "a" * 26, "hld_%00", "acc_" + "a" * 26])
def test_a_hold_that_is_not_there_is_404(app: Any, issuer: Issuer, hold_id: str) -> None:
    assert call(app, issuer.token("dpo"), "DELETE", f"{ROUTE}/{hold_id}").status == 404
    assert items("audit") == []


def test_a_list_goes_page_by_page_the_newest_first(app: Any, issuer: Issuer, clock: SetClock) -> None:
    made = []
    for _ in range(5):
        made.append(ask(app, issuer, now=clock()).json()["hold_id"])
        clock.advance(minutes=1)
    found: list[str] = []
    query = "?limit=2"
    while True:
        page = listed(app, issuer, clock(), query)
        found += [shown["hold_id"] for shown in page["items"]]
        if page["next_cursor"] is None:
            break
        query = f"?limit=2&cursor={page['next_cursor']}"
    assert found == made[::-1]
    wrong = call(app, issuer.token("dpo", now=clock()), "GET", f"{ROUTE}?cursor=aGxk")
    assert (wrong.status, list(wrong.errors)) == (422, ["cursor"])


@pytest.mark.parametrize(
    "changes",
    [
        {"ground": "curiosity"},
        {"ground": None},
        {"scope": None},
        {"scope": "everything"},
        {"scope": {}},
        {"scope": {"visits": {"from": "0999-01-01T00:00:00Z"}}},
        {"scope": {"account_id": "acc_" + "a" * 26, "more": 1}},
        {"until": None},
        {"until": "2027-01-01T00:00:00Z"},
        {"until": 10**15},
        {"until": 10**30},
        {"until": -1},
        {"created_at": {"seconds": 1}},
        {"since": b"since"},
        {"owner": b"owner"},
        {"reason": ["one", "two"]},
    ],
    ids=str,
)
def test_a_hold_that_cannot_be_read_is_shown_as_such_beside_the_others(app: Any, issuer: Issuer, changes: Any) -> None:
    unreadable = hold(1, UNTIL, NOON - SECOND)
    made = ask(app, issuer).json()
    alter(unreadable.id, changes)
    told = {"hold_id": unreadable.id, "unreadable": True}
    assert listed(app, issuer)["items"] == [told, made]
    page = listed(app, issuer, query="?limit=1")
    assert page["items"] == [told]
    assert listed(app, issuer, query=f"?limit=1&cursor={page['next_cursor']}")["items"] == [made]


def test_a_hold_that_cannot_be_read_is_neither_released_nor_made_again(app: Any, issuer: Issuer) -> None:
    key = {"Idempotency-Key": "one"}
    hold_id = ask(app, issuer, headers=key).json()["hold_id"]
    alter(hold_id)
    before = items("holds")
    assert call(app, issuer.token("dpo"), "DELETE", f"{ROUTE}/{hold_id}").status == 409
    assert ask(app, issuer, headers=key).status == 409
    assert items("holds") == before
    assert [row["action"] for row in items("audit")] == ["hold.created"]


def test_what_staff_do_is_on_record_without_any_address(app: Any, issuer: Issuer, parts: Parts) -> None:
    hold_id = ask(app, issuer).json()["hold_id"]
    account = ask(app, issuer, body({"account_id": "acc_" + "b" * 26}, ground="law")).json()["hold_id"]
    listed(app, issuer)
    call(app, issuer.token("dpo"), "DELETE", f"{ROUTE}/{hold_id}")
    security, dpo = (parts.pseudonyms().of("staff", f"person-{role}") for role in ("security", "dpo"))
    entries = [(row["action"], row["actor"], row.get("subject"), row["facts"]) for row in items("audit")]
    assert sorted(entries, key=str) == sorted(
        [
            ("hold.created", security, hold_id, '{"ground": "security", "scope": "visits"}'),
            ("hold.created", security, account, '{"ground": "law", "scope": "account"}'),
            ("holds.read", dpo, None, "{}"),
            ("hold.released", dpo, hold_id, '{"ground": "security", "scope": "visits"}'),
        ],
        key=str,
    )


def test_a_scope_and_a_reason_lie_in_the_holds_table_alone(
    app: Any, issuer: Issuer, parts: Parts, capsys: pytest.CaptureFixture[str]
) -> None:
    for key in ({}, {"Idempotency-Key": "one"}):
        assert ask(app, issuer, headers=key).status == 201
    held = everything()
    assert NETWORK.encode() in held
    assert REASON.encode() in held
    client, name = parts.holds.table.client, parts.holds.table.name
    for row in items("holds"):
        client.delete_item(TableName=name, Key={"part": {"S": row["part"]}, "id": {"S": row["id"]}})
    rest = everything()
    for canary in (NETWORK.encode(), b"canary", b"person-security"):
        assert canary not in rest
        assert canary.decode() not in capsys.readouterr().out


def test_the_same_key_makes_one_hold(app: Any, issuer: Issuer) -> None:
    key = {"Idempotency-Key": "one"}
    first, again = ask(app, issuer, headers=key), ask(app, issuer, headers=key)
    assert (first.status, again.status) == (201, 201)
    assert first.json() == again.json()
    assert len(items("holds")) == 1
    assert ask(app, issuer, body(ground="law"), headers=key).status == 422
    assert ask(app, issuer, role="dpo", headers=key).json()["hold_id"] != first.json()["hold_id"]


def test_a_hold_that_a_request_cannot_prepare_in_time_says_so_and_is_finished_by_a_repetition(
    parts: Parts, issuer: Issuer
) -> None:
    visit(NOON + timedelta(days=3))
    seconds = iter(range(0, 1000, 8))  # every look at the time finds eight seconds gone
    slow = build(lambda: replace(parts, monotonic=lambda: float(next(seconds))))
    key = {"Idempotency-Key": "one"}
    answer = ask(slow, issuer, headers=key)
    assert (answer.status, answer.headers["retry-after"]) == (503, "60")
    (shown,) = listed(slow, issuer)["items"]
    assert (shown["in_force"], shown["in_force_since"]) == (False, None)
    freed = [shown["hold_id"]]
    for _ in range(10):
        answer = ask(slow, issuer, headers=key)
        if answer.status == 201:
            break
    assert answer.json()["in_force"]
    assert [row["id"] for row in items("holds")] == freed
    assert [row["action"] for row in items("audit")].count("hold.created") == 1
    assert ["ttl" in row for row in items("visits")] == [False]


def test_no_earlier_state_of_the_table_outlives_a_scope_and_ttl_does_not_forget_what_is_still_needed() -> None:
    properties = template()["Resources"]["HoldsTable"]["Properties"]
    assert properties["PointInTimeRecoverySpecification"] == {"PointInTimeRecoveryEnabled": False}
    assert "TimeToLiveSpecification" not in properties


@pytest.mark.parametrize(
    ("name", "status"),
    [
        ("hold-addresses", 201),
        ("hold-window", 201),
        ("hold-visits", 201),
        ("hold-account", 201),
        ("list", 200),
        ("bad-another-hold", 404),
        ("bad-id", 404),
        ("bad-no-token", 401),
        ("bad-malformed-json", 400),
        *((f"bad-{what}", 422) for what in ("both-scopes", "empty-scope", "network", "window", "time", "visit-id")),
        *((f"bad-{what}", 422) for what in ("account-id", "ground", "no-reason", "past-end", "too-long")),
        ("bad-unknown-field", 422),
    ],
)
def test_the_sample_events_are_answered(app: Any, issuer: Issuer, name: str, status: int) -> None:
    event = sample(f"holds/{name}")
    if "Authorization" in event["headers"]:
        event["headers"]["Authorization"] = f"Bearer {issuer.token('security')}"
    assert send(app, event).status == status
    assert len(items("holds")) == (status == 201)
