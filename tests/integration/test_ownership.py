"""Who may do what: every customer's route of the deployed API, asked by its owner's enemies and by nobody."""

import base64
import re
from dataclasses import dataclass
from typing import Any

import pytest

from local.control_panel import Answer
from privacy.clock import rfc3339
from privacy.web.callers import CALLERS, Open
from tests.integration.deployed import NDJSON, PASSWORD, Customer, Deployed, assert_problem, lines, new_id
from tests.template.source import template

ASIA = "ap-southeast-1"
APART = ("/sessions/current",)
"""Signing out asks nothing, and its answer is always the same."""
SCRIPTED = {"X-Requested-With": "tests", "Accept": "*/*"}


def routes() -> list[tuple[str, str]]:
    """Method and path of every customer's route of the template, by function."""
    events = [
        event["Properties"]
        for resource in template()["Resources"].values()
        if resource["Type"] == "AWS::Serverless::Function"
        for event in resource["Properties"].get("Events", {}).values()
        if event["Type"] == "Api"
    ]
    found = sorted((event["Method"], event["Path"]) for event in events)
    of_customers = [(method, path) for method, path in found if CALLERS[f"{method} {path}"] is Open.CUSTOMER]
    return [(method, path) for method, path in of_customers if path not in APART]


NAMED_WITHIN = (("POST", "/uploads"), ("POST", "/recordings"))
"""Their bodies name a database, or an upload."""
OF_A_DATABASE = [(method, path) for method, path in routes() if "{" in path or (method, path) in NAMED_WITHIN]
"""Routes that name something of somebody's; the others tell of the caller's own."""


@dataclass(frozen=True)
class Property:
    """A customer and one of everything that is theirs."""

    customer: Customer
    upload: str
    export: str
    job: str
    recording: str

    def names(self) -> dict[str, str]:
        """What fills a route's braces."""
        return {
            "database_id": self.customer.database,
            "upload_id": self.upload,
            "export_id": self.export,
            "job_id": self.job,
            "recording_id": self.recording,
            "model": "book",
            "key": "b-1",
        }


@pytest.fixture(scope="module")
def theirs(system: Deployed) -> Property:
    """Somebody's database with a record, a file, an export, an upload and a job."""
    customer = system.customer()
    customer.put("book", "b-1", {"title": "Note G"})
    customer.put_file("note.txt", b"Note G")
    export, _ = customer.export()
    upload = customer.uploaded(b"0123456789", "text/plain")
    used = customer.uploaded(b"0123456789", "text/plain")
    route = f"/databases/{customer.database}/files/content?path=used.txt&upload_id={used}"
    job = customer.panel.call("PUT", route, expect=202).json()["job_id"]
    customer.followed(f"/databases/{customer.database}/jobs/{job}", "done")
    recorded = {"upload_id": customer.uploaded(b"0123456789", "video/mp4"), "started_at": rfc3339(system.now())}
    recording = customer.panel.call("POST", "/recordings", recorded, expect=201).json()["recording_id"]
    return Property(customer, upload, export, job, recording)


@pytest.fixture(scope="module")
def stranger(system: Deployed) -> Customer:
    """Another customer, signed in."""
    return system.customer()


@pytest.fixture(scope="module")
def signed_out(system: Deployed, theirs: Property) -> str:
    """A cookie that was the owner's until they signed out."""
    panel = system.panel()
    panel.call("POST", "/sessions", {"email": theirs.customer.email, "password": PASSWORD}, expect=201)
    cookie = str(panel.cookie)
    panel.call("DELETE", "/sessions/current", expect=204)
    return cookie


def request_of(method: str, path: str, names: dict[str, str]) -> tuple[str, bytes | None, str]:
    """A right request to a route, but for who sends it: its path, body and content type."""
    filled = re.sub(r"\{(\w+)\}", lambda brace: names[brace[1]], path)
    bodies: dict[str, tuple[bytes, str]] = {
        "/databases": (b'{"name": "Mine"}', "application/json"),
        "/databases/{database_id}/deletion": (b'{"confirm": "Free Trial"}', "application/json"),
        "/databases/{database_id}/import": (b'{"export_id": "%s"}' % names["export_id"].encode(), "application/json"),
        "/databases/{database_id}/region": (b'{"region": "americas"}', "application/json"),
        "/databases/{database_id}/support-requests": (b'{"message": "Help"}', "application/json"),
        "/databases/{database_id}/records/{model}": (lines({"b-1": {"title": "theirs"}}), NDJSON),
        "/databases/{database_id}/records/{model}/{key}": (b'{"title": "theirs"}', "application/json"),
        "/databases/{database_id}/files/content": (b"theirs", "text/plain"),
        "/uploads": (
            b'{"database_id": "%s", "bytes": 1, "content_type": "a/b"}' % names["database_id"].encode(),
            "application/json",
        ),
        "/recordings": (
            b'{"upload_id": "%s", "started_at": "2026-01-01T00:00:00Z"}' % names["upload_id"].encode(),
            "application/json",
        ),
        "/uploads/{upload_id}/completion": (b'{"parts": [{"number": 1, "etag": "x"}]}', "application/json"),
    }
    body, kind = bodies.get(path, (b"", "application/json"))
    if path.endswith("/files/content"):
        filled += "?path=note.txt"
    return filled, body if method in ("POST", "PUT") else None, kind


def sent(system: Deployed, method: str, path: str, names: dict[str, str], headers: dict[str, str]) -> Answer:
    route, body, kind = request_of(method, path, names)
    return system.send(method, route, body, {"Accept": "*/*", "Content-Type": kind, **headers})


def state(system: Deployed, theirs: Property) -> list[Any]:
    """All that is stored of the owner's database."""
    database = theirs.customer.database
    rows = [row for row in system.items("databases") if row["id"] == database]
    counted = ("records", "files", "bytes", "counted_at")
    return [
        [{name: value for name, value in row.items() if name not in counted} for row in rows],
        sorted(row["id"] for row in system.items("jobs") if row["database_id"] == database),
        [row for row in system.items("recordings") if row["database_id"] == database],
        sorted(str(sorted(row.items())) for row in system.content(database, ASIA)),
        system.objects("content", ASIA, database),
        system.objects("transfer", ASIA, database),
        system.objects("recordings", ASIA, database),
    ]


@pytest.mark.promise("databases.ownership")
def test_another_customer_s_things_are_not_there_on_any_route(
    system: Deployed, theirs: Property, stranger: Customer
) -> None:
    before = state(system, theirs)
    headers = SCRIPTED | {"Cookie": f"session_id={stranger.panel.cookie}"}
    nobodys = {
        "database_id": new_id("db"),
        "upload_id": new_id("upl"),
        "export_id": new_id("exp"),
        "job_id": new_id("job"),
        "recording_id": new_id("rec"),
    }
    for method, path in OF_A_DATABASE:
        answer = sent(system, method, path, theirs.names(), headers)
        assert_problem(answer, 404, sent=["Note G", "Free Trial"], what=f"{method} {path}")
        # It does not even show that there is something: what does not exist gets the very same answer.
        unknown = sent(system, method, path, theirs.names() | nobodys, headers)
        assert (unknown.status, unknown.content) == (answer.status, answer.content), f"{method} {path}"
    assert state(system, theirs) == before


@pytest.mark.promise("databases.ownership")
def test_an_owner_s_own_database_does_not_open_another_s_export_upload_or_job(
    system: Deployed, theirs: Property, stranger: Customer
) -> None:
    headers = SCRIPTED | {"Cookie": f"session_id={stranger.panel.cookie}"}
    empty = stranger.panel.call("POST", "/databases", {"name": "Empty"}, expect=201).json()["id"]
    names = theirs.names() | {"database_id": empty}
    for method, path in (
        ("GET", "/databases/{database_id}/exports/{export_id}"),
        ("GET", "/databases/{database_id}/jobs/{job_id}"),
        ("POST", "/databases/{database_id}/import"),
        ("POST", "/uploads/{upload_id}/completion"),
    ):
        assert_problem(sent(system, method, path, names, headers), 404, what=f"{method} {path}")
    route = f"/databases/{empty}/files/content?path=a&upload_id={theirs.upload}"
    assert_problem(system.send("PUT", route, None, headers), 404)
    imported = f"/databases/{empty}/import"
    body = b'{"upload_id": "%s"}' % theirs.upload.encode()
    assert_problem(system.send("POST", imported, body, headers | {"Content-Type": "application/json"}), 404)
    assert stranger.files(empty) == {}


@pytest.mark.promise("databases.ownership", "sessions.idle")
def test_no_route_of_a_customer_answers_without_a_living_session(
    system: Deployed, theirs: Property, signed_out: str
) -> None:
    before = state(system, theirs)
    token = str(theirs.customer.panel.cookie)
    cookies = {
        "none": None,
        "empty": "session_id=",
        "forged": f"session_id={'A' * 43}",
        "one letter off": f"session_id={token[:-1]}{'A' if token[-1] != 'A' else 'B'}",
        "signed out": f"session_id={signed_out}",
        "another name": f"td_id={token}",
        "over-long": f"session_id={'A' * 5000}",
        "not ASCII": "session_id=\u00e9\u00e9",
        "quoted": 'session_id="\\073"; a=b',
        "an account's id": f"session_id={theirs.customer.account_id}",
    }
    for method, path in [*routes(), ("GET", "/sessions/current")]:
        for what, cookie in cookies.items():
            if what not in ("none", "forged", "signed out") and path != "/databases/{database_id}":
                continue  # one code reads all cookies: their oddities are tried on one route
            headers = SCRIPTED | ({"Cookie": cookie} if cookie is not None else {})
            answer = sent(system, method, path, theirs.names(), headers)
            problem = assert_problem(answer, 401, sent=[token, "A" * 43], what=f"{method} {path} {what}")
            assert problem["title"], what
    assert state(system, theirs) == before


@pytest.mark.promise("databases.ownership")
def test_no_change_is_made_for_a_page_of_another_site(system: Deployed, theirs: Property) -> None:
    before = state(system, theirs)
    cookie = {"Cookie": f"session_id={theirs.customer.panel.cookie}"}
    for method, path in routes():
        if method == "GET":
            continue
        for headers in ({}, {"Origin": "https://elsewhere.example"}, {"Origin": "null"}):
            answer = sent(system, method, path, theirs.names(), cookie | headers)
            assert_problem(answer, 403, what=f"{method} {path} {headers}")
    elsewhere = {"Origin": "https://elsewhere.example", "X-Requested-With": "page"}
    assert_problem(system.send("DELETE", "/sessions/current", None, cookie | elsewhere), 403)
    theirs.customer.panel.call("GET", "/sessions/current", expect=200)
    assert state(system, theirs) == before


def test_our_own_site_needs_no_header_of_a_script(system: Deployed, stranger: Customer) -> None:
    headers = {
        "Cookie": f"a=b; session_id={stranger.panel.cookie}; c=d",
        "Origin": "http://127.0.0.1:8080",
        "Content-Type": "application/json",
    }
    answer = system.send("PUT", f"/databases/{stranger.database}/records/book/b-1", b"{}", headers)
    assert answer.status == 200
    assert answer.headers["Access-Control-Allow-Origin"] == "http://127.0.0.1:8080"
    assert answer.headers["Cache-Control"] == "no-store"


@pytest.mark.promise("databases.ownership")
def test_a_list_of_databases_holds_one_s_own_alone(theirs: Property, stranger: Customer) -> None:
    def listed(customer: Customer) -> set[str]:
        answer = customer.panel.call("GET", "/databases", expect=200).json()
        return {row["id"] for row in answer["items"]}

    assert listed(theirs.customer) == {theirs.customer.database}
    assert stranger.database in listed(stranger)
    assert theirs.customer.database not in listed(stranger)
    # A cursor that leads after another's database is none of the caller's.
    cursor = base64.urlsafe_b64encode(theirs.customer.database.encode()).decode().rstrip("=")
    assert_problem(stranger.panel.call("GET", f"/databases?cursor={cursor}", expect=422), 422)
