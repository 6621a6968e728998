"""A database moved to the other Cloud Region on the running engine, written to and read from all the while."""

import json

import pytest

from tests.integration.deployed import Customer, Deployed, assert_problem, file_route, waited_for

ASIA, AMERICAS = "ap-southeast-1", "us-east-1"


@pytest.mark.promise("databases.region")
def test_a_moved_database_has_every_write_that_was_taken_and_nothing_stays_where_it_was(
    system: Deployed, customer: Customer
) -> None:
    database, panel = customer.database, customer.panel
    route = f"/databases/{database}"
    rows = {f"chapter-{number}": {"number": number} for number in range(60)}
    for key, data in rows.items():
        customer.put("book", key, data)
    for number in range(5):
        customer.put_file(f"note-{number}.txt", f"Note {number}".encode())
    digests = customer.files()
    export, ready = customer.export()
    upload = customer.uploaded(b"a film", "video/mp4")

    job = panel.call("POST", f"{route}/region", {"region": "americas"}, expect=202).json()["job_id"]
    taken: dict[str, int] = {}
    refused = 0

    def moved() -> bool:
        nonlocal refused
        number = len(taken) + refused
        answer = panel.call("PUT", f"{route}/records/late/{number}", {"number": number}, expect=(200, 409))
        if answer.status == 200:
            taken[str(number)] = number
        else:
            refused += 1
            assert_problem(answer, 409)
        assert panel.call("GET", f"{route}/records/book/chapter-1", expect=200).json()["data"] == rows["chapter-1"]
        told = panel.call("GET", f"{route}/jobs/{job}", expect=200).json()
        assert told["kind"] == "move"
        assert told["status"] in ("queued", "running", "done"), told
        return bool(told["status"] == "done")

    waited_for(moved, "the move")
    shown = panel.call("GET", route, expect=200).json()
    assert (shown["region"], shown["status"]) == ("americas", "active")
    assert customer.records("book") == rows
    assert customer.records("late") == {key: {"number": number} for key, number in taken.items()}
    assert customer.files() == digests
    assert panel.call("GET", file_route(database, "note-3.txt"), expect=200).content == b"Note 3"
    told = panel.call("GET", f"{route}/exports/{export}", expect=200).json()
    assert told["sha256"] == ready["sha256"]
    assert len(panel.fetch(told["url"])) == told["bytes"]
    placed = panel.call("PUT", f"{route}/files/content?path=film&upload_id={upload}", expect=202).json()["job_id"]
    customer.followed(f"{route}/jobs/{placed}", "done")
    assert panel.call("GET", file_route(database, "film"), expect=200).content == b"a film"

    assert system.content(database, ASIA) == []
    assert system.objects("content", ASIA, database) == []
    assert system.objects("transfer", ASIA, database) == []
    assert len(system.content(database, AMERICAS)) == len(rows) + len(taken) + 6
    keys = {region: system.items("keys", region) for region in (ASIA, AMERICAS)}
    states = {region: [key["state"] for key in keys[region] if key["database_id"] == database] for region in keys}
    assert states == {ASIA: ["standby"], AMERICAS: ["open"]}
    log = "\n".join(system.log("database_move", ASIA) + system.log("database_move", AMERICAS))
    assert not [text for text in ("Note", "note-", "chapter-", json.dumps(rows["chapter-1"])) if text in log]


@pytest.mark.promise("databases.region")
def test_a_move_that_cannot_be_is_refused_and_nothing_changes(system: Deployed, customer: Customer) -> None:
    route = f"/databases/{customer.database}"
    before = customer.panel.call("GET", route, expect=200).json()
    for body, status in (
        ({"region": "europe"}, 422),
        ({"region": None}, 422),
        ({}, 422),
        ({"region": "americas", "now": True}, 422),
        ({"region": "asia"}, 409),
    ):
        assert_problem(customer.panel.call("POST", f"{route}/region", body, expect=status), status)
    after = customer.panel.call("GET", route, expect=200).json()
    assert {**after, "counted_at": None} == {**before, "counted_at": None}
