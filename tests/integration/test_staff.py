"""Staff on the deployed system: who gets in, and the audit trail that remembers it."""

import json
import re
from datetime import UTC, datetime
from typing import Any

import pytest

from local import tokens
from local.control_panel import Answer
from local.functions import scheduled_event
from tests import interface
from tests.integration.deployed import Customer, Deployed, assert_problem

pytestmark = pytest.mark.promise("security.measures")

ROUTE = "/helpdesk/audit"


def token(system: Deployed, role: str, person: str = "a-person-of-staff") -> str:
    return tokens.token(system.engine.folder, role, person, datetime.now(UTC))


def ask(system: Deployed, bearer: str | None, **headers: str) -> Answer:
    given = {"Authorization": f"Bearer {bearer}"} if bearer else {}
    return system.send("GET", ROUTE, headers=given | headers)


def read(system: Deployed) -> dict[str, Any]:
    answer = ask(system, token(system, "dpo"))
    assert answer.status == 200, answer.content
    shown: dict[str, Any] = answer.json()
    return shown


def test_a_route_of_staff_is_for_its_role_and_for_no_customer(system: Deployed, customer: Customer) -> None:
    assert_problem(ask(system, None), 401)
    assert_problem(ask(system, None, Cookie=f"session_id={customer.panel.cookie}"), 401)
    assert_problem(ask(system, "no.token.at-all"), 401)
    for role in ("helpdesk", "security"):
        assert_problem(ask(system, token(system, role)), 403)
    assert read(system)["items"]


@pytest.mark.parametrize("role", ["helpdesk", "security", "dpo"])
def test_an_id_of_any_length_names_nothing_and_is_no_crash(system: Deployed, role: str) -> None:
    headers = {"Authorization": f"Bearer {token(system, role)}", "Content-Type": "application/json", "Accept": "*/*"}
    body = json.dumps({"decision": "approve", "reason": "as asked"}).encode()
    asked = 0
    for route, operations in interface.document()["paths"].items():
        for method in operations if route.startswith("/helpdesk/") and "{" in route else ():
            path = re.sub(r"\{[^}]+\}", "a" * 3000, route)  # longer than a key of DynamoDB may be
            answer = system.send(method.upper(), path, body if method == "post" else None, headers)
            assert answer.status in (403, 404, 422), f"{method} {route}: {answer.status}"
            asked += 1
    assert asked


def test_what_staff_do_is_sealed_by_the_schedule_and_a_change_is_found(system: Deployed) -> None:
    newest = read(system)["items"][0]
    assert (newest["action"], newest["sealed"]) == ("audit.read", False)
    assert not system.invoke("audit_sealing", tick(system)).failed
    shown = read(system)
    sealed = {entry["id"]: entry["sealed"] for entry in shown["items"]}
    assert sealed[newest["id"]]
    assert (shown["check"]["intact"], shown["check"]["findings"]) == (True, [])
    assert shown["check"]["blocks"] >= 1

    dynamodb = system.engine.client("dynamodb", system.home)
    where = {"TableName": "perfectwork-audit", "Key": {"part": {"S": "entry"}, "id": {"S": newest["id"]}}}
    kept = dynamodb.get_item(**where)["Item"]
    dynamodb.put_item(TableName="perfectwork-audit", Item=kept | {"actor": {"S": "somebody-else"}})
    try:
        changed = read(system)["check"]
        assert changed["findings"] == [{"entry": newest["id"], "what": "was changed after it was sealed"}]
        dynamodb.delete_item(**where)
        removed = read(system)["check"]
        assert removed["findings"] == [{"entry": newest["id"], "what": "was removed"}]
    finally:
        dynamodb.put_item(TableName="perfectwork-audit", Item=kept)
    assert read(system)["check"]["intact"]


def test_nobody_of_staff_is_named_in_the_trail(system: Deployed) -> None:
    ask(system, token(system, "dpo", person="canary-of-staff"))
    items = system.engine.client("dynamodb", system.home).scan(TableName="perfectwork-audit")["Items"]
    assert items
    assert "canary-of-staff" not in json.dumps(items, default=str)


def tick(system: Deployed) -> dict[str, Any]:
    return scheduled_event(system.home, datetime.now(UTC))
