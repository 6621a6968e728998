"""What a processor receives, through the deployed system: the registered fields, then the word of the erasure."""

import json
import uuid
from typing import Any

import pytest

from local import sink, tokens
from tests.integration.deployed import Deployed, found, trial, waited_for


@pytest.fixture
def received(system: Deployed) -> Any:
    return lambda: sink.received(system.engine.folder)


@pytest.mark.promise("processors.allow-list")
def test_a_processor_receives_the_registered_fields_and_no_queue_or_table_keeps_them(
    system: Deployed, received: Any
) -> None:
    run = uuid.uuid4().hex[:10]
    panel, address = system.panel(), f"pay{run}@example.com"
    order = {
        "amount": "49.90", "currency": "SGD", "processor": "stripe",
        "description": f"description{run}", "reference": f"reference{run}",
    }  # fmt: skip
    form = trial(
        address, kind="subscription", name=f"name{run}", company=f"company{run}", order=order,
        postal_address=f"street{run}",
    )  # fmt: skip
    panel.call("POST", "/signups", form, expect=202)
    panel.call("POST", "/signups/confirmation", {"token": system.token(address)}, expect=201)

    def mine() -> list[dict[str, Any]]:
        return [row for row in received() if run in json.dumps(row)]

    (came,) = waited_for(mine, "disclosure")
    assert (came["processor"], came["purpose"]) == ("stripe", "payment")
    sent = {name: value for name, value in order.items() if name != "processor"}
    assert came["fields"] == sent | {"name": f"name{run}", "email": address}
    values = [order["description"], order["reference"], came["fields"]["name"], address]
    places = found(system.everything(), values, but_in=["-billing", "-accounts"])
    assert places == []
    shown = [
        item
        for item in json.loads(panel.call("GET", "/account/data", expect=200).content)["items"]
        if item["category"] == "disclosures"
    ]
    assert sorted(shown[0]["data"]["fields"]) == sorted(came["fields"])


@pytest.mark.promise("rights.erase")
def test_a_processor_hears_of_an_erasure_by_the_reference_and_everybody_sees_that_it_did(
    system: Deployed, received: Any
) -> None:
    run = uuid.uuid4().hex[:10]
    panel, address = system.panel(), f"gone{run}@example.com"
    order = {
        "amount": "4990", "currency": "JPY", "processor": "paypal", "description": "a year",
        "reference": f"reference{run}",
    }  # fmt: skip
    panel.call("POST", "/signups", trial(address, kind="subscription", order=order, postal_address="s"), expect=202)
    panel.call("POST", "/signups/confirmation", {"token": system.token(address)}, expect=201)
    waited_for(lambda: [row for row in received() if run in json.dumps(row)], "disclosure")
    asked = json.loads(panel.call("POST", "/account/erasure", {"databases": "delete-now"}, expect=202).content)
    waits = [{"processor": "paypal", "status": "waiting", "at": None}]
    assert json.loads(panel.call("GET", "/account/erasure", expect=200).content)["processors"] == waits
    request_id = asked["request_id"]
    decision = {"decision": "approve", "reason": "as asked"}
    by_staff(system, "helpdesk", "POST", f"/helpdesk/erasures/{request_id}/decision", decision)

    def told() -> list[dict[str, Any]]:
        (row,) = by_staff(system, "helpdesk", "GET", f"/helpdesk/erasures/{request_id}")["processors"]
        return [row] if row["status"] == "told" else []

    (row,) = waited_for(told, "word")
    notices = [row for row in received() if run in json.dumps(row) and row["purpose"] == "erasure-notice"]
    assert [notice["fields"] for notice in notices] == [{"reference": order["reference"]}]
    mail = waited_for(lambda: [mail for mail in system.mails(address) if request_id in mail.text], "last mail")[0]
    assert f"paypal: told at {row['at']}" in mail.text
    assert f'"told_at": "{row["at"]}"' in mail.text
    listed = by_staff(system, "dpo", "GET", "/helpdesk/disclosures?limit=1000")["items"]
    assert not [one for one in listed if one["ground"] == request_id]  # nothing waits, nothing was refused


def by_staff(system: Deployed, role: str, method: str, path: str, body: Any = None) -> dict[str, Any]:
    token = tokens.token(system.engine.folder, role, "somebody", system.now())
    headers = {"Authorization": f"Bearer {token}", "Content-Type": "application/json", "Accept": "*/*"}
    answer = system.send(method, path, json.dumps(body).encode() if body is not None else None, headers)
    assert answer.status == 200, answer.content
    told: dict[str, Any] = answer.json()
    return told
