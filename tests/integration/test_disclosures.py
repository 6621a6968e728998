"""What a processor receives, through the deployed system: the registered fields, then the word of the erasure."""

import json
import uuid
from typing import Any

import pytest

from local import sink
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
