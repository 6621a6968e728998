"""Staff by their bearer token: a JWT (RFC 7519, with the care of RFC 8725) of the configured issuer, checked with the
issuer's key set (RFC 7517).
"""

import json
import time
from collections.abc import Callable, Collection
from contextlib import suppress
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any, Protocol

import jwt
from chalice.app import Request

from privacy.clock import Clock
from privacy.models.staff import Role, Staff
from privacy.settings import Deployment
from privacy.vault.tokens import Pseudonyms
from privacy.web.callers import roles_of
from privacy.web.problems import ProblemError, unavailable

ALGORITHMS = ("ES256", "RS256", "PS256", "EdDSA")
"""Signatures with a key pair only: with a shared key, who checks tokens could make them."""

SKEW = timedelta(seconds=60)
"""How far the issuer's clock may be from ours."""

_FRESH_SECONDS = 300.0
"""How long a key set is taken for granted: by then a key that its issuer withdrew is worth nothing here."""

_RELOAD_SECONDS = 10.0
"""Between two looks for a key that is not in the set: tokens that somebody makes up must not become our requests."""

_LONGEST_TOKEN = 8192


class StaffSettings(Deployment):
    """`staff_issuer` and `staff_audience` are the tokens' `iss` and `aud`; `staff_key_set` is the https address of the
    issuer's key set, or the key set itself.
    """

    staff_issuer: str
    staff_audience: str
    staff_key_set: str


class KeySetError(Exception):
    """The issuer's key set cannot be had."""


@dataclass(slots=True)
class KeySet:
    """The public keys of the issuer, by their ids, kept for minutes."""

    source: str
    fetch: Callable[[str], dict[str, Any]] = field(default=lambda url: _fetched(url))
    monotonic: Callable[[], float] = time.monotonic
    keys: dict[str, jwt.PyJWK] = field(default_factory=dict, repr=False)
    loaded_at: float | None = None

    def key(self, key_id: str) -> jwt.PyJWK | None:
        """A key by its id, or None when the issuer has none such. Raises: KeySetError."""
        age = None if self.loaded_at is None else self.monotonic() - self.loaded_at
        if age is None or age > _FRESH_SECONDS or (key_id not in self.keys and age > _RELOAD_SECONDS):
            self._load()
        return self.keys.get(key_id)

    def _load(self) -> None:
        try:
            document = json.loads(self.source) if self.source.startswith("{") else self.fetch(self.source)
            listed = list(document["keys"])
        except (jwt.PyJWKClientError, ValueError, KeyError, TypeError):
            raise KeySetError("the key set of the issuer of staff tokens cannot be had") from None
        keys: dict[str, jwt.PyJWK] = {}
        for entry in listed:
            with suppress(jwt.PyJWTError):  # one of a kind that we do not know signs nothing that we take
                key = jwt.PyJWK(entry)
                keys[key.key_id or ""] = key
        self.keys, self.loaded_at = keys, self.monotonic()


class Employers(Protocol):
    """The parts of a function that staff call, as far as they say who is calling."""

    @property
    def settings(self) -> StaffSettings:
        """Who issues tokens."""

    @property
    def clock(self) -> Clock:
        """The time of the request."""

    @property
    def key_set(self) -> KeySet:
        """The issuer's keys."""


class NamesStaff:
    """A base for the parts of a function that staff call: by what name a member of staff is kept anywhere."""

    __slots__ = ()

    pseudonyms: Callable[[], Pseudonyms]

    def pseudonym(self, staff: Staff) -> str:
        """The keyed pseudonym of a member of staff, in the audit trail, a grant or a hold."""
        return self.pseudonyms().of("staff", staff.subject)


def staff(request: Request, parts: Employers) -> tuple[Staff, datetime]:
    """The member of staff that calls, with a role that the route is for (`privacy.web.callers`), and the time.

    Raises: ProblemError 401 without a token that counts, 403 without such a role, 503 when the issuer's keys cannot be
    had.
    """
    now = parts.clock()
    claims = _claims(request, parts, now)
    known = {role.value: role for role in Role}
    listed = claims["roles"]
    caller = Staff(claims["sub"], frozenset(known[name] for name in listed if name in known))
    wanted = roles_of(request.method, str(request.context["resourcePath"]))
    if not caller.roles & wanted:
        raise ProblemError(403, f"this is for the role {' or '.join(sorted(role.value for role in wanted))}")
    return caller, now


def _claims(request: Request, parts: Employers, now: datetime) -> dict[str, Any]:
    scheme, _, token = str(request.headers.get("authorization", "")).partition(" ")
    if scheme.lower() != "bearer" or not 0 < len(token) <= _LONGEST_TOKEN:
        raise _unauthorized("send a bearer token")
    settings = parts.settings
    try:
        header = jwt.get_unverified_header(token)
        key_id = header.get("kid")
        key = parts.key_set.key(key_id) if isinstance(key_id, str) else None
        if key is None or header.get("alg") not in ALGORITHMS or key.algorithm_name != header["alg"]:
            raise _unauthorized("the token is not signed by the issuer")
        claims: dict[str, Any] = jwt.decode(
            token,
            key,
            algorithms=[key.algorithm_name],
            issuer=settings.staff_issuer,
            audience=settings.staff_audience,
            # The times are ours to check, by our own clock.
            options={"require": ["exp", "iat", "sub"], "verify_exp": False, "verify_iat": False, "verify_nbf": False},
        )
    except KeySetError:
        raise unavailable("the issuer of staff tokens does not answer; try again") from None
    except (jwt.PyJWTError, ValueError):
        raise _unauthorized("the token is not valid") from None
    if not _in_time(claims, now):
        raise _unauthorized("the token has expired, or is not valid yet")
    if not _is_text(claims["sub"]) or not _are_texts(claims.get("roles")):
        raise _unauthorized("the token names no person or no roles")
    return claims


def _in_time(claims: dict[str, Any], now: datetime) -> bool:
    """Whether a token counts at this moment: from its `iat` and `nbf` on, and before its `exp`, give or take `SKEW`."""
    try:
        ends = datetime.fromtimestamp(int(claims["exp"]), UTC)
        begins = [datetime.fromtimestamp(int(claims[name]), UTC) for name in ("iat", "nbf") if name in claims]
    except (ValueError, TypeError, OverflowError, OSError):
        return False
    return now < ends + SKEW and all(begin <= now + SKEW for begin in begins)


def _is_text(value: Any) -> bool:
    return isinstance(value, str) and 0 < len(value) <= 200


def _are_texts(value: Any) -> bool:
    return isinstance(value, Collection) and not isinstance(value, str | dict) and all(map(_is_text, value))


def _unauthorized(detail: str) -> ProblemError:
    return ProblemError(401, detail, headers={"WWW-Authenticate": 'Bearer realm="staff"'})


def _fetched(url: str) -> dict[str, Any]:
    """A key set over https. Raises: jwt.PyJWKClientError, ValueError for another scheme."""
    if not url.startswith("https://"):
        raise ValueError("a key set is had over https")
    fetched: dict[str, Any] = jwt.PyJWKClient(url, cache_jwk_set=False, timeout=5).fetch_data()
    return fetched
