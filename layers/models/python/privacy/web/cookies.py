"""Cookies: the one place that writes `Set-Cookie`, which sets nothing outside the register (promise cookies.register),
and the one that reads what a browser sent.
"""

import re
from collections.abc import Iterable, Sequence
from datetime import datetime
from typing import Any

from chalice.app import Request

from privacy.policy import Cookie, Policy

_HEADER = "Set-Cookie"

_TOKEN = re.compile(r"[!#$%&'*+\-.^_`|~0-9A-Za-z]{1,64}")
"""A cookie's name (RFC 6265, 4.1.1: a token of RFC 9110), no longer than any of the register."""

_VALUE = re.compile(r"[!#-+\--:<-\[\]-~]*")
"""A cookie's value (RFC 6265, 4.1.1: cookie-octets)."""


class UnregisteredCookieError(LookupError):
    """The register has no such cookie for us to set; the text names it and never its value."""


def registered(policy: Policy, name: str) -> Cookie | None:
    """The register's entry for a cookie of that name, of whatever category, or None."""
    if not _TOKEN.fullmatch(name):
        return None
    entries = (entry for category in policy.cookies.values() for entry in category.cookies)
    return next((entry for entry in entries if entry.is_called(name)), None)


def set_cookie(policy: Policy, name: str, value: str, *, since: datetime, now: datetime) -> str:
    """What sets a cookie that the register lets the server set, for the register's period from `since` on.

    Raises: UnregisteredCookieError for any other name; ValueError for a value that no cookie can have.
    """
    entry = registered(policy, name)
    if entry is None or entry.set_by != "server" or entry.period is None:
        raise UnregisteredCookieError(f"the register lets no server set {name}")
    if not _VALUE.fullmatch(value):
        raise ValueError("a cookie's value is made of visible ASCII, without quotes, commas, semicolons, backslashes")
    seconds = int((policy.retention[entry.period].after(since) - now).total_seconds())
    return f"{name}={value}; Path=/; Max-Age={max(seconds, 0)}{_attributes(entry)}"


def remove_cookie(policy: Policy, name: str, *, domain: str | None = None) -> str:
    """What removes a cookie of the register from a browser: the one of our own host, or the one of a whole domain.

    Raises: UnregisteredCookieError for any other name.
    """
    entry = registered(policy, name)
    if entry is None:
        raise UnregisteredCookieError(f"the register has no cookie {name}")
    return f"{name}=; Path=/; Max-Age=0{f'; Domain={domain}' if domain else ''}{_attributes(entry)}"


def headers(cookies: Sequence[str]) -> dict[str, Any]:
    """The headers of an answer that sets or removes these cookies: a line for each."""
    return {_HEADER: list(cookies)} if cookies else {}


def without_unregistered(answered: dict[str, Any], policy: Policy) -> list[str]:
    """Take out of an answer (to API Gateway) what would set a cookie outside the register; the names of those."""
    refused: list[str] = []

    def kept(line: str) -> bool:
        name = line.partition("=")[0].strip()
        if registered(policy, name) is None:
            refused.append(name)
            return False
        return True

    for part in ("headers", "multiValueHeaders"):
        held = answered.get(part) or {}
        for header in [name for name in held if name.lower() == _HEADER.lower()]:
            lines = held[header] if isinstance(held[header], list) else [held[header]]
            staying = [line for line in lines if kept(str(line))]
            if not staying:
                del held[header]
            elif isinstance(held[header], list):
                held[header] = staying
    return refused


def sent_names(request: Request) -> list[str]:
    """The names of the cookies that the browser sent, each once; no value is looked at."""
    return list(dict.fromkeys(name for name, _ in _sent(request)))


def sent_values(request: Request, name: str) -> list[str]:
    """What the browser sent as cookies of that name: several, where a domain above has one, too."""
    return [value for sent, value in _sent(request) if sent == name]


def sent_value(request: Request, name: str) -> str | None:
    """What the browser sent as the cookie of that name; of several the first, which is the nearest to us."""
    return next(iter(sent_values(request, name)), None)


def _sent(request: Request) -> Iterable[tuple[str, str]]:
    for pair in str(request.headers.get("cookie", "")).split(";"):
        name, equals, value = pair.partition("=")
        if equals and name.strip():
            yield name.strip(), value.strip()


def _attributes(entry: Cookie) -> str:
    return f"{'; HttpOnly' if entry.http_only else ''}; Secure; SameSite=Lax"
