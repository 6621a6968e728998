"""The promise audit on the deployed system: it shows every promise, and names what was broken behind its back."""

import pytest

from privacy.policy import load
from tests.integration.deployed import Customer, Deployed


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
