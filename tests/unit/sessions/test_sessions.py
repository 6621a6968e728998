"""Signing in, using a session and signing out; the two limits that end a session to the second."""

import time
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from types import MappingProxyType
from typing import Any

import pytest

import signup.app
import signup.parts
from privacy.policy import Period
from privacy.settings import load
from privacy.vault.tokens import session_hash
from sessions.app import build
from sessions.parts import Parts
from tests.unit.engine import SITE, Answer, SetClock, environment, everything, http, items, sample, send
from tests.unit.people import PASSWORD, confirmed
from tests.unit.sessions.conftest import EMAIL, sign_in

OURS = {"Origin": SITE}


def token(app: Any, **request: Any) -> str:
    answer = sign_in(app, **request)
    assert answer.status == 201, answer.body
    assert answer.cookie
    return answer.cookie


def living() -> list[dict[str, Any]]:
    """The sessions in their table, without the attempts beside them."""
    return [row for row in items("sessions") if "attempts" not in row]


def current(app: Any, cookie: str | None) -> Answer:
    return http(app, "GET", "/sessions/current", cookie=cookie)


# --- signing in ----------------------------------------------------------------------------------------------------


def test_signing_in_gives_a_session_and_its_cookie(app: Any, account_id: str) -> None:
    answer = sign_in(app)
    assert answer.json() == {"account_id": account_id, "expires_at": "2026-12-01T12:00:00Z"}
    assert answer.cookie
    assert answer.headers["set-cookie"] == (
        f"session_id={answer.cookie}; Path=/; Max-Age=7948800; HttpOnly; Secure; SameSite=Lax"
    )
    assert len(answer.cookie) == 43  # 256 bits


@pytest.mark.parametrize("email", [EMAIL.upper(), f"  {EMAIL} "])
def test_an_address_is_the_same_in_any_case(app: Any, account_id: str, email: str) -> None:
    assert sign_in(app, email).status == 201


def test_a_password_is_the_same_in_any_unicode_form(stores: None, clock: SetClock, app: Any) -> None:
    settings = load(signup.parts.SignupSettings, environment("SignupFunction", CaptchaVerifier="local"))
    signup_parts = signup.parts.assemble(settings, clock)
    confirmed(signup.app.build(lambda: signup_parts), signup_parts, "registration", password="Ünïcödé pässwörd")
    assert sign_in(app, password="U\u0308nïcödé pässwörd").status == 201
    assert sign_in(app, password="Unicode password").status == 401


@pytest.mark.promise("sessions.max-age")
def test_every_sign_in_has_a_new_id(app: Any, account_id: str) -> None:
    assert len({token(app) for _ in range(3)}) == 3
    assert len(items("sessions")) == 3


@pytest.mark.promise("sessions.max-age")
def test_the_session_that_a_browser_had_before_ends_when_it_signs_in_again(app: Any, account_id: str) -> None:
    old = token(app)
    new = token(app, cookie=old)
    assert current(app, old).status == 401
    assert current(app, new).status == 200
    assert len(items("sessions")) == 1


def test_a_refused_sign_in_ends_no_session(app: Any, account_id: str) -> None:
    old = token(app)
    assert sign_in(app, password="not this one, surely", cookie=old).status == 401
    assert current(app, old).status == 200


WRONG = [
    (EMAIL, "not this one, surely"),
    (EMAIL, PASSWORD + " "),
    (EMAIL, PASSWORD.upper()),
    (EMAIL, ""),
    ("nobody@example.org", PASSWORD),
    ("no address at all", PASSWORD),
    ("", PASSWORD),
    ("\x00\u202e@", "\x00"),
    (EMAIL, "x" * 512),
    ("x" * 318, PASSWORD),
]


@pytest.mark.promise("signup.password")
def test_whatever_is_wrong_the_answer_is_the_same(app: Any, account_id: str) -> None:
    answers = [sign_in(app, email, password) for email, password in WRONG]
    assert {answer.status for answer in answers} == {401}
    assert len({answer.body for answer in answers}) == 1
    assert not any("set-cookie" in answer.headers for answer in answers)
    assert living() == []


def test_an_account_without_a_password_cannot_be_signed_in_to(stores: None, clock: SetClock, app: Any) -> None:
    settings = load(signup.parts.SignupSettings, environment("SignupFunction", CaptchaVerifier="local"))
    signup_parts = signup.parts.assemble(settings, clock)
    confirmed(signup.app.build(lambda: signup_parts), signup_parts, "download")
    for password in ("", "no password is this one", PASSWORD):
        assert sign_in(app, password=password).status == 401


class _Counting:
    """A table's client that remembers the calls."""

    def __init__(self, real: Any) -> None:
        self.real = real
        self.calls: list[str] = []

    def __getattr__(self, name: str) -> Any:
        self.calls.append(name)
        return getattr(self.real, name)


def test_an_unknown_address_costs_the_same_calls_as_a_wrong_password(parts: Parts, account_id: str) -> None:
    made: list[list[str]] = []
    for email in (EMAIL, "nobody@example.org", "no address"):
        counting = _Counting(parts.accounts.table.client)
        accounts = replace(parts.accounts, table=replace(parts.accounts.table, client=counting))
        attempts = replace(parts.attempts, table=replace(parts.attempts.table, client=counting))
        counted = replace(parts, accounts=accounts, attempts=attempts)
        app = build(lambda counted=counted: counted)  # type: ignore[misc]
        assert sign_in(app, email, "not this one, surely").status == 401
        made.append(counting.calls)
    assert made[0] == made[1] == made[2] == ["get_item", "put_item", "get_item", "get_item"]


def test_an_unknown_address_takes_as_long_as_a_wrong_password(app: Any, account_id: str, clock: SetClock) -> None:
    fastest: dict[str, float] = {}
    for _ in range(10):  # the least that each has taken: what else the machine does matters less with every round
        for email in [EMAIL, "nobody@example.org"] * 4:
            clock.advance(days=1)  # or they would be too many attempts
            began = time.perf_counter()
            assert sign_in(app, email, "not this one, surely").status == 401
            fastest[email] = min(fastest.get(email, 1e9), time.perf_counter() - began)
        if 0.5 < fastest[EMAIL] / fastest["nobody@example.org"] < 2.0:
            return
    raise AssertionError("one takes longer")  # hashing takes most of it; without it one is a tenth of the other


@pytest.mark.parametrize(
    ("body", "fields"),
    [
        ({}, ["email", "password"]),
        ({"email": EMAIL}, ["password"]),
        ({"email": 7, "password": None}, ["email", "password"]),
        ({"email": [EMAIL], "password": {"a": 1}}, ["email", "password"]),
        ({"email": EMAIL, "password": PASSWORD, "remember": True}, ["(unknown)"]),
        ({"email": "x" * 319, "password": PASSWORD}, ["email"]),
        ({"email": EMAIL, "password": "x" * 513}, ["password"]),
    ],
)
def test_a_sign_in_is_an_address_and_a_password_of_bounded_length(app: Any, body: Any, fields: list[str]) -> None:
    answer = http(app, "POST", "/sessions", body=body)
    assert (answer.status, sorted(answer.errors)) == (422, fields)
    assert EMAIL.encode() not in answer.body


@pytest.mark.parametrize(
    ("name", "status"),
    [("sign-in", 401), ("bad-password", 401), ("bad-unknown-address", 401), ("bad-over-long", 422),
     ("current", 401), ("bad-forged-cookie", 401), ("sign-out", 204), ("bad-sign-out-from-elsewhere", 403)],
)  # fmt: skip
def test_the_sample_events_get_their_answers_from_an_empty_system(app: Any, name: str, status: int) -> None:
    assert send(app, sample(f"sessions/{name}")).status == status
    assert living() == []
    tried = name in ("sign-in", "bad-password", "bad-unknown-address")
    assert len(everything().splitlines()) == int(tried)  # the attempt, whose counting tells nothing (test_attempts)


@pytest.mark.promise("visits.unlinked")
def test_the_address_of_a_sign_in_is_sealed_and_nowhere_in_clear(app: Any, account_id: str, parts: Parts) -> None:
    sign_in(app, headers={"CloudFront-Viewer-Address": "198.51.100.23:4711", "User-Agent": "canary-agent-oxbow"})
    (row,) = items("sessions")
    assert row.keys() == {
        "token_hash", "account_id", "created_at", "last_used_at", "sealed_address", "shard", "ttl"
    }  # fmt: skip
    for secret in (b"198.51.100.23", b"canary-agent"):
        assert secret not in everything()
    with pytest.raises(parts.addresses.kms.exceptions.InvalidCiphertextException):
        parts.addresses.kms.decrypt(CiphertextBlob=row["sealed_address"], EncryptionContext={"session": "another"})


def test_a_token_is_in_no_store(app: Any, account_id: str) -> None:
    cookie = token(app)
    assert cookie.encode() not in everything()
    assert items("sessions")[0]["token_hash"] == session_hash(cookie)


# --- using it ------------------------------------------------------------------------------------------------------


def test_a_look_at_the_session_counts_as_use(app: Any, account_id: str, clock: SetClock) -> None:
    cookie = token(app)
    clock.advance(days=3)
    assert current(app, cookie).json() == {
        "account_id": account_id,
        "created_at": "2026-11-24T12:00:00Z",
        "last_used_at": "2026-11-27T12:00:00Z",
        "expires_at": "2026-12-04T12:00:00Z",
    }


@pytest.mark.promise("sessions.idle")
def test_an_unused_session_is_worth_something_to_its_last_second_and_nothing_after(
    app: Any, account_id: str, clock: SetClock
) -> None:
    idle, used = token(app), token(app)
    clock.advance(days=7, seconds=-1)
    assert current(app, used).status == 200
    clock.advance(seconds=1)
    assert current(app, idle).status == 401
    assert current(app, used).status == 200
    assert len(items("sessions")) == 2  # it still lies there: unreadable is not the same as removed


@pytest.mark.promise("sessions.max-age")
@pytest.mark.parametrize(
    ("began", "ends"),
    [
        (datetime(2026, 11, 30, 8, 0, tzinfo=UTC), datetime(2027, 2, 28, 8, 0, tzinfo=UTC)),
        (datetime(2027, 11, 30, 8, 0, tzinfo=UTC), datetime(2028, 2, 29, 8, 0, tzinfo=UTC)),
        (datetime(2027, 1, 31, 23, 59, 59, tzinfo=UTC), datetime(2027, 4, 30, 23, 59, 59, tzinfo=UTC)),
    ],
)
def test_a_session_used_daily_still_ends_after_three_months(
    app: Any, account_id: str, clock: SetClock, began: datetime, ends: datetime
) -> None:
    clock.set(began)
    cookie = token(app)
    while clock.now + timedelta(days=1) < ends:
        clock.advance(days=1)
        assert current(app, cookie).status == 200
    clock.set(ends - timedelta(seconds=1))
    assert current(app, cookie).json()["expires_at"] == ends.strftime("%Y-%m-%dT%H:%M:%SZ")
    clock.set(ends)
    assert current(app, cookie).status == 401


@pytest.mark.promise("sessions.idle")
def test_a_use_after_the_end_brings_nothing_back(app: Any, account_id: str, clock: SetClock) -> None:
    cookie = token(app)
    clock.advance(days=7)
    before = items("sessions")
    for _ in range(2):
        assert current(app, cookie).status == 401
    assert items("sessions") == before


@pytest.mark.promise("sessions.idle", "policy.single-source")
def test_a_shorter_period_reaches_sessions_that_exist_already(
    parts: Parts, app: Any, account_id: str, clock: SetClock
) -> None:
    cookie = token(app)
    shorter = MappingProxyType({**parts.policy.retention, "sessions.idle": Period.parse("P1D")})
    changed = replace(parts.policy, retention=shorter)
    later = build(lambda: replace(parts, policy=changed, sessions=replace(parts.sessions, policy=changed)))
    clock.advance(days=1)
    assert current(later, cookie).status == 401


@pytest.mark.promise("sessions.max-age")
def test_a_forged_or_broken_cookie_is_no_session(app: Any, account_id: str) -> None:
    token(app)
    before = everything()
    for cookie in (None, "", "x", "A" * 43, "A" * 201, "é", "a b", '"', "\x00", "session_id=session_id", "../../etc"):
        assert current(app, cookie).status == 401
    assert everything() == before


def test_the_stored_hash_is_no_cookie(app: Any, account_id: str) -> None:
    token(app)
    assert current(app, items("sessions")[0]["token_hash"]).status == 401


def test_a_cookie_among_others_is_found(app: Any, account_id: str) -> None:
    event = sample("sessions/current")
    cookie = token(app)
    for headers in (event["headers"], event["multiValueHeaders"]):
        headers["Cookie"] = str(headers["Cookie"]).replace("put-a-token-of-a-cookie-here", cookie).strip("[]'")
    assert send(app, event).status == 200


# --- signing out ---------------------------------------------------------------------------------------------------


@pytest.mark.promise("sessions.max-age")
def test_after_signing_out_the_cookie_is_worth_nothing(app: Any, account_id: str) -> None:
    cookie, other = token(app), token(app)
    answer = http(app, "DELETE", "/sessions/current", cookie=cookie, headers=OURS)
    assert (answer.status, answer.body) == (204, b"")
    assert answer.headers["set-cookie"] == "session_id=; Path=/; Max-Age=0; HttpOnly; Secure; SameSite=Lax"
    assert current(app, cookie).status == 401
    assert current(app, other).status == 200
    assert len(items("sessions")) == 1


@pytest.mark.parametrize("cookie", [None, "A" * 43])
def test_signing_out_twice_or_without_a_session_is_the_same(app: Any, cookie: str | None) -> None:
    for _ in range(2):
        assert http(app, "DELETE", "/sessions/current", cookie=cookie, headers=OURS).status == 204


FROM = [
    ({}, 403),
    ({"Origin": "https://elsewhere.example"}, 403),
    ({"Origin": "null"}, 403),
    ({"Origin": "https://perfectwork.app.elsewhere.example"}, 403),
    ({"Origin": "https://elsewhere.example", "X-Requested-With": "fetch"}, 403),
    ({"X-Requested-With": "fetch"}, 204),
    ({"Origin": "https://perfectwork.app"}, 204),
]


def test_only_our_site_or_a_script_may_sign_out(app: Any, account_id: str) -> None:
    for headers, status in FROM:
        cookie = token(app)
        assert http(app, "DELETE", "/sessions/current", cookie=cookie, headers=headers).status == status, headers
        assert current(app, cookie).status == (200 if status == 403 else 401)


def test_answers_are_kept_by_no_cache_and_readable_by_our_site_alone(app: Any, account_id: str) -> None:
    for answer in (sign_in(app), sign_in(app, password="not this one, surely"), current(app, None)):
        assert answer.headers["cache-control"] == "no-store"
        assert answer.headers["access-control-allow-origin"] == SITE


@pytest.mark.promise("signup.password")
def test_nothing_that_a_customer_sends_is_in_any_log(
    parts: Parts, account_id: str, capfd: pytest.CaptureFixture[str], caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level("INFO")

    class Broken:
        key = ""

        def seal(self, address: str | None, token_hash: str) -> bytes:
            raise RuntimeError(f"a defect that tells {address}, {EMAIL} and {PASSWORD}")

    app = build(lambda: replace(parts, addresses=Broken()))  # type: ignore[arg-type]  # a fake by hand
    working = build(lambda: parts)
    assert sign_in(app).status == 500
    cookie = token(working)
    assert sign_in(working, password="canary-wrong-oxbow and more", cookie="canary-cookie-oxbow").status == 401
    current(working, cookie)
    out, err = capfd.readouterr()
    assert '"RuntimeError"' in out
    for secret in ("oxbow", "Oxbow", cookie, "203.0.113.7"):
        assert secret not in out + err + caplog.text


def test_a_page_of_another_site_cannot_sign_a_visitor_in(app: Any, account_id: str) -> None:
    for headers, status in (
        ({}, 201),
        ({"Origin": SITE}, 201),
        ({"Origin": "https://elsewhere.example"}, 403),
        ({"Origin": "null"}, 403),
    ):
        answer = sign_in(app, headers=headers)
        assert (answer.status, answer.cookie is not None) == (status, status == 201), headers
