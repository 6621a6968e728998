"""Every route of the control panel, asked by somebody else: the database might as well not exist."""

from typing import Any

import pytest

from databases.app import app as deployed
from databases.parts import Parts
from privacy.models.ids import new_id
from tests.unit.customers import Customer, database, destroyed
from tests.unit.engine import items, messages

BODIES: dict[tuple[str, str], Any] = {
    ("POST", "/databases/{database_id}/deletion"): {"confirm": "Ledger"},
    ("POST", "/databases/{database_id}/import"): {"upload_id": "upl_a"},
}

ROUTES = [
    (method, path) for path, methods in sorted(deployed.routes.items()) for method in sorted(methods) if "{" in path
]


def filled_in(path: str, database_id: str) -> str:
    return path.format(database_id=database_id, export_id="exp_a", job_id="job_a")


@pytest.mark.promise("databases.ownership")
@pytest.mark.parametrize(("method", "path"), ROUTES)
def test_another_customers_database_is_as_unknown_as_none(
    ada: Customer, bob: Customer, parts: Parts, method: str, path: str
) -> None:
    made = database(parts, ada.owner)
    before = items("databases")
    body = BODIES.get((method, path))
    answers = [
        bob.send(method, filled_in(path, database_id), body=body)
        for database_id in (made.id, new_id("db"), "db_x", "%00", "..")
    ]
    assert {(answer.status, answer.body) for answer in answers} == {(404, answers[0].body)}
    assert items("databases") == before
    assert [entry for queue in ("deletion", "export", "import") for entry in messages(queue)] == []


@pytest.mark.promise("databases.ownership", "databases.destroyed")
@pytest.mark.parametrize("path", [path for method, path in ROUTES if method == "POST"])
def test_whose_a_database_is_and_whether_it_is_there_come_before_what_is_wrong_with_a_body(
    ada: Customer, bob: Customer, parts: Parts, path: str, subtests: pytest.Subtests
) -> None:
    made, gone = database(parts, ada.owner), destroyed(parts, database(parts, ada.owner))
    before = items("databases")
    bodies: list[tuple[Any, str]] = [
        ({"canary": 1}, "application/json"),
        (b"{", "application/json"),
        (b"[]", "application/json"),
        (b" " * 5_000_000, "application/json"),
        (b"text", "text/plain"),
    ]
    for body, content_type in bodies:
        with subtests.test(body=body[:9] if isinstance(body, bytes) else body):
            request: dict[str, Any] = {"body": body, "headers": {"Content-Type": content_type}}
            assert ada.post(filled_in(path, made.id), **request).status in (400, 413, 415, 422)
            assert ada.post(filled_in(path, gone.id), **request).status == 410
            assert bob.post(filled_in(path, made.id), **request).status == 404
            assert bob.post(filled_in(path, gone.id), **request).status == 404
    assert items("databases") == before


def test_no_route_answers_without_a_session(ada: Customer, parts: Parts, subtests: pytest.Subtests) -> None:
    cases = [*ROUTES, ("GET", "/databases"), ("POST", "/databases")]
    for method, path in cases:
        with subtests.test(method=method, path=path):
            made = database(parts, ada.owner)
            forged = Customer(ada.app, "forged", ada.account_id, ada.owner)
            assert forged.send(method, filled_in(path, made.id)).status == 401


@pytest.mark.promise("databases.ownership")
def test_a_list_holds_nobody_elses_database(ada: Customer, bob: Customer, parts: Parts) -> None:
    database(parts, ada.owner)
    assert bob.get("/databases").json() == {"items": [], "next_cursor": None}
