"""A customer's whole way through the deployed system: from the form to the tombstone, by HTTP alone."""

import hashlib
import io
import json
import random
import shutil
import subprocess
import zipfile
from pathlib import Path
from typing import Any

import pytest

from tests.integration.deployed import (
    NDJSON,
    PASSWORD,
    Customer,
    Deployed,
    assert_problem,
    file_route,
    found,
    lines,
    new_address,
    trial,
    visitor,
    waited_for,
)

AMERICAS, ASIA = "us-east-1", "ap-southeast-1"
MEGABYTE = 1024 * 1024


def noise(size: int, seed: int) -> bytes:
    """Bytes that no compression makes smaller."""
    return random.Random(seed).randbytes(size)


# --- signing up and in ---------------------------------------------------------------------------------------------


@pytest.mark.promise("signup.confirmed", "signup.trial")
def test_a_link_confirms_once_and_tells_the_same_again_without_a_cookie(system: Deployed) -> None:
    panel, address = system.panel(), new_address()
    taken = panel.call("POST", "/signups", trial(address, company="Analytical Engines"), expect=202).json()
    assert set(taken) == {"reference", "expires_at"}
    assert not [row for row in system.items("accounts") if address in str(row)]

    token = system.token(address)
    first = panel.call("POST", "/signups/confirmation", {"token": token}, expect=201)
    cookie = first.headers["Set-Cookie"]
    assert all(part in cookie for part in ("session_id=", "HttpOnly", "Secure", "SameSite=Lax", "Path=/"))
    again = system.panel().call("POST", "/signups/confirmation", {"token": token}, expect=200)
    assert again.json() == first.json()
    assert "Set-Cookie" not in again.headers

    database = first.json()["database"]
    assert database | {"id": ""} == {"id": "", "name": "Analytical Engines", "region": "asia", "status": "active"}
    assert [row["id"] for row in panel.call("GET", "/databases", expect=200).json()["items"]] == [database["id"]]


@pytest.mark.promise("signup.confirmed")
def test_a_known_address_gets_the_same_answer_and_another_mail(system: Deployed, customer: Customer) -> None:
    unknown = system.panel().call("POST", "/signups", trial(new_address()), expect=202).json()
    known = system.panel().call("POST", "/signups", trial(customer.email.upper()), expect=202).json()
    assert known.keys() == unknown.keys()
    mails = waited_for(lambda: system.mails(customer.email)[1:], "second mail")
    assert "#token=" not in mails[0].text
    assert "already" in mails[0].subject


@pytest.mark.promise("contact.inquiry")
def test_an_enquiry_gets_a_reference_and_a_due_date_by_mail_and_reaches_the_helpdesk(system: Deployed) -> None:
    address = new_address()
    form = trial(address, kind="contact", password=None, message="Where does my data lie?")
    taken = system.panel().call("POST", "/signups", form, expect=202).json()
    assert set(taken) == {"reference", "expires_at", "due_date"}
    mails = waited_for(lambda: system.mails(address), "acknowledgement")
    assert taken["reference"] in mails[0].text
    notices = waited_for(
        lambda: [mail for mail in system.mails("helpdesk@perfectwork.app") if taken["reference"] in mail.subject],
        "notice to the HelpDesk",
    )
    assert address not in notices[0].text
    assert "Where does" not in notices[0].text


@pytest.mark.promise("signup.fields")
@pytest.mark.parametrize("kind", ["registration", "download", "subscription"])
def test_every_kind_of_form_becomes_an_account_without_a_database(system: Deployed, kind: str) -> None:
    panel, address = system.panel(), new_address()
    order = {"amount": "49.90", "currency": "SGD", "description": "A year", "reference": "R-1", "processor": "stripe"}
    extras: dict[str, Any] = {"order": order, "postal_address": "1 Marina View\nSingapore"}
    form = trial(address, kind=kind, **(extras if kind == "subscription" else {}))
    if kind == "download":
        del form["password"]
    panel.call("POST", "/signups", form, expect=202)
    made = panel.call("POST", "/signups/confirmation", {"token": system.token(address)}, expect=201).json()
    assert made["database"] is None
    assert panel.call("GET", "/sessions/current", expect=200).json()["account_id"] == made["account_id"]
    bills = [row for row in system.items("billing") if row.get("account_id") == made["account_id"]]
    assert len(bills) == (kind == "subscription")


@pytest.mark.promise("sessions.max-age")
def test_a_session_is_used_signed_out_and_begun_anew_under_another_id(system: Deployed, customer: Customer) -> None:
    first = customer.panel.cookie
    used = customer.panel.call("GET", "/sessions/current", expect=200).json()
    assert used["account_id"] == customer.account_id
    assert set(used) == {"account_id", "created_at", "last_used_at", "expires_at"}

    customer.panel.call("POST", "/sessions", {"email": customer.email.upper(), "password": PASSWORD}, expect=201)
    second = customer.panel.cookie
    assert second != first
    assert_problem(system.panel(first).call("GET", "/sessions/current", expect=401), 401)

    customer.panel.call("DELETE", "/sessions/current", expect=204)
    assert customer.panel.cookie is None
    for dead in (first, second):
        assert_problem(system.panel(dead).call("GET", "/sessions/current", expect=401), 401)


def test_a_repeated_request_with_a_key_makes_one_thing(system: Deployed) -> None:
    address, key = new_address(), {"Idempotency-Key": "signup-1"}
    form = trial(address)
    answers = [system.panel().call("POST", "/signups", form, expect=202, headers=key).json() for _ in range(2)]
    assert answers[0] == answers[1]
    panel = system.panel()
    panel.call("POST", "/signups/confirmation", {"token": system.token(address)}, expect=201)
    assert len(system.mails(address)) in (1, 2)  # delivery is at least once

    key = {"Idempotency-Key": "database-1"}
    made = [panel.call("POST", "/databases", {"name": "Books"}, expect=201, headers=key).json() for _ in range(2)]
    assert made[0]["id"] == made[1]["id"]
    assert len(panel.call("GET", "/databases", expect=200).json()["items"]) == 2
    route = f"/databases/{made[0]['id']}/exports"
    exports = [panel.call("POST", route, expect=202, headers=key).json() for _ in range(2)]
    assert exports[0] == exports[1]


# --- content -------------------------------------------------------------------------------------------------------


@pytest.mark.promise("databases.region", "signup.trial")
@pytest.mark.parametrize(
    ("country", "region", "here", "elsewhere"),
    [("US", "americas", AMERICAS, ASIA), ("DE", "americas", AMERICAS, ASIA), ("JP", "asia", ASIA, AMERICAS)],
)
def test_content_lies_in_the_region_nearest_to_the_visitor_and_nowhere_else(
    system: Deployed, country: str, region: str, here: str, elsewhere: str
) -> None:
    customer = system.customer(country)
    assert customer.region == region
    customer.put("book", "b-1", {"title": "Sketch of the Analytical Engine"})
    customer.put_file("notes/a.txt", b"Note G")

    assert len([row for row in system.content(customer.database, here) if row["id"].startswith("r#")]) == 1
    assert len([row for row in system.content(customer.database, here) if row["id"].startswith("f#")]) == 1
    assert len(system.objects("content", here, customer.database)) == 1
    assert [row["state"] for row in system.items("keys", here) if row["database_id"] == customer.database] == ["open"]
    assert not system.content(customer.database, elsewhere)
    assert not system.objects("content", elsewhere, customer.database)
    # The key lies there too, so that the loss of a region loses no backup, but nothing is written there.
    kept = [row["state"] for row in system.items("keys", elsewhere) if row["database_id"] == customer.database]
    assert kept == ["standby"]


@pytest.mark.promise("databases.ownership")
def test_a_record_comes_back_as_it_was_written_and_goes_when_it_is_deleted(customer: Customer) -> None:
    route = f"/databases/{customer.database}/records/book/b-1:x@y.z"
    raw = '{"z": 1.10, "a": 12345678901234567890, "e": 1e400, "ü": "Ω\\u0000\\ud800", "n": {"b": [], "a": null}}'
    customer.panel.call("PUT", route, raw.encode(), expect=200)
    read = customer.panel.call("GET", route, expect=200)
    assert set(read.json()) == {"key", "data", "updated_at"}
    data = read.content.decode()
    assert '{"z":1.10,"a":12345678901234567890,"e":1e400,"ü":"Ω\\u0000\\ud800","n":{"b":[],"a":null}}' in data
    customer.panel.call("PUT", route, {"changed": True}, expect=200)
    assert customer.panel.call("GET", route, expect=200).json()["data"] == {"changed": True}
    customer.panel.call("DELETE", route, expect=204)
    assert_problem(customer.panel.call("GET", route, expect=404), 404)
    assert_problem(customer.panel.call("DELETE", route, expect=404), 404)


@pytest.mark.promise("databases.ownership")
def test_a_batch_stores_its_good_lines_and_names_the_broken_third(customer: Customer) -> None:
    rows = {f"k{number}": {"number": number} for number in range(1, 6)}
    body = lines(rows).splitlines(keepends=True)
    body[2] = b'{"key": "k3", "data": {"secret-of-mine"}}\n'
    route = f"/databases/{customer.database}/records/line"
    told = customer.panel.call("POST", route, b"".join(body), expect=200, content_type=NDJSON)
    answer = told.json()
    assert answer["accepted"] == 4
    assert [entry["line"] for entry in answer["rejected"]] == [3]
    assert b"secret-of-mine" not in told.content
    assert customer.records("line") == {key: data for key, data in rows.items() if key != "k3"}
    models = customer.panel.call("GET", f"/databases/{customer.database}/models", expect=200).json()
    assert models["items"] == [{"model": "line", "record_count": 4}]


@pytest.mark.promise("databases.ownership")
def test_a_list_is_paged_to_its_end(customer: Customer) -> None:
    rows = {f"k{number:03d}": {"number": number} for number in range(25)}
    route = f"/databases/{customer.database}/records/row"
    customer.panel.call("POST", route, lines(rows), expect=200, content_type=NDJSON)
    seen: list[str] = []
    cursor = ""
    while True:
        page = customer.panel.call("GET", f"{route}?limit=10{cursor}", expect=200).json()
        assert len(page["items"]) <= 10
        seen += [row["key"] for row in page["items"]]
        if not page["next_cursor"]:
            break
        cursor = f"&cursor={page['next_cursor']}"
    assert sorted(seen) == sorted(rows)


@pytest.mark.promise("databases.ownership")
@pytest.mark.parametrize(
    ("path", "content", "content_type"),
    [
        ("pictures/dot.png", b"\x89PNG\r\n\x1a\n\x00\xff\xfe", "image/png"),
        ("a b/ü#1 & more?.txt", "Ωmega".encode(), "text/plain; charset=utf-8"),
        ("no-utf8.json", b'{"a": "\xff\xfe"}', "application/json"),
        ("utf8.json", '{"a": "é"}'.encode(), "application/json"),
        ("problem.json", b"\xff", "application/problem+json"),
        ("page.html", b"<script>alert(1)</script>", "text/html"),
        ("empty", b"", "application/octet-stream"),
    ],
)
def test_a_file_comes_back_byte_for_byte(
    system: Deployed, customer: Customer, path: str, content: bytes, content_type: str
) -> None:
    customer.put_file(path, content, content_type)
    read = customer.panel.call("GET", file_route(customer.database, path), expect=200)
    assert read.content == content
    assert read.headers["Content-Type"] == content_type
    assert read.headers["Content-Disposition"].startswith("attachment")
    assert customer.files() == {path: hashlib.sha256(content).hexdigest()}
    customer.panel.call("DELETE", file_route(customer.database, path), expect=204)
    assert_problem(customer.panel.call("GET", file_route(customer.database, path), expect=404), 404)
    # Deleted means with all its versions, and leaves no marker.
    assert not system.objects("content", ASIA, customer.database)


@pytest.mark.promise("databases.ownership")
def test_who_cannot_take_bytes_gets_a_link_to_them(system: Deployed, customer: Customer) -> None:
    """API Gateway decodes bytes only for a request with an Accept header."""
    content = b"\x89PNG\xff\xfe"
    customer.put_file("dot.png", content, "image/png")
    cookie = {"Cookie": f"session_id={customer.panel.cookie}"}
    answer = system.send("GET", file_route(customer.database, "dot.png"), None, cookie)
    assert answer.status == 302
    assert customer.panel.fetch(answer.headers["Location"]) == content


@pytest.mark.promise("databases.ownership")
def test_a_replaced_file_leaves_no_old_version(system: Deployed, customer: Customer) -> None:
    for content in (b"first", b"second", b"third"):
        customer.put_file("note.txt", content)
    assert customer.panel.call("GET", file_route(customer.database, "note.txt"), expect=200).content == b"third"
    assert len(system.objects("content", ASIA, customer.database)) == 1


@pytest.mark.promise("databases.ownership")
def test_a_large_file_goes_in_by_parts_and_comes_out_by_a_link(system: Deployed, customer: Customer) -> None:
    content = noise(9 * MEGABYTE, seed=1)
    upload = customer.uploaded(content, "application/gzip")
    route = f"{file_route(customer.database, 'backup/large.gz')}&upload_id={upload}"
    job = customer.panel.call("PUT", route, expect=202).json()["job_id"]
    customer.followed(f"/databases/{customer.database}/jobs/{job}", "done")

    answer = customer.panel.call("GET", file_route(customer.database, "backup/large.gz"), expect=302)
    assert customer.panel.fetch(answer.headers["Location"]) == content
    assert customer.files() == {"backup/large.gz": hashlib.sha256(content).hexdigest()}
    assert waited_for(lambda: not system.objects("transfer", ASIA, customer.database), "end of the staged copy")
    # An upload is used once.
    assert customer.panel.call("PUT", route, expect=202).json()["job_id"] == job
    other = f"{file_route(customer.database, 'elsewhere')}&upload_id={upload}"
    assert_problem(customer.panel.call("PUT", other, expect=409), 409)


# --- export, import ------------------------------------------------------------------------------------------------


def filled(customer: Customer, database: str | None = None) -> tuple[dict[str, dict[str, Any]], dict[str, bytes]]:
    """Records of three models and some files, as they were put in."""
    records: dict[str, dict[str, Any]] = {
        "book": {f"b-{number}": {"title": f"Volume {number}", "price": number / 4} for number in range(40)},
        "person": {"ada@example.com": {"name": "Ada – Ω 👩🏽‍💻", "born": 1815, "tags": [None, True, {"x": []}]}},
        "x.y-z_1": {"only": {}},
    }
    for model, rows in records.items():
        route = f"/databases/{database or customer.database}/records/{model}"
        told = customer.panel.call("POST", route, lines(rows), expect=200, content_type=NDJSON).json()
        assert told["rejected"] == []
    files = {
        "a.bin": noise(100_000, seed=2),
        "deep/er/ü – #1.txt": b"x" * 50_000,
        "empty": b"",
        "con": b"a name that one system does not like",
    }
    for path, content in files.items():
        customer.put_file(path, content, "application/octet-stream", database)
    return records, files


def unpacked(archive: bytes) -> tuple[dict[str, dict[str, Any]], dict[str, bytes], dict[str, Any]]:
    """Records, files and manifest of an export, checked against each other by Python's zipfile."""
    with zipfile.ZipFile(io.BytesIO(archive)) as packed:
        assert packed.testzip() is None
        manifest = json.loads(packed.read("manifest.json"))
        listed = {member["path"]: member for member in manifest["members"]}
        assert set(listed) == set(packed.namelist()) - {"manifest.json"}
        records: dict[str, dict[str, Any]] = {}
        files: dict[str, bytes] = {}
        for path, member in listed.items():
            content = packed.read(path)
            assert (len(content), hashlib.sha256(content).hexdigest()) == (member["bytes"], member["sha256"])
            if path.startswith("records/"):
                rows = [json.loads(line) for line in content.splitlines()]
                assert member["records"] == len(rows)
                records[path.removeprefix("records/").removesuffix(".jsonl")] = {
                    row["key"]: row["data"] for row in rows
                }
            elif path.startswith("files/"):
                files[path.removeprefix("files/")] = content
        assert "README.txt" in listed
    return records, files, manifest


@pytest.mark.promise("databases.export", "exports.retention")
def test_an_export_holds_everything_and_imports_to_the_same_in_another_region(system: Deployed, tmp_path: Path) -> None:
    customer = system.customer("US")
    records, files = filled(customer)
    export, ready = customer.export()
    assert ready["progress"] == 100
    assert ready["url_expires_at"] < ready["expires_at"]
    archive = customer.panel.fetch(ready["url"])
    assert (len(archive), hashlib.sha256(archive).hexdigest()) == (ready["bytes"], ready["sha256"])
    got_records, got_files, manifest = unpacked(archive)
    assert got_records == records
    assert got_files == files
    assert manifest["database"] == "Free Trial"
    assert {"format", "created_at", "policy_version"} <= set(manifest)
    if unzip := shutil.which("unzip"):
        packed = tmp_path / "export.zip"
        packed.write_bytes(archive)
        subprocess.run([unzip, "-tqq", str(packed)], check=True, capture_output=True)  # noqa: S603  # our own file

    copy = customer.panel.call("POST", "/databases", {"name": "Copy", "country": "SG"}, expect=201).json()
    assert copy["region"] == "asia"
    customer.imported(copy["id"], {"export_id": export})
    assert {model: customer.records(model, copy["id"]) for model in records} == records
    assert customer.files(copy["id"]) == {path: hashlib.sha256(body).hexdigest() for path, body in files.items()}
    shown = customer.panel.call("GET", f"/databases/{copy['id']}", expect=200).json()
    assert (shown["record_count"], shown["file_count"]) == (sum(map(len, records.values())), len(files))
    # A second import is refused: the database is not empty any more.
    route = f"/databases/{copy['id']}/import"
    assert_problem(customer.panel.call("POST", route, {"export_id": export}, expect=409), 409)


@pytest.mark.promise("databases.export")
@pytest.mark.parametrize("way", ["body", "upload"])
def test_an_export_comes_back_as_a_body_and_as_an_upload(customer: Customer, way: str) -> None:
    records, files = filled(customer)
    _, ready = customer.export()
    archive = customer.panel.fetch(ready["url"])
    copy = customer.panel.call("POST", "/databases", {"name": "Copy"}, expect=201).json()["id"]
    if way == "upload":
        customer.imported(copy, {"upload_id": customer.uploaded(archive, "application/zip", copy)})
    else:
        route = f"/databases/{copy}/import"
        job = customer.panel.call("POST", route, archive, expect=202, content_type="application/zip").json()["job_id"]
        customer.followed(f"/databases/{copy}/jobs/{job}", "done")
    assert {model: customer.records(model, copy) for model in records} == records
    assert customer.files(copy) == {path: hashlib.sha256(body).hexdigest() for path, body in files.items()}


@pytest.mark.promise("databases.export")
def test_an_archive_that_is_none_of_ours_fails_with_a_sentence_and_leaves_nothing(
    system: Deployed, customer: Customer
) -> None:
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w") as packed:
        packed.writestr("../../secret-path.txt", "secret-content")
    route = f"/databases/{customer.database}/import"
    answer = customer.panel.call("POST", route, buffer.getvalue(), expect=202, content_type="application/zip")
    job = f"/databases/{customer.database}/jobs/{answer.json()['job_id']}"

    def over() -> dict[str, Any] | None:
        state: dict[str, Any] = customer.panel.call("GET", job, expect=200).json()
        return state if state["status"] in ("failed", "done") else None

    told = waited_for(over, "end of the import")
    assert told["status"] == "failed"
    assert told["error"]
    assert "secret" not in told["error"]
    assert not customer.files()
    assert waited_for(lambda: not system.objects("transfer", ASIA, customer.database), "end of the staged copy")
    customer.put("book", "b-1", {"still": "writable"})


# --- cancelling, deleting ------------------------------------------------------------------------------------------


@pytest.mark.promise("databases.grace", "databases.export")
def test_a_cancelled_database_is_closed_but_for_its_export_and_comes_back_whole(customer: Customer) -> None:
    records, files = filled(customer)
    route = f"/databases/{customer.database}"
    cancelled = customer.panel.call("POST", f"{route}/cancellation", expect=200).json()
    assert cancelled["status"] == "deactivated"
    assert customer.panel.call("GET", route, expect=200).json()["purge_at"] == cancelled["purge_at"]
    for method, path, body in (
        ("GET", f"{route}/models", None),
        ("GET", f"{route}/records/book", None),
        ("GET", f"{route}/records/book/b-1", None),
        ("PUT", f"{route}/records/book/b-1", {"late": True}),
        ("DELETE", f"{route}/records/book/b-1", None),
        ("GET", f"{route}/files", None),
        ("GET", file_route(customer.database, "a.bin"), None),
        ("PUT", file_route(customer.database, "late"), {}),
        ("DELETE", file_route(customer.database, "a.bin"), None),
        ("POST", "/uploads", {"database_id": customer.database, "bytes": 1, "content_type": "a/b"}),
        ("POST", f"{route}/cancellation", None),  # a second time
    ):
        assert_problem(customer.panel.call(method, path, body, expect=409), 409)
    _, ready = customer.export()
    got_records, got_files, _ = unpacked(customer.panel.fetch(ready["url"]))
    assert (got_records, got_files) == (records, files)

    assert customer.panel.call("DELETE", f"{route}/cancellation", expect=200).json()["status"] == "active"
    assert {model: customer.records(model) for model in records} == records
    assert customer.files() == {path: hashlib.sha256(body).hexdigest() for path, body in files.items()}
    assert_problem(customer.panel.call("DELETE", f"{route}/cancellation", expect=409), 409)


@pytest.mark.promise("databases.deletion", "databases.destroyed")
@pytest.mark.parametrize("country", ["SG", "US"])
def test_a_deleted_database_leaves_a_tombstone_and_its_ledger_and_nothing_else(system: Deployed, country: str) -> None:
    customer = system.customer(country, company=f"Owner of {country} {new_address()}")
    name = customer.panel.call("GET", f"/databases/{customer.database}", expect=200).json()["name"]
    canary = f"canary-{customer.database[-12:]}"
    filled(customer)
    customer.put("secret", canary, {"text": canary})
    customer.put_file(f"{canary}.txt", canary.encode())
    export, ready = customer.export()
    customer.uploaded(canary.encode() * 1000, "text/plain")  # complete, and never used
    wanted = {"database_id": customer.database, "bytes": 9 * MEGABYTE, "content_type": "text/plain"}
    open_upload = customer.panel.call("POST", "/uploads", wanted, expect=201).json()
    customer.panel.put_part(open_upload["parts"][0]["url"], canary.encode() * 1000)  # begun, and never completed

    route = f"/databases/{customer.database}"
    for other in ("", "free trial", f"{name}!", customer.database):
        assert_problem(customer.panel.call("POST", f"{route}/deletion", {"confirm": other}, expect=422), 422)
    told = customer.panel.call("POST", f"{route}/deletion", {"confirm": name}, expect=202).json()
    assert told["status"] == "deleting"
    gone = customer.followed(f"{route}/deletion", "destroyed")
    region = customer.region
    removed = {(store["store"], store["region"]): store["removed"] for store in gone["stores"]}
    assert removed[("records", region)] == 43
    assert removed[("files", region)] == 5
    assert removed[("exports", region)] >= 1
    assert removed[("uploads", region)] == 2
    assert all(store["removed"] == store["total"] for store in gone["stores"])

    shown = customer.panel.call("GET", route, expect=200).json()
    assert (shown["name"], shown["status"], shown["record_count"]) == (None, "destroyed", 0)
    for method, path, body in (
        ("GET", f"{route}/models", None),
        ("PUT", f"{route}/records/book/late", {"late": True}),
        ("PUT", file_route(customer.database, "late"), {}),
        ("POST", f"{route}/exports", None),
        ("GET", f"{route}/exports/{export}", None),
        ("POST", f"{route}/import", {"export_id": export}),
        ("POST", f"{route}/cancellation", None),
        ("DELETE", f"{route}/cancellation", None),
        ("POST", f"{route}/deletion", {"confirm": name}),
    ):
        assert_problem(customer.panel.call(method, path, body, expect=410), 410)
    assert system.pool.request("GET", ready["url"]).status in (403, 404)  # a link to what is gone

    places = system.everything()
    assert not found(places, [canary])
    assert found(places, [name]) == [f"{ASIA} table perfectwork-accounts"]  # the company on the account's own row
    named = found(places, [customer.database, customer.database.removeprefix("db_")], but_in=(" log ",))
    assert set(named) <= {
        f"{ASIA} table perfectwork-{thing}" for thing in ("databases", "removals", "signups", "idempotency")
    } | {f"{region} table perfectwork-keys" for region in (ASIA, AMERICAS)}
    [tombstone] = [row for row in system.items("databases") if row["id"] == customer.database]
    assert not set(tombstone) & {"name", "records", "files", "bytes", "account_id"}
    for region in (ASIA, AMERICAS):
        [fence] = [row for row in system.items("keys", region) if row["database_id"] == customer.database]
        assert "wrapped" not in fence


@pytest.mark.promise("databases.deletion")
def test_deleting_one_database_leaves_its_neighbour_whole(customer: Customer) -> None:
    records, files = filled(customer)
    other = customer.panel.call("POST", "/databases", {"name": "Neighbour"}, expect=201).json()["id"]
    filled(customer, other)
    customer.destroyed(other)
    assert {model: customer.records(model) for model in records} == records
    assert set(customer.files()) == set(files)
    listed = customer.panel.call("GET", "/databases", expect=200).json()["items"]
    assert [row["id"] for row in listed] == [customer.database]


def test_a_country_header_is_the_edge_s_and_a_named_country_comes_first(system: Deployed, customer: Customer) -> None:
    made = customer.panel.call("POST", "/databases", {"name": "A", "country": "BR"}, expect=201, headers=visitor("JP"))
    assert made.json()["region"] == "americas"
    made = customer.panel.call("POST", "/databases", {"name": "B"}, expect=201, headers=visitor("BR"))
    assert made.json()["region"] == "americas"
    made = customer.panel.call("POST", "/databases", {"name": "C"}, expect=201, headers=visitor("not a country"))
    assert made.json()["region"] == "asia"
