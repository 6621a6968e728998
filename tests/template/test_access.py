"""Which of the functions that staff call reaches a customer's content, and what it may do there."""

import json
from collections.abc import Iterator
from typing import Any

import pytest

from privacy.web.callers import roles_of
from tests.template.source import resources, translated

pytestmark = pytest.mark.promise("helpdesk.access")

CONTENT = ("${AWS::StackName}-content", "${AWS::StackName}-keys")
READING = {
    "dynamodb:GetItem",
    "dynamodb:Query",
    "kms:Decrypt",
    "s3:GetObject",
    "s3:GetObjectVersion",
    "s3:ListBucket",
}
ROLE = "HelpdeskAccessRole"


def statements(role: str) -> Iterator[dict[str, Any]]:
    for policy in translated()["Resources"][role]["Properties"]["Policies"]:
        yield from policy["PolicyDocument"]["Statement"]


def of_staff() -> set[str]:
    """The roles of the functions whose routes are all for staff."""
    found: set[str] = set()
    for function in resources("AWS::Serverless::Function").values():
        events = function["Properties"].get("Events", {}).values()
        routes = [event["Properties"] for event in events if event["Type"] == "Api"]
        if routes and all(roles_of(route["Method"], route["Path"]) for route in routes):
            found.add(function["Properties"]["Role"]["Fn::GetAtt"][0])
    return found


def test_of_what_staff_call_one_function_reaches_content_and_only_to_read_it() -> None:
    reaching = {
        role
        for role in of_staff()
        for statement in statements(role)
        if any(store in json.dumps(statement["Resource"]) for store in CONTENT)
    }
    assert reaching == {ROLE}
    assert "HelpdeskRole" in of_staff()
    for statement in statements(ROLE):
        if any(store in json.dumps(statement["Resource"]) for store in CONTENT):
            assert set(statement["Action"]) <= READING


def test_of_recordings_it_sees_one_by_its_name() -> None:
    allowed = {
        action
        for statement in statements(ROLE)
        if "${AWS::StackName}-recordings" in json.dumps(statement["Resource"])
        for action in statement["Action"]
    }
    assert allowed == {"dynamodb:GetItem", "s3:GetObject"}


def test_it_can_add_to_the_log_and_the_trail_and_take_nothing_from_them() -> None:
    allowed: dict[str, set[str]] = {}
    for statement in statements(ROLE):
        for table in ("access", "audit"):
            if f"${{AWS::StackName}}-{table}" in json.dumps(statement["Resource"]):
                allowed.setdefault(table, set()).update(statement["Action"])
    assert allowed == {
        "access": {"dynamodb:Query", "dynamodb:PutItem", "dynamodb:ConditionCheckItem"},
        "audit": {"dynamodb:PutItem"},
    }
