"""The choice about cookies, through its routes: what it allows, what it removes, and that it is nobody's."""

import re
from collections.abc import Iterable
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from types import MappingProxyType
from typing import Any

import pytest
from botocore.exceptions import ClientError

from cookies.app import build
from cookies.choosing import REMOVED_AT_ONCE
from cookies.parts import Parts, assemble
from privacy import policy
from privacy.models.consent import Choice, read
from privacy.policy import Period
from privacy.settings import Deployment, load
from tests.template.source import ROOT
from tests.unit.engine import NOON, Answer, SetClock, environment, everything, http, items, sample, send

POLICY = policy.load()
SECURITY = ["session_id", "td_id", "fileToken", "__cfduid"]
PREFERENCES = ["frontend_lang", "cids", "tz"]
ANALYTICS = ["_ga", "_gat", "_gid", "_gac_*"]
AS_SET = ["_ga", "_ga_*", "_gat", "_gat_*", "_gid", "_gid_*", "_gac_*"]
"""Google appends to the names that the policy lists."""
COUNTING = {"_ga", "_ga_4711ABC", "_gat", "_gat_gtag_UA_4711_1", "_gid", "_gac_UA-4711-1"}
SENT = [*sorted(COUNTING), "frontend_lang", "cids", "tz", "fileToken", "session_id", "other", "_gax", "cids_x"]
"""What a browser holds: of each category, and what is not ours to judge."""


@pytest.fixture
def parts(stores: None, clock: SetClock) -> Parts:
    return assemble(load(Deployment, environment("CookiesFunction")), clock)


@pytest.fixture
def app(parts: Parts) -> Any:
    return build(lambda: parts)


def browser(choice: str | None = None, names: Iterable[str] = (), **headers: str) -> dict[str, str]:
    sent = [f"{name}=canary" for name in names] + ([f"td_id={choice}"] if choice is not None else [])
    return ({"Cookie": "; ".join(sent)} if sent else {}) | {name.replace("_", "-"): headers[name] for name in headers}


def chosen(app: Any, preferences: Any, analytics: Any, headers: dict[str, str] | None = None) -> Answer:
    body = {"preferences": preferences, "analytics": analytics}
    return http(app, "PUT", "/cookies/consent", body=body, headers=headers)


def shown(app: Any, headers: dict[str, str] | None = None) -> Answer:
    return http(app, "GET", "/cookies/consent", headers=headers)


def kept(answer: Answer) -> str | None:
    """What the answer keeps in `td_id`; empty when it takes it away."""
    for line in answer.cookies:
        if line.startswith("td_id="):
            return line.split(";")[0].removeprefix("td_id=")
    return None


def removed(answer: Answer) -> set[str]:
    lines = [line for line in answer.cookies if "Max-Age=0;" in line]
    assert all("=; Path=/; Max-Age=0" in line for line in lines)
    return {line.split("=")[0] for line in lines}


@pytest.mark.promise("cookies.choice")
@pytest.mark.parametrize("preferences", [False, True])
@pytest.mark.parametrize("analytics", [False, True])
def test_a_choice_allows_what_is_needed_and_the_categories_that_were_accepted(
    app: Any, preferences: bool, analytics: bool
) -> None:
    answer = chosen(app, preferences, analytics)
    told = {
        "preferences": preferences,
        "analytics": analytics,
        "decided_at": "2026-11-24T00:00:00Z",
        "expires_at": "2027-05-24T00:00:00Z",
        "gpc": False,
        "allowed": SECURITY + PREFERENCES * preferences + ANALYTICS * analytics,
        "rejected": PREFERENCES * (not preferences) + AS_SET * (not analytics),
    }
    assert (answer.status, answer.json()) == (200, told)
    again = shown(app, browser(kept(answer)))
    assert (again.status, again.json(), again.cookies) == (200, told, ())


@pytest.mark.promise("cookies.choice")
def test_before_a_choice_only_what_is_needed_is_allowed(app: Any) -> None:
    answer = shown(app)
    assert answer.json() == {
        "preferences": False,
        "analytics": False,
        "decided_at": None,
        "expires_at": None,
        "gpc": False,
        "allowed": SECURITY,
        "rejected": PREFERENCES + AS_SET,
    }
    assert answer.cookies == ()


@pytest.mark.promise("cookies.choice")
def test_the_cookie_holds_the_choice_its_day_and_the_policy_and_is_the_same_for_all(app: Any, clock: SetClock) -> None:
    first = chosen(app, False, True, {"User-Agent": "one"})
    clock.advance(hours=11, minutes=59, seconds=59)
    second = http(
        app, "PUT", "/cookies/consent", body={"preferences": False, "analytics": True}, address="198.51.100.9"
    )
    assert kept(first) == kept(second) == f"v1.{POLICY.version}.20261124.p0a1"
    (line,) = first.cookies
    seconds = int((datetime(2027, 5, 24, tzinfo=UTC) - NOON).total_seconds())
    assert line == f"td_id={kept(first)}; Path=/; Max-Age={seconds}; Secure; SameSite=Lax"


@pytest.mark.promise("cookies.choice", "cookies.register")
@pytest.mark.parametrize(
    ("made", "end"),
    [
        (datetime(2026, 11, 24, 23, 59, 59, tzinfo=UTC), datetime(2027, 5, 24, tzinfo=UTC)),
        (datetime(2026, 8, 31, 12, tzinfo=UTC), datetime(2027, 2, 28, tzinfo=UTC)),
        (datetime(2027, 8, 30, 0, tzinfo=UTC), datetime(2028, 2, 29, tzinfo=UTC)),
    ],
)
def test_a_choice_holds_to_the_second_for_its_calendar_months_and_is_then_removed_with_what_it_allowed(
    app: Any, clock: SetClock, made: datetime, end: datetime
) -> None:
    clock.set(made)
    sent = browser(kept(chosen(app, True, True)), SENT)
    clock.set(end - timedelta(seconds=1))
    still = shown(app, sent)
    assert (still.json()["analytics"], still.cookies) == (True, ())
    clock.set(end)
    over = shown(app, sent)
    assert (over.json()["decided_at"], over.json()["allowed"]) == (None, SECURITY)
    assert removed(over) == {"td_id", *COUNTING, *PREFERENCES}


@pytest.mark.promise("cookies.choice")
@pytest.mark.parametrize(
    ("preferences", "analytics", "gone"),
    [
        (True, True, set()),
        (True, False, COUNTING),
        (False, True, {"frontend_lang", "cids", "tz"}),
        (False, False, {*COUNTING, *PREFERENCES}),
    ],
)
def test_withdrawing_removes_what_was_set_and_nothing_else(
    app: Any, preferences: bool, analytics: bool, gone: set[str]
) -> None:
    accepted = kept(chosen(app, True, True))
    answer = chosen(app, preferences, analytics, browser(accepted, SENT))
    assert removed(answer) == gone
    for name in gone:
        lines = [line for line in answer.cookies if line.startswith(f"{name}=")]
        assert [("Domain=perfectwork.app" in line, "Domain=" in line) for line in lines] == [
            (False, False),
            (True, True),
        ]


@pytest.mark.promise("cookies.choice")
def test_the_cookies_of_a_website_below_another_domain_go_from_both(parts: Parts) -> None:
    settings = parts.settings.model_copy(update={"site_url": "https://www.perfectwork.app"})
    app = build(lambda: replace(parts, settings=settings))
    answer = shown(app, browser(None, ["_ga"]))
    domains = [re.findall(r"Domain=([^;]+)", line) for line in answer.cookies]
    assert domains == [[], ["www.perfectwork.app"], ["perfectwork.app"]]


@pytest.mark.parametrize("site", ["http://127.0.0.1:8080", "http://localhost:8080", "http://[::1]:8080"])
def test_a_website_without_a_domain_has_none_to_clear(parts: Parts, site: str) -> None:
    app = build(lambda: replace(parts, settings=parts.settings.model_copy(update={"site_url": site})))
    assert len(shown(app, browser(None, ["_ga"])).cookies) == 1


@pytest.mark.promise("cookies.choice")
def test_global_privacy_control_rejects_analytics_over_an_explicit_yes(app: Any) -> None:
    answer = chosen(app, True, True, browser(None, SENT, Sec_GPC="1"))
    told = answer.json()
    assert (told["preferences"], told["analytics"], told["gpc"]) == (True, False, True)
    assert told["allowed"] == SECURITY + PREFERENCES
    assert kept(answer) == f"v1.{POLICY.version}.20261124.p1a0"
    assert removed(answer) == COUNTING
    (row,) = items("choices")
    assert (row["preferences"], row["analytics"], row["gpc"]) == (True, False, True)


@pytest.mark.promise("cookies.choice")
@pytest.mark.parametrize("sent", ["1, 1", " 1", "0,1"])
def test_global_privacy_control_counts_also_when_a_gateway_joined_it(app: Any, sent: str) -> None:
    assert chosen(app, True, True, browser(None, SENT, Sec_GPC=sent)).json()["gpc"] is True


@pytest.mark.promise("cookies.choice")
def test_global_privacy_control_that_is_switched_on_later_rejects_analytics_as_long_as_it_is(app: Any) -> None:
    accepted = kept(chosen(app, True, True))
    answer = shown(app, browser(accepted, SENT, Sec_GPC="1"))
    assert (answer.json()["analytics"], answer.json()["gpc"]) == (False, True)
    assert removed(answer) == COUNTING
    assert shown(app, browser(accepted, SENT)).json()["analytics"] is True


@pytest.mark.promise("cookies.choice")
@pytest.mark.parametrize("headers", [{"DNT": "1"}, {"Sec_GPC": "0"}, {"Sec_GPC": "?1"}, {"Sec_GPC": ""}])
def test_do_not_track_and_what_is_no_global_privacy_control_change_nothing(app: Any, headers: dict[str, str]) -> None:
    told = chosen(app, True, True, browser(None, **headers)).json()
    assert (told["analytics"], told["gpc"]) == (True, False)


@pytest.mark.promise("cookies.choice")
@pytest.mark.parametrize(
    "forged",
    [
        "",
        "1",
        "v1",
        "v2.2026-11-24.20261124.p1a1",
        "v1.2026-11-24.20261124.p1a2",
        "v1.2026-11-24.20261124.p1a1.x",
        "v1.2026-11-24.20261124.p1a1%0A",
        "v1.2026-11-24.20261125.p1a1",  # a day that has not come
        "v1.2026-11-24.20261199.p1a1",
        "v1.2025-01-01.20261124.p1a1",  # no version of the policy
        "v1.2026-11-24.２０２６1124.p1a1",
        "v1.2026-11-24.20260524.p1a1",  # over since the first second of today
        '"v1.2026-11-24.20261124.p1a1"',
        "v" * 4096,
    ],
)
def test_what_is_no_choice_of_ours_counts_as_none_and_is_removed(app: Any, forged: str) -> None:
    answer = shown(app, browser(forged, ["_ga"]))
    assert (answer.status, answer.json()["decided_at"], answer.json()["analytics"]) == (200, None, False)
    assert removed(answer) == {"td_id", "_ga"}


@pytest.mark.promise("cookies.choice")
def test_of_two_choices_that_differ_neither_counts_and_choosing_anew_leaves_one(app: Any) -> None:
    yes, no = (f"v1.{POLICY.version}.20261124.p{digit}a{digit}" for digit in "10")
    for first, second in ((yes, no), (no, yes), (yes, "anything")):
        both = {"Cookie": f"td_id={first}; _ga=1; td_id={second}"}
        answer = shown(app, both)
        assert (answer.json()["decided_at"], answer.json()["analytics"]) == (None, False)
        assert removed(answer) == {"td_id", "_ga"}
        again = chosen(app, False, False, both)
        assert [line.split("; Max-Age")[0] for line in again.cookies if line.startswith("td_id=")] == [
            "td_id=; Path=/",
            f"td_id={no}; Path=/",
        ]
        assert "Domain=perfectwork.app" in next(line for line in again.cookies if line.startswith("td_id=;"))
    assert shown(app, {"Cookie": f"td_id={yes}; td_id={yes}"}).json()["analytics"] is True


@pytest.mark.promise("cookies.choice", "policy.single-source")
def test_who_chose_before_there_was_something_else_to_reject_is_asked_anew(clock: SetClock) -> None:
    text = Choice(preferences=True, analytics=True, day=NOON.date(), version=POLICY.version).text
    assert read(text, POLICY, NOON) is not None
    analytics = POLICY.cookies["analytics"]
    more = replace(analytics, cookies=(*analytics.cookies, replace(analytics.cookies[0], name="_another")))
    changed = replace(POLICY, cookies=MappingProxyType({**POLICY.cookies, "analytics": more}))
    assert read(text, changed, NOON) is None


@pytest.mark.promise("cookies.choice", "policy.single-source")
def test_a_shorter_period_reaches_choices_that_were_made_already(app: Any, parts: Parts) -> None:
    accepted = kept(chosen(app, True, True))
    shorter = replace(parts.policy, retention={**parts.policy.retention, "cookies.choice": Period.parse("PT12H")})
    answer = shown(build(lambda: replace(parts, policy=shorter)), browser(accepted))
    assert (answer.json()["decided_at"], removed(answer)) == (None, {"td_id"})


def test_the_register_s_categories_are_those_that_are_asked() -> None:
    for version in policy.versions().values():
        assert {each.id for each in version.cookies.values() if not each.required} == {"preferences", "analytics"}


@pytest.mark.promise("cookies.choice")
def test_more_cookies_than_an_answer_can_remove_go_with_the_next(app: Any) -> None:
    names = [f"_gac_{number:058d}" for number in range(40)]
    for left in (40, 40 - REMOVED_AT_ONCE, 40 - 2 * REMOVED_AT_ONCE, 0):
        assert len(names) == left
        answer = chosen(app, False, False, browser(None, names))
        assert sum(map(len, answer.cookies)) < 8_000
        names = [name for name in names if name not in removed(answer)]


@pytest.mark.promise("cookies.register")
@pytest.mark.parametrize("name", ["_gac_\x00", "_gac_é", "_gac_" + "x" * 60, "_gac_a b", '_gac_"'])
def test_a_name_that_no_cookie_has_is_left_alone(app: Any, name: str) -> None:
    assert shown(app, browser(None, [name])).cookies == ()


# --- what is counted -----------------------------------------------------------------------------------------------


@pytest.mark.promise("cookies.choice")
def test_a_choice_is_counted_by_its_day_and_as_nobody_s(
    app: Any, capfd: pytest.CaptureFixture[str], caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level("INFO")
    headers = {
        "Cookie": "session_id=canary-session; _ga=canary-ga; td_id=canary-choice",
        "User-Agent": "canary-agent",
        "Referer": "https://perfectwork.app/canary-page",
        "Accept-Language": "en-x-canary",
        "CloudFront-Viewer-Country": "ZZ",
        "CloudFront-Viewer-Address": "192.0.2.99:1",
        "X-Forwarded-For": "192.0.2.98",
    }
    answer = chosen(app, True, False, headers)
    (row,) = items("choices")
    assert re.fullmatch(r"[0-9a-f]{32}", row.pop("id"))
    assert re.fullmatch(r"0[0-9a-f]", row.pop("shard"))
    midnight = datetime(2026, 11, 24, tzinfo=UTC)
    assert row == {
        "day": midnight.timestamp(),
        "preferences": True,
        "analytics": False,
        "gpc": False,
        "policy_version": str(POLICY.version),
        "ttl": datetime(2027, 11, 24, tzinfo=UTC).timestamp(),
    }
    out, err = capfd.readouterr()
    for text in (everything().decode(), out, err, caplog.text, answer.body.decode(), str(answer.headers)):
        for canary in ("canary", "192.0.2.9", "203.0.113.7", "ZZ"):
            assert canary not in text


@pytest.mark.promise("cookies.choice")
def test_a_choice_that_is_sent_again_is_counted_once_and_another_one_anew(app: Any, clock: SetClock) -> None:
    yes = kept(chosen(app, True, True))
    assert kept(chosen(app, True, True, browser(yes))) == yes
    assert len(items("choices")) == 1
    no = kept(chosen(app, False, False, browser(yes)))
    assert len(items("choices")) == 2
    clock.advance(days=1)
    chosen(app, False, False, browser(no))
    assert sorted(row["analytics"] for row in items("choices")) == [False, False, True]


def test_looking_counts_nothing(app: Any) -> None:
    shown(app, browser(f"v1.{POLICY.version}.20261124.p1a1", SENT))
    assert items("choices") == []


def test_a_choice_that_cannot_be_counted_is_not_kept(parts: Parts) -> None:
    def failing(*_: Any, **__: Any) -> None:
        raise ClientError({"Error": {"Code": "ThrottlingException"}}, "PutItem")

    class Broken:
        put_item = staticmethod(failing)

    table = replace(parts.choices.table, client=Broken())
    app = build(lambda: replace(parts, choices=replace(parts.choices, table=table)))
    answer = chosen(app, True, True)
    assert (answer.status, answer.cookies) == (503, ())


# --- what is refused -----------------------------------------------------------------------------------------------


@pytest.mark.promise("cookies.choice")
@pytest.mark.parametrize(
    ("body", "field"),
    [
        ({"preferences": True}, "analytics"),
        ({"analytics": True}, "preferences"),
        ({}, "analytics"),
        ({"preferences": True, "analytics": "yes"}, "analytics"),
        ({"preferences": 1, "analytics": True}, "preferences"),
        ({"preferences": None, "analytics": True}, "preferences"),
        ({"preferences": True, "analytics": True, "marketing": True}, "(unknown)"),
    ],
)
def test_every_category_is_answered_with_yes_or_no_and_nothing_else_is_taken(app: Any, body: Any, field: str) -> None:
    answer = http(app, "PUT", "/cookies/consent", body=body)
    assert (answer.status, answer.cookies) == (422, ())
    assert field in answer.errors
    assert items("choices") == []


@pytest.mark.promise("cookies.choice")
@pytest.mark.parametrize(
    ("origin", "status"),
    [("https://perfectwork.app", 200), (None, 200), ("https://evil.example", 403), ("null", 403)],
)
def test_no_other_site_chooses_in_a_visitor_s_browser(app: Any, origin: str | None, status: int) -> None:
    answer = chosen(app, True, True, {"Origin": origin} if origin else None)
    assert answer.status == status
    assert len(items("choices")) == (status == 200)


EVENTS = sorted(Path(ROOT / "events/cookies").glob("*.json"))


@pytest.mark.parametrize("name", [path.stem for path in EVENTS])
def test_every_sample_gets_its_answer(app: Any, name: str) -> None:
    answer = send(app, sample(f"cookies/{name}"))
    if name.startswith("bad-"):
        assert 400 <= answer.status < 500
    else:
        assert answer.status == 200


def test_the_samples_show_a_withdrawal_and_global_privacy_control(app: Any) -> None:
    assert removed(send(app, sample("cookies/withdraw"))) >= {"_ga", "_gid"}
    assert send(app, sample("cookies/global-privacy-control")).json()["gpc"] is True
