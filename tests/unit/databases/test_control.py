"""Making, showing, cancelling and reactivating databases."""

import base64
import time
from collections.abc import Iterator
from contextlib import AbstractContextManager
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from botocore.exceptions import EndpointConnectionError

from databases.app import build
from databases.control import COUNTING_SECONDS
from databases.parts import Parts
from privacy.hosting.files import Files
from privacy.hosting.records import Records, new_record
from privacy.models.databases import Status
from privacy.tables.store import Item, Table
from privacy.vault.keys import KeyClosedError
from tests.unit.customers import Customer, database, signed_in
from tests.unit.engine import AMERICAS, ASIA, NOON, SITE, SetClock, everything, http, items
from tests.unit.interference import before_each_call, once_before, recorded

GRACE_ENDS = datetime(2026, 12, 15, 12, 0, tzinfo=UTC)


def created(ada: Customer, **body: Any) -> dict[str, Any]:
    answer = ada.post("/databases", body={"name": "Ledger", **body})
    assert answer.status == 201, answer.body
    return dict(answer.json())


# --- creation ------------------------------------------------------------------------------------------------------


def test_a_new_database_is_active_empty_and_has_its_key_before_anything_is_written(ada: Customer, parts: Parts) -> None:
    made = created(ada, country="SG")
    assert made == {
        "id": made["id"],
        "name": "Ledger",
        "region": "asia",
        "status": "active",
        "created_at": "2026-11-24T12:00:00Z",
        "record_count": 0,
        "file_count": 0,
        "bytes": 0,
        "counted_at": None,
    }
    assert parts.host("asia").keyring.key(made["id"], fresh=True).database_id == made["id"]
    with pytest.raises(KeyClosedError):
        parts.host("americas").keyring.writing_key(made["id"])


@pytest.mark.promise("databases.region")
@pytest.mark.parametrize(
    ("country", "edge", "region"),
    [
        ("SG", None, "asia"),
        ("BR", None, "americas"),
        ("br", None, "americas"),
        (None, "US", "americas"),
        (None, "JP", "asia"),
        ("JP", "US", "asia"),  # the customer's own word counts more
        (None, None, "asia"),  # the documented default
        (None, "XX", "asia"),
    ],
)
def test_a_database_lies_in_the_region_nearest_to_the_country_that_is_known(
    ada: Customer, country: str | None, edge: str | None, region: str
) -> None:
    body = {"name": "Ledger"} | ({"country": country} if country else {})
    headers = {"CloudFront-Viewer-Country": edge} if edge else {}
    made = ada.post("/databases", body=body, headers=headers).json()
    assert made["region"] == region
    keys = items("keys", AMERICAS if region == "americas" else ASIA)
    assert [key["database_id"] for key in keys] == [made["id"]]


def test_a_wrong_body_makes_nothing_and_is_told_by_its_field(ada: Customer, subtests: pytest.Subtests) -> None:
    cases: list[tuple[dict[str, Any], str]] = [
        ({}, "name"),
        ({"name": ""}, "name"),
        ({"name": "   "}, "name"),
        ({"name": "a" * 101}, "name"),
        ({"name": "a\x00b"}, "name"),
        ({"name": "invoice\u202egpj.exe"}, "name"),
        ({"name": 7}, "name"),
        ({"name": None}, "name"),
        ({"name": "Ledger", "country": "Singapore"}, "country"),
        ({"name": "Ledger", "country": "ZZ"}, "country"),
        ({"name": "Ledger", "region": "asia"}, "(unknown)"),
        ({"name": "Ledger", "owner": "somebody"}, "(unknown)"),
    ]
    for body, field in cases:
        with subtests.test(body=body, field=field):
            answer = ada.post("/databases", body=body)
            assert (answer.status, list(answer.errors)) == (422, [field])
            assert items("databases") == []
            assert items("keys", ASIA) == []


def test_a_malformed_body_makes_nothing(ada: Customer, subtests: pytest.Subtests) -> None:
    cases: list[tuple[bytes, int]] = [
        (b"", 400),
        (b"{", 400),
        (b"\xff\xfe{\x00}\x00", 400),
        ('{"name":"Ledger"}'.encode("utf-16"), 400),
        (b"[" * 30_000, 400),
        (b'{"name":' + b"[" * 1_000_000, 413),
        (b"[]", 422),
        (b'"name"', 422),
        (b'{"name":"a","name":"b"}', 400),
    ]
    for raw, status in cases:
        with subtests.test(raw=raw, status=status):
            answer = ada.post("/databases", body=raw, headers={"Content-Type": "application/json"})
            assert answer.status == status
            assert answer.headers["content-type"] == "application/problem+json"
            assert items("databases") == []


def test_a_body_of_another_type_is_refused(ada: Customer) -> None:
    answer = ada.post("/databases", body=b"name=Ledger", headers={"Content-Type": "application/x-www-form-urlencoded"})
    assert answer.status == 415


def test_the_same_key_and_body_make_one_database_and_one_answer(ada: Customer) -> None:
    key = {"Idempotency-Key": "one"}
    first = ada.post("/databases", body={"name": "Ledger"}, headers=key)
    again = ada.post("/databases", body={"name": "Ledger"}, headers=key)
    assert (again.status, again.body) == (first.status, first.body)
    assert len(items("databases")) == 1


def test_the_same_key_with_another_body_is_refused_and_makes_nothing(ada: Customer) -> None:
    key = {"Idempotency-Key": "one"}
    ada.post("/databases", body={"name": "Ledger"}, headers=key)
    answer = ada.post("/databases", body={"name": "Other"}, headers=key)
    assert (answer.status, list(answer.errors)) == (422, ["Idempotency-Key"])
    assert len(items("databases")) == 1


def test_one_customers_key_is_not_anothers(ada: Customer, bob: Customer) -> None:
    key = {"Idempotency-Key": "one"}
    one = ada.post("/databases", body={"name": "Ledger"}, headers=key).json()
    other = bob.post("/databases", body={"name": "Ledger"}, headers=key).json()
    assert one["id"] != other["id"]


def test_a_creation_that_broke_off_is_carried_out_by_its_repetition(ada: Customer, clock: SetClock) -> None:
    def down() -> None:
        raise EndpointConnectionError(endpoint_url="nowhere")

    key = {"Idempotency-Key": "one"}
    with once_before("kms.GenerateDataKey", down):
        assert ada.post("/databases", body={"name": "Ledger"}, headers=key).status == 503
    planned = items("idempotency")[0]["ids"]["database_id"]
    answer = ada.post("/databases", body={"name": "Ledger"}, headers=key)
    assert (answer.status, answer.json()["id"]) == (201, planned)


# --- showing -------------------------------------------------------------------------------------------------------


def test_a_list_shows_the_callers_databases_in_pages_oldest_first(
    ada: Customer, bob: Customer, parts: Parts, clock: SetClock
) -> None:
    made = []
    for number in range(5):
        made.append(database(parts, ada.owner, name=f"Ledger {number}").id)
        database(parts, bob.owner)
        clock.advance(seconds=1)
    seen: list[str] = []
    path = "/databases?limit=2"
    while True:
        page = ada.get(path).json()
        seen += [entry["id"] for entry in page["items"]]
        if page["next_cursor"] is None:
            break
        assert len(page["items"]) == 2
        path = f"/databases?limit=2&cursor={page['next_cursor']}"
    assert seen == made


def test_a_list_leaves_destroyed_databases_out_and_still_fills_its_pages(
    ada: Customer, parts: Parts, clock: SetClock
) -> None:
    alive = []
    for number in range(6):
        made = database(parts, ada.owner)
        clock.advance(seconds=1)
        if number % 2:
            deleting = parts.databases.change(made, Status.DELETING, clock())
            parts.databases.change(deleting, Status.DESTROYED, clock())
        else:
            alive.append(made.id)
    first = ada.get("/databases?limit=2").json()
    rest = ada.get(f"/databases?limit=2&cursor={first['next_cursor']}").json()
    assert [entry["id"] for entry in first["items"] + rest["items"]] == alive
    assert rest["next_cursor"] is None


def test_a_wrong_page_request_is_refused(ada: Customer, subtests: pytest.Subtests) -> None:
    cases: list[str] = ["limit=0", "limit=1001", "limit=x", "limit=1&limit=2", "cursor=!!", "cursor=eHh4"]
    for query in cases:
        with subtests.test(query=query):
            assert ada.get(f"/databases?{query}").status == 422


def test_another_customers_database_is_no_cursor(ada: Customer, bob: Customer, parts: Parts) -> None:
    cursor = base64.urlsafe_b64encode(database(parts, bob.owner).id.encode()).decode().rstrip("=")
    assert ada.get(f"/databases?cursor={cursor}").errors == {"cursor": "use the next_cursor of the page before"}


def test_a_database_is_counted_when_it_is_looked_at(ada: Customer, parts: Parts, clock: SetClock) -> None:
    made = database(parts, ada.owner, region="americas")
    Records(parts.host("americas"), made.id).put_all([new_record("a", str(n), b'{"a":1}', NOON) for n in range(9)])
    Files(parts.host("americas"), made.id).put("a.txt", "text/plain", b"12345", NOON)
    shown = ada.get(f"/databases/{made.id}").json()
    assert (shown["record_count"], shown["file_count"], shown["bytes"]) == (9, 1, 9 * 7 + 5)
    assert shown["counted_at"] == "2026-11-24T12:00:00Z"
    assert ada.get("/databases").json()["items"][0]["record_count"] == 9


def test_counts_are_not_taken_again_within_five_seconds(ada: Customer, parts: Parts, clock: SetClock) -> None:
    made = database(parts, ada.owner)
    ada.get(f"/databases/{made.id}")
    Records(parts.host("asia"), made.id).put(new_record("a", "b", b"{}", NOON))
    clock.advance(seconds=4)
    with recorded() as calls:
        assert ada.get(f"/databases/{made.id}").json()["record_count"] == 0
    assert calls["dynamodb.Query"] == 0
    clock.advance(seconds=1)
    assert ada.get(f"/databases/{made.id}").json()["record_count"] == 1


def test_a_cancelled_database_shows_its_last_counts(ada: Customer, parts: Parts, clock: SetClock) -> None:
    made = database(parts, ada.owner)
    Records(parts.host("asia"), made.id).put(new_record("a", "b", b"{}", NOON))
    ada.get(f"/databases/{made.id}")
    ada.post(f"/databases/{made.id}/cancellation")
    clock.advance(days=1)
    shown = ada.get(f"/databases/{made.id}").json()
    assert (shown["record_count"], shown["counted_at"]) == (1, "2026-11-24T12:00:00Z")


class SlowPages(Table):
    """A table whose second answer takes longer than a reader waits."""

    def pages(self, *arguments: Any, **named: Any) -> Iterator[list[Item]]:
        for number, page in enumerate(super().pages(*arguments, **named | {"page": 1})):
            if number == 1:
                time.sleep(COUNTING_SECONDS)
            yield page


def test_a_database_that_takes_too_long_to_count_shows_its_last_counts(
    ada: Customer, parts: Parts, clock: SetClock
) -> None:
    made, host = database(parts, ada.owner), parts.host("asia")
    slow = replace(host, content=SlowPages(host.content.client, host.content.name))
    late = replace(ada, app=build(lambda: replace(parts, host=lambda region: slow)))
    Records(host, made.id).put_all([new_record("a", str(number), b"{}", NOON) for number in range(100)])
    assert late.get(f"/databases/{made.id}").json()["counted_at"] is None
    ada.get(f"/databases/{made.id}")
    clock.advance(hours=1)
    shown = late.get(f"/databases/{made.id}").json()
    assert (shown["record_count"], shown["counted_at"]) == (100, "2026-11-24T12:00:00Z")


@pytest.mark.promise("databases.destroyed")
def test_a_destroyed_database_still_answers_its_owner_without_a_name(
    ada: Customer, bob: Customer, parts: Parts
) -> None:
    made = database(parts, ada.owner)
    parts.databases.change(parts.databases.change(made, Status.DELETING, NOON), Status.DESTROYED, NOON)
    answer = ada.get(f"/databases/{made.id}")
    assert (answer.status, answer.json()["name"], answer.json()["status"]) == (200, None, "destroyed")
    assert bob.get(f"/databases/{made.id}").status == 404


# --- cancelling and reactivating -----------------------------------------------------------------------------------


@pytest.mark.promise("databases.grace")
def test_cancelling_deactivates_for_twenty_one_days(ada: Customer, parts: Parts) -> None:
    made = database(parts, ada.owner)
    answer = ada.post(f"/databases/{made.id}/cancellation")
    assert answer.status == 200
    assert (answer.json()["status"], answer.json()["purge_at"]) == ("deactivated", "2026-12-15T12:00:00Z")


@pytest.mark.promise("databases.grace")
def test_cancelling_twice_is_refused_and_does_not_begin_the_grace_period_anew(
    ada: Customer, parts: Parts, clock: SetClock
) -> None:
    made = database(parts, ada.owner)
    ada.post(f"/databases/{made.id}/cancellation")
    clock.advance(days=1)
    answer = ada.post(f"/databases/{made.id}/cancellation")
    assert answer.status == 409
    assert "deactivated" in answer.json()["detail"]
    assert ada.get(f"/databases/{made.id}").json()["purge_at"] == "2026-12-15T12:00:00Z"


@pytest.mark.promise("databases.grace")
@pytest.mark.parametrize(("seconds", "status"), [(-1, 200), (0, 409), (1, 409)])
def test_reactivation_ends_at_the_very_second_at_which_the_grace_period_does(
    ada: Customer, parts: Parts, clock: SetClock, seconds: int, status: int
) -> None:
    made = database(parts, ada.owner)
    ada.post(f"/databases/{made.id}/cancellation")
    clock.set(GRACE_ENDS + timedelta(seconds=seconds))
    answer = signed_in(ada, parts).delete(f"/databases/{made.id}/cancellation")
    assert answer.status == status
    kept = parts.databases.get(made.id)
    assert kept is not None
    assert kept.status is (Status.ACTIVE if status == 200 else Status.DEACTIVATED)


@pytest.mark.promise("databases.grace")
def test_reactivating_brings_every_record_and_file_back(ada: Customer, parts: Parts, clock: SetClock) -> None:
    made = database(parts, ada.owner)
    host = parts.host("asia")
    Records(host, made.id).put_all([new_record("a", str(n), b"{}", NOON) for n in range(30)])
    Files(host, made.id).put("a.txt", "text/plain", b"12345", NOON)
    ada.post(f"/databases/{made.id}/cancellation")
    clock.advance(days=6)
    answer = ada.delete(f"/databases/{made.id}/cancellation")
    assert (answer.status, answer.json()["status"]) == (200, "active")
    assert "purge_at" not in answer.json()
    shown = ada.get(f"/databases/{made.id}").json()
    assert (shown["record_count"], shown["file_count"]) == (30, 1)


def test_a_database_that_was_not_cancelled_cannot_be_reactivated(ada: Customer, parts: Parts) -> None:
    made = database(parts, ada.owner)
    assert ada.delete(f"/databases/{made.id}/cancellation").status == 409


@pytest.mark.promise("databases.grace")
def test_a_reactivation_that_the_end_of_grace_overtakes_is_refused(
    ada: Customer, parts: Parts, clock: SetClock
) -> None:
    made = database(parts, ada.owner)
    ada.post(f"/databases/{made.id}/cancellation")

    def sweep() -> None:
        now = parts.databases.get(made.id)
        assert now is not None
        parts.databases.change(now, Status.DELETING, clock())

    with once_before("dynamodb.TransactWriteItems", sweep):
        answer = ada.delete(f"/databases/{made.id}/cancellation")
    assert answer.status == 409
    kept = parts.databases.get(made.id)
    assert kept is not None
    assert kept.status is Status.DELETING


def _before_the_update_of_the_database(act: Any) -> AbstractContextManager[None]:
    """The first UpdateItem of a request counts the session's use, the second is the change."""
    seen: list[str] = []

    def step(name: str) -> None:
        if name == "dynamodb.UpdateItem":
            seen.append(name)
            if len(seen) == 2:
                act()

    return before_each_call(step)


def test_a_cancellation_whose_answer_was_lost_on_the_way_is_not_refused_for_its_own_sake(
    ada: Customer, parts: Parts
) -> None:
    """The SDK repeats a call without an answer; the repetition's condition no longer holds."""
    made = database(parts, ada.owner)

    def first_attempt() -> None:
        parts.databases.change(made, Status.DEACTIVATED, NOON)

    with _before_the_update_of_the_database(first_attempt):
        answer = ada.post(f"/databases/{made.id}/cancellation")
    assert (answer.status, answer.json()["purge_at"]) == (200, "2026-12-15T12:00:00Z")


# --- who may -------------------------------------------------------------------------------------------------------


def test_without_a_living_session_nothing_is_answered(ada: Customer, app: Any, parts: Parts, clock: SetClock) -> None:
    made = database(parts, ada.owner)
    for cookie in (None, "", "forged", ada.token[:-1], ada.token + "x"):
        assert http(app, "GET", f"/databases/{made.id}", cookie=cookie).status == 401
    clock.advance(days=7)
    assert ada.get(f"/databases/{made.id}").status == 401


def test_a_change_from_another_site_is_refused_before_anything_is_looked_up(ada: Customer, app: Any) -> None:
    for headers in (
        {},
        {"Origin": "https://evil.example"},
        {"Origin": "https://evil.example", "X-Requested-With": "x"},
    ):
        answer = http(app, "POST", "/databases", body={"name": "Ledger"}, headers=headers, cookie=ada.token)
        assert answer.status == 403
    assert items("databases") == []
    ours = http(app, "POST", "/databases", body={"name": "Ledger"}, headers={"Origin": SITE}, cookie=ada.token)
    assert ours.status == 201


@pytest.mark.promise("databases.ownership")
def test_a_databases_row_names_no_account(ada: Customer, parts: Parts) -> None:
    created(ada)
    (session,) = items("sessions")
    assert session["account_id"] not in repr(items("databases"))


def test_the_number_of_calls_is_known(ada: Customer, parts: Parts) -> None:
    """Each is money and a round trip: a change here is a decision."""
    made = database(parts, ada.owner)
    ada.get("/databases")  # the secret is cached from here on
    session = {"dynamodb.UpdateItem": 1}

    def calls(method: str, path: str, **request: Any) -> dict[str, int]:
        with recorded() as counted:
            assert ada.send(method, path, **request).status < 300
        return dict(counted)

    assert calls("GET", "/databases") == session | {"dynamodb.Query": 1}
    assert calls("GET", f"/databases/{made.id}") == {
        "dynamodb.UpdateItem": 2,  # the session's use and the counts
        "dynamodb.GetItem": 1,
        "dynamodb.Query": 16,
    }
    assert calls("GET", f"/databases/{made.id}") == session | {"dynamodb.GetItem": 1}
    assert calls("POST", f"/databases/{made.id}/cancellation") == {"dynamodb.UpdateItem": 2, "dynamodb.GetItem": 1}
    assert calls("DELETE", f"/databases/{made.id}/cancellation") == session | {
        "dynamodb.TransactWriteItems": 1,  # while its owner is not being erased
        "dynamodb.GetItem": 1,
    }
    assert calls("POST", "/databases", body={"name": "Ledger"}) == session | {
        "kms.GenerateDataKey": 1,
        "kms.Encrypt": 1,  # for the other region
        "dynamodb.PutItem": 2,  # the key in both regions
        "dynamodb.TransactWriteItems": 2,  # is its owner being erased? and the row, if not
        "dynamodb.GetItem": 1,
    }


def test_a_databases_name_is_in_its_row_and_nowhere_else(ada: Customer, capsys: pytest.CaptureFixture[str]) -> None:
    made = created(ada, name="Canary Ledger Oxbow")
    ada.post(f"/databases/{made['id']}/deletion", body={"confirm": "Canary Wrong Oxbow"})
    ada.post(f"/databases/{made['id']}/cancellation")
    ada.post(f"/databases/{made['id']}/deletion", body={"confirm": "Canary Ledger Oxbow"})
    assert everything().count(b"Oxbow") == 1
    printed = capsys.readouterr()
    assert "Oxbow" not in printed.out + printed.err


def test_a_command_without_fields_takes_an_empty_body_and_nothing_else(ada: Customer, parts: Parts) -> None:
    made = database(parts, ada.owner)
    for command in ("cancellation", "exports"):
        refused = ada.post(f"/databases/{made.id}/{command}", body={"foo": 1})
        assert (refused.status, list(refused.errors)) == (422, ["(unknown)"])
    assert ada.get(f"/databases/{made.id}").json()["status"] == "active"
    assert ada.post(f"/databases/{made.id}/exports", body={}).status == 202
    assert ada.post(f"/databases/{made.id}/cancellation", body={}).status == 200
