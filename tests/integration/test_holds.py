"""Holds on the deployed system, told over more than a year: what is held outlives its date, and goes when released."""

import json
from datetime import datetime, timedelta
from typing import Any

import isodate
import pytest

from local import tokens
from local.control_panel import Answer
from tests.integration.deployed import Customer, Deployed, assert_problem

pytestmark = pytest.mark.promise("visits.retention")

ROUTE = "/helpdesk/holds"
NETWORK, INSIDE, OUTSIDE = "192.0.2.0/24", "192.0.2.9", "198.51.100.9"
MONTH = isodate.parse_duration("P1M")


def staff(
    system: Deployed, method: str, path: str = ROUTE, document: Any = None, role: str = "security", **headers: str
) -> Answer:
    bearer = tokens.token(system.engine.folder, role, "a-person-of-staff", system.now())
    body = None if document is None else json.dumps(document).encode()
    given = {"Authorization": f"Bearer {bearer}", "Accept": "*/*", "Content-Type": "application/json"}
    return system.send(method, path, body, given | headers)


def hold(until: datetime, **scope: Any) -> dict[str, Any]:
    ends = until.strftime("%Y-%m-%dT%H:%M:%SZ")
    return {"scope": scope, "ground": "security", "reason": "Somebody tries passwords", "until": ends}


def visited(system: Deployed) -> list[str]:
    """The addresses of the visits that lie there, whoever may still read them."""
    return sorted(str(row["ip"]) for row in system.items("visits") if row.get("ip") in (INSIDE, OUTSIDE))


def test_held_visits_outlive_their_date_and_go_with_the_sweep_after_their_release(apart: Deployed) -> None:
    began = apart.now()
    for address in (INSIDE, OUTSIDE, INSIDE, OUTSIDE, INSIDE):
        answer = apart.send("POST", "/visits", None, {"CloudFront-Viewer-Address": f"{address}:4711"})
        assert answer.status == 202
    assert visited(apart) == [INSIDE] * 3 + [OUTSIDE] * 2

    apart.travel_to(began + 11 * MONTH)
    asked = hold(apart.now() + timedelta(days=200), visits={"addresses": NETWORK})
    made = staff(apart, "POST", document=asked)
    assert made.status == 201, made.content
    assert made.json()["in_force"]
    apart.travel_to(began + 12 * MONTH - timedelta(days=3))
    apart.sweep("log_purging")
    freed = {str(row["ip"]): "ttl" not in row for row in apart.items("visits") if row.get("ip") in (INSIDE, OUTSIDE)}
    assert freed == {INSIDE: True, OUTSIDE: False}

    apart.travel_to(began + 13 * MONTH)
    swept = apart.sweep("log_purging")["visits"]
    assert (swept["removed"], swept["held"]) == (2, 3)
    assert visited(apart) == [INSIDE] * 3
    released = staff(apart, "DELETE", f"{ROUTE}/{made.json()['hold_id']}", role="dpo")
    assert released.status == 204
    listed = {shown["hold_id"]: shown["in_force"] for shown in staff(apart, "GET").json()["items"]}
    assert listed[made.json()["hold_id"]] is False
    swept = apart.sweep("log_purging")["visits"]
    assert (swept["removed"], swept["held"]) == (3, 0)
    assert swept["lag_seconds"] < 90  # since the release, not since the visits' dates
    assert visited(apart) == []


@pytest.mark.promise("accounts.necessity")
def test_a_held_account_s_session_outlives_its_date_and_opens_nothing(apart: Deployed) -> None:
    customer = apart.customer()
    until = apart.now() + timedelta(days=60)
    made = staff(apart, "POST", document=hold(until, account_id=customer.account_id))
    assert made.status == 201, made.content

    def sessions() -> int:
        return sum(row.get("account_id") == customer.account_id for row in apart.items("sessions"))

    apart.travel_to(apart.now() + timedelta(days=8))
    assert apart.sweep("session_expiry")["sessions"]["held"] == 1
    assert sessions() == 1
    customer.panel.call("GET", "/sessions/current", expect=401)
    assert staff(apart, "DELETE", f"{ROUTE}/{made.json()['hold_id']}").status == 204
    apart.sweep("session_expiry")
    assert sessions() == 0


def test_holds_are_staff_s_and_a_scope_never_links_visits_to_a_person(system: Deployed, customer: Customer) -> None:
    until = system.now() + timedelta(days=1)
    both = hold(until, visits={"addresses": NETWORK}, account_id=customer.account_id)
    assert_problem(staff(system, "POST", document=both), 422, sent=[NETWORK, customer.account_id])
    assert_problem(staff(system, "POST", document=hold(until, visits={"addresses": NETWORK}), role="helpdesk"), 403)
    assert_problem(system.send("GET", ROUTE, None, {"Cookie": f"session_id={customer.panel.cookie}"}), 401)
    assert_problem(staff(system, "DELETE", f"{ROUTE}/hld_{'a' * 26}"), 404)
    key = {"Idempotency-Key": "one"}
    asked = hold(until, visits={"addresses": NETWORK})
    first, again = (staff(system, "POST", document=asked, **key) for _ in range(2))
    assert (first.status, again.status, first.content) == (201, 201, again.content)
    hold_id = first.json()["hold_id"]
    assert [row["owner"] for row in system.items("holds") if row["id"] == hold_id] == [first.json()["owner"]]
    assert staff(system, "DELETE", f"{ROUTE}/{hold_id}").status == 204
