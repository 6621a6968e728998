"""A database on its way out, held there by a queue that stands still: what may still be done, and what comes after."""

from collections.abc import Iterator
from contextlib import contextmanager

import pytest

from tests.integration.deployed import Customer, Deployed, assert_problem, file_route, sqs_event, waited_for

ASIA = "ap-southeast-1"


@contextmanager
def standing_still(system: Deployed, *queues: str) -> Iterator[None]:
    """Queues of the home region whose messages nobody fetches."""
    client = system.client("lambda")
    sources = [
        source["UUID"]
        for source in client.list_event_source_mappings()["EventSourceMappings"]
        if source["EventSourceArn"].rsplit(":", 1)[-1].removeprefix("perfectwork-") in queues
    ]
    assert len(sources) == len(queues)
    for source in sources:
        client.update_event_source_mapping(UUID=source, Enabled=False)
    try:
        yield
    finally:
        for source in sources:
            client.update_event_source_mapping(UUID=source, Enabled=True)


@pytest.mark.promise("databases.deletion")
def test_a_database_that_is_being_deleted_is_closed_at_once_for_everything(
    system: Deployed, customer: Customer
) -> None:
    route = f"/databases/{customer.database}"
    customer.put("book", "b-1", {"title": "Note G"})
    customer.put_file("note.txt", b"Note G")
    export, ready = customer.export()
    with standing_still(system, "deletion"):
        asked = customer.panel.call("POST", f"{route}/deletion", {"confirm": "Free Trial"}, expect=202).json()
        assert asked["status"] == "deleting"
        for method, path, body in (
            ("GET", f"{route}/models", None),
            ("GET", f"{route}/records/book", None),
            ("GET", f"{route}/records/book/b-1", None),
            ("PUT", f"{route}/records/book/late", {"late": True}),
            ("DELETE", f"{route}/records/book/b-1", None),
            ("GET", file_route(customer.database, "note.txt"), None),
            ("PUT", file_route(customer.database, "late.txt"), {}),
            ("POST", "/uploads", {"database_id": customer.database, "bytes": 1, "content_type": "a/b"}),
            ("POST", f"{route}/exports", None),
            ("GET", f"{route}/exports/{export}", None),
            ("POST", f"{route}/cancellation", None),
            ("DELETE", f"{route}/cancellation", None),
            ("POST", f"{route}/import", {"export_id": export}),
        ):
            assert_problem(customer.panel.call(method, path, body, expect=409), 409, what=f"{method} {path}")
        # Asked for again, it is the same deletion.
        customer.panel.call("POST", f"{route}/deletion", {"confirm": "Free Trial"}, expect=202)
        assert customer.panel.call("GET", route, expect=200).json()["status"] == "deleting"
        # The export of what goes is no source for another database.
        other = customer.panel.call("POST", "/databases", {"name": "Other"}, expect=201).json()["id"]
        answer = customer.panel.call("POST", f"/databases/{other}/import", {"export_id": export}, expect=404)
        assert_problem(answer, 404)
    customer.followed(f"{route}/deletion", "destroyed")
    assert system.pool.request("GET", ready["url"]).status in (403, 404)
    late = customer.panel.call("PUT", f"{route}/records/book/late", {"late": True}, expect=410)
    assert_problem(late, 410)


@pytest.mark.promise("databases.deletion", "databases.destroyed")
def test_work_that_waited_for_a_deleted_database_brings_nothing_back(system: Deployed, customer: Customer) -> None:
    route = f"/databases/{customer.database}"
    upload = customer.uploaded(b"0123456789", "text/plain")
    with standing_still(system, "export", "import"):
        customer.panel.call("POST", f"{route}/exports", expect=202)
        place = f"{file_route(customer.database, 'late.txt')}&upload_id={upload}"
        customer.panel.call("PUT", place, expect=202)
        customer.destroyed()

    def drained() -> bool:
        sqs = system.client("sqs")
        wanted = ["ApproximateNumberOfMessages", "ApproximateNumberOfMessagesNotVisible"]
        return not any(
            int(number)
            for queue in ("export", "import")
            for number in sqs.get_queue_attributes(
                QueueUrl=sqs.get_queue_url(QueueName=f"perfectwork-{queue}")["QueueUrl"], AttributeNames=wanted
            )["Attributes"].values()
        )

    waited_for(drained, "end of the messages")
    assert not system.content(customer.database, ASIA)
    assert not system.objects("transfer", ASIA, customer.database)
    assert not system.objects("content", ASIA, customer.database)
    assert not [row for row in system.items("jobs") if row["database_id"] == customer.database]


@pytest.mark.promise("databases.destroyed")
def test_a_message_that_comes_late_or_twice_finds_the_tombstone(system: Deployed, customer: Customer) -> None:
    customer.put("book", "b-1", {"title": "Note G"})
    customer.destroyed()
    before = [row for row in system.items("databases") if row["id"] == customer.database]
    ledger = [row for row in system.items("removals") if row["subject"] == customer.database]

    for step in ("start", "verify", "start"):
        body = f'{{"database_id": "{customer.database}", "step": "{step}"}}'
        answer = system.invoke("database_deletion", sqs_event([body], "deletion", ASIA))
        assert (answer.failed, answer.payload) == (False, {"batchItemFailures": []})
    assert [row for row in system.items("databases") if row["id"] == customer.database] == before
    assert [row for row in system.items("removals") if row["subject"] == customer.database] == ledger


@pytest.mark.promise("databases.destroyed")
def test_a_forged_message_deletes_nothing(system: Deployed, customer: Customer) -> None:

    customer.put("book", "b-1", {"title": "Note G"})
    bodies = [f'{{"database_id": "{customer.database}", "step": "{step}"}}' for step in ("start", "verify")] + [
        f'{{"database_id": "{customer.database}", "step": "segment", "store": "records", "segment": "0"}}'
    ]
    answer = system.invoke("database_deletion", sqs_event(bodies, "deletion", ASIA))
    assert not answer.failed
    assert customer.records("book") == {"b-1": {"title": "Note G"}}


@pytest.mark.promise("databases.grace")
def test_a_cancellation_that_comes_twice_is_one(system: Deployed, customer: Customer) -> None:
    route = f"/databases/{customer.database}"
    first = customer.panel.call("POST", f"{route}/cancellation", expect=200).json()
    assert_problem(customer.panel.call("POST", f"{route}/cancellation", expect=409), 409)
    shown = customer.panel.call("GET", route, expect=200).json()
    assert (shown["status"], shown["purge_at"]) == ("deactivated", first["purge_at"])
    # A deletion needs no reactivation first.
    customer.destroyed()
