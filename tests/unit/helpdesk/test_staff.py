"""Who staff are: a token of the issuer, signed with its key, in its time, for us, with a role that the route is for."""

import base64
import hmac
import json
from dataclasses import replace
from datetime import timedelta
from typing import Any

import jwt
import pytest
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

from helpdesk.app import app as helpdesk
from helpdesk.app import build
from helpdesk.parts import Parts
from privacy.models.staff import Role
from privacy.web.callers import CALLERS
from privacy.web.staff import SKEW, KeySet
from tests.unit.engine import NOON, SetClock, items
from tests.unit.staff import Issuer, call

pytestmark = pytest.mark.promise("security.measures")

ROUTE = "/helpdesk/audit"
STAFF_ROUTES = [
    (route, roles)
    for route, roles in CALLERS.items()
    if isinstance(roles, frozenset) and route.split(" ")[1] in helpdesk.routes
]


def status(app: Any, token: str | None) -> int:
    return call(app, token, "GET", ROUTE).status


@pytest.mark.parametrize(("route", "roles"), STAFF_ROUTES)
def test_a_route_of_staff_is_for_the_roles_of_its_row_and_nobody_else(
    app: Any, issuer: Issuer, route: str, roles: frozenset[Role]
) -> None:
    method, path = route.split(" ")
    for role in ("helpdesk", "security", "dpo", "admin"):
        answer = call(app, issuer.token(role), method, path)
        assert (answer.status == 403) == (role not in roles), role
        assert answer.status not in (401, 500)
    without = call(app, None, method, path)
    assert without.status == 401
    assert without.headers["www-authenticate"].startswith("Bearer")
    cookie = call(app, None, method, path, cookie="a-token-of-a-customer")
    assert cookie.status == 401


def test_a_token_counts_to_the_second_of_its_end_give_or_take_the_skew(
    app: Any, issuer: Issuer, clock: SetClock
) -> None:
    ends = NOON + timedelta(hours=1)
    token = issuer.token()
    clock.set(ends + SKEW - timedelta(seconds=1))
    assert status(app, token) == 200
    clock.set(ends + SKEW)
    assert status(app, token) == 401


@pytest.mark.parametrize("claim", ["iat", "nbf"])
def test_a_token_does_not_count_before_its_time(app: Any, issuer: Issuer, clock: SetClock, claim: str) -> None:
    claims: dict[str, Any] = {claim: int((NOON + SKEW).timestamp())}
    token = issuer.token(**claims)
    assert status(app, token) == 200
    clock.set(NOON - timedelta(seconds=1))
    assert status(app, token) == 401


@pytest.mark.parametrize(
    "claims",
    [
        {"iss": "https://elsewhere.example"},
        {"aud": "another-service"},
        {"exp": None},
        {"iat": None},
        {"sub": None},
        {"sub": ""},
        {"roles": None},
        {"roles": "dpo"},
        {"roles": {"dpo": 1}},
        {"roles": [1]},
        {"exp": 1e300},
        {"exp": "soon"},
    ],
    ids=str,
)
def test_a_token_that_lacks_or_bends_a_claim_is_none(app: Any, issuer: Issuer, claims: dict[str, Any]) -> None:
    assert status(app, issuer.token(**claims)) == 401


def test_a_token_of_another_key_is_none(app: Any, issuer: Issuer) -> None:
    assert status(app, issuer.token(key=ec.generate_private_key(ec.SECP256R1()))) == 401
    assert status(app, Issuer(key_id="k2").token()) == 401


def test_a_token_that_was_altered_is_none(app: Any, issuer: Issuer) -> None:
    head, _, signature = issuer.token("helpdesk").split(".")
    _, body, _ = issuer.token("dpo").split(".")
    assert status(app, f"{head}.{body}.{signature}") == 401


def hmac_token(claims: dict[str, Any], secret: bytes) -> str:
    """By hand, for PyJWT makes none with a key that is no secret."""
    parts = [json.dumps({"alg": "HS256", "kid": "k1"}).encode(), json.dumps(claims).encode()]
    signed = b".".join(base64.urlsafe_b64encode(part).rstrip(b"=") for part in parts)
    mac = base64.urlsafe_b64encode(hmac.digest(secret, signed, "sha256")).rstrip(b"=")
    return (signed + b"." + mac).decode()


def test_a_token_without_a_signature_or_signed_with_the_public_key_as_a_secret_is_none(
    app: Any, issuer: Issuer
) -> None:
    body = issuer.token().split(".")[1]
    header = base64.urlsafe_b64encode(json.dumps({"alg": "none", "kid": "k1"}).encode()).decode().rstrip("=")
    assert status(app, f"{header}.{body}.") == 401
    public = issuer.key.public_key().public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo)
    claims = jwt.decode(issuer.token(), options={"verify_signature": False})
    for secret in (public, json.dumps(issuer.document).encode()):
        forged = hmac_token(claims, secret)
        assert status(app, forged) == 401
    other = rsa.generate_private_key(public_exponent=65537, key_size=2048)
    assert status(app, jwt.encode(claims, other, algorithm="RS256", headers={"kid": "k1"})) == 401


@pytest.mark.parametrize(
    "header", ["", "Bearer", "Bearer ", "Basic abc", "Bearer a b", "Bearer " + "x" * 9000, "token"]
)
def test_what_is_no_bearer_token_is_none(app: Any, header: str) -> None:
    assert call(app, None, "GET", ROUTE, headers={"Authorization": header}).status == 401


def test_nobody_that_is_refused_leaves_an_entry(app: Any, issuer: Issuer) -> None:
    call(app, None, "GET", ROUTE)
    call(app, issuer.token("helpdesk"), "GET", ROUTE)
    assert items("audit") == []


# --- the key set -------------------------------------------------------------------------------------------------


class Source:
    """The issuer's address: counts who asks, and can be down."""

    def __init__(self, issuer: Issuer) -> None:
        self.issuer = issuer
        self.asked = 0
        self.down = False

    def __call__(self, url: str) -> dict[str, Any]:
        self.asked += 1
        if self.down:
            raise jwt.PyJWKClientConnectionError("down")
        return self.issuer.document


def test_keys_are_fetched_once_and_anew_when_the_issuer_has_a_new_one(parts: Parts, issuer: Issuer) -> None:
    now = 0.0
    source = Source(issuer)
    keys = KeySet("https://login.example/jwks", source, lambda: now)
    app = build(lambda: replace(parts, key_set=keys))
    assert [status(app, issuer.token()), status(app, issuer.token())] == [200, 200]
    assert source.asked == 1
    for _ in range(5):  # made up keys must not become so many requests of ours
        assert status(app, Issuer(key_id="made-up").token()) == 401
    assert source.asked == 1
    source.issuer = Issuer(key_id="k2")
    now = 11.0
    assert status(app, source.issuer.token()) == 200
    assert status(app, issuer.token()) == 401  # withdrawn
    assert source.asked == 2


def test_a_withdrawn_key_is_worth_nothing_after_five_minutes(parts: Parts, issuer: Issuer) -> None:
    now = 0.0
    source = Source(issuer)
    keys = KeySet("https://login.example/jwks", source, lambda: now)
    app = build(lambda: replace(parts, key_set=keys))
    assert status(app, issuer.token()) == 200
    source.issuer = Issuer(key_id="k2")
    now = 301.0
    assert status(app, issuer.token()) == 401


def test_an_issuer_that_is_down_is_an_answer_that_says_to_try_again(parts: Parts, issuer: Issuer) -> None:
    source = Source(issuer)
    source.down = True
    app = build(lambda: replace(parts, key_set=KeySet("https://login.example/jwks", source)))
    answer = call(app, issuer.token(), "GET", ROUTE)
    assert answer.status == 503
    assert answer.headers["retry-after"]


@pytest.mark.parametrize("source", ["http://login.example/jwks", "file:///etc/passwd", "{", '{"keys": 1}', "{}"])
def test_a_key_set_is_had_over_https_and_nothing_else(parts: Parts, issuer: Issuer, source: str) -> None:
    app = build(lambda: replace(parts, key_set=KeySet(source)))
    assert status(app, issuer.token()) == 503
