"""Of a visit only its summary is recorded (promise visits.fields)."""

import json
from dataclasses import asdict, fields
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from privacy.models.fields import InvalidFieldsError, validated
from privacy.models.visits import (
    REFERRER_MAX_CHARACTERS,
    VisitReport,
    VisitSummary,
    canonical_address,
    language_tag,
    referring_page,
    summarise,
)

pytestmark = pytest.mark.promise("visits.fields")

CHROME = (
    "Mozilla/5.0 (Windows NT 10.0; Win64; x64) AppleWebKit/537.36 (KHTML, like Gecko)"
    " Chrome/124.0.6367.61 Safari/537.36"
)
HINTS = {
    "Sec-CH-UA": '"Not-A.Brand";v="99", "Chromium";v="124", "Google Chrome";v="124"',
    "Sec-CH-UA-Platform": '"macOS"',
}


def summary(
    headers: dict[str, str] | None = None, *, address: str | None = None, referrer: str | None = None,
    language: str | None = None, country: str | None = None, site: str = "",
) -> VisitSummary:  # fmt: skip
    return summarise(headers or {}, address=address, referrer=referrer, language=language, country=country, site=site)


def test_the_summary_has_the_fields_of_the_promise_and_no_other() -> None:
    names = {field.name for field in fields(VisitSummary)}
    assert names == {"ip", "browser", "browser_version", "platform", "referrer", "language", "country"}


def test_nothing_else_of_the_request_is_in_the_summary() -> None:
    canary = "canary"
    headers = {
        "User-Agent": CHROME + f" {canary}/1.0 (+https://{canary}.example)",
        "Referer": f"https://{canary}.example/visited",
        "Cookie": f"session_id={canary}; td_id={canary}",
        "Accept-Language": f"de-x-{canary}",
        "X-Forwarded-For": canary,
        "Authorization": canary,
        "Sec-CH-UA": f'"{canary}";v="1"',
        "Sec-CH-UA-Platform": f'"{canary}"',
    }
    shown = json.dumps(
        asdict(
            summary(
                headers,
                address="192.0.2.1",
                referrer=f"https://u:{canary}@a.example/p;{canary}?q={canary}#{canary}",
                language=f"en-x-{canary}",
                country=canary,
            )
        )
    )
    assert canary not in shown
    assert json.loads(shown) == {
        "ip": "192.0.2.1",
        "browser": "Chrome",
        "browser_version": "124.0",
        "platform": "Windows",
        "referrer": "https://a.example/p",
        "language": "en",
        "country": None,
    }


def test_a_request_that_tells_nothing_gives_nothing() -> None:
    assert summary() == VisitSummary(None, None, None, None, None, None, None)


# --- browser and platform ---------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("agent", "expected"),
    [
        (CHROME, ("Chrome", "124.0", "Windows")),
        (CHROME + " Edg/124.0.2478.51", ("Edge", "124.0", "Windows")),
        (
            "Mozilla/5.0 (X11; Ubuntu; Linux x86_64; rv:125.0) Gecko/20100101 Firefox/125.0",
            ("Firefox", "125.0", "Linux"),
        ),
        (
            "Mozilla/5.0 (Macintosh; Intel Mac OS X 10_15_7) AppleWebKit/605.1.15 (KHTML, like Gecko) Version/17.4.1"
            " Safari/605.1.15",
            ("Safari", "17.4", "macOS"),
        ),
        (
            "Mozilla/5.0 (iPhone; CPU iPhone OS 17_4 like Mac OS X) AppleWebKit/605.1.15 (KHTML, like Gecko)"
            " Version/17.4 Mobile/15E148 Safari/604.1",
            ("Safari", "17.4", "iOS"),
        ),
        (
            "Mozilla/5.0 (Linux; Android 14; Pixel 8) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/124.0.0.0 Mobile"
            " Safari/537.36",
            ("Chrome", "124.0", "Android"),
        ),
        (
            "Mozilla/5.0 (compatible; Googlebot/2.1; +http://www.google.com/bot.html)",
            ("Bot", None, "Other"),
        ),
        ("curl/8.5.0", ("curl", "8.5", "Other")),
        ("Secret-Machine-of-Ada/7 (ada@company.example)", ("Other", None, "Other")),
    ],
)
def test_a_user_agent_becomes_a_known_name_a_version_and_a_platform(agent: str, expected: tuple[Any, ...]) -> None:
    result = summary({"user-agent": agent})
    assert (result.browser, result.browser_version, result.platform) == expected


@pytest.mark.parametrize(
    ("brands", "full", "platform", "expected"),
    [
        (HINTS["Sec-CH-UA"], "", '"macOS"', ("Chrome", "124", "macOS")),
        ('"Microsoft Edge";v="124", "Chromium";v="124"', "", '"Windows"', ("Edge", "124", "Windows")),
        ('"Chromium";v="124", "Not(A:Brand";v="24"', "", '"Linux"', ("Chromium", "124", "Linux")),
        (
            '"Chromium";v="124"',
            '"Chromium";v="124.0.6367.61", "Opera";v="110.2.5130.23"',
            '"Chrome OS"',
            ("Opera", "110.2", "ChromeOS"),
        ),
    ],
)
def test_client_hints_come_before_the_user_agent(
    brands: str, full: str, platform: str, expected: tuple[Any, ...]
) -> None:
    headers = {
        "Sec-CH-UA": brands,
        "Sec-CH-UA-Full-Version-List": full,
        "Sec-CH-UA-Platform": platform,
        "User-Agent": "Mozilla/5.0 (X11; Linux x86_64; rv:125.0) Gecko/20100101 Firefox/125.0",
    }
    result = summary(headers)
    assert (result.browser, result.browser_version, result.platform) == expected


def test_what_the_hints_do_not_tell_comes_from_the_user_agent() -> None:
    result = summary({"Sec-CH-UA": '"Ada\'s own";v="1"', "Sec-CH-UA-Platform": '"macOS"', "User-Agent": CHROME})
    assert (result.browser, result.browser_version, result.platform) == ("Chrome", "124.0", "macOS")
    result = summary({"Sec-CH-UA": HINTS["Sec-CH-UA"], "User-Agent": CHROME})
    assert (result.browser, result.browser_version, result.platform) == ("Chrome", "124", "Windows")


@pytest.mark.parametrize(
    "value",
    ["", "x" * 10_000, "\0" * 500, '"' * 5000, '";v=' * 2000, '"a";v="1"' * 1000, "Mozilla/" * 2000, "\ud800",
     "٤" * 3000, "(" * 5000, 'Chrome/' + "9" * 5000, '"Chromium";v="' + "9" * 5000 + '"'],
    ids=lambda value: ascii(value[:12]),
)  # fmt: skip
def test_hostile_headers_give_little_and_never_fail(value: str) -> None:
    for name in (
        "User-Agent",
        "Sec-CH-UA",
        "Sec-CH-UA-Full-Version-List",
        "Sec-CH-UA-Platform",
        "Accept-Language",
    ):
        result = summary({name: value}, referrer=value, language=value, country=value, address=value)
        assert len(json.dumps(asdict(result))) < 1000


# --- referring page ---------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("sent", "kept"),
    [
        ("https://www.search.example/", "https://www.search.example/"),
        ("http://a.example", "http://a.example/"),
        ("HTTPS://A.Example/Path/To", "https://a.example/Path/To"),
        ("https://a.example/p?q=1", "https://a.example/p"),
        ("https://a.example/p#part", "https://a.example/p"),
        ("https://a.example?q=1", "https://a.example/"),
        ("https://a.example/p;jsessionid=1?q=1", "https://a.example/p"),
        ("https://a.example/p%3Fq=1", "https://a.example/p"),
        ("https://a.example/p%23part", "https://a.example/p"),
        ("https://ada:secret@a.example:8443/p", "https://a.example/p"),
        ("https://bücher.example/é", "https://xn--bcher-kva.example/%C3%A9"),
        ("https://a.example/a%00b%0Ac%7F", "https://a.example/abc"),
        ("https://a.example/a b", "https://a.example/a%20b"),
        ("https://a.example/users/ada@company.example/edit", "https://a.example/users/*/edit"),
        ("https://a.example/users/ada%40company.example", "https://a.example/users/*"),
        ("https://a.example/reset/eyJhbGciOiJIUzI1NiJ9.e30.abc123", "https://a.example/reset/*"),
        ("https://a.example/o/550e8400-e29b-41d4-a716-446655440000", "https://a.example/o/*"),
        ("https://a.example/4111-1111-1111-1111", "https://a.example/*"),
        ("https://a.example/call/+6591234567", "https://a.example/call/*"),
        (
            "https://a.example/2026/01/a-long-title-about-privacy-of-visits",
            "https://a.example/2026/01/a-long-title-about-privacy-of-visits",
        ),
    ],
)
def test_a_referring_page_is_scheme_host_and_path(sent: str, kept: str) -> None:
    assert referring_page(sent) == kept


@pytest.mark.parametrize(
    "sent",
    [None, "", " ", "a.example", "/path", "//a.example/x", "ftp://a.example/", "javascript:alert(1)",
     "data:text/html,x", "android-app://com.app/", "about:blank", "file:///etc/passwd", "https://",
     "https:///p", "https://a b.example/",
     "https://[::1", "https://[::1]/", "https://a.example\\@b.example/", "https://" + "a" * 300 + ".example/",
     "https://é\ud800/", "https://a..example/", "mailto:ada@company.example"],
)  # fmt: skip
def test_what_is_no_web_page_is_no_referring_page(sent: str | None) -> None:
    assert referring_page(sent) is None


@pytest.mark.promise("visits.fields", "signup.no-cards")
def test_a_page_whose_host_hides_a_card_number_is_no_referring_page() -> None:
    headers: dict[str, str] = {}
    for page, kept in (
        ("https://4111111111111111.example/", None),
        ("https://cards.example/", "https://cards.example/"),
    ):
        summary = summarise(headers, address=None, referrer=page, language=None, country=None)
        assert summary.referrer == kept


def test_a_long_referring_page_is_cut() -> None:
    page = referring_page("https://a.example/" + "a-b/" * 1000)
    assert page is not None
    assert len(page) == REFERRER_MAX_CHARACTERS


def test_a_page_of_our_own_is_a_visited_page_and_does_not_stay() -> None:
    site = "https://perfectwork.app"
    assert summary(referrer="https://perfectwork.app/pricing", site=site).referrer is None
    assert summary(referrer="https://PERFECTWORK.app:443/pricing", site=site).referrer is None
    assert summary(referrer="https://other.example/", site=site).referrer == "https://other.example/"


# --- address, language, country ---------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("sent", "kept"),
    [
        ("192.0.2.1", "192.0.2.1"),
        (" 192.0.2.1 ", "192.0.2.1"),
        ("::ffff:192.0.2.1", "192.0.2.1"),
        ("2001:DB8:0:0::1", "2001:db8::1"),
        ("fe80::1%eth0", "fe80::1"),
        ("192.0.2.1, 192.0.2.2", None),
        ("192.0.2.1:80", None),
        ("192.0.2.256", None),
        ("192.0.2.01", None),
        ("", None),
        (None, None),
        ("localhost", None),
        ("٤.٤.٤.٤", None),
    ],
)
def test_an_address_has_one_writing(sent: str | None, kept: str | None) -> None:
    assert canonical_address(sent) == kept


@pytest.mark.parametrize(
    ("sent", "kept"),
    [
        ("en", "en"),
        ("EN-us", "en-US"),
        ("zh-hant-tw", "zh-Hant-TW"),
        ("es-419", "es-419"),
        ("de_AT", "de-AT"),
        ("en-US-x-canary", "en-US"),
        ("de-1996", "de"),
        ("sl-rozaj-biske", "sl"),
        ("*", None),
        ("english", None),
        ("", None),
        (None, None),
        ("e", None),
        ("en-", None),
        ("en;q=1", None),
        ("en-" + "a" * 9, None),
    ],
)
def test_a_language_is_language_script_and_region(sent: str | None, kept: str | None) -> None:
    assert language_tag(sent) == kept


def test_the_page_tells_the_language_before_the_header() -> None:
    headers = {"accept-LANGUAGE": "fr-CH;q=0.9, en;q=0.8"}
    assert summary(headers, language="de").language == "de"
    assert summary(headers).language == "fr-CH"
    assert summary(headers, language="not a language").language == "fr-CH"
    assert summary({"Accept-Language": "*"}).language is None


def test_a_country_is_one_of_the_register() -> None:
    assert summary(country="sg").country == "SG"
    for unknown in ("XX", "T1", "Singapore", "", None):
        assert summary(country=unknown).country is None


# --- the report of the page -------------------------------------------------------------------------------------------


def test_the_report_holds_a_referrer_and_a_language_and_nothing_else() -> None:
    assert validated(VisitReport, {}) == VisitReport()
    assert validated(VisitReport, {"referrer": "https://a.example", "language": "en"}).language == "en"
    bad: Any
    for bad in ({"page": "/x"}, {"referrer": 7}, {"language": "x" * 65}, {"referrer": "x" * 8193}, [], None):
        with pytest.raises(InvalidFieldsError):
            validated(VisitReport, bad)


TEXT = st.text(max_size=60) | st.from_regex(r"https?://[a-zé@:.\[\]0-9]{1,20}/[^ ]{0,30}", fullmatch=True)


@given(agent=st.text(max_size=200), hint=st.text(alphabet='";v=.,09aChromium ', max_size=60), text=TEXT)
@settings(max_examples=300, deadline=None)
def test_no_request_makes_it_fail(agent: str, hint: str, text: str) -> None:
    headers = {"User-Agent": agent, "Sec-CH-UA": hint, "Sec-CH-UA-Platform": hint, "Accept-Language": text}
    result = summary(headers, address=text, referrer=text, language=text, country=text)
    if result.referrer is not None:
        assert "?" not in result.referrer
        assert "#" not in result.referrer
        assert result.referrer.isascii()
        assert result.referrer.isprintable()
