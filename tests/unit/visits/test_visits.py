"""A visit: its summary in one write, and nothing else of the request anywhere."""

from dataclasses import replace
from datetime import UTC, datetime
from typing import Any

import pytest

from privacy.settings import load
from privacy.web.requests import Edge
from tests.unit.engine import SetClock, environment, everything, http, items, messages, sample, send
from visits.app import build
from visits.parts import Parts, VisitsSettings, assemble

SUMMARY = {"ip", "browser", "browser_version", "platform", "referrer", "language", "country"}
KEYS = {"shard", "at", "ttl"}


@pytest.fixture
def parts(stores: None, clock: SetClock) -> Parts:
    return assemble(load(VisitsSettings, environment("VisitsFunction")), clock)


@pytest.fixture
def app(parts: Parts) -> Any:
    return build(lambda: parts)


def recorded() -> dict[str, Any]:
    """The fields of the one visit that is stored."""
    (row,) = items("visits")
    return {name: value for name, value in row.items() if name not in KEYS}


@pytest.mark.promise("visits.fields")
def test_a_visit_is_its_summary_and_nothing_else(app: Any) -> None:
    answer = send(app, sample("visits/chrome"))
    assert (answer.status, answer.body) == (202, b"")
    assert "set-cookie" not in answer.headers
    assert recorded() == {
        "ip": "203.0.113.7",
        "browser": "Chrome",
        "browser_version": "142",
        "platform": "Windows",
        "referrer": "https://search.example/find",
        "language": "en-SG",
        "country": "SG",
    }


@pytest.mark.promise("visits.fields")
def test_a_browser_without_client_hints_is_known_by_its_agent_which_does_not_stay(app: Any) -> None:
    assert send(app, sample("visits/firefox-ipv6")).status == 202
    assert recorded() == {
        "ip": "2001:db8::7",
        "browser": "Firefox",
        "browser_version": "145.0",
        "platform": "Linux",
        "language": "de-CH",
        "country": "CH",
    }
    assert b"Gecko" not in everything()


@pytest.mark.promise("visits.fields")
def test_a_visit_without_a_body_is_a_visit(app: Any) -> None:
    assert send(app, sample("visits/empty")).status == 202
    assert recorded()["ip"] == "130.176.1.1"
    assert recorded()["language"] == "en-SG"
    assert "country" not in recorded()


@pytest.mark.promise("visits.fields", "visits.unlinked")
def test_nothing_else_of_the_request_is_anywhere(
    app: Any, capfd: pytest.CaptureFixture[str], caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level("INFO")
    headers = {
        "User-Agent": "Mozilla/5.0 (X11; Linux x86_64; rv:145.0) Gecko/20100101 Firefox/145.0 canary-agent",
        "Referer": "https://perfectwork.app/canary-visited-page",
        "Cookie": "session_id=canary-session; td_id=canary-choice",
        "Authorization": "Bearer canary-bearer",
        "X-Forwarded-For": "192.0.2.99",
        "Sec-CH-UA-Model": '"canary-model"',
        "Accept-Language": "en-x-canary",
        "DNT": "1",
    }
    report = {"referrer": "https://u:canary-user@site.example:81/a;canary-parameter?canary-query#canary-fragment"}
    assert http(app, "POST", "/visits?q=canary-own-query", body=report, headers=headers).status == 202
    assert recorded().keys() <= SUMMARY
    assert recorded()["referrer"] == "https://site.example/a"
    out, err = capfd.readouterr()
    for text in (everything().decode(), out, err, caplog.text):
        assert "canary" not in text
        assert "192.0.2.99" not in text


@pytest.mark.promise("visits.fields")
def test_personal_parts_of_a_referring_page_do_not_stay(app: Any) -> None:
    page = "https://mail.example/reset/mei.tan@example.org/eyJhbGciOiJIUzI1NiJ9.eyJzdWIiOiIxMjM0NTY3ODkwIn0/done"
    http(app, "POST", "/visits", body={"referrer": page})
    assert recorded()["referrer"] == "https://mail.example/reset/*/*/done"


@pytest.mark.promise("visits.fields")
def test_a_page_of_our_own_is_no_referring_page(app: Any) -> None:
    http(app, "POST", "/visits", body={"referrer": "https://perfectwork.app/pricing"})
    assert "referrer" not in recorded()


@pytest.mark.promise("visits.fields")
def test_hostile_input_is_reduced_to_what_is_believable(app: Any) -> None:
    assert send(app, sample("visits/hostile")).status == 202
    assert recorded() == {
        "ip": "130.176.1.1",
        "browser": "Other",
        "platform": "Other",
        "language": "en-SG",
    }


@pytest.mark.promise("visits.unlinked")
@pytest.mark.parametrize(
    ("edge", "headers", "ip", "country"),
    [
        (Edge.CLOUDFRONT, {"CloudFront-Viewer-Address": "198.51.100.1:1"}, "198.51.100.1", None),
        (Edge.CLOUDFRONT, {"CF-Connecting-IP": "198.51.100.1", "CF-IPCountry": "US"}, "203.0.113.7", None),
        (Edge.CLOUDFLARE, {"CF-Connecting-IP": "198.51.100.1", "CF-IPCountry": "US"}, "198.51.100.1", "US"),
        (Edge.NONE, {"CloudFront-Viewer-Address": "198.51.100.1:1", "CF-Connecting-IP": "x"}, "203.0.113.7", None),
        (Edge.NONE, {"CloudFront-Viewer-Country": "US"}, "203.0.113.7", None),
        (Edge.CLOUDFRONT, {"CloudFront-Viewer-Country": "XX"}, "203.0.113.7", None),
    ],
)
def test_only_the_trusted_edge_is_believed(
    parts: Parts, edge: Edge, headers: dict[str, str], ip: str, country: str | None
) -> None:
    settings = parts.settings.model_copy(update={"trusted_edge": edge})
    http(build(lambda: replace(parts, settings=settings)), "POST", "/visits", headers=headers)
    assert (recorded()["ip"], recorded().get("country")) == (ip, country)


NO_REPORT = [
    (b"{", 400),
    (b"\xff", 400),
    (b"[]", 422),
    (b'{"page": "/x"}', 422),
    (b'{"session": "x", "account": "y"}', 422),
    (b'{"referrer": 7}', 422),
    (b'{"language": ["en"]}', 422),
    (b'{"referrer": "' + b"x" * 9000 + b'"}', 422),
    (b'{"referrer": "' + b"x" * 70_000 + b'"}', 413),
    (b"[" * 1_000_000, 413),
]


def test_what_is_no_report_is_refused_and_nothing_is_stored(app: Any) -> None:
    for body, status in NO_REPORT:
        answer = http(app, "POST", "/visits", body=body, headers={"Content-Type": "application/json"})
        assert answer.status == status, body[:40]
    assert everything() == b""


@pytest.mark.parametrize(("name", "field"), [("bad-unknown-field", "(unknown)"), ("bad-wrong-type", "referrer")])
def test_the_bad_samples_name_the_field(app: Any, name: str, field: str) -> None:
    answer = send(app, sample(f"visits/{name}"))
    assert (answer.status, list(answer.errors)) == (422, [field])
    assert everything() == b""


class _Counting:
    def __init__(self, real: Any) -> None:
        self.real = real
        self.calls: list[str] = []

    def __getattr__(self, name: str) -> Any:
        self.calls.append(name)
        return getattr(self.real, name)


def test_a_visit_is_one_write_and_no_queue(parts: Parts) -> None:
    counting = _Counting(parts.visits.table.client)
    visits = replace(parts.visits, table=replace(parts.visits.table, client=counting))
    send(build(lambda: replace(parts, visits=visits)), sample("visits/chrome"))
    assert counting.calls == ["put_item"]
    assert messages("mail") == []


@pytest.mark.promise("visits.retention")
def test_a_visit_carries_the_end_of_its_year(app: Any, clock: SetClock) -> None:
    clock.set(datetime(2028, 2, 29, 23, 59, 59, tzinfo=UTC))
    http(app, "POST", "/visits")
    (row,) = items("visits")
    assert row["ttl"] == datetime(2029, 2, 28, 23, 59, 59, tzinfo=UTC).timestamp()
    assert row["at"].startswith(f"{int(clock().timestamp()):012d}#")


def test_two_visits_in_one_second_are_two(app: Any) -> None:
    for _ in range(20):
        http(app, "POST", "/visits")
    assert len(items("visits")) == 20
    assert len({row["shard"] for row in items("visits")}) > 1
