"""Every content route, asked by somebody else; and what was written, looked for in every store and log."""

import json
from typing import Any

import pytest

from content.app import app as deployed
from content.parts import Parts
from privacy.models.databases import Database
from privacy.models.ids import new_id, new_id_within
from tests.unit.customers import Customer, destroyed
from tests.unit.engine import AMERICAS, everything, http, items

NDJSON = {"Content-Type": "application/x-ndjson"}
REQUESTS: dict[tuple[str, str], dict[str, Any]] = {
    ("POST", "/databases/{database_id}/records/{model}"): {"body": b'{"key":"a","data":{}}', "headers": NDJSON},
    ("PUT", "/databases/{database_id}/records/{model}/{key}"): {"body": {"v": 1}},
    ("PUT", "/databases/{database_id}/files/content"): {"body": b"x"},
    ("POST", "/uploads/{upload_id}/completion"): {"body": {"parts": [{"number": 1, "etag": "a"}]}},
}
ROUTES = [(method, path) for path, methods in sorted(deployed.routes.items()) for method in sorted(methods)]


def ask(who: Customer, method: str, path: str, database_id: str) -> tuple[int, bytes]:
    request = dict(REQUESTS.get((method, path), {}))
    if path == "/uploads":
        request["body"] = {"database_id": database_id, "bytes": 1, "content_type": "a/b"}
    upload_id = new_id_within("upl", database_id)
    target = path.format(database_id=database_id, model="person", key="k", upload_id=upload_id)
    answer = who.send(method, target + ("?path=a" if path.endswith("/content") else ""), **request)
    return answer.status, answer.body


@pytest.mark.promise("databases.ownership")
@pytest.mark.parametrize(("method", "path"), ROUTES)
def test_another_customers_content_is_as_unknown_as_none(
    ada: Customer, bob: Customer, made: Database, method: str, path: str
) -> None:
    ada.put(f"/databases/{made.id}/records/person/k", body={"canary": 1})
    ada.put(f"/databases/{made.id}/files/content?path=a", body=b"canary")
    before = items("content", AMERICAS)
    answers = {ask(bob, method, path, database_id) for database_id in (made.id, new_id("db"), "db_x")}
    assert {status for status, _ in answers} == {404}
    assert not any(b"canary" in body for _, body in answers)
    assert ask(bob, method, path, made.id) == ask(bob, method, path, new_id("db"))
    assert items("content", AMERICAS) == before
    assert items("jobs") == []


@pytest.mark.promise("databases.ownership", "databases.destroyed")
@pytest.mark.parametrize(("method", "path"), [route for route in ROUTES if route[1] != "/uploads"])
def test_whose_a_database_is_and_whether_it_is_there_come_before_what_is_wrong_with_a_request(
    ada: Customer, bob: Customer, parts: Parts, made: Database, method: str, path: str, subtests: pytest.Subtests
) -> None:
    upload_id = new_id_within("upl", made.id)
    target = path.format(database_id=made.id, model="NO MODEL", key="no#key", upload_id=upload_id).replace(" ", "%20")
    destroyed(parts, made)
    for who, status in ((bob, 404), (ada, 410)):
        for body, content_type in ((None, ""), (b"{", "application/json"), (b"x" * 5_000_000, "text/plain")):
            with subtests.test(status=status, content_type=content_type):
                request: dict[str, Any] = {"body": body, "headers": {"Content-Type": content_type}}
                assert who.send(method, f"{target}?limit=0&path=..", **request).status == status


@pytest.mark.promise("databases.destroyed")
def test_an_upload_for_a_destroyed_database_is_refused_as_such(ada: Customer, parts: Parts, made: Database) -> None:
    destroyed(parts, made)
    form = {"database_id": made.id, "bytes": 1, "content_type": "no type"}
    assert ada.post("/uploads", body=form).status == 410


def test_no_route_answers_without_a_session(ada: Customer, made: Database, subtests: pytest.Subtests) -> None:
    cases = ROUTES
    for method, path in cases:
        with subtests.test(method=method, path=path):
            forged = Customer(ada.app, "forged", ada.account_id, ada.owner)
            assert ask(forged, method, path, made.id)[0] == 401


def test_no_route_changes_anything_for_another_site(ada: Customer, made: Database, subtests: pytest.Subtests) -> None:
    cases = [route for route in ROUTES if route[0] != "GET"]
    for method, path in cases:
        with subtests.test(method=method, path=path):
            target = path.format(database_id=made.id, model="person", key="k", upload_id="upl_a")
            answer = http(ada.app, method, target, cookie=ada.token, headers={"Origin": "https://evil.example"})
            assert answer.status == 403


@pytest.mark.promise("security.measures")
def test_nothing_of_the_content_is_in_plain_in_any_store_queue_log_or_key(
    ada: Customer, parts: Parts, made: Database, capsys: pytest.CaptureFixture[str]
) -> None:
    base = f"/databases/{made.id}"
    key = {"Idempotency-Key": "one"}
    ada.put(f"{base}/records/canary-model/canary-key", body={"canary-field": "canary-value", "canary-list": ["canary"]})
    lines = [{"key": "canary-batch", "data": {"canary": 1}}, {"key": "canary#wrong", "data": {}}, {"canary": 1}]
    body = "\n".join(map(json.dumps, lines)) + "\ncanary broken"
    ada.post(f"{base}/records/canary-model", body=body, headers=NDJSON | key)
    ada.put(f"{base}/records/canary-model/canary%23wrong", body={})
    ada.put(f"{base}/records/canary-model/canary-key", body=b'{"canary":', headers={"Content-Type": "application/json"})
    ada.put(f"{base}/files/content?path=canary/canary.txt", body=b"bytes", headers={"Content-Type": "text/x-canary"})
    ada.put(f"{base}/files/content?path=canary/../canary", body=b"bytes")
    ada.get(f"{base}/files/content?path=canary/absent")
    upload = {"database_id": made.id, "bytes": 5, "content_type": "video/x-canary"}
    upload_id = ada.post("/uploads", body=upload, headers=key).json()["upload_id"]
    host = parts.host("americas")
    (opened,) = host.s3.list_multipart_uploads(Bucket=host.transfer_bucket)["Uploads"]
    etag = host.s3.upload_part(
        Bucket=host.transfer_bucket, Key=opened["Key"], UploadId=opened["UploadId"], PartNumber=1, Body=b"bytes"
    )["ETag"]
    ada.post(f"/uploads/{upload_id}/completion", body={"parts": [{"number": 1, "etag": etag}]})
    assert ada.put(f"{base}/files/content?path=canary-film&upload_id={upload_id}").status == 202
    for path in ("records/canary-model", "records/canary-model/canary-key", "files", "models"):
        assert b"canary" in ada.get(f"{base}/{path}").body
    assert b"canary" not in everything().lower()
    objects = [
        host.s3.head_object(Bucket=bucket, Key=entry["Key"]) | {"Key": entry["Key"]}
        for bucket in (host.content_bucket, host.transfer_bucket)
        for entry in host.s3.list_objects_v2(Bucket=bucket)["Contents"]
    ]
    assert len(objects) == 2
    assert "canary" not in repr(objects)
    printed = capsys.readouterr()
    assert "canary" not in printed.out + printed.err
