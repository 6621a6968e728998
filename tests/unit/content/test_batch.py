"""Batches: each line is judged alone, the good ones are stored, the others are named by their number."""

import json
import time
from contextlib import suppress
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from content import batch
from content.access import Content
from content.batch import (
    DATA,
    DEEP,
    KEY,
    LARGE,
    LATE,
    MALFORMED,
    MAX_REJECTED,
    MEMBERS,
    NO_OBJECT,
    LineError,
    parse_line,
)
from content.parts import Parts
from privacy.hosting import Host
from privacy.hosting.records import MAX_RECORD_BYTES, Records
from privacy.models.databases import Database
from privacy.models.rawjson import parse_object
from tests.unit.customers import Customer
from tests.unit.engine import AMERICAS, NOON, Answer, items
from tests.unit.interference import once_before, recorded

NDJSON = {"Content-Type": "application/x-ndjson"}


def send(ada: Customer, made: Database, body: bytes | str, **headers: str) -> Answer:
    return ada.post(f"/databases/{made.id}/records/person", body=body, headers=NDJSON | headers)


def line(key: str, data: Any = None) -> str:
    return json.dumps({"key": key, "data": data or {}})


def stored(host: Host, made: Database) -> dict[str, bytes]:
    page = Records(host, made.id).page("person", limit=1000, max_bytes=10**9)
    return {record.key: record.data for record in page.records}


@pytest.mark.promise("databases.ownership")
def test_every_good_line_is_stored_as_it_was_written(ada: Customer, made: Database, host: Host) -> None:
    answer = send(ada, made, '{"key":"a","data":{"n":1.0}}\n{ "data": {"b": [1E5]}, "key": "b" }\n')
    assert (answer.status, answer.json()) == (200, {"accepted": 2, "rejected": [], "rejected_count": 0})
    assert stored(host, made) == {"a": b'{"n":1.0}', "b": b'{"b":[1E5]}'}


def test_a_broken_third_line_is_named_and_the_others_are_stored(ada: Customer, made: Database, host: Host) -> None:
    body = "\n".join([line("a"), line("b"), '{"key":"canary","data":{', line("d")])
    answer = send(ada, made, body)
    assert answer.json() == {
        "accepted": 3,
        "rejected": [{"line": 3, "message": MALFORMED}],
        "rejected_count": 1,
    }
    assert b"canary" not in answer.body
    assert sorted(stored(host, made)) == ["a", "b", "d"]


def test_lines_are_counted_from_one_blank_ones_too_and_may_end_as_on_windows(
    ada: Customer, made: Database, host: Host
) -> None:
    answer = send(ada, made, f"\r\n{line('a')}\r\n \t\r\nbroken\r\n\n{line('b')}")
    assert answer.json() == {"accepted": 2, "rejected": [{"line": 4, "message": MALFORMED}], "rejected_count": 1}
    assert sorted(stored(host, made)) == ["a", "b"]


def test_bad_utf8_in_one_line_rejects_that_line_only(ada: Customer, made: Database, host: Host) -> None:
    body = line("a").encode() + b'\n{"key":"b","data":{"x":"\xff\xfe"}}\n' + '{"key":"c","data":{"x":"é"}}'.encode()
    answer = send(ada, made, body)
    assert answer.json()["rejected"] == [{"line": 2, "message": MALFORMED}]
    assert stored(host, made)["c"] == '{"x":"é"}'.encode()


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        (b"null", NO_OBJECT),
        (b"[]", NO_OBJECT),
        (b"{}", MEMBERS),
        (b'{"key":"a"}', MEMBERS),
        (b'{"data":{}}', MEMBERS),
        (b'{"key":"a","data":{},"updated_at":"2026"}', MEMBERS),
        (b'{"key":"a","key":"b","data":{}}', MALFORMED),
        (b'{"key":"","data":{}}', KEY),
        (b'{"key":"a#b","data":{}}', KEY),
        (b'{"key":"a/b","data":{}}', KEY),
        (b'{"key":"\\u0000","data":{}}', KEY),
        (b'{"key":"\\ud800","data":{}}', KEY),
        (b'{"key":7,"data":{}}', KEY),
        (b'{"key":' + b"1" * 5000 + b',"data":{}}', KEY),
        (b'{"key":["a"],"data":{}}', KEY),
        (b'{"key":"' + b"k" * 201 + b'","data":{}}', KEY),
        (b'{"key":"a","data":null}', DATA),
        (b'{"key":"a","data":[]}', DATA),
        (b'{"key":"a","data":{"x":1,"x":2}}', DATA),
        (b'{"key":"a","data":' + b"[" * 300 + b"]" * 300 + b"}", DEEP),
        (b'{"key":"a","data":' + b'{"a":' * 257 + b"1" + b"}" * 257 + b"}", DEEP),
        (b'{"key":"a","data":{"d":"' + b"x" * 358_400 + b'"}}', LARGE),
        (b'{"key":"a","data":{"d":"' + b"x" * 400_000 + b'"}}', LARGE),
    ],
)
def test_a_line_that_is_no_record_is_told_why(text: bytes, reason: str) -> None:
    with pytest.raises(LineError) as refused:
        parse_line(text)
    assert refused.value.reason == reason


@pytest.mark.parametrize("data", [b'{"d":"' + b"x" * (358_400 - 8) + b'"}', b'{"a":' * 256 + b"1" + b"}" * 256])
def test_the_largest_and_the_deepest_record_pass_in_a_line_as_they_do_alone(data: bytes) -> None:
    assert parse_object(data, limit_bytes=MAX_RECORD_BYTES).text == data
    assert parse_line(b'{"key":"' + b"k" * 200 + b'","data":' + data + b"}") == ("k" * 200, data)


@given(st.binary(max_size=60) | st.text(max_size=60).map(lambda text: text.encode("utf-8", "surrogatepass")))
def test_no_line_whatever_is_more_than_rejected(text: bytes) -> None:
    with suppress(LineError):
        assert parse_line(text)[1].startswith(b"{")


def test_of_lines_with_one_key_the_last_good_one_stays(ada: Customer, made: Database, host: Host) -> None:
    body = "\n".join([line("a", {"v": 1}), line("a", {"v": 2}), '{"key":"a","data":{"v":3},"x":0}'])
    assert send(ada, made, body).json()["accepted"] == 2
    assert stored(host, made) == {"a": b'{"v": 2}'.replace(b" ", b"")}


def test_of_lines_with_one_key_the_last_stays_across_chunks(ada: Customer, made: Database, host: Host) -> None:
    body = "\n".join([line("same", {"v": number}) for number in range(1500)])
    assert send(ada, made, body).json()["accepted"] == 1500
    assert stored(host, made) == {"same": b'{"v":1499}'}


def test_an_empty_batch_stores_nothing(ada: Customer, made: Database) -> None:
    for body in (b"", b"\n\n \r\n"):
        assert send(ada, made, body).json() == {"accepted": 0, "rejected": [], "rejected_count": 0}
    assert items("content", AMERICAS) == []


@pytest.mark.parametrize(("size", "status"), [(4_194_304, 200), (4_194_305, 413)])
def test_a_batch_has_four_megabytes_at_most(ada: Customer, made: Database, size: int, status: int) -> None:
    first = line("a").encode() + b"\n"
    assert send(ada, made, first + b" " * (size - len(first))).status == status


def test_a_batch_of_another_type_is_refused(ada: Customer, made: Database) -> None:
    path = f"/databases/{made.id}/records/person"
    assert ada.post(path, body=[{"key": "a", "data": {}}]).status == 415


def test_a_flood_of_bad_lines_is_counted_and_its_first_are_named(ada: Customer, made: Database) -> None:
    answer = send(ada, made, b"x\n" * 50_000).json()
    assert (answer["accepted"], len(answer["rejected"]), answer["rejected_count"]) == (0, MAX_REJECTED, 50_000)
    assert answer["rejected"][-1]["line"] == MAX_REJECTED


def test_what_there_is_no_time_to_store_is_told_and_not_counted_as_stored(
    parts: Parts, made: Database, host: Host
) -> None:
    times = iter([0.0, 5.0, 25.0])
    body = "\n".join(["broken"] * (MAX_REJECTED + 1) + [line(f"k{number}") for number in range(3500)]).encode()
    ids = batch.store(Content(made, host, NOON), "person", body, lambda: next(times))
    shown = batch.shown(ids)
    assert shown["accepted"] == 2000
    assert shown["rejected"][-1] == {"line": MAX_REJECTED + 1 + 2001, "message": LATE}
    assert shown["rejected_count"] == MAX_REJECTED + 1 + 1500
    assert len(items("content", AMERICAS)) == 2000


def test_a_batch_of_many_tiny_lines_is_answered_in_time(ada: Customer, made: Database) -> None:
    began = time.monotonic()
    body = b"\n" * 2_000_000 + b"x" * 100
    assert send(ada, made, body).status == 200
    assert time.monotonic() - began < 10


@pytest.mark.promise("databases.destroyed")
def test_a_batch_that_a_destruction_overtakes_stops_at_the_fence(ada: Customer, made: Database, host: Host) -> None:
    send(ada, made, line("first"))
    destroy = lambda: host.keyring.keys.destroy(made.id, NOON)  # noqa: E731
    body = "\n".join(line(f"k{number}") for number in range(1500))
    with once_before("dynamodb.BatchWriteItem", destroy):
        assert send(ada, made, body).status == 409
    # What was under way when the key went is found by the destruction's last listing; nothing was begun after it.
    assert len(items("content", AMERICAS)) <= 1001


def test_the_same_key_and_body_store_once_and_get_the_same_answer(ada: Customer, made: Database) -> None:
    body = line("a") + "\nbroken"
    first = send(ada, made, body, **{"Idempotency-Key": "one"})
    with recorded() as calls:
        again = send(ada, made, body, **{"Idempotency-Key": "one"})
    assert (again.status, again.body) == (first.status, first.body)
    assert calls["dynamodb.BatchWriteItem"] == 0
    other = send(ada, made, line("b"), **{"Idempotency-Key": "one"})
    assert (other.status, list(other.errors)) == (422, ["Idempotency-Key"])


def test_the_number_of_calls_is_known(ada: Customer, made: Database) -> None:
    send(ada, made, line("warm"))
    with recorded() as calls:
        send(ada, made, "\n".join(line(f"k{number}") for number in range(2500)))
    assert calls == {
        "dynamodb.UpdateItem": 1,
        "dynamodb.GetItem": 1 + 3,  # the database; the fence, for each thousand
        "dynamodb.BatchWriteItem": 100,
    }
