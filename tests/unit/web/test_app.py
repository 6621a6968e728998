"""The HTTP edge: what Chalice would answer by itself is answered as the interface says."""

import json
import uuid
from typing import Any

import pytest
from chalice.app import Response

from privacy.models.databases import DatabaseDestroyedError, DatabaseStateError, UnknownDatabaseError
from privacy.tables.store import StoreBusyError
from privacy.vault.keys import KeyDestroyedError
from privacy.web import PrivacyApp, ProblemError, answer
from privacy.web.paging import page_request, sealed_cursor
from privacy.web.requests import Edge, address, country, json_body, parameter, raw_body
from tests.unit.engine import SITE, Answer, Context, http, rest_event, send

CANARY = "canary-4711"
_CLOUDFRONT = {"CloudFront-Viewer-Address": "198.51.100.9:443"}
ERRORS: dict[str, Exception] = {
    "problem": ProblemError(422, "not valid", errors=[{"field": "name", "message": "is required"}]),
    "unknown": UnknownDatabaseError(),
    "destroyed": DatabaseDestroyedError(),
    "state": DatabaseStateError("the database is deactivated"),
    "key": KeyDestroyedError(),
    "busy": StoreBusyError("the table is busy"),
    "defect": RuntimeError(CANARY),
    "key error": KeyError(CANARY),
}


@pytest.fixture
def app(capfd: pytest.CaptureFixture[str]) -> PrivacyApp:
    app = PrivacyApp(f"toy-{uuid.uuid4()}", lambda: SITE)  # a logger of its own, on the captured output

    @app.view("POST", "/raise")
    def raises() -> Response:
        raise ERRORS[json_body(app.request)["which"]]

    @app.view("POST", "/echo/{name}")
    def echo(name: str) -> Response:
        return answer(200, raw_body(app.request, limit=100), headers={"X-Name": name}, content_type="image/png")

    @app.view("GET", "/list")
    def lists() -> Response:
        limit, cursor = page_request(app.request)
        return answer(200, {"limit": limit, "cursor": cursor, "q": parameter(app.request, "q")})

    @app.view("POST", "/deep")
    def deep() -> Response:
        json_body(app.request, limit=2**20)
        raise ERRORS["state"]

    return app


@pytest.mark.parametrize(
    ("which", "status"),
    [("problem", 422), ("unknown", 404), ("destroyed", 410), ("state", 409), ("key", 409), ("busy", 503)],
)
def test_what_a_room_raises_becomes_a_problem_document(app: PrivacyApp, which: str, status: int) -> None:
    answered = http(app, "POST", "/raise", body={"which": which})
    assert answered.status == status
    assert answered.headers["content-type"] == "application/problem+json"
    document = answered.json()
    assert document["status"] == status
    assert {"type", "title", "detail"} <= document.keys()


def test_a_store_that_is_busy_says_when_to_come_back(app: PrivacyApp) -> None:
    assert int(http(app, "POST", "/raise", body={"which": "busy"}).headers["retry-after"]) > 0


@pytest.mark.parametrize("which", ["defect", "key error"])
def test_a_defect_is_answered_and_logged_without_its_text(
    app: PrivacyApp, which: str, capfd: pytest.CaptureFixture[str]
) -> None:
    answered = http(app, "POST", "/raise", body={"which": which})
    output = capfd.readouterr()
    assert answered.status == 500
    logged = output.out + output.err
    assert type(ERRORS[which]).__name__ in logged
    assert CANARY not in logged
    assert "Traceback" not in logged
    assert CANARY.encode() not in answered.body


@pytest.mark.parametrize(
    "event",
    [None, [], "text", 7, {}, {"requestContext": None}, {"Records": []}, {"version": "2.0", "routeKey": "GET /list"}],
)
def test_an_event_of_another_shape_is_a_clear_400(app: PrivacyApp, event: Any) -> None:
    assert send(app, event).status == 400


def test_an_unknown_route_is_404_and_a_wrong_method_405_with_the_right_ones(app: PrivacyApp) -> None:
    assert http(app, "GET", "/nothing").status == 404
    answered = http(app, "DELETE", "/list")
    assert (answered.status, answered.headers["allow"]) == (405, "GET")


def test_bytes_of_any_type_go_in_and_out_unchanged_also_without_an_accept_header(app: PrivacyApp) -> None:
    raw = bytes(range(100))
    event = rest_event(app, "POST", "/echo/x", body=raw, headers={"Content-Type": "image/png"})
    del event["headers"]["Accept"]
    answered = send(app, event)
    assert (answered.status, answered.body, answered.headers["content-type"]) == (200, raw, "image/png")


def test_json_is_text_in_the_answer_so_that_it_reaches_who_sends_no_accept_header(app: PrivacyApp) -> None:
    event = rest_event(app, "GET", "/list?q=%C3%A9")
    del event["headers"]["Accept"]
    answered = app(event, Context())
    assert answered["isBase64Encoded"] is False
    assert json.loads(answered["body"])["q"] == "é"
    assert app.takes_bytes is False


def test_bytes_without_a_content_type_are_refused_since_they_came_damaged(app: PrivacyApp) -> None:
    event = rest_event(app, "POST", "/echo/x", body=b"x")
    event |= {"body": "\ufffdPNG", "isBase64Encoded": False}
    event["headers"].pop("Content-Type", None)
    assert send(app, event).status == 415


def test_a_body_may_have_the_limit_and_not_one_byte_more(app: PrivacyApp) -> None:
    assert http(app, "POST", "/echo/x", body=b"x" * 100).status == 200
    assert http(app, "POST", "/echo/x", body=b"x" * 101).status == 413


@pytest.mark.parametrize(
    ("body", "status"),
    [
        (b"", 400),
        (b"{", 400),
        (b'{"which": NaN}', 400),
        ('{"which": "é"}'.encode("latin-1"), 400),
        ('{"which": "state"}'.encode("utf-16"), 400),
        (b"\xef\xbb\xbf{}", 400),
        (b"[" * 60_000, 400),
        (b"[]", 422),
        (b'"text"', 422),
        (b"null", 422),
        (b" " * 70_000, 413),
    ],
)
def test_what_is_no_json_object_gets_a_clear_answer(app: PrivacyApp, body: bytes, status: int) -> None:
    answered = http(app, "POST", "/raise", body=body, headers={"Content-Type": "application/json"})
    assert answered.status == status
    assert answered.headers["content-type"] == "application/problem+json"


def test_json_of_another_content_type_is_415_and_with_a_charset_it_is_taken(app: PrivacyApp) -> None:
    body = b'{"which": "state"}'
    assert http(app, "POST", "/raise", body=body, headers={"Content-Type": "text/plain"}).status == 415
    sent = {"Content-Type": "Application/JSON; charset=utf-8"}
    assert http(app, "POST", "/raise", body=body, headers=sent).status == 409


@pytest.mark.parametrize("levels", [257, 300, 980, 1020, 1030, 30_000])
@pytest.mark.parametrize("level", ["[", '{"a":'])
def test_json_that_is_nested_too_deeply_is_a_400_that_says_how_deep_it_may_be(
    app: PrivacyApp, level: str, levels: int
) -> None:
    def sent(depth: int) -> Answer:
        close = "]" if level == "[" else "}"
        nested = level * depth + "1" + close * depth
        body = f'{{"which":"state","x":{nested}}}'.encode()
        return http(app, "POST", "/deep", body=body, headers={"Content-Type": "application/json"})

    answered = sent(levels - 1)
    assert (answered.status, answered.json()["detail"]) == (
        400,
        "the JSON may have at most 256 arrays and objects inside each other",
    )
    assert sent(255).status == 409


def test_every_answer_is_for_our_site_only_and_kept_in_no_cache(app: PrivacyApp) -> None:
    for answered in (http(app, "GET", "/list"), http(app, "GET", "/nothing"), send(app, {})):
        assert answered.headers["access-control-allow-origin"] == SITE
        assert answered.headers["cache-control"] == "no-store"
        assert answered.headers["x-content-type-options"] == "nosniff"


def test_a_list_has_a_default_limit_bounds_and_an_opaque_cursor(app: PrivacyApp) -> None:
    assert http(app, "GET", "/list").json() == {"limit": 100, "cursor": None, "q": None}
    cursor = sealed_cursor("0fr#abc#def")
    assert http(app, "GET", f"/list?limit=1000&cursor={cursor}").json()["cursor"] == "0fr#abc#def"
    for query in ("limit=0", "limit=1001", "limit=-1", "limit=٣", "limit=1e2", "cursor=%C3%A9", "limit=1&limit=2"):
        assert http(app, "GET", f"/list?{query}").status == 422, query
    for limit in ("000100999999", "000100" + "9" * 5000):  # as large as it is, however its digits begin
        assert http(app, "GET", f"/list?limit={limit}").status == 422


@pytest.mark.parametrize(
    ("edge", "headers", "found"),
    [
        (Edge.NONE, {**_CLOUDFRONT, "CloudFront-Viewer-Country": "SG"}, (None, "203.0.113.7")),
        (Edge.CLOUDFRONT, {**_CLOUDFRONT, "CloudFront-Viewer-Country": "sg"}, ("SG", "198.51.100.9")),
        (Edge.CLOUDFRONT, {"CloudFront-Viewer-Address": "2001:db8::7:46532"}, (None, "2001:db8::7")),
        (Edge.CLOUDFLARE, {"CF-IPCountry": "US", "CF-Connecting-IP": "2001:db8::7"}, ("US", "2001:db8::7")),
        (Edge.CLOUDFRONT, {"CloudFront-Viewer-Country": "Singapore"}, (None, "203.0.113.7")),
        (Edge.CLOUDFRONT, {"CloudFront-Viewer-Address": "nonsense"}, (None, "203.0.113.7")),
    ],
)
def test_country_and_address_are_believed_only_from_the_trusted_edge(
    edge: Edge, headers: dict[str, str], found: tuple[str | None, str]
) -> None:
    app = PrivacyApp("toy", lambda: SITE)

    @app.view("GET", "/who")
    def who() -> Response:
        return answer(200, [country(app.request, edge), address(app.request, edge)])

    assert tuple(http(app, "GET", "/who", headers=headers).json()) == found


def test_an_answer_is_json_in_utf_8_as_it_reads() -> None:
    assert json.loads(answer(200, {"name": "Zoë"}).body) == {"name": "Zoë"}
    assert "Zoë".encode() in answer(200, {"name": "Zoë"}).body


def test_lambda_sees_a_dict_that_json_can_hold(app: PrivacyApp) -> None:
    assert json.dumps(app(rest_event(app, "GET", "/list"), Context()))
