"""Cookies: what the register does not know cannot be set, and `Set-Cookie` is written in one place."""

import ast
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from privacy import policy
from privacy.web import PrivacyApp, answer
from privacy.web.cookies import (
    UnregisteredCookieError,
    headers,
    registered,
    remove_cookie,
    sent_names,
    sent_value,
    set_cookie,
)
from tests.template.source import ROOT
from tests.unit.engine import NOON, SITE, http

POLICY = policy.load()
NAMES = [cookie.name for category in POLICY.cookies.values() for cookie in category.cookies]
BY_THE_SERVER = {
    cookie.name for category in POLICY.cookies.values() for cookie in category.cookies if cookie.set_by == "server"
}


def app_answering(named: dict[str, Any]) -> PrivacyApp:
    app = PrivacyApp("tests", site=lambda: SITE)

    @app.view("GET", "/thing")
    def thing() -> Any:
        return answer(200, {"cookies": sent_names(app.request)}, headers=named)

    return app


@pytest.mark.promise("cookies.register", "sessions.max-age")
def test_the_session_s_cookie_lives_as_the_register_says_in_calendar_months() -> None:
    began = datetime(2026, 11, 30, 23, 59, 59, tzinfo=UTC)
    seconds = int((datetime(2027, 2, 28, 23, 59, 59, tzinfo=UTC) - began).total_seconds())
    line = set_cookie(POLICY, "session_id", "abc-_123", since=began, now=began)
    assert line == f"session_id=abc-_123; Path=/; Max-Age={seconds}; HttpOnly; Secure; SameSite=Lax"


@pytest.mark.promise("cookies.register")
def test_a_cookie_that_began_earlier_ends_earlier_and_one_that_is_over_at_once() -> None:
    end = POLICY.retention["cookies.choice"].after(NOON)
    for now, seconds in ((end - timedelta(seconds=1), 1), (end, 0), (end + timedelta(days=1), 0)):
        line = set_cookie(POLICY, "td_id", "v1", since=NOON, now=now)
        assert line == f"td_id=v1; Path=/; Max-Age={seconds}; Secure; SameSite=Lax"


@pytest.mark.promise("cookies.register")
@pytest.mark.parametrize("name", ["other", "session", "session_id2", "Session_id", "", "_ga\r\nSet-Cookie: a", "a=b"])
def test_what_the_register_does_not_name_is_neither_set_nor_removed(name: str) -> None:
    assert registered(POLICY, name) is None
    with pytest.raises(UnregisteredCookieError):
        set_cookie(POLICY, name, "1", since=NOON, now=NOON)
    with pytest.raises(UnregisteredCookieError):
        remove_cookie(POLICY, name)


@pytest.mark.promise("cookies.register")
@pytest.mark.parametrize("name", sorted(set(NAMES) - BY_THE_SERVER))
def test_what_others_set_the_server_removes_and_never_sets(name: str) -> None:
    concrete = name.replace("*", "UA-1")
    assert remove_cookie(POLICY, concrete, domain="perfectwork.app") == (
        f"{concrete}=; Path=/; Max-Age=0; Domain=perfectwork.app; Secure; SameSite=Lax"
    )
    with pytest.raises(UnregisteredCookieError):
        set_cookie(POLICY, concrete, "1", since=NOON, now=NOON)


@pytest.mark.promise("cookies.register")
def test_a_period_alone_lets_the_server_set_no_cookie_of_others() -> None:
    analytics = POLICY.cookies["analytics"]
    lasting = replace(analytics, cookies=(replace(analytics.cookies[0], period="cookies.choice"),))
    changed = replace(POLICY, cookies={**POLICY.cookies, "analytics": lasting})
    with pytest.raises(UnregisteredCookieError):
        set_cookie(changed, "_ga", "1", since=NOON, now=NOON)


@pytest.mark.promise("cookies.register")
@pytest.mark.parametrize("value", ["a;b", "a,b", "a b", 'a"b', "a\\b", "a\r\nb", "é", "a\x7f"])
def test_a_value_cannot_become_an_attribute_or_another_header(value: str) -> None:
    with pytest.raises(ValueError, match="visible ASCII"):
        set_cookie(POLICY, "td_id", value, since=NOON, now=NOON)


@pytest.mark.promise("cookies.register")
@pytest.mark.parametrize("header", ["Set-Cookie", "set-cookie", "SET-COOKIE"], ids=["usual", "lower", "upper"])
@pytest.mark.parametrize("several", [False, True], ids=["one", "list"])
def test_an_answer_that_would_set_another_cookie_is_given_without_it(
    header: str, several: bool, capfd: pytest.CaptureFixture[str]
) -> None:
    line = "tracker=canary-value; Path=/"
    answered = http(app_answering({header: [line] if several else line}), "GET", "/thing")
    assert answered.status == 200
    assert "set-cookie" not in answered.headers
    out = capfd.readouterr().out
    assert "tracker" in out
    assert "canary-value" not in out


@pytest.mark.promise("cookies.register")
def test_the_others_of_that_answer_are_set() -> None:
    ours = [set_cookie(POLICY, "td_id", "v1", since=NOON, now=NOON), remove_cookie(POLICY, "_gac_UA-1")]
    answered = http(app_answering(headers([ours[0], "tracker=1", ours[1]])), "GET", "/thing")
    assert list(answered.cookies) == ours


def test_names_are_read_without_their_values_whatever_else_is_sent() -> None:
    sent = '_ga=GA1.2; broken; pref={"a": "b,c"}; =x; td_id=first; _gac_UA-1=1; td_id=second; empty='
    app = app_answering({})
    assert http(app, "GET", "/thing", headers={"Cookie": sent}).json()["cookies"] == [
        "_ga", "pref", "td_id", "_gac_UA-1", "empty",
    ]  # fmt: skip


def test_of_several_cookies_of_a_name_the_first_counts() -> None:
    app = PrivacyApp("tests", site=lambda: SITE)

    @app.view("GET", "/thing")
    def thing() -> Any:
        return answer(200, [sent_value(app.request, "td_id"), sent_value(app.request, "other")])

    assert http(app, "GET", "/thing", headers={"Cookie": "td_id=first; td_id=second"}).json() == ["first", None]


def _written(path: Path) -> list[str]:
    """The texts of a module that name the header, but for what explains."""
    tree = ast.parse(path.read_text("utf-8"))
    explained = {
        id(node.value) for node in ast.walk(tree) if isinstance(node, ast.Expr) and isinstance(node.value, ast.Constant)
    }
    return [
        node.value
        for node in ast.walk(tree)
        if isinstance(node, ast.Constant)
        and id(node) not in explained
        and isinstance(node.value, str)
        and "set-cookie" in node.value.lower().replace("_", "-")
    ]


@pytest.mark.promise("cookies.register")
def test_the_header_is_written_in_one_place() -> None:
    rooms = ("layers/models/python", "functions")
    modules = [path for room in rooms for path in (ROOT / room).rglob("*.py")]
    modules = [path for path in modules if path.name != "operations.py"]  # they tell of it, and run in no function
    modules = [
        path for path in modules if "promise_audit" not in path.parts
    ]  # it looks for the header, and answers nobody
    writing = [path.relative_to(ROOT).as_posix() for path in modules if _written(path)]
    assert writing == ["layers/models/python/privacy/web/cookies.py"]
