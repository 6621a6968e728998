"""GET /policy, /policy/versions, /policy/versions/{date}, /policy/changes, /cookies, /processors."""

import functools
import hashlib
import json
from collections.abc import Callable
from datetime import date, timedelta
from typing import Any

from chalice.app import Response

from policy import pages, telling
from policy.parts import Parts, assemble
from privacy.policy import Document
from privacy.settings import Deployment, load
from privacy.web import PrivacyApp, ProblemError, answer
from privacy.web.problems import invalid
from privacy.web.requests import parameter, prefers_html

FRESH = 300
"""Seconds that an answer may be kept without asking again, our own choice; never past midnight (UTC), when another
version may take effect."""


def build(parts: Callable[[], Parts]) -> PrivacyApp:
    """The app over its parts, which are asked for at the first request."""
    app = PrivacyApp("policy", site=lambda: parts().settings.site_url)

    def told(data: Callable[[], Any], page: Callable[[str], str], up: str) -> Response:
        """As a page for who prefers one, else as data."""
        wants_page = prefers_html(app.request)
        body = page(up) if wants_page else json.dumps(data(), ensure_ascii=False, separators=(",", ":"))
        raw = body.encode("utf-8")
        tag = f'"{hashlib.sha256(raw).hexdigest()[:32]}"'
        headers = {"ETag": tag, "Cache-Control": f"public, max-age={_fresh(parts())}", "Vary": "Origin, Accept"}
        if wants_page:
            headers["Content-Security-Policy"] = pages.SECURITY
        kind = pages.CONTENT_TYPE if wants_page else "application/json"
        if _known(str(app.request.headers.get("if-none-match", "")), tag):
            return answer(304, headers=headers, content_type=kind)
        return answer(200, raw, headers=headers, content_type=kind)

    @app.view("GET", "/policy")
    def current() -> Response:
        document = parts().in_force
        return told(lambda: telling.version(parts(), document), lambda up: pages.version(parts(), document, up), "")

    @app.view("GET", "/policy/versions")
    def every() -> Response:
        return told(lambda: telling.versions(parts()), lambda up: pages.versions(parts(), up), "../")

    @app.view("GET", "/policy/versions/{date}")
    def one(date: str) -> Response:
        document = _version(parts(), "date", date)
        return told(
            lambda: telling.version(parts(), document), lambda up: pages.version(parts(), document, up), "../../"
        )

    @app.view("GET", "/policy/changes")
    def differences() -> Response:
        later, earlier = parameter(app.request, "to"), parameter(app.request, "from")
        new = _version(parts(), "to", later) if later is not None else parts().in_force
        old = _version(parts(), "from", earlier) if earlier is not None else parts().before(new.version)
        return told(lambda: telling.difference(old, new), lambda up: pages.changes(old, new, up), "../")

    @app.view("GET", "/cookies")
    def cookies() -> Response:
        document = parts().in_force
        return told(lambda: telling.cookies(document), lambda up: pages.cookies(document, up), "")

    @app.view("GET", "/processors")
    def processors() -> Response:
        document = parts().in_force
        return told(lambda: telling.processors(document), lambda up: pages.processors(document, up), "")

    return app


def _version(parts: Parts, name: str, text: str) -> Document:
    """The version of a day. Raises: ProblemError 422 for what is no date, 404 for one without a version."""
    try:
        day = date.fromisoformat(text)
    except ValueError:
        day = None
    if day is None or day.isoformat() != text:
        raise invalid(name, "is a date such as 2026-11-24")
    if day not in parts.versions:
        raise ProblemError(404, "there is no version of that date")
    return parts.versions[day]


def _fresh(parts: Parts) -> int:
    now = parts.clock()
    midnight = (now + timedelta(days=1)).replace(hour=0, minute=0, second=0, microsecond=0)
    return min(FRESH, int((midnight - now).total_seconds()))


def _known(sent: str, tag: str) -> bool:
    """Whether an If-None-Match header has a tag (RFC 9110, 13.1.2)."""
    return sent.strip() == "*" or tag in (each.strip().removeprefix("W/") for each in sent.split(","))


app = build(functools.cache(lambda: assemble(load(Deployment))))
