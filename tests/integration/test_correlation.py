"""The gate on the deployed system: a person and their visits, brought together by two people, and by nobody else."""

import json
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from local import tokens
from local.control_panel import Answer
from tests.integration.deployed import PASSWORD, Customer, Deployed, assert_problem, found, visitor

pytestmark = pytest.mark.promise("correlation.gate")

ROUTE = "/helpdesk/correlations"
ADDRESS, ELSEWHERE = "198.51.100.77", "198.51.100.78"
REFERRER = "https://canary-of-a-page.example/"
CASE = "canary of a case"


def call(system: Deployed, role: str, person: str, method: str, path: str, body: Any = None) -> Answer:
    token = tokens.token(system.engine.folder, role, person, datetime.now(UTC))
    headers = {"Authorization": f"Bearer {token}", "Accept": "*/*", "Content-Type": "application/json"}
    return system.send(method, path, None if body is None else json.dumps(body).encode(), headers)


def ask(system: Deployed, account_id: str, **changes: Any) -> Answer:
    now = datetime.now(UTC)
    window = {"from": (now - timedelta(hours=1)).isoformat(), "to": (now + timedelta(hours=1)).isoformat()}
    body = {"account_id": account_id, "window": window, "ground": "law", "case": CASE} | changes
    return call(system, "security", "canary-of-a-requester", "POST", ROUTE, body)


@pytest.fixture(scope="module")
def somebody(system: Deployed) -> Customer:
    """A customer who signed in from an address, visited from there, and somebody who visited from elsewhere."""
    customer = system.customer()
    headers = {"Accept": "*/*", "Content-Type": "application/json"}
    form = json.dumps({"email": customer.email, "password": PASSWORD}).encode()
    assert system.send("POST", "/sessions", form, headers | at(ADDRESS)).status == 201
    for address in (ADDRESS, ELSEWHERE):
        page = json.dumps({"referrer": REFERRER}).encode()
        assert system.send("POST", "/visits", page, headers | at(address)).status == 202
    return customer


def at(address: str) -> dict[str, str]:
    """The headers with which the trusted edge names an address."""
    return visitor("SG") | {"CloudFront-Viewer-Address": f"{address}:46532"}


def test_the_result_comes_once_to_another_person_and_is_nowhere_afterwards(
    system: Deployed, somebody: Customer
) -> None:
    asked = ask(system, somebody.account_id)
    assert asked.status == 201, asked.content
    one = f"{ROUTE}/{asked.json()['correlation_id']}"
    assert asked.json()["status"] == "waiting"
    shown = call(system, "dpo", "canary-of-an-approver", "GET", one).json()
    assert (shown["account_id"], shown["case"], shown["ground"]) == (somebody.account_id, CASE, "law")

    assert_problem(call(system, "security", "canary-of-an-approver", "POST", f"{one}/approval"), 403)
    assert_problem(call(system, "dpo", "canary-of-a-requester", "POST", f"{one}/approval"), 403)
    approved = call(system, "dpo", "canary-of-an-approver", "POST", f"{one}/approval")
    assert approved.status == 200, approved.content
    result = approved.json()["result"]
    assert result["complete"] is True
    assert ADDRESS in [session["address"] for session in result["sessions"]]
    assert {session["seal"] for session in result["sessions"]} <= {"opened", "none"}
    known = {session["address"] for session in result["sessions"]}
    assert {visit["address"] for visit in result["visits"]} <= known
    assert [visit["referrer"] for visit in result["visits"] if visit["address"] == ADDRESS] == [REFERRER]
    assert_problem(call(system, "dpo", "canary-of-an-approver", "POST", f"{one}/approval"), 409, sent=[ADDRESS])

    after = call(system, "security", "canary-of-a-requester", "GET", one).json()
    assert (after["status"], after["account_id"], after["case"], after["window"]) == ("delivered", None, None, None)
    places = system.everything()
    visits = "ap-southeast-1 table perfectwork-visits"
    assert found(places, [ADDRESS, ELSEWHERE, REFERRER], but_in=[visits]) == []
    assert found(places, [CASE, "canary-of-a-requester", "canary-of-an-approver"]) == []
    for thing in ("correlations", "audit", "idempotency"):
        assert somebody.account_id not in json.dumps(system.items(thing), default=repr)
    logged = "\n".join(line for name in ("correlation", "sessions", "visits") for line in system.log(name))
    for canary in (ADDRESS, ELSEWHERE, CASE, somebody.account_id, "canary"):
        assert canary not in logged

    entries = call(system, "dpo", "canary-of-an-approver", "GET", "/helpdesk/audit").json()["items"]
    about = [entry["action"] for entry in entries if entry["subject"] == asked.json()["correlation_id"]]
    assert sorted(about) == sorted(
        ["correlation.requested", "correlation.approved", *["correlation.refused"] * 2, *["correlation.read"] * 2]
    )


def test_a_sealed_address_does_not_open_on_another_session(system: Deployed, somebody: Customer) -> None:
    """The engine's KMS keeps to the encryption context, as AWS does."""
    victim, forger = system.customer(), system.customer()
    headers = {"Accept": "*/*", "Content-Type": "application/json"}
    form = json.dumps({"email": victim.email, "password": PASSWORD}).encode()
    assert system.send("POST", "/sessions", form, headers | at(ADDRESS)).status == 201
    rows = system.items("sessions")
    sealed = next(
        row for row in rows if row.get("account_id") == victim.account_id and row.get("sealed_address") is not None
    )
    dynamodb = system.client("dynamodb")
    for row in rows:
        if row.get("account_id") == forger.account_id:
            dynamodb.update_item(
                TableName="perfectwork-sessions",
                Key={"token_hash": {"S": row["token_hash"]}},
                UpdateExpression="SET sealed_address = :s",
                ExpressionAttributeValues={":s": {"B": bytes(sealed["sealed_address"])}},
            )
    one = f"{ROUTE}/{ask(system, forger.account_id).json()['correlation_id']}"
    answer = call(system, "dpo", "another-person", "POST", f"{one}/approval")
    assert answer.status == 200, answer.content
    result = answer.json()["result"]
    assert {session["seal"] for session in result["sessions"]} == {"broken"}
    assert result["visits"] == []


def test_what_is_wrong_is_said_without_what_was_sent(system: Deployed, somebody: Customer) -> None:
    assert_problem(ask(system, "acc_" + "a" * 26), 404)
    assert_problem(ask(system, somebody.account_id, ground="canary"), 422, sent=["canary"])
    assert_problem(ask(system, somebody.account_id, window={"from": "canary", "to": "canary"}), 422, sent=["canary"])
    assert_problem(call(system, "dpo", "somebody", "GET", f"{ROUTE}/cor_{'a' * 26}"), 404)
