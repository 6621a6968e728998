"""What the audit found reaches `GET /promises`: status, since when, how late, and nothing of anybody."""

import json
from datetime import datetime, timedelta
from typing import Any

import pytest

from privacy.aws import client
from privacy.policy import load as policy
from privacy.settings import Deployment, load
from privacy.tables.store import to_aws
from promise_audit.app import build as build_audit
from promise_audit.looking import Finding, Status
from promise_audit.parts import Parts, assemble
from promises.app import build as build_app
from promises.parts import assemble as assemble_app
from tests.unit.engine import HOME, NAMES, NOON, Context, SetClock, environment, http, items, schedule_event

pytestmark = pytest.mark.promise("audit.proof")

HOUR = timedelta(hours=1)


@pytest.fixture
def parts(stores: None, clock: SetClock) -> Parts:
    return assemble(load(Deployment, environment("PromiseAuditFunction")), clock)


@pytest.fixture
def app(stores: None, clock: SetClock) -> Any:
    made = assemble_app(load(Deployment, environment("PromisesFunction")), clock)
    return build_app(lambda: made)


def finding(status: Status, *, overdue: int = 0, lags: tuple[int, int, int] | None = (1, 2, 3)) -> Finding:
    return Finding("sessions.idle", status, ("looked at 2 sessions",), ("acc_" + "a" * 26,), 2, 0, overdue, lags)


def shown(app: Any, promise: str = "sessions.idle") -> dict[str, Any]:
    answer = http(app, "GET", "/promises")
    assert answer.status == 200
    found: dict[str, Any] = next(item for item in answer.json()["items"] if item["id"] == promise)
    return found


def test_a_promise_that_was_never_checked_is_at_risk_and_says_so(app: Any) -> None:
    answer = http(app, "GET", "/promises").json()
    assert [item["id"] for item in answer["items"]] == list(policy().promises)
    assert {item["status"] for item in answer["items"]} == {"at-risk"}
    assert shown(app)["evidence"] == ["no check of this promise has run yet"]
    assert (shown(app)["since"], shown(app)["checked_at"]) == (None, None)


def test_since_moves_only_when_the_status_does(app: Any, parts: Parts, clock: SetClock) -> None:
    story = []
    for status in (Status.KEPT, Status.KEPT, Status.BROKEN, Status.BROKEN, Status.KEPT):
        parts.findings().publish(finding(status), clock())
        item = shown(app)
        story.append((item["status"], item["since"], item["checked_at"]))
        clock.advance(hours=1)
    assert story == [
        ("kept", "2026-11-24T12:00:00Z", "2026-11-24T12:00:00Z"),
        ("kept", "2026-11-24T12:00:00Z", "2026-11-24T13:00:00Z"),
        ("broken", "2026-11-24T14:00:00Z", "2026-11-24T14:00:00Z"),
        ("broken", "2026-11-24T14:00:00Z", "2026-11-24T15:00:00Z"),
        ("kept", "2026-11-24T16:00:00Z", "2026-11-24T16:00:00Z"),
    ]
    entries = [row["entry"] for row in items("findings")]
    assert len(entries) == 1 + 1 + 3  # now, the first of the day, every change


def test_a_finding_older_than_three_hours_is_at_risk_but_broken_stays_broken(
    app: Any, parts: Parts, clock: SetClock
) -> None:
    for status, late in ((Status.KEPT, "at-risk"), (Status.BROKEN, "broken")):
        parts.findings().publish(finding(status), clock())
        clock.advance(hours=3)
        assert shown(app)["status"] == status.value
        clock.advance(seconds=1)
        assert shown(app)["status"] == late
        assert shown(app)["evidence"][0].startswith("the last check was more than three hours ago")


def test_the_lags_and_what_is_overdue_are_shown_and_no_id_of_anything(app: Any, parts: Parts) -> None:
    parts.findings().publish(finding(Status.BROKEN, overdue=4), NOON)
    assert shown(app)["latest_removal_lag"] == {"p50": 1, "p99": 2, "max": 3}
    assert shown(app)["overdue"] == 4
    assert "acc_" not in json.dumps(http(app, "GET", "/promises").json())
    parts.findings().publish(finding(Status.KEPT, lags=None), NOON + HOUR)
    assert shown(app)["latest_removal_lag"] is None


def test_history_goes_when_its_period_is_over_and_the_current_state_stays(parts: Parts) -> None:
    end: datetime = policy().retention["findings"].after(NOON)
    parts.findings().publish(finding(Status.KEPT), NOON)
    assert {row.get("ttl") for row in items("findings")} == {None, int(end.timestamp())}
    parts.findings().publish(finding(Status.KEPT), end + HOUR)
    assert sorted(row["entry"] for row in items("findings")) == [f"{end:%Y-%m-%d}", "now"]


def test_history_names_nothing_and_what_is_promised_no_more_goes(parts: Parts) -> None:
    parts.findings().publish(finding(Status.BROKEN), NOON)
    shown = {row["entry"]: row.get("examples") for row in items("findings")}
    assert shown == {"now": ["acc_" + "a" * 26], "2026-11-24": None, "2026-11-24T12:00:00Z": None}
    parts.findings().retire(["sessions.idle"])
    assert len(items("findings")) == 3
    parts.findings().retire(["sessions.max-age"])
    assert "now" not in {row["entry"] for row in items("findings")}


@pytest.mark.parametrize(
    "spoiled",
    [
        {"promise": "sessions.idle", "entry": "now", "status": "kept", "checked_at": 1},
        {"promise": "sessions.idle", "entry": "now", "status": "kept", "since": "yesterday"},
        {
            "promise": "sessions.idle",
            "entry": "now",
            "status": "broken",
            "since": 1,
            "broken_at": "x",
            "checked_at": "x",
        },
        {"promise": "sessions.idle", "entry": "now", "status": "kept", "since": 9**15},
        {"promise": "walks", "entry": "walks"},
        {"promise": "walks", "entry": "walks", "places": "[" * 100_000, "left": "x"},
        {"promise": "walks", "entry": "walks", "places": '{"visits (ap-southeast-1)": {"whole": 9e99}}'},
        {"promise": "walks", "entry": "walks", "places": '{"visits (ap-southeast-1)": {"token": {"x": 1}}}'},
    ],
)
def test_no_row_of_its_own_ends_an_audit(parts: Parts, spoiled: dict[str, Any]) -> None:
    client("dynamodb", HOME).put_item(TableName=NAMES.table("findings"), Item=to_aws(spoiled))
    assert set(build_audit(lambda: parts)({"demand": "audit"}, Context(900))["promises"]) == set(policy().promises)
    (now,) = [row for row in items("findings") if (row["promise"], row["entry"]) == ("sessions.idle", "now")]
    assert now["since"] <= now["checked_at"] == int(NOON.timestamp())


def test_an_audit_publishes_every_promise_and_one_that_cannot_look_says_at_risk(
    app: Any, parts: Parts, capsys: pytest.CaptureFixture[str]
) -> None:
    answered = build_audit(lambda: parts)({"demand": "audit"}, Context(900))
    assert set(answered["promises"]) == set(policy().promises)
    # Here no settings are deployed and no schedule runs: whoever needs them may not be called kept.
    assert answered["promises"]["security.measures"] == "broken"
    assert {item["id"]: item["status"] for item in http(app, "GET", "/promises").json()["items"]} == answered[
        "promises"
    ]
    printed = capsys.readouterr().out
    assert '"promise":["security.measures"]' in printed.replace(" ", "") or '"promise":"security.measures"' in printed


def test_an_audit_without_time_left_calls_nothing_kept_that_it_did_not_see(parts: Parts) -> None:
    answered = build_audit(lambda: parts)(schedule_event(), Context(60))
    assert answered["promises"]["visits.retention"] != "kept"
    assert answered["promises"]["databases.ownership"] != "kept"


@pytest.mark.parametrize("event", [{}, {"demand": "all"}, {"Records": []}, [], None])
def test_an_unknown_event_does_nothing(parts: Parts, event: Any) -> None:
    assert set(build_audit(lambda: parts)(event, Context(900))) == {"error"}
    assert items("findings") == []
