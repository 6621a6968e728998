"""What time does to the deployed system, seen by moving its clock: one story of a year on an engine of its own.

The story is told once, in order, by the fixture `seen`; each test looks at one thing in it, so their order is free.
"""

import hashlib
from datetime import datetime, timedelta
from typing import Any

import isodate
import pytest

from tests.integration.deployed import (
    PASSWORD,
    Customer,
    Deployed,
    file_route,
    new_address,
    trial,
)

ASIA = "ap-southeast-1"
BEFORE, AFTER = timedelta(minutes=-5), timedelta(minutes=5)
WEEK, GRACE, YEAR = timedelta(days=7), timedelta(days=21), isodate.parse_duration("P12M")
TICKLESS = timedelta(days=3)
SLACK = 90
"""Seconds that the story itself may take between two looks."""

Seen = dict[str, Any]


@pytest.fixture(scope="module")
def seen(traveller: Deployed) -> Seen:
    """Everything that was seen in a year."""
    story: Seen = {}
    began = traveller.now()
    idle, active = traveller.customer(), traveller.customer("US")
    waiting = new_address()
    traveller.panel().call("POST", "/signups", trial(waiting), expect=202)
    story["link"] = traveller.token(waiting)
    traveller.panel().call("POST", "/visits", {"language": "fr"}, expect=202)
    _week(traveller, story, began, idle, active)
    _grace(traveller, story, active)
    _year(traveller, story, began)
    return story


def _week(traveller: Deployed, story: Seen, began: datetime, idle: Customer, active: Customer) -> None:
    export, story["export at first"] = active.export()
    exports = f"/databases/{active.database}/exports/{export}"
    upload = active.uploaded(b"never used", "text/plain")
    key = {"Idempotency-Key": "one"}
    active.panel.call("POST", "/databases", {"name": "First"}, expect=201, headers=key)

    traveller.travel_to(began + WEEK + BEFORE)
    story["active on day 7"] = active.panel.call("GET", "/sessions/current", expect=(200, 401)).status
    story["export on day 7"] = active.panel.call("GET", exports, expect=200).json()
    story["upload on day 7"] = active.panel.call(
        "PUT", f"{file_route(active.database, 'late')}&upload_id={upload}", expect=(202, 404)
    ).status
    story["key after a day"] = active.panel.call(
        "POST", "/databases", {"name": "Second"}, expect=(201, 422), headers=key
    ).status
    traveller.panel().call("POST", "/visits", {"language": "de"}, expect=202)

    # Five minutes after the first customer's last use, which was a little later than the beginning.
    traveller.travel_to(began + WEEK + AFTER)
    story["idle on day 8"] = idle.panel.call("GET", "/sessions/current", expect=(200, 401)).status
    story["active on day 8"] = active.panel.call("GET", "/sessions/current", expect=(200, 401)).status
    story["export on day 8"] = active.panel.call("GET", exports, expect=200).json()
    empty = active.panel.call("POST", "/databases", {"name": "Third"}, expect=201).json()["id"]
    story["import on day 8"] = active.panel.call(
        "POST", f"/databases/{empty}/import", {"export_id": export}, expect=(202, 409)
    ).status
    story["link on day 8"] = (
        traveller.panel().call("POST", "/signups/confirmation", {"token": story["link"]}, expect=(201, 422)).status
    )
    of_idle = hashlib.sha256(str(idle.panel.cookie).encode()).hexdigest()

    def left() -> dict[str, int]:
        return {
            "sessions": sum(of_idle in str(row) for row in traveller.items("sessions")),
            "signups": sum("sealed" in row for row in traveller.items("signups")),
            "exports": len(traveller.objects("transfer", "us-east-1", export)),
            "uploads": len(traveller.objects("transfer", "us-east-1", upload)),
        }

    story["left before the tick"] = left()
    story["first tick"] = traveller.sweep("session_expiry") | traveller.sweep("database_expiry")
    story["left after the tick"] = left()
    story["export after the tick"] = active.panel.call("GET", exports, expect=200).json()
    story["second tick"] = traveller.sweep("session_expiry") | traveller.sweep("database_expiry")


def _grace(traveller: Deployed, story: Seen, active: Customer) -> None:
    credentials = {"email": active.email, "password": PASSWORD}
    kept = active.panel.call("POST", "/databases", {"name": "Kept", "country": "SG"}, expect=201).json()["id"]
    for database in (active.database, kept):
        active.put("book", "b-1", {"title": "Note G"}, database)
        active.put_file("note.txt", b"Note G", database=database)
        active.panel.call("POST", f"/databases/{database}/cancellation", expect=200)
    cancelled = traveller.now()
    route = f"/databases/{active.database}"

    traveller.travel_to(cancelled + GRACE + BEFORE)
    active.panel.call("POST", "/sessions", credentials, expect=201)  # three weeks were too long for the session
    story["tick before the end"] = traveller.sweep("database_expiry")["databases"]
    story["reactivated before the end"] = active.panel.call(
        "DELETE", f"/databases/{kept}/cancellation", expect=(200, 409)
    ).status
    story["kept"] = (active.records("book", kept), list(active.files(kept)))
    story["export before the end"] = active.panel.call("POST", f"{route}/exports", expect=(202, 409)).status

    traveller.travel_to(cancelled + GRACE + AFTER)
    for name, method, path in (
        ("reactivation", "DELETE", f"{route}/cancellation"),
        ("export", "POST", f"{route}/exports"),
        ("read", "GET", f"{route}/models"),
    ):
        story[f"{name} after the end"] = active.panel.call(method, path, expect=(200, 202, 409, 410)).status
    story["purge_at"] = active.panel.call("GET", route, expect=200).json()["purge_at"]
    story["cancelled"] = cancelled

    traveller.travel_to(cancelled + GRACE + TICKLESS)
    story["tick three days late"] = traveller.sweep("database_expiry")["databases"]
    story["deletion"] = active.followed(f"{route}/deletion", "destroyed")
    story["next tick"] = traveller.sweep("database_expiry")["databases"]
    story["content after the end"] = traveller.content(active.database, "us-east-1")
    story["objects after the end"] = [
        *traveller.objects("content", "us-east-1", active.database),
        *traveller.objects("transfer", "us-east-1", active.database),
    ]
    story["kept after the end"] = (active.records("book", kept), list(active.files(kept)))


def _year(traveller: Deployed, story: Seen, began: datetime) -> None:
    def languages() -> list[str]:
        return sorted(row["language"] for row in traveller.items("visits"))

    story["visits of a year"] = languages()
    traveller.travel_to(began + YEAR + AFTER)
    story["purge after the year"] = traveller.sweep("log_purging")["visits"], languages()
    story["purge again"] = traveller.sweep("log_purging")["visits"], languages()


@pytest.mark.promise("sessions.idle")
def test_a_session_ends_seven_days_after_its_last_use_and_each_use_moves_that(seen: Seen) -> None:
    assert seen["active on day 7"] == 200
    assert seen["idle on day 8"] == 401
    assert seen["active on day 8"] == 200


@pytest.mark.promise("signup.confirmed")
def test_an_unconfirmed_sign_up_is_worth_nothing_after_seven_days_and_then_gone(seen: Seen) -> None:
    assert seen["link on day 8"] == 422
    assert seen["left before the tick"]["signups"] == 1
    assert seen["left after the tick"]["signups"] == 0


@pytest.mark.promise("exports.retention")
def test_an_export_expires_after_seven_days_and_the_sweep_takes_its_file(seen: Seen) -> None:
    first, late, over = seen["export at first"], seen["export on day 7"], seen["export on day 8"]
    assert (first["status"], late["status"]) == ("ready", "ready")
    assert late["url_expires_at"] <= late["expires_at"] == first["expires_at"]
    assert (over["status"], over["url"], over["url_expires_at"]) == ("expired", None, None)
    assert seen["import on day 8"] == 409
    assert seen["left before the tick"]["exports"] == 1
    assert seen["left after the tick"]["exports"] == 0
    assert seen["export after the tick"]["status"] == "expired"


def test_an_upload_that_is_not_used_within_a_day_is_gone(seen: Seen) -> None:
    assert seen["upload on day 7"] == 404
    assert seen["left before the tick"]["uploads"] == 1
    assert seen["left after the tick"]["uploads"] == 0


def test_an_idempotency_key_means_something_new_after_a_day(seen: Seen) -> None:
    assert seen["key after a day"] == 201


def test_who_guessed_too_often_may_sign_in_when_the_wait_is_over(traveller: Deployed) -> None:
    customer = traveller.customer()
    credentials = {"email": customer.email, "password": PASSWORD}
    for _ in range(10):
        customer.panel.call("POST", "/sessions", credentials | {"password": "not this one, surely"}, expect=401)
    answer = customer.panel.call("POST", "/sessions", credentials, expect=429)
    traveller.travel_to(traveller.now() + timedelta(seconds=int(answer.headers["Retry-After"]) + 1))
    customer.panel.call("POST", "/sessions", credentials, expect=201)
    customer.panel.call("POST", "/sessions", credentials | {"password": "not this one, surely"}, expect=401)


@pytest.mark.promise("sessions.idle", "signup.confirmed", "exports.retention")
def test_a_tick_tells_what_it_removed_and_how_late_it_was(seen: Seen) -> None:
    first = seen["first tick"]
    assert seen["left before the tick"]["sessions"] == 1
    assert seen["left after the tick"]["sessions"] == 0
    for store in ("sessions", "signups", "exports"):
        late = int(AFTER.total_seconds())
        assert first[store]["removed"] >= 1, store
        assert 0 <= first[store]["lag_seconds"] <= late + SLACK, store
    assert first["uploads"]["removed"] == 1
    six_days = (WEEK - timedelta(days=1)).total_seconds()
    assert six_days <= first["uploads"]["lag_seconds"] <= six_days + AFTER.total_seconds() + SLACK
    assert not any(store["left"] for store in first.values())


def test_a_second_tick_finds_nothing_to_do(seen: Seen) -> None:
    # Backups apart: they are queued, and late until their worker has made them.
    for store, swept in seen["second tick"].items():
        if store == "backups":
            continue
        assert (swept["removed"], swept["lag_seconds"], swept["left"]) == (0, 0, False), store


@pytest.mark.promise("databases.grace")
def test_within_its_grace_period_a_database_comes_back_whole(seen: Seen) -> None:
    whole = ({"b-1": {"title": "Note G"}}, ["note.txt"])
    assert seen["tick before the end"]["removed"] == 0
    assert seen["reactivated before the end"] == 200
    assert seen["export before the end"] == 202
    assert seen["kept"] == whole
    assert seen["kept after the end"] == whole


@pytest.mark.promise("databases.grace")
def test_after_its_grace_period_a_database_is_closed_for_good_before_any_sweep(seen: Seen) -> None:
    end = datetime.fromisoformat(seen["purge_at"])
    assert abs(end - (seen["cancelled"] + GRACE)) < timedelta(seconds=SLACK)
    assert seen["reactivation after the end"] == 409
    assert seen["export after the end"] == 409
    assert seen["read after the end"] == 409


@pytest.mark.promise("databases.grace", "databases.destroyed")
def test_three_days_without_a_tick_are_made_up_by_one(seen: Seen) -> None:
    tick = seen["tick three days late"]
    assert tick["removed"] == 1
    assert TICKLESS.total_seconds() - SLACK <= tick["lag_seconds"] <= TICKLESS.total_seconds() + SLACK
    assert seen["deletion"]["status"] == "destroyed"
    assert seen["content after the end"] == []
    assert seen["objects after the end"] == []
    assert (seen["next tick"]["removed"], seen["next tick"]["stalled"]) == (0, 0)


@pytest.mark.promise("visits.retention")
def test_a_visit_is_purged_after_twelve_calendar_months_and_a_later_one_stays(seen: Seen) -> None:
    assert seen["visits of a year"] == ["de", "fr"]
    swept, left = seen["purge after the year"]
    assert (swept["removed"], left) == (1, ["de"])
    assert 0 <= swept["lag_seconds"] <= AFTER.total_seconds() + SLACK
    swept, left = seen["purge again"]
    assert (swept["removed"], swept["lag_seconds"], left) == (0, 0, ["de"])
