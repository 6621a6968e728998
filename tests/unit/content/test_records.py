"""Records through HTTP: any JSON object, as it was written, by its owner alone."""

import json

import pytest
from botocore.exceptions import ClientError

from content.parts import Parts
from privacy.hosting import Host
from privacy.models.databases import Database, Status
from tests.unit.customers import Customer
from tests.unit.engine import AMERICAS, NOON, Answer, SetClock, items
from tests.unit.interference import once_before, recorded

JSON = {"Content-Type": "application/json"}


def put(ada: Customer, made: Database, raw: bytes | str, key: str = "k", model: str = "person") -> Answer:
    return ada.put(f"/databases/{made.id}/records/{model}/{key}", body=raw, headers=JSON)


def get(ada: Customer, made: Database, key: str = "k", model: str = "person") -> Answer:
    return ada.get(f"/databases/{made.id}/records/{model}/{key}")


@pytest.mark.promise("databases.ownership")
def test_a_record_is_put_read_changed_and_deleted(ada: Customer, made: Database, clock: SetClock) -> None:
    answer = put(ada, made, '{"v":1}')
    assert (answer.status, answer.json()) == (200, {"key": "k", "updated_at": "2026-11-24T12:00:00Z"})
    clock.advance(seconds=1)
    assert put(ada, made, '{"v":2}').status == 200
    answer = get(ada, made)
    assert (answer.status, answer.headers["content-type"]) == (200, "application/json")
    assert answer.body == b'{"key":"k","data":{"v":2},"updated_at":"2026-11-24T12:00:01Z"}'
    answer = ada.delete(f"/databases/{made.id}/records/person/k")
    assert (answer.status, answer.body) == (204, b"")
    assert get(ada, made).status == 404
    assert ada.delete(f"/databases/{made.id}/records/person/k").status == 404


def test_numbers_order_and_unicode_come_back_unchanged(
    ada: Customer, made: Database, subtests: pytest.Subtests
) -> None:
    cases: list[str] = [
        '{"a":1.0,"b":1.00,"c":1E5,"d":1e+5,"e":-0,"f":0.1000}',
        '{"big":123456789012345678901234567890123456789012345678901234567890,"tiny":1E-999}',
        '{"z":1,"a":2,"m":{"z":1,"a":2}}',
        '{"":0," ":1,"a b":2}',
        '{"escaped":"\\u00e9\\ud83d\\ude00\\/","raw":"é\U0001f600/"}',
        '{"lone":"\\ud800"}',
        '{"nul":"\\u0000","rtl":"\u202e","combining":"e\u0301"}',
        '{"deep":' + "[" * 250 + "]" * 250 + "}",
        '{"inner":{"twice":1,"twice":2}}',
        "{}",
    ]
    for data in cases:
        with subtests.test(data=data):
            assert put(ada, made, data).status == 200
            raw = data.encode("utf-8")
            assert get(ada, made).body == b'{"key":"k","data":' + raw + b',"updated_at":"2026-11-24T12:00:00Z"}'
            listed = ada.get(f"/databases/{made.id}/records/person").body
            assert b'"data":' + raw + b"," in listed


def test_white_space_outside_strings_is_not_kept(ada: Customer, made: Database) -> None:
    put(ada, made, '\r\n{ "a b" :\t[ 1 , 2 ] }\n')
    assert b'"data":{"a b":[1,2]},' in get(ada, made).body


def test_what_is_no_json_object_is_refused_and_stores_nothing(
    ada: Customer, made: Database, subtests: pytest.Subtests
) -> None:
    cases: list[tuple[bytes, int]] = [
        (b"", 400),
        (b"{", 400),
        (b'{"a":1}{"b":2}', 400),
        (b'{"a":NaN}', 400),
        (b'{"a":01}', 400),
        (b'{"a":1,}', 400),
        (b'{"a":1,"a":2}', 400),
        (b'{"a":"\xff"}', 400),
        ('{"a":"é"}'.encode("latin-1"), 400),
        ('{"a":1}'.encode("utf-16"), 400),
        ('{"a":1}'.encode("utf-32-le"), 400),
        (b"\xef\xbb\xbf{}", 400),
        (b'{"a":' + b"[" * 100_000 + b"]" * 100_000 + b"}", 400),
        (b'{"a":' + b"[" * 1_000_000, 413),
        (b"[]", 422),
        (b'"text"', 422),
        (b"null", 422),
        (b"12", 422),
    ]
    for raw, status in cases:
        with subtests.test(raw=raw, status=status):
            answer = put(ada, made, raw)
            assert answer.status == status
            assert answer.headers["content-type"] == "application/problem+json"
            assert items("content", AMERICAS) == []


@pytest.mark.parametrize(("size", "status"), [(358_400, 200), (358_401, 413)])
def test_a_record_has_350_kilobytes_at_most(ada: Customer, made: Database, size: int, status: int) -> None:
    assert put(ada, made, b'{"d":"' + b"x" * (size - 8) + b'"}').status == status


def test_a_record_of_another_type_is_refused(ada: Customer, made: Database) -> None:
    answer = ada.put(f"/databases/{made.id}/records/person/k", body=b"a=1", headers={"Content-Type": "text/plain"})
    assert answer.status == 415


def test_a_key_of_the_right_characters_is_taken(ada: Customer, made: Database, subtests: pytest.Subtests) -> None:
    cases: list[str] = ["a", "A.b_c:d@e-9", "x" * 200, "%40", "a%3Ab"]
    for key in cases:
        with subtests.test(key=key):
            assert put(ada, made, "{}", key=key).status == 200
            assert get(ada, made, key=key).status == 200


def test_a_key_of_other_characters_is_refused_and_not_repeated(
    ada: Customer, made: Database, subtests: pytest.Subtests
) -> None:
    cases: list[str] = ["a%23b", "a%2Fb", "a%20b", "x" * 201, "%00", "%E2%80%AEgpj", "é", "%FF", "a%25b", "a+b", "a*"]
    for key in cases:
        with subtests.test(key=key):
            for answer in (
                put(ada, made, "{}", key=key),
                get(ada, made, key=key),
                ada.delete(f"/databases/{made.id}/records/person/{key}"),
            ):
                assert (answer.status, list(answer.errors)) == (422, ["key"])
                assert key.encode() not in answer.body or key == "é"
            assert items("content", AMERICAS) == []


def test_a_model_of_other_characters_is_refused(ada: Customer, made: Database, subtests: pytest.Subtests) -> None:
    cases: list[str] = ["Person", "a%23b", "x" * 65, "a%2Fb", "%00", "a:b"]
    for model in cases:
        with subtests.test(model=model):
            for answer in (put(ada, made, "{}", model=model), ada.get(f"/databases/{made.id}/records/{model}")):
                assert (answer.status, list(answer.errors)) == (422, ["model"])


def test_a_slash_in_a_key_leads_to_no_route(ada: Customer, made: Database) -> None:
    assert put(ada, made, "{}", key="a/b").status == 404


def test_a_list_gives_each_record_once_in_pages(ada: Customer, made: Database) -> None:
    for number in range(25):
        put(ada, made, json.dumps({"n": number}), key=f"k{number}")
    put(ada, made, "{}", model="other")
    seen: list[int] = []
    path = f"/databases/{made.id}/records/person?limit=10"
    while True:
        page = ada.get(path).json()
        seen += [entry["data"]["n"] for entry in page["items"]]
        if page["next_cursor"] is None:
            break
        assert len(page["items"]) == 10
        path = f"/databases/{made.id}/records/person?limit=10&cursor={page['next_cursor']}"
    assert sorted(seen) == list(range(25))


def test_a_page_of_a_list_ends_at_four_megabytes(ada: Customer, made: Database) -> None:
    for number in range(15):
        put(ada, made, b'{"d":"' + b"x" * 350_000 + b'"}', key=f"k{number}")
    first = ada.get(f"/databases/{made.id}/records/person")
    assert 3_500_000 < len(first.body) <= 4_194_304
    rest = ada.get(f"/databases/{made.id}/records/person?cursor={first.json()['next_cursor']}")
    assert len(first.json()["items"]) + len(rest.json()["items"]) == 15


def test_a_list_of_a_model_that_is_not_there_is_empty(ada: Customer, made: Database) -> None:
    assert ada.get(f"/databases/{made.id}/records/nothing").json() == {"items": [], "next_cursor": None}


def test_a_wrong_page_request_is_refused(ada: Customer, made: Database, subtests: pytest.Subtests) -> None:
    cases: list[str] = ["limit=0", "limit=1001", "limit=-1", "limit=ten", "cursor=x", "cursor=AAAA"]
    for query in cases:
        with subtests.test(query=query):
            assert ada.get(f"/databases/{made.id}/records/person?{query}").status == 422


def test_models_are_listed_with_their_number_of_records(ada: Customer, made: Database) -> None:
    for key in ("a", "b"):
        put(ada, made, "{}", key=key)
    put(ada, made, "{}", model="account")
    assert ada.get(f"/databases/{made.id}/models").json() == {
        "items": [{"model": "account", "record_count": 1}, {"model": "person", "record_count": 2}],
        "next_cursor": None,
    }


@pytest.mark.promise("databases.grace")
@pytest.mark.parametrize("status", [Status.DEACTIVATED, Status.DELETING])
def test_a_closed_databases_content_is_neither_readable_nor_writable(
    ada: Customer, parts: Parts, made: Database, status: Status
) -> None:
    put(ada, made, '{"canary":1}')
    parts.databases.change(made, status, NOON)
    before = items("content", AMERICAS)
    answers = [
        put(ada, made, "{}"),
        get(ada, made),
        ada.delete(f"/databases/{made.id}/records/person/k"),
        ada.get(f"/databases/{made.id}/records/person"),
        ada.get(f"/databases/{made.id}/models"),
    ]
    assert {answer.status for answer in answers} == {409}
    assert not any(b"canary" in answer.body for answer in answers)
    assert items("content", AMERICAS) == before


@pytest.mark.promise("databases.destroyed")
def test_a_write_during_destruction_is_refused_though_the_database_was_open_when_it_was_looked_at(
    ada: Customer, made: Database, host: Host
) -> None:
    put(ada, made, "{}", key="before")
    destroy = lambda: host.keyring.keys.destroy(made.id, NOON)  # noqa: E731
    with once_before("dynamodb.TransactWriteItems", destroy):
        assert put(ada, made, "{}", key="late").status == 409
    assert len(items("content", AMERICAS)) == 1


@pytest.mark.promise("databases.destroyed")
def test_a_destroyed_database_answers_that_it_is_gone(ada: Customer, parts: Parts, made: Database) -> None:
    parts.databases.change(parts.databases.change(made, Status.DELETING, NOON), Status.DESTROYED, NOON)
    assert get(ada, made).status == 410
    assert put(ada, made, "{}").status == 410


def test_a_store_that_is_busy_gets_a_503_and_a_time_to_come_back(ada: Customer, made: Database) -> None:
    def throttled() -> None:
        raise ClientError({"Error": {"Code": "ThrottlingException", "Message": "canary"}}, "TransactWriteItems")

    with once_before("dynamodb.TransactWriteItems", throttled):
        answer = put(ada, made, "{}")
    assert (answer.status, "retry-after" in answer.headers) == (503, True)
    assert b"canary" not in answer.body


def test_the_number_of_calls_is_known(ada: Customer, made: Database) -> None:
    """Each is money and a round trip: a change here is a decision."""
    put(ada, made, "{}")
    asked = {"dynamodb.UpdateItem": 1, "dynamodb.GetItem": 1}  # the session's use, the database
    with recorded() as calls:
        put(ada, made, "{}")
    assert calls == asked | {"dynamodb.TransactWriteItems": 1}
    with recorded() as calls:
        get(ada, made)
    assert calls == asked | {"dynamodb.GetItem": 2}
    with recorded() as calls:
        ada.delete(f"/databases/{made.id}/records/person/k")
    # The look whether it takes writes, whether it is there, the ledger (promise databases.backups), the delete with its
    # fence.
    assert calls == asked | {"dynamodb.GetItem": 3, "dynamodb.PutItem": 1, "dynamodb.TransactWriteItems": 1}


def test_models_are_listed_in_pages(ada: Customer, made: Database) -> None:
    for model in ("b", "a.2", "a"):
        assert ada.put(f"/databases/{made.id}/records/{model}/k", body={}).status == 200
    seen, cursor = [], ""
    for _ in range(3):
        page = ada.get(f"/databases/{made.id}/models?limit=1{cursor}").json()
        seen += [item["model"] for item in page["items"]]
        cursor = f"&cursor={page['next_cursor']}"
    assert (seen, page["next_cursor"]) == (["a", "a.2", "b"], None)
    for query in ("limit=0", "limit=x", "cursor=QUJD", "cursor=!"):
        assert ada.get(f"/databases/{made.id}/models?{query}").status == 422, query
