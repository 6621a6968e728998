"""The way out in a message: one click, no login, and looking at it changes nothing (RFC 8058)."""

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from marketing.parts import Parts
from privacy import policy
from privacy.models.accounts import Consent
from tests.unit.engine import NOON, SetClock, http, items, sample, send, table
from tests.unit.subscribers import ADDRESS, chosen, subscriber

pytestmark = pytest.mark.promise("marketing.opt-out")

FORM = {"Content-Type": "application/x-www-form-urlencoded"}
ONE_CLICK = "List-Unsubscribe=One-Click"
MULTIPART = (
    '--x\r\nContent-Disposition: form-data; name="List-Unsubscribe"\r\n\r\nOne-Click\r\n--x--\r\n',
    {"Content-Type": "multipart/form-data; boundary=x"},
)
BROWSER = {"Accept": "text/html,application/xhtml+xml,application/xml;q=0.9,*/*;q=0.8"}


def route(token: str) -> str:
    return f"/marketing/opt-out/{token}"


@pytest.mark.parametrize(
    ("body", "headers"),
    [
        (ONE_CLICK, FORM),
        MULTIPART,
        (None, {}),
        ("", {}),
        (ONE_CLICK, {}),
        ("{}", {"Content-Type": "application/json"}),
        (b"\xff\x00", {"Content-Type": "application/octet-stream"}),
    ],
    ids=["form", "multipart", "no body", "empty", "no type", "json", "bytes"],
)
@pytest.mark.parametrize("origin", [{}, {"Origin": "null"}, {"Origin": "https://elsewhere.example"}])
def test_one_click_is_enough_whatever_its_body_and_wherever_it_comes_from(
    app: Any, clock: SetClock, account_id: str, token: str, body: Any, headers: Any, origin: Any
) -> None:
    clock.advance(hours=2)
    answer = http(app, "POST", route(token), body=body, headers=headers | origin)
    assert (answer.status, answer.json()) == (200, {"agreed": False})
    assert not {"set-cookie", "location"} & answer.headers.keys()
    assert chosen(account_id) == Consent(False, clock(), policy.load().version.isoformat(), "marketing/1")


def test_a_second_click_is_answered_alike_and_the_first_keeps_its_time(
    app: Any, clock: SetClock, account_id: str, token: str
) -> None:
    first = http(app, "POST", route(token), body=ONE_CLICK, headers=FORM)
    clock.advance(days=3)
    again = http(app, "POST", route(token), body=ONE_CLICK, headers=FORM)
    assert (first.status, first.body) == (again.status, again.body)
    assert chosen(account_id).at == NOON


@pytest.mark.parametrize("headers", [{}, BROWSER, {"Accept": "application/json"}, {"Purpose": "prefetch"}])
def test_looking_at_the_link_changes_nothing(app: Any, account_id: str, token: str, headers: Any) -> None:
    before = items("accounts")
    for _ in range(3):
        assert http(app, "GET", route(token), headers=headers).status == 200
    assert items("accounts") == before
    assert chosen(account_id).agreed


def test_looking_tells_what_was_chosen_and_no_more(app: Any, token: str) -> None:
    answer = http(app, "GET", route(token))
    assert answer.json() == {"agreed": True}
    http(app, "POST", route(token))
    assert http(app, "GET", route(token)).json() == {"agreed": False}


@pytest.mark.parametrize("gone", ["never there", "erased", "being erased"])
def test_who_is_gone_is_answered_like_who_opted_out(
    app: Any, parts: Parts, token: str, account_id: str, gone: str
) -> None:
    until = parts.policy.retention["marketing.link"].after(NOON)
    out = parts.links().token("opt-out", subscriber("another-oxbow@example.org", agreed=False), until)
    if gone == "never there":
        token = parts.links().token("opt-out", "acc_" + "a" * 26, until)
    elif gone == "erased":
        table("accounts").delete({"id": account_id})
    else:
        table("accounts").put(table("accounts").get({"id": account_id}) | {"closed": True})  # type: ignore[operator]
    before = len(items("accounts"))
    for headers in ({}, BROWSER):
        for method in ("GET", "POST"):
            answer, other = (http(app, method, route(each), headers=headers) for each in (token, out))
            assert (answer.status, answer.headers, answer.body) == (200, other.headers, other.body)
    assert len(items("accounts")) == before


@pytest.mark.parametrize("method", ["GET", "POST"])
def test_a_forged_or_altered_link_is_404_and_changes_nothing(
    app: Any, parts: Parts, account_id: str, token: str, method: str
) -> None:
    other_purpose = parts.links().token("signup", account_id, NOON + timedelta(days=9))
    flipped = token[:-1] + ("A" if token[-1] != "A" else "B")
    for forged in ("x", account_id, token[:-4], flipped, "A" * 140, other_purpose, token + "AAAA", "%00", "é"):
        answer = http(app, method, route(forged))
        assert answer.status == 404, forged
        assert answer.headers["content-type"] == "application/problem+json"
        assert account_id.encode() not in answer.body
    assert chosen(account_id).agreed


@pytest.mark.parametrize(("late", "status"), [(-1, 200), (0, 404)])
def test_the_link_works_for_five_years_to_the_second(
    app: Any, clock: SetClock, token: str, late: int, status: int
) -> None:
    clock.set(datetime(2031, 11, 24, 12, 0, tzinfo=UTC) + timedelta(seconds=late))
    assert http(app, "POST", route(token)).status == status


def test_who_agrees_again_can_go_by_the_same_link(app: Any, parts: Parts, account_id: str, token: str) -> None:
    http(app, "POST", route(token))
    parts.accounts.choose_marketing(account_id, Consent(True, NOON, "2026-11-24"))
    http(app, "POST", route(token))
    assert not chosen(account_id).agreed


def test_a_browser_sees_a_page_with_a_button_and_after_it_that_it_is_done(app: Any, token: str) -> None:
    shown = http(app, "GET", route(token), headers=BROWSER)
    assert shown.headers["content-type"] == "text/html; charset=utf-8"
    page = shown.body.decode()
    assert '<form method="post">' in page  # to where it came from: the token is in no page
    assert token not in page
    assert '<html lang="en">' in page
    assert '<input type="hidden" name="List-Unsubscribe" value="One-Click">' in page
    done = http(app, "POST", route(token), body=ONE_CLICK, headers=FORM | BROWSER | {"Origin": "null"})
    assert done.status == 200
    assert b"<form" not in done.body
    assert b"You get no news and offers" in done.body


def test_the_page_runs_nothing_and_its_form_may_be_sent_to_us_alone(app: Any, token: str) -> None:
    answer = http(app, "GET", route(token), headers=BROWSER)
    rules = dict(rule.split(" ", 1) for rule in answer.headers["content-security-policy"].split("; "))
    assert rules["default-src"] == "'none'"
    assert rules["form-action"] == "'self'"
    assert rules["frame-ancestors"] == "'none'"
    assert "sandbox" not in rules
    for word in ("<script", "<style", "style=", "onclick", "http"):
        assert word not in answer.body.decode().replace("http-equiv", "")
    assert answer.headers["referrer-policy"] == "no-referrer"
    assert answer.headers["cache-control"] == "no-store"


@pytest.mark.parametrize(
    ("accept", "html"),
    [
        ("text/html", True),
        (BROWSER["Accept"], True),
        ("*/*", False),
        ("application/json", False),
        ("application/json, text/html", False),
        ("application/json;q=0.5, text/html", True),
        ("text/html;q=0.2, application/json;q=0.9", False),
        ("text/html, */*", True),
        ("text/html;q=0.5, */*;q=0.8", False),
        ("text/html;q=0.5, application/*, */*;q=0.1", False),
        ("text/html;q=0.5, application/json;q=0.2, */*", True),
        ("text/html;q=0", False),
        ("text/html;q=0, */*;q=0", False),
        ("text/html;q=many", False),
        ("", False),
    ],
)
def test_html_is_for_who_asks_for_it(app: Any, token: str, accept: str, html: bool) -> None:
    answer = http(app, "GET", route(token), headers={"Accept": accept})
    assert answer.headers["content-type"].startswith("text/html") is html
    assert "Accept" in answer.headers["vary"]


def test_neither_the_link_nor_its_answer_nor_the_log_names_anybody(
    app: Any, token: str, capfd: pytest.CaptureFixture[str]
) -> None:
    bodies = [
        http(app, method, route(token), headers=headers) for method in ("GET", "POST") for headers in ({}, BROWSER)
    ]
    out, err = capfd.readouterr()
    told = out + err + "".join(answer.body.decode() + str(answer.headers) for answer in bodies)
    for canary in (ADDRESS, "Canary", "oxbow", token):
        assert canary not in told


def test_the_sample_of_a_mailbox_s_click_opts_out(app: Any, account_id: str, token: str) -> None:
    event = sample("marketing/opt-out")
    assert send(app, event).status == 404  # its token is nobody's
    event["path"] = route(token)
    event["pathParameters"] = {"token": token}
    assert send(app, event).json() == {"agreed": False}
    assert not chosen(account_id).agreed
