"""Input that is wrong, over real HTTP: each gets the clear answer of the interface, and changes nothing else."""

import hashlib
import json
from collections.abc import Callable, Iterator
from typing import Any
from urllib.parse import quote

import pytest

from local.control_panel import Answer
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
    new_id,
    trial,
)

ASIA = "ap-southeast-1"
MARK = "kumquat7"
"""In every wrong value: what is sent must not come back."""
SCRIPTED = {"X-Requested-With": "tests", "Accept": "*/*"}
JSON = SCRIPTED | {"Content-Type": "application/json"}
NESTED = b'{"name": ' + b"[" * 500_000 + b"]" * 500_000 + b"}"
MEGABYTES_5 = 5 * 1024 * 1024


Refused = Callable[..., dict[str, Any]]


def raw(document: Any) -> bytes:
    """JSON as bytes; what is bytes already stays."""
    return document if isinstance(document, bytes) else json.dumps(document).encode()


def form(**changes: Any) -> bytes:
    """A trial's form with something wrong in it."""
    return raw(trial(new_address(), **changes))


BODIES: dict[str, tuple[bytes, int]] = {
    "nothing": (b"", 400),
    "malformed JSON": (b'{"name": "' + MARK.encode() + b'"', 400),
    "no JSON": (MARK.encode(), 400),
    "NaN": (b'{"name": NaN}', 400),
    "a name twice": (b'{"name": "' + MARK.encode() + b'", "name": "' + MARK.encode() + b'"}', 400),
    "UTF-16": (json.dumps({"name": MARK}).encode("utf-16"), 400),
    "UTF-16 without a mark": (json.dumps({"name": MARK}).encode("utf-16-le"), 400),
    "UTF-32": (json.dumps({"name": MARK}).encode("utf-32"), 400),
    "Latin-1": (f'{{"name": "é {MARK}"}}'.encode("latin-1"), 400),
    "half a surrogate pair": (b'{"name": "\\ud800 ' + MARK.encode() + b'"}', 400),
    "a list": (raw([MARK]), 422),
    "a text": (raw(MARK), 422),
    "null": (b"null", 422),
    "a megabyte of nesting": (NESTED, 413),
    "as deep as fits": (b'{"name": ' + b"[" * 30_000 + b"]" * 30_000 + b"}", 400),
}
"""What no route with a JSON body takes."""

WRONG_FORMS: dict[str, bytes] = {
    "wrong types": form(name=7, email=[MARK], marketing_consent="yes", password={MARK: MARK}),
    "unknown field": form(**{MARK: MARK}),
    "unknown kind": form(kind=MARK),
    "no kind": form(kind=None),
    "no name": form(name=None),
    "empty name": form(name=""),
    "name of spaces": form(name=" \u2003\u00a0 "),
    "over-long name": form(name=MARK * 1000),
    "NUL": form(name=f"{MARK}\0"),
    "right-to-left override": form(name=f"{MARK}\u202egnp.exe"),
    "zero width": form(company=f"{MARK}\u200b"),
    "no address": form(email=MARK),
    "two addresses": form(email=f"{MARK}@example.com,b@example.com"),
    "a header in an address": form(email=f"{MARK}@example.com\r\nBcc: x@example.com"),
    "no phone": form(phone=MARK),
    "short password": form(password=MARK),
    "over-long password": form(password=MARK * 100),
    "address in a trial": form(postal_address=f"{MARK} Street"),
    "password in a contact form": form(kind="contact", message=MARK),
    "card number": form(company=f"{MARK} 4111 1111 1111 1111"),
    "card number in a password": form(password=f"{MARK} 4111-1111-1111-1111"),
    "card number in an unknown field": form(x={"y": ["5555 5555 5555 4444"]}),
    "low score": form(captcha_token="score:0.1"),
    "empty captcha": form(captcha_token=""),
    "order without reason": form(order={"amount": "1", MARK: MARK}),
}


@pytest.fixture
def nothing_kept(system: Deployed) -> Iterator[None]:
    """Whatever is sent to a public route in the meantime, nothing of it stays."""

    def kept() -> dict[str, int]:
        return {thing: len(system.items(thing)) for thing in ("signups", "enquiries", "accounts", "billing", "visits")}

    before = kept()
    yield
    assert kept() == before


# --- public routes -------------------------------------------------------------------------------------------------


@pytest.mark.usefixtures("nothing_kept")
@pytest.mark.parametrize("route", ["/signups", "/signups/confirmation", "/sessions", "/visits"])
def test_a_public_route_refuses_what_is_no_json_object(system: Deployed, route: str) -> None:
    for what, (content, status) in BODIES.items():
        if content or route != "/visits":  # everything in a visit is optional
            assert_problem(system.send("POST", route, content, JSON), status, sent=[MARK], what=what)


@pytest.mark.usefixtures("nothing_kept")
@pytest.mark.promise("signup.fields", "signup.no-cards", "signup.captcha")
def test_a_wrong_form_is_refused_whole(system: Deployed) -> None:
    for what, content in WRONG_FORMS.items():
        answer = system.send("POST", "/signups", content, JSON)
        problem = assert_problem(answer, 422, sent=[MARK, "4111 1111", "4111-1111", "5555 5555"], what=what)
        assert problem["errors"], what


@pytest.mark.usefixtures("nothing_kept")
@pytest.mark.promise("signup.captcha")
def test_a_verifier_that_is_down_gets_a_503_and_keeps_nothing(system: Deployed) -> None:
    assert_problem(system.send("POST", "/signups", form(captcha_token="down"), JSON), 503)


@pytest.mark.usefixtures("nothing_kept")
@pytest.mark.parametrize("route", ["/signups", "/sessions"])
def test_another_content_type_is_415(system: Deployed, route: str) -> None:
    for kind in ("application/x-www-form-urlencoded", "text/plain", "multipart/form-data", "a/b; c=d"):
        headers = SCRIPTED | {"Content-Type": kind}
        assert_problem(system.send("POST", route, raw(trial(new_address())), headers), 415, what=kind)


FORGED: list[Any] = [
    "",
    MARK,
    "." * 500,
    MARK * 1000,
    f"{new_id('db').replace('db_', 'sgn_')}.1795521600.{'A' * 43}",
    "\0",
    7,
    None,
    [MARK],
]


@pytest.mark.usefixtures("nothing_kept")
@pytest.mark.promise("signup.confirmed")
def test_a_forged_link_confirms_nothing(system: Deployed) -> None:
    for token in FORGED:
        answer = system.send("POST", "/signups/confirmation", raw({"token": token}), JSON)
        assert_problem(answer, 422, sent=[MARK], what=str(token)[:50])
        assert "Set-Cookie" not in answer.headers


@pytest.mark.promise("signup.confirmed")
def test_a_link_with_one_other_character_confirms_nothing(system: Deployed) -> None:
    address = new_address()
    system.panel().call("POST", "/signups", trial(address), expect=202)
    token = system.token(address)
    for place in (0, len(token) // 2, len(token) - 2):
        other = "B" if token[place] != "B" else "C"
        changed = token[:place] + other + token[place + 1 :]
        answer = system.send("POST", "/signups/confirmation", raw({"token": changed}), JSON)
        assert_problem(answer, 422, sent=[changed])
    system.panel().call("POST", "/signups/confirmation", {"token": token}, expect=201)


def test_a_wrong_password_and_an_unknown_address_get_one_answer(system: Deployed, owner: Customer) -> None:
    answers = [
        system.send("POST", "/sessions", raw({"email": email, "password": password}), JSON)
        for email, password in (
            (owner.email, f"{MARK} is not it"),
            (new_address(), PASSWORD),
            (MARK, PASSWORD),
            ("\0", "\0"),
            (owner.email, ""),
        )
    ]
    for answer in answers:
        assert_problem(answer, 401, sent=[MARK])
        assert answer.content == answers[0].content
        assert "Set-Cookie" not in answer.headers


def test_guessing_is_slowed_down_alike_at_a_known_and_an_unknown_address(system: Deployed) -> None:
    customer, unknown = system.customer(), new_address()
    for email in (customer.email, unknown):
        guess = raw({"email": email, "password": f"{MARK} is not it"})
        for _ in range(10):
            assert_problem(system.send("POST", "/sessions", guess, JSON), 401, sent=[MARK])
        right = raw({"email": email, "password": PASSWORD})
        for sent in (guess, right):
            answer = system.send("POST", "/sessions", sent, JSON)
            problem = assert_problem(answer, 429, sent=[MARK, email])
            wait = answer.headers["Retry-After"]
            assert 0 < int(wait) <= 30
            assert problem["detail"] == f"too many passwords were tried; wait {wait} s"
            assert "Set-Cookie" not in answer.headers
    customer.panel.call("GET", "/sessions/current", expect=200)  # who is signed in stays so
    assert not found(system.everything(), [customer.email, unknown], but_in=["perfectwork-accounts"])


def test_a_wrong_sign_in_is_422(system: Deployed) -> None:
    for document in (
        {"email": "a@example.com"},
        {"password": MARK},
        {"email": 7, "password": [MARK]},
        {"email": "a@example.com", "password": MARK * 1000},
        {"email": MARK * 1000, "password": MARK},
        {"email": "a@example.com", "password": PASSWORD, MARK: MARK},
    ):
        answer = system.send("POST", "/sessions", raw(document), JSON)
        assert_problem(answer, 422, sent=[MARK, PASSWORD], what=str(document)[:60])


@pytest.mark.usefixtures("nothing_kept")
@pytest.mark.promise("visits.fields")
def test_a_wrong_visit_is_422_and_is_not_recorded(system: Deployed) -> None:
    for document in (
        {"referrer": 7},
        {"language": [MARK]},
        {"page": MARK},
        {"referrer": MARK * 2000},
        {"language": MARK * 20},
    ):
        answer = system.send("POST", "/visits", raw(document), JSON)
        assert_problem(answer, 422, sent=[MARK], what=str(document)[:60])


@pytest.mark.promise("visits.fields")
def test_hostile_headers_of_a_visit_are_taken_for_nothing(system: Deployed) -> None:
    headers = JSON | {
        "User-Agent": f"Mozilla/5.0 ({MARK}; \x1b[2J) " + "A" * 3000,
        "Sec-CH-UA": f'"{MARK}";v="1"',
        "Accept-Language": MARK,
        "CloudFront-Viewer-Country": MARK,
        "CloudFront-Viewer-Address": MARK,
        "Referer": f"https://{MARK}.example/visited-page",
        "Cookie": f"session_id={MARK}",
    }
    assert system.send("POST", "/visits", raw({"referrer": f"javascript:{MARK}"}), headers).status == 202
    assert MARK not in str(system.items("visits"))


# --- a customer's routes -------------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def owner(system: Deployed) -> Customer:
    """A customer whose database holds one record and one file, before and after."""
    customer = system.customer()
    customer.put("book", "b-1", {"title": "Note G"})
    customer.put_file("note.txt", b"Note G")
    return customer


@pytest.fixture
def refused(system: Deployed, owner: Customer) -> Iterator[Refused]:
    """Sends a request of the owner's that must be refused with a status; after the test nothing has changed."""

    def state() -> tuple[Any, ...]:
        return (
            sorted((row["id"], bytes(row.get("sealed", b""))) for row in system.content(owner.database, ASIA)),
            system.objects("content", ASIA, owner.database),
            system.objects("transfer", ASIA, owner.database),
            sorted(row["id"] for row in system.items("jobs") if row["database_id"] == owner.database),
            len(system.items("databases")),
        )

    def send(status: int, method: str, path: str, body: Any = None, kind: str = "application/json") -> dict[str, Any]:
        content = None if body is None else raw(body)
        sent = SCRIPTED | {"Cookie": f"session_id={owner.panel.cookie}", "Content-Type": kind}
        answer = system.send(method, path.format(db=owner.database), content, sent)
        return assert_problem(answer, status, sent=[MARK], what=f"{method} {path} {str(content)[:60]}")

    before = state()
    yield send
    assert state() == before


@pytest.mark.parametrize("route", ["/databases", "/databases/{db}/deletion", "/uploads", "/databases/{db}/import"])
def test_a_customer_s_route_refuses_what_is_no_json_object(refused: Refused, route: str) -> None:
    for content, status in BODIES.values():
        refused(status, "POST", route, content)


def test_a_wrong_new_database_is_422(refused: Refused) -> None:
    for document in (
        {},
        {"name": ""},
        {"name": " "},
        {"name": 7},
        {"name": MARK * 20},
        {"name": f"{MARK}\0"},
        {"name": f"{MARK}\u202e"},
        {"name": MARK, "country": "XX"},
        {"name": MARK, "country": MARK},
        {"name": MARK, "country": 65},
        {"name": MARK, "region": "asia"},
        {"name": MARK, MARK: MARK},
    ):
        assert refused(422, "POST", "/databases", document)["errors"]


@pytest.mark.parametrize("method", ["GET", "POST"])
def test_a_wrong_model_is_422(refused: Refused, method: str) -> None:
    body = lines({"k": {}}) if method == "POST" else None
    for model in ("Upper", f"{MARK}%20x", f"{MARK}%23", f"{MARK}%00", MARK * 9, "%E2%80%AE", "a%2Bb"):
        refused(422, method, "/databases/{db}/records/" + model, body, kind=NDJSON)


@pytest.mark.parametrize("method", ["GET", "PUT", "DELETE"])
def test_a_wrong_key_is_422(refused: Refused, method: str) -> None:
    body = b"{}" if method == "PUT" else None
    for key in (f"{MARK}%23", f"{MARK}%00", f"{MARK}%20", MARK * 30, "%E2%80%AE", "%C3%A9", "a%5Cb"):
        refused(422, method, "/databases/{db}/records/book/" + key, body)


def test_a_slash_in_a_key_reaches_no_record(system: Deployed, owner: Customer) -> None:
    headers = JSON | {"Cookie": f"session_id={owner.panel.cookie}"}
    for key in (f"{MARK}%2Fb-1", f"{MARK}/b-1", "b-1%2F..", "b-1/extra"):
        answer = system.send("PUT", f"/databases/{owner.database}/records/book/{key}", b"{}", headers)
        assert answer.status in (403, 404, 422), answer.content  # the gateway's own answer, on AWS a problem, too
    assert owner.records("book") == {"b-1": {"title": "Note G"}}


RECORDS: dict[str, tuple[bytes, int]] = {
    **{name: case for name, case in BODIES.items() if name not in ("half a surrogate pair", "as deep as fits")},
    "as deep as fits": (b'{"n": ' + b"[" * 100_000 + b"]" * 100_000 + b"}", 400),
    "one byte too many": (b'{"t": "' + b"x" * (350 * 1024) + b'"}', 413),
    "a control character": (b'{"t": "\x01"}', 400),
    "something behind": (b"{} {}", 400),
}


def test_a_record_that_is_no_json_object_is_refused(refused: Refused) -> None:
    for content, status in RECORDS.values():
        refused(status, "PUT", "/databases/{db}/records/book/b-1", content)


def test_a_batch_of_another_content_type_is_415(refused: Refused) -> None:
    for kind in ("application/json", "text/csv", "application/x-www-form-urlencoded"):
        refused(415, "POST", "/databases/{db}/records/book", lines({"b-1": {}}), kind=kind)


def test_a_batch_of_more_than_4_mb_is_413(refused: Refused) -> None:
    refused(413, "POST", "/databases/{db}/records/book", b"\n" * MEGABYTES_5, kind=NDJSON)


BROKEN_LINES = [
    b"",
    b"[]",
    b'"' + MARK.encode() + b'"',
    b'{"key": "' + MARK.encode() + b'"}',
    b'{"data": {}}',
    b'{"key": "' + MARK.encode() + b' x", "data": {}}',
    b'{"key": 7, "data": {}}',
    b'{"key": "k", "data": []}',
    b'{"key": "k", "data": {}, "' + MARK.encode() + b'": 1}',
    b'{"key": "k", "data": {"' + MARK.encode() + b'": NaN}}',
    b'{"key": "k", "data": {"a": 1, "a": 2}}',
    b'{"key": "k", "data": ' + b'{"a":' * 2000 + b"1" + b"}" * 2000 + b"}",
    b"\xff\xfe",
    '{"key": "k", "data": {"é": 1}}'.encode("latin-1"),
    b'{"key": "k", "data": {"t": "' + b"x" * (350 * 1024) + b'"}}',
]


def test_every_broken_line_of_a_batch_is_named_and_its_content_is_not(system: Deployed, owner: Customer) -> None:
    rows = [line for broken in BROKEN_LINES for line in (b'{"key": "good", "data": {"n": 1}}', broken)]
    sent = {"Content-Type": NDJSON, "Cookie": f"session_id={owner.panel.cookie}"} | SCRIPTED
    route = f"/databases/{owner.database}/records/broken"
    answer = system.send("POST", route, b"\n".join(rows), sent)
    assert answer.status == 200, answer.content
    told = answer.json()
    assert told["accepted"] == len(BROKEN_LINES)
    numbers = [number for number, line in enumerate(rows, 1) if line and b'"good"' not in line]
    assert [entry["line"] for entry in told["rejected"]] == numbers
    assert MARK.encode() not in answer.content
    assert owner.records("broken") == {"good": {"n": 1}}
    owner.panel.call("DELETE", f"{route}/good", expect=204)


PATHS = (
    f"../{MARK}",
    f"a/../{MARK}",
    f"./{MARK}",
    f"/{MARK}",
    f"a//{MARK}",
    f"{MARK}/",
    f"..\\{MARK}",
    f"C:{MARK}",
    f"{MARK}\0.txt",
    f"{MARK}\r\nSet-Cookie: a=b",
    f"{MARK}\u202egnp.exe",
    f"{MARK}/" * 200 + "x",
    MARK * 40,
    f"{MARK}/...",
    "",
)


@pytest.mark.parametrize("method", ["GET", "PUT", "DELETE"])
def test_a_wrong_path_is_422(refused: Refused, method: str) -> None:
    for path in PATHS:
        route = "/databases/{db}/files/content?path=" + quote(path, safe="")
        refused(422, method, route, MARK.encode() if method == "PUT" else None)


def test_a_path_must_be_given_once(refused: Refused) -> None:
    for query in ("", "?path=a&path=b", "?paths=a"):
        refused(422, "GET", "/databases/{db}/files/content" + query)


def test_a_path_that_is_no_utf_8_is_422(refused: Refused) -> None:
    for path in ("%FF%FE", "%ED%A0%80"):  # the gateway puts U+FFFD in place of it
        refused(422, "GET", f"/databases/{{db}}/files/content?path={path}")


def test_a_wrong_content_type_of_a_file_is_422(refused: Refused) -> None:
    for kind in (MARK, f"{MARK}/", f"text/{MARK}; charset", f"text/plain; {MARK}={'x' * 300}", "a/b, c/d"):
        refused(422, "PUT", "/databases/{db}/files/content?path=new", b"x", kind=kind)


def test_a_file_of_more_than_4_mb_is_413_and_says_nothing_of_it(refused: Refused) -> None:
    refused(413, "PUT", "/databases/{db}/files/content?path=new", b"x" * MEGABYTES_5, kind="image/png")


@pytest.mark.parametrize("route", ["/databases", "/databases/{db}/files", "/databases/{db}/records/book"])
def test_a_wrong_page_is_422(refused: Refused, route: str) -> None:
    limits = ("0", "-1", "1001", MARK, "1&limit=2", "1e2", "%D9%A1")
    for query in (*(f"limit={limit}" for limit in limits), f"cursor={MARK}", "cursor=%00", "cursor=YWJj"):
        refused(422, "GET", f"{route}?{query}")


def test_a_wrong_upload_is_refused(refused: Refused, owner: Customer) -> None:
    changes: tuple[tuple[dict[str, Any], int], ...] = (
        ({"bytes": 0}, 422),
        ({"bytes": -1}, 422),
        ({"bytes": MARK}, 422),
        ({"bytes": 1.5}, 422),
        ({"bytes": True}, 422),
        ({"bytes": 10**30}, 422),
        ({"content_type": MARK}, 422),
        ({"content_type": None}, 422),
        ({MARK: MARK}, 422),
        ({"database_id": 7}, 422),
        ({"database_id": MARK}, 404),
        ({"database_id": new_id("db")}, 404),
    )
    for change, status in changes:
        wanted = {"database_id": owner.database, "bytes": 10, "content_type": "text/plain"} | change
        refused(status, "POST", "/uploads", wanted)


def test_parts_that_were_not_stored_complete_no_upload(system: Deployed) -> None:
    customer = system.customer()
    wanted = {"database_id": customer.database, "bytes": 10, "content_type": "text/plain"}
    upload = customer.panel.call("POST", "/uploads", wanted, expect=201).json()
    etag = customer.panel.put_part(upload["parts"][0]["url"], b"0123456789")
    route = f"/uploads/{upload['upload_id']}/completion"
    for parts in (
        [],
        [{"number": 1}],
        [{"number": 0, "etag": etag}],
        [{"number": "1", "etag": etag}],
        [{"number": 1, "etag": MARK + "\0"}],
        [{"number": 1, "etag": etag, MARK: MARK}],
        [{"number": 2, "etag": etag}],
        [{"number": 1, "etag": '"00000000000000000000000000000000"'}],
        [{"number": 1, "etag": etag}, {"number": 1, "etag": etag}],
        MARK,
    ):
        assert_problem(customer.panel.call("POST", route, {"parts": parts}, expect=422), 422, sent=[MARK])
    place = f"{file_route(customer.database, 'a')}&upload_id={upload['upload_id']}"
    assert_problem(customer.panel.call("PUT", place, expect=409), 409)  # not complete yet
    customer.panel.call("POST", route, {"parts": [{"number": 1, "etag": etag}]}, expect=200)
    customer.panel.call("POST", route, {"parts": [{"number": 1, "etag": etag}]}, expect=200)  # again: the same


def test_an_upload_is_joined_only_when_every_byte_is_named_and_may_be_put_right_until_then(system: Deployed) -> None:
    customer = system.customer()
    content = b"a" * 8 * 1024**2 + b"0123456789"
    wanted = {"database_id": customer.database, "bytes": len(content), "content_type": "text/plain"}
    upload = customer.panel.call("POST", "/uploads", wanted, expect=201).json()
    first, second = (part["url"] for part in upload["parts"])
    size, route = upload["part_size"], f"/uploads/{upload['upload_id']}/completion"

    def completed(*etags: str, expect: int) -> Answer:
        parts = [{"number": number, "etag": etag} for number, etag in enumerate(etags, start=1)]
        return customer.panel.call("POST", route, {"parts": parts}, expect=expect)

    one, short = customer.panel.put_part(first, content[:size]), customer.panel.put_part(second, b"012345678")
    for etags, field in (((one,), "parts"), ((one, short), "parts"), ((one, one), "parts.1.etag")):
        problem = assert_problem(completed(*etags, expect=422), 422, sent=[one, short])
        assert [error["field"] for error in problem["errors"]] == [field]
    two = customer.panel.put_part(second, content[size:])
    assert_problem(completed(one, short, expect=422), 422)  # sent again since
    for _ in range(2):
        assert completed(one, two, expect=200).json()["status"] == "complete"
    place = f"{file_route(customer.database, 'a')}&upload_id={upload['upload_id']}"
    job = customer.panel.call("PUT", place, expect=202).json()["job_id"]
    customer.followed(f"/databases/{customer.database}/jobs/{job}", "done")
    assert customer.files() == {"a": hashlib.sha256(content).hexdigest()}


def test_a_wrong_import_is_refused(refused: Refused) -> None:
    for document in (
        {},
        {"upload_id": new_id("upl"), "export_id": new_id("exp")},
        {"upload_id": 7},
        {MARK: MARK},
    ):
        refused(422, "POST", "/databases/{db}/import", document)
    refused(409, "POST", "/databases/{db}/import", {"upload_id": new_id("upl")})  # it is not empty, whatever else


@pytest.mark.parametrize("source", ["upload_id", "export_id"])
def test_an_import_of_nothing_is_404(system: Deployed, source: str) -> None:
    customer = system.customer()
    prefix = {"upload_id": "upl", "export_id": "exp"}[source]
    for name in (new_id(prefix), MARK, "", f"{prefix}_{customer.database[3:]}{'a' * 26}"):
        answer = customer.panel.call("POST", f"/databases/{customer.database}/import", {source: name}, expect=404)
        assert_problem(answer, 404, sent=[MARK])


def test_a_zip_that_is_none_is_422(refused: Refused) -> None:
    refused(422, "POST", "/databases/{db}/import", MARK.encode(), kind="application/zip")
    refused(415, "POST", "/databases/{db}/import", MARK.encode(), kind="text/plain")


def test_what_is_not_there_is_404(refused: Refused) -> None:
    for path in (
        "/databases/" + MARK,
        "/databases/" + new_id("db"),
        "/databases/{db}/exports/" + new_id("exp"),
        "/databases/{db}/exports/" + MARK,
        "/databases/{db}/jobs/" + new_id("job"),
        "/databases/{db}/jobs/" + MARK,
        "/databases/{db}/jobs/deletion",
        "/databases/{db}/deletion",  # never asked for
        "/databases/{db}/records/book/" + MARK,
        "/databases/{db}/files/content?path=" + MARK,
        "/databases/db_%00/models",
        "/databases/{db}%23/models",
    ):
        refused(404, "GET", path)


def test_a_wrong_idempotency_key_is_422(system: Deployed, owner: Customer) -> None:
    before = len(system.items("databases"))
    for key in ("", f"{MARK} with spaces", MARK * 50, "\u00e9"):
        headers = JSON | {"Cookie": f"session_id={owner.panel.cookie}", "Idempotency-Key": key}
        assert_problem(system.send("POST", "/databases", raw({"name": MARK}), headers), 422, sent=[MARK], what=key)
    assert len(system.items("databases")) == before


def test_the_same_key_with_another_body_is_422_and_makes_nothing(system: Deployed, customer: Customer) -> None:
    def asked(method: str, path: str, first: Any, second: Any) -> Answer:
        key = {"Idempotency-Key": f"{MARK}-{path[-8:]}"}
        customer.panel.call(method, path, first, expect=(200, 201, 202), headers=key)
        return customer.panel.call(method, path, second, expect=422, headers=key)

    route = f"/databases/{customer.database}"
    upload = {"database_id": customer.database, "bytes": 1, "content_type": "a/b"}
    for answer in (
        asked("POST", "/databases", {"name": "one"}, {"name": f"two {MARK}"}),
        asked("POST", "/uploads", upload, upload | {"bytes": 2}),
        asked("POST", f"{route}/exports", b"", b"{}"),
        asked("POST", "/signups", trial(new_address()), trial(new_address())),
    ):
        assert_problem(answer, 422, sent=[MARK])
    assert len(customer.panel.call("GET", "/databases", expect=200).json()["items"]) == 2


def test_one_customer_s_key_is_not_another_s(system: Deployed, customer: Customer) -> None:
    other = system.customer()
    key = {"Idempotency-Key": "the-same"}
    made = [
        each.panel.call("POST", "/databases", {"name": "Mine"}, expect=201, headers=key).json()["id"]
        for each in (customer, other)
    ]
    assert made[0] != made[1]


def test_no_unknown_route_and_no_other_method_is_a_crash(system: Deployed) -> None:
    for path in ("/", "/nothing", "/databases/a/b/c/d/e", "/signups", "/sessions/current"):
        for method in ("GET", "POST", "PUT", "DELETE", "PATCH"):
            answer = system.send(method, path, None, SCRIPTED)
            known = method == "DELETE" and path == "/sessions/current"  # signing out without a session is no error
            assert answer.status == 204 if known else 400 <= answer.status < 500, (method, path, answer.content)


def test_a_caller_without_accept_and_content_type_reads_json_all_the_same(system: Deployed) -> None:
    answer = system.send("POST", "/signups", raw({"kind": MARK}))
    assert_problem(answer, 422, sent=[MARK])
