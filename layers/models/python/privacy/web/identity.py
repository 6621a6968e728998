"""Who is calling: a customer by their session cookie; and the cookie itself."""

from collections.abc import Callable
from datetime import datetime
from typing import Any, Protocol

from chalice.app import Request

from privacy.clock import Clock
from privacy.models.sessions import Session
from privacy.policy import Policy
from privacy.settings import Deployment
from privacy.tables.sessions import Sessions
from privacy.vault.tokens import Pseudonyms, session_hash
from privacy.web.cookies import headers, remove_cookie, sent_value, set_cookie
from privacy.web.problems import ProblemError

COOKIE = "session_id"

_LONGEST_TOKEN = 200


class Customers(Protocol):
    """The parts of a function that customers call, as far as they say who is calling."""

    @property
    def settings(self) -> Deployment:
        """The site that a change must come from."""

    @property
    def clock(self) -> Clock:
        """The time of the request."""

    @property
    def sessions(self) -> Sessions:
        """The sessions, found by their token."""

    @property
    def pseudonyms(self) -> Callable[[], Pseudonyms]:
        """What turns an account into the owner of its databases."""


def cookie_token(request: Request) -> str | None:
    """The session token that the request's cookie carries, whatever it is worth."""
    token = sent_value(request, COOKIE) or ""
    return token if 0 < len(token) <= _LONGEST_TOKEN and token.isascii() else None


def customer(request: Request, sessions: Sessions, site: str, now: datetime) -> Session:
    """The caller's session, its use counted.

    A request that changes something must come from our site or say that it comes from a script (api.md): a form on
    another site can do neither.

    Raises: ProblemError 401 without a living session, 403 for a change from elsewhere.
    """
    token = cookie_token(request)
    refuse_from_elsewhere(request, site)
    session = sessions.use(session_hash(token), now) if token else None
    if session is None:
        raise ProblemError(401, "there is no session, or it has ended; sign in")
    return session


def caller(request: Request, parts: Customers) -> tuple[str, datetime]:
    """The owner that the caller is (a pseudonym), and the time of the request. Raises: ProblemError 401 or 403."""
    _, owner, now = account_caller(request, parts)
    return owner, now


def account_caller(request: Request, parts: Customers) -> tuple[str, str, datetime]:
    """The caller's account, beside what `caller` tells: for a write that carries a condition on the account's state.

    Raises: ProblemError 401 or 403.
    """
    now = parts.clock()
    session = customer(request, parts.sessions, parts.settings.site_url, now)
    return session.account_id, parts.pseudonyms().owner(session.account_id), now


def refuse_from_elsewhere(request: Request, site: str) -> None:
    """Raises: ProblemError 403 for a change that neither comes from our site nor says that a script makes it."""
    if request.method not in ("GET", "HEAD") and not _from_us(request, site):
        raise ProblemError(403, "send an Origin of ours or the header X-Requested-With")


def session_cookie(policy: Policy, token: str, began: datetime) -> dict[str, Any]:
    """The header that gives a browser its session: it outlasts every session, which ends by itself."""
    return headers([set_cookie(policy, COOKIE, token, since=began, now=began)])


def no_session_cookie(policy: Policy) -> dict[str, Any]:
    """The header that takes a browser's session away."""
    return headers([remove_cookie(policy, COOKIE)])


def refuse_other_sites(request: Request, site: str) -> None:
    """For public routes that sign somebody in: a page of another site may not do it in a visitor's browser, or the
    visitor would work in somebody else's account. Who sends no Origin is no browser.

    Raises: ProblemError 403.
    """
    if request.headers.get("origin") and not _from_us(request, site):
        raise ProblemError(403, "send an Origin of ours or the header X-Requested-With")


def _from_us(request: Request, site: str) -> bool:
    origin = request.headers.get("origin")
    if origin:
        return str(origin).rstrip("/").lower() == site.rstrip("/").lower()
    return bool(request.headers.get("x-requested-with"))
