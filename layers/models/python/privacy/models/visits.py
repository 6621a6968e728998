"""The summary of a visit, and nothing else of the request (promise visits.fields).

Client hints come first (`Sec-CH-UA*`, User-Agent Client Hints); the user-agent string is read only without
them, and is gone once it is parsed: browsers and platforms are kept by names that we know, so that no text of
the sender's own stays.
"""

import ipaddress
import re
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from typing import TYPE_CHECKING, Annotated
from urllib.parse import quote, urlsplit

from pydantic import Field

from privacy.models.browsers import BROWSERS, OTHER, PLATFORMS
from privacy.models.cards import holds_card_number
from privacy.models.fields import Form, known_country

if TYPE_CHECKING:
    from ua_parser import Parser

REFERRER_MAX_CHARACTERS = 512
"""Of a referring page, once reduced; longer ones are cut."""
HEADER_MAX_CHARACTERS = 1024
"""Of a header that we read at all: what browsers send is a quarter of that."""


class VisitReport(Form):
    """The body of `POST /visits`: what the page knows and the request's headers do not tell."""

    referrer: Annotated[str, Field(strict=True, max_length=8192)] | None = None
    language: Annotated[str, Field(strict=True, max_length=64)] | None = None


@dataclass(frozen=True, slots=True)
class VisitSummary:
    """All that is recorded of a visit beside its time. Whatever was not told, or not believably, is None."""

    ip: str | None
    browser: str | None
    browser_version: str | None
    platform: str | None
    referrer: str | None
    language: str | None
    country: str | None


_VISIT_ID = re.compile(r"vis_(0[0-9a-f])([0-9]{12})([0-9a-f]{16})")


def visit_id(shard: str, at: str) -> str:
    """A stored visit's id: what identifies its row, as one text that means nothing to who reads it."""
    return f"vis_{shard}{at.replace('#', '', 1)}"


def place_of(text: str) -> tuple[str, str] | None:
    """The row (`shard`, `at`) that an id of `visit_id` names, or None for a text of another shape."""
    match = _VISIT_ID.fullmatch(text)
    return (match[1], f"{match[2]}#{match[3]}") if match else None


def summarise(
    headers: Mapping[str, str],
    *,
    address: str | None,
    referrer: str | None,
    language: str | None,
    country: str | None,
    site: str = "",
) -> VisitSummary:
    """Reduce a request to its summary; no input makes it fail.

    `address` is the peer that the edge names, `referrer` and `language` are the page's report
    (`document.referrer`: the `Referer` header of this request is the visited page, and is not read),
    `country` the edge's own header, when it is trusted. Without a language the first of `Accept-Language`
    counts.
    """
    sent = {
        name.lower(): value[:HEADER_MAX_CHARACTERS].encode("ascii", "ignore").decode()
        for name, value in headers.items()
    }
    browser, version, platform = _client_hints(sent)
    if (browser is None or platform is None) and sent.get("user-agent"):
        parsed_browser, parsed_version, parsed_platform = _user_agent(sent["user-agent"])
        if browser is None:
            browser, version = parsed_browser, parsed_version
        platform = platform or parsed_platform
    return VisitSummary(
        ip=canonical_address(address),
        browser=browser,
        browser_version=version,
        platform=platform,
        referrer=_from_elsewhere(referring_page(referrer), site),
        language=language_tag(language) or language_tag(sent.get("accept-language", "").split(",")[0].split(";")[0]),
        country=known_country(country) if country else None,
    )


# --- address, language -----------------------------------------------------------------------------


def canonical_address(text: str | None) -> str | None:
    """An IP address in its one writing (RFC 5952); IPv4 inside IPv6 as IPv4, no zone; None for anything
    else.
    """
    try:
        address = ipaddress.ip_address((text or "").strip()[:64].partition("%")[0])
    except ValueError:
        return None
    return str(getattr(address, "ipv4_mapped", None) or address)


_LANGUAGE = re.compile(r"([a-z]{2,3})(?:-([a-z]{4}))?(?:-([a-z]{2}|[0-9]{3}))?(?:-[a-z0-9]{1,8}){0,8}", re.IGNORECASE)


def language_tag(text: str | None) -> str | None:
    """Language, script and region of a BCP 47 tag, in its usual writing; extensions and private use do not
    stay.
    """
    tag = _LANGUAGE.fullmatch((text or "").strip().replace("_", "-")[:96])
    if tag is None:
        return None
    language, script, region = tag.groups()
    return "-".join(filter(None, (language.lower(), (script or "").title(), (region or "").upper())))


# --- referring page --------------------------------------------------------------------------------

_HOST = re.compile(r"(?=.{1,253}\Z)[a-z0-9_-]{1,63}(?:\.[a-z0-9_-]{1,63})*")
_CONTROLS = re.compile(r"[\x00-\x1f\x7f-\x9f]|%(?:[01][0-9a-f]|7f)|%c2%[89][0-9a-f]", re.IGNORECASE)
_PATH_END = re.compile(r"[;?#]|%3b|%3f|%23", re.IGNORECASE)
_PERSONAL = re.compile(r"@|%40|(?:[0-9][^0-9]{0,2}){9}|[0-9a-z_=.~-]{40}|(?=.*[0-9])[0-9a-z_=.~]{20}", re.IGNORECASE)
HIDDEN_PART = "*"
"""Stands for a part of a path that is an e-mail address, a long number or a token."""


def _from_elsewhere(page: str | None, site: str) -> str | None:
    """The page, unless it is one of ours, or hides a card number where no name of a host needs one."""
    if page and ((site and urlsplit(page).hostname == urlsplit(site).hostname) or holds_card_number(page)):
        return None
    return page


def referring_page(text: str | None) -> str | None:
    """Scheme, host and path of a referring web page; no user, port, query, fragment or path parameter.

    Parts of the path that look like an e-mail address, a long number or a token read "*": they are about a
    person, not about a page. Other schemes than http and https, and what is no address, give None.
    """
    text = (text or "")[:8192].strip()
    if not text or "\\" in text:
        return None
    try:
        parts = urlsplit(text)
        host = (parts.hostname or "").rstrip(".")
        if not host.isascii():
            host = host.encode("idna").decode("ascii").lower()
    except ValueError:  # also UnicodeError
        return None
    if parts.scheme not in ("http", "https"):
        return None
    if not _HOST.fullmatch(host):
        return None
    path = _PATH_END.split(parts.path, maxsplit=1)[0]
    path = quote(_CONTROLS.sub("", path).encode("utf-8", "ignore"), safe="/%:@!$&'()*+,=~")
    path = "/".join(HIDDEN_PART if _PERSONAL.search(part) else part for part in path.split("/"))
    return f"{parts.scheme}://{host}{path or '/'}"[:REFERRER_MAX_CHARACTERS]


# --- browser and platform --------------------------------------------------------------------------

_BRAND = re.compile(r'"([^"\\]{1,40})"\s{0,2};\s{0,2}v="([0-9]{1,5})(?:\.([0-9]{1,5}))?[0-9.]{0,32}"')
_BOT = re.compile(r"bot|crawl|spider|slurp", re.IGNORECASE)


def _client_hints(sent: Mapping[str, str]) -> tuple[str | None, str | None, str | None]:
    brands = _BRAND.findall(sent.get("sec-ch-ua-full-version-list", "")) or _BRAND.findall(sent.get("sec-ch-ua", ""))
    # What is neither ours to know nor Chromium itself is filler on purpose (GREASE), or somebody's own text.
    named = [
        (BROWSERS[brand.lower()], _version(major, minor)) for brand, major, minor in brands if brand.lower() in BROWSERS
    ]
    named.sort(key=lambda row: row[0] == "Chromium")  # every Chromium says so beside its own name
    browser, version = named[0] if named else (None, None)
    hint = sent.get("sec-ch-ua-platform", "").strip().strip('"').lower()
    return browser, version, PLATFORMS.get(hint)


def _user_agent(text: str) -> tuple[str, str | None, str]:
    from ua_parser import Domain

    parsed = _parser()(text, Domain.USER_AGENT | Domain.OS)
    agent, system = parsed.user_agent, parsed.os
    family = agent.family if agent else ""
    browser = BROWSERS.get(family.lower()) or ("Bot" if _BOT.search(family) else OTHER)
    version = _version(agent.major, agent.minor) if agent and browser not in ("Bot", OTHER) else None
    return browser, version, PLATFORMS.get(system.family.lower() if system else "", OTHER)


def _version(major: str | None, minor: str | None) -> str | None:
    if not re.fullmatch(r"[0-9]{1,5}", major or ""):
        return None
    return f"{major}.{minor}" if re.fullmatch(r"[0-9]{1,5}", minor or "") else major


@cache
def _parser() -> "Parser":
    """The parser, without a cache of what it was asked: that would keep whole user-agent strings between
    visitors.
    """
    from ua_parser import Parser, RegexResolver, load_lazy_builtins

    if RegexResolver is None:
        raise ModuleNotFoundError("ua-parser needs its Rust engine, ua-parser-rs", name="ua_parser_rs")
    return Parser(RegexResolver(load_lazy_builtins()))
