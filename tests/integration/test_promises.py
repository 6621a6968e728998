"""The promise audit on the deployed system: it shows every promise, and names what was broken behind its back."""

import pytest

from local import functions
from local.__main__ import main
from privacy.policy import load
from tests.integration.deployed import Customer, Deployed
from tests.template.source import resources


def told(system: Deployed) -> dict[str, str]:
    """Each promise with its status, as anybody sees it after an audit."""
    assert not system.invoke("promise_audit", {"demand": "audit"}).failed
    shown = system.panel().call("GET", "/promises", expect=200).json()
    assert all(item["evidence"] and item["checked_at"] and item["since"] for item in shown["items"])
    return {item["id"]: item["status"] for item in shown["items"]}


@pytest.mark.promise("audit.proof")
def test_an_audit_names_a_promise_that_was_broken_by_a_raw_write_and_takes_it_back(
    system: Deployed, customer: Customer
) -> None:
    customer.put_file("a.txt", b"a")
    before = told(system)
    assert list(before) == list(load().promises)
    assert before["databases.ownership"] == "kept"
    key = {"place": {"S": f"db_{'x' * 26}#00"}, "id": {"S": "r#nobody#s"}}
    dynamodb = system.client("dynamodb")
    dynamodb.put_item(TableName="perfectwork-content", Item={**key, "sealed": {"B": b"of no database"}})
    try:
        assert told(system)["databases.ownership"] == "broken"
    finally:
        dynamodb.delete_item(TableName="perfectwork-content", Key=key)
    assert told(system)["databases.ownership"] == "kept"


@pytest.mark.promise("audit.proof")
def test_after_one_tick_of_each_schedule_nothing_is_in_doubt_for_want_of_a_run(
    system: Deployed, capsys: pytest.CaptureFixture[str]
) -> None:
    """`sweep --all`, which README tells who looks at a fresh engine."""
    assert main(["--folder", str(system.engine.folder), "sweep", "--all"]) == 0
    ticked = [line.split()[0] for line in capsys.readouterr().out.splitlines()]
    scheduled = {
        functions.folder_name(name)
        for name, function in resources("AWS::Serverless::Function").items()
        if any(event["Type"] == "Schedule" for event in function["Properties"].get("Events", {}).values())
    }
    assert (set(ticked), len(ticked), ticked[-1]) == (scheduled, len(scheduled), "promise_audit")
    shown = system.panel().call("GET", "/promises", expect=200).json()
    assert not [line for item in shown["items"] for line in item["evidence"] if "without a run" in line]
