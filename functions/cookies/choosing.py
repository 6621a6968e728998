"""What a visitor chose, what their browser says for them, and what has to leave the browser (promise cookies.choice).

The names of the cookies that were sent are looked at, and the value of `td_id` alone.
"""

import ipaddress
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from urllib.parse import urlsplit

from cookies.parts import Parts
from privacy.clock import rfc3339
from privacy.models.consent import COOKIE, Choice, ConsentForm, allowed, read, rejected
from privacy.policy import Policy
from privacy.web.cookies import registered, remove_cookie, set_cookie

REMOVED_AT_ONCE = 16
"""Cookies that one answer removes: its headers have 10,240 bytes
(https://docs.aws.amazon.com/apigateway/latest/developerguide/limits.html). What is more goes with the next answer."""


@dataclass(frozen=True, slots=True)
class Browser:
    """What a browser sent: the names of its cookies, each value of `td_id`, and whether it sends Global Privacy
    Control (https://www.w3.org/TR/gpc/: `Sec-GPC: 1`).
    """

    names: Sequence[str]
    choices: Sequence[str]
    gpc: bool

    @property
    def choice(self) -> str | None:
        """The choice that it carries. Of several that differ none counts: which one is the visitor's nobody can tell,
        since a page below another domain may set one for all of it.
        """
        return self.choices[0] if len(set(self.choices)) == 1 else None


@dataclass(frozen=True, slots=True)
class Consent:
    """What holds for a browser: the choice in force, if there is one, and the lines that set and remove cookies."""

    body: dict[str, Any]
    cookies: list[str]


def show(parts: Parts, browser: Browser) -> Consent:
    """What holds for a browser now. What no choice allows, and a `td_id` that tells none in force, is removed."""
    now = parts.clock()
    choice = _sent(parts.policy, browser, now)
    lost = [COOKIE] if browser.choices and choice is None else []
    return Consent(_body(parts.policy, choice, browser), _removals(parts, choice, browser, lost))


def choose(parts: Parts, form: ConsentForm, browser: Browser) -> Consent:
    """Count a choice, and keep it in the browser. Global Privacy Control rejects analytics, also over a yes.

    Who sends the choice that they carry already, of the same day, is not counted again: a repeated request, mostly.
    """
    now = parts.clock()
    choice = Choice(form.preferences, form.analytics and not browser.gpc, now.date(), parts.policy.version)
    if choice.text != browser.choice:
        parts.choices.count(choice, gpc=browser.gpc)
    keep = set_cookie(parts.policy, COOKIE, choice.text, since=choice.decided_at, now=now)
    domains = _domains(parts.settings.site_url) if len(browser.choices) > 1 else []
    others = [remove_cookie(parts.policy, COOKIE, domain=domain) for domain in domains]
    return Consent(_body(parts.policy, choice, browser), [*others, keep, *_removals(parts, choice, browser, [])])


def _sent(policy: Policy, browser: Browser, now: datetime) -> Choice | None:
    return read(browser.choice, policy, now) if browser.choice is not None else None


def _accepted(choice: Choice | None, browser: Browser) -> tuple[bool, bool]:
    if choice is None:
        return False, False
    return choice.preferences, choice.analytics and not browser.gpc


def _body(policy: Policy, choice: Choice | None, browser: Browser) -> dict[str, Any]:
    preferences, analytics = _accepted(choice, browser)
    return {
        "preferences": preferences,
        "analytics": analytics,
        "decided_at": rfc3339(choice.decided_at) if choice else None,
        "expires_at": rfc3339(choice.expires_at(policy)) if choice else None,
        "gpc": browser.gpc,
        "allowed": allowed(policy, preferences, analytics),
        "rejected": rejected(policy, preferences, analytics),
    }


def _removals(parts: Parts, choice: Choice | None, browser: Browser, lost: list[str]) -> list[str]:
    """The lines that remove what the browser sent and the choice does not allow, by its concrete name: the one of our
    host, and the one of each domain of the website, where scripts of others set theirs.
    """
    policy = parts.policy
    unwanted = frozenset(rejected(policy, *_accepted(choice, browser)))
    entries = ((name, registered(policy, name)) for name in browser.names)
    names = lost + [name for name, entry in entries if entry is not None and entry.name in unwanted]
    domains: list[str | None] = [None, *_domains(parts.settings.site_url)]
    return [
        remove_cookie(policy, name, domain=domain) for name in names[:REMOVED_AT_ONCE] for domain in domains
    ]  # fmt: skip


def _domains(site: str) -> list[str]:
    """The website's host and the domains above it; a browser leaves alone those that are nobody's own."""
    host = urlsplit(site).hostname or ""
    try:
        ipaddress.ip_address(host)
    except ValueError:
        labels = host.split(".")
        return [".".join(labels[start:]) for start in range(len(labels) - 1)]
    return []
