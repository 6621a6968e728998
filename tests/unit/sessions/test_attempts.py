"""Guessing passwords is slowed down at each address, known or not, and what is kept for it tells not whose it is."""

from dataclasses import replace
from datetime import timedelta
from types import MappingProxyType
from typing import Any

import pytest

from privacy.models.attempts import FREE_ATTEMPTS, LONGEST_WAIT_SECONDS, wait_after
from privacy.policy import Period
from sessions.app import build
from sessions.parts import Parts
from tests.unit.engine import NOON, Answer, SetClock, everything, items
from tests.unit.interference import before_each_call, killed_at, once_before, recorded
from tests.unit.sessions.conftest import EMAIL, sign_in

UNKNOWN = "nobody-oxbow@example.org"
WRONG = "not this one, surely"
WAITS = [30, 60, 120, 240, 480, 960, 1200, 1200, 1200]
"""Seconds after the tenth wrong password in a row, after the eleventh, and so on."""


def guess(app: Any, email: str = EMAIL, times: int = 1) -> list[int]:
    return [sign_in(app, email, WRONG).status for _ in range(times)]


def wait_of(answer: Answer) -> int:
    assert answer.status == 429, answer.body
    return int(answer.headers["retry-after"])


def attempts() -> list[int]:
    return [int(row["attempts"]) for row in items("sessions") if "attempts" in row]


# --- the waits -----------------------------------------------------------------------------------------------------


def test_the_first_attempts_are_free_and_then_the_wait_doubles_up_to_its_longest() -> None:
    assert [wait_after(number) for number in range(FREE_ATTEMPTS)] == [0] * 10
    assert [wait_after(FREE_ATTEMPTS + number) for number in range(len(WAITS))] == WAITS
    assert wait_after(10**9) == LONGEST_WAIT_SECONDS


def test_after_ten_wrong_passwords_the_next_ones_wait_longer_and_longer_to_the_second(
    app: Any, account_id: str, clock: SetClock
) -> None:
    assert guess(app, times=10) == [401] * 10
    for wait in WAITS:
        assert wait_of(sign_in(app, password=WRONG)) == wait
        clock.advance(seconds=wait - 1)
        assert wait_of(sign_in(app, password=WRONG)) == 1
        clock.advance(seconds=1)
        assert guess(app) == [401]


def test_the_answer_says_to_slow_down_and_for_how_long(app: Any, account_id: str) -> None:
    guess(app, times=10)
    answer = sign_in(app)
    assert answer.headers["content-type"] == "application/problem+json"
    assert answer.json() == {
        "type": "about:blank",
        "title": "Slow down",
        "status": 429,
        "detail": "too many passwords were tried; wait 30 s",
    }
    assert "set-cookie" not in answer.headers


def test_the_right_password_has_to_wait_like_any_other_and_then_ends_the_counting(
    app: Any, account_id: str, clock: SetClock
) -> None:
    guess(app, times=10)
    assert wait_of(sign_in(app)) == 30
    clock.advance(seconds=29)
    assert wait_of(sign_in(app)) == 1
    clock.advance(seconds=1)
    assert sign_in(app).status == 201
    assert attempts() == []
    assert guess(app, times=10) == [401] * 10


def test_signing_in_well_is_never_slowed_down(app: Any, account_id: str) -> None:
    for _ in range(12):
        assert guess(app) == [401]
        assert sign_in(app).status == 201


def test_knocking_while_waiting_makes_no_wait_longer_and_costs_one_read(
    app: Any, account_id: str, clock: SetClock
) -> None:
    guess(app, times=10)
    before = everything()
    with recorded() as calls:
        for _ in range(50):
            assert wait_of(sign_in(app)) == 30
    assert calls == {"dynamodb.GetItem": 50}  # no account is looked for, and so no password
    assert everything() == before
    clock.advance(seconds=30)
    assert sign_in(app).status == 201


def test_no_password_is_hashed_while_waiting(app: Any, account_id: str, monkeypatch: pytest.MonkeyPatch) -> None:
    guess(app, times=10)
    guess(app, UNKNOWN, times=10)

    def hashed(*_: object) -> bool:
        raise AssertionError("a password was hashed")

    monkeypatch.setattr("sessions.signing_in.matches", hashed)
    assert wait_of(sign_in(app)) == wait_of(sign_in(app, UNKNOWN)) == 30


@pytest.mark.promise("security.measures")
def test_an_attacker_who_never_rests_tries_fewer_than_a_hundred_passwords_a_day(
    app: Any, account_id: str, clock: SetClock
) -> None:
    tried, end = 0, NOON + timedelta(days=1)
    while clock.now < end:
        answer = sign_in(app, password=WRONG)
        if answer.status == 401:
            tried += 1
        else:
            clock.advance(seconds=wait_of(answer))
            assert wait_of(answer) <= LONGEST_WAIT_SECONDS  # an owner among them waits for minutes
    assert 80 < tried < 100


# --- whose they are ------------------------------------------------------------------------------------------------


def test_an_unknown_address_is_slowed_down_like_a_known_one(app: Any, account_id: str, clock: SetClock) -> None:
    told: list[list[tuple[int, bytes, dict[str, str]]]] = []
    for email in (EMAIL, UNKNOWN, "no address at all", ""):
        clock.set(NOON)
        answers = []
        for wait in (0, 29, 1, 59, 1, 0):
            clock.advance(seconds=wait)
            answers += [sign_in(app, email, WRONG) for _ in range(11)]
        told.append([(answer.status, answer.body, answer.headers) for answer in answers])
    assert [status for status, _, _ in told[0]].count(429) == 6 * 11 - 10 - 2
    assert told[0] == told[1] == told[2] == told[3]


def test_an_unknown_address_costs_the_same_calls_at_every_attempt(app: Any, account_id: str) -> None:
    costs: list[list[dict[str, int]]] = []
    for email in (EMAIL, UNKNOWN, "no address at all"):
        guess(app, f"{email}x")  # the secret is asked for once
        cost = []
        for _ in range(12):
            with recorded() as calls:
                guess(app, email)
            cost.append(dict(calls))
        costs.append(cost)
    assert costs[0] == costs[1] == costs[2]


@pytest.mark.parametrize("written", [EMAIL.upper(), f"  {EMAIL} ", EMAIL.title()])
def test_all_writings_of_an_address_are_one(app: Any, account_id: str, written: str) -> None:
    assert guess(app, times=5) == [401] * 5
    assert guess(app, written, times=5) == [401] * 5
    assert wait_of(sign_in(app)) == 30
    assert attempts() == [10]


def test_one_address_is_slowed_down_and_no_other(app: Any, account_id: str) -> None:
    guess(app, UNKNOWN, times=11)
    for typed in ("a@", "b@", "no address", "no addresses"):
        assert guess(app, typed) == [401]
    assert sign_in(app).status == 201


def test_who_is_signed_in_stays_so_while_others_guess(app: Any, account_id: str) -> None:
    cookie = sign_in(app).cookie
    guess(app, times=11)
    assert wait_of(sign_in(app, cookie=cookie)) == 30
    assert [row["account_id"] for row in items("sessions") if "attempts" not in row] == [account_id]


@pytest.mark.promise("visits.unlinked", "signup.password")
def test_what_is_kept_of_an_attempt_names_nobody(app: Any, account_id: str, parts: Parts) -> None:
    visitor = {"CloudFront-Viewer-Address": "198.51.100.23:4711", "User-Agent": "canary-agent-oxbow"}
    for email in (EMAIL, UNKNOWN):
        assert sign_in(app, email, "canary-wrong-oxbow", headers=visitor).status == 401
    rows = [row for row in items("sessions") if "attempts" in row]
    assert len(rows) == 2
    for row in rows:
        assert row.keys() == {"token_hash", "attempts", "last_used_at", "next_at", "shard", "ttl"}
        assert row["ttl"] == row["last_used_at"] + 86400
    stored = everything()
    for secret in (UNKNOWN, "198.51.100.23", "203.0.113.7", "canary-wrong", "canary-agent"):
        assert secret.encode() not in stored
    (account,) = [row for row in items("accounts") if "email_tag" in row]
    kept = repr(rows)
    for tie in (account_id, account["email_tag"], EMAIL, parts.pseudonyms().owner(account_id)):
        assert tie not in kept


def test_a_slow_down_is_in_no_log(app: Any, account_id: str, capfd: pytest.CaptureFixture[str]) -> None:
    guess(app, times=11)
    out, err = capfd.readouterr()
    assert out + err == ""


# --- how long they are kept ----------------------------------------------------------------------------------------


@pytest.mark.parametrize(("seconds", "tries"), [(-1, [401] + [429] * 9), (0, [401] * 10)])
def test_attempts_are_forgotten_a_day_after_the_latest_whether_or_not_they_still_lie_there(
    app: Any, account_id: str, clock: SetClock, seconds: int, tries: list[int]
) -> None:
    guess(app, times=4)
    clock.advance(hours=20)
    guess(app, times=6)
    clock.advance(days=1, seconds=seconds)
    assert attempts() == [10]
    assert guess(app, times=10) == tries


@pytest.mark.promise("policy.single-source")
def test_a_shorter_period_reaches_attempts_that_were_made_already(
    parts: Parts, app: Any, account_id: str, clock: SetClock
) -> None:
    guess(app, times=10)
    shorter = MappingProxyType({**parts.policy.retention, "sessions.attempts": Period.parse("PT10S")})
    changed = replace(parts.attempts, policy=replace(parts.policy, retention=shorter))
    later = build(lambda: replace(parts, attempts=changed))
    clock.advance(seconds=9)
    assert wait_of(sign_in(later)) == 21
    clock.advance(seconds=1)
    assert guess(later, times=10) == [401] * 10


# --- beside each other, and broken off -----------------------------------------------------------------------------


def test_attempts_beside_each_other_are_each_counted_and_none_gets_past_the_limit(app: Any, account_id: str) -> None:
    guess(app, times=8)
    inner: list[int] = []
    with once_before("dynamodb.PutItem", lambda: inner.extend(guess(app, times=5))):
        outer = guess(app)
    assert inner == [401, 401, 429, 429, 429]
    assert outer == [429]
    assert attempts() == [10]


def test_an_attempt_that_others_were_faster_than_is_taken_when_there_is_room(app: Any, account_id: str) -> None:
    with once_before("dynamodb.PutItem", lambda: guess(app)):
        assert sign_in(app).status == 201
    with once_before("dynamodb.PutItem", lambda: sign_in(app)):
        assert guess(app) == [401]
    assert attempts() == [1]


def test_an_attempt_that_others_are_always_faster_than_waits_a_second(app: Any, account_id: str, parts: Parts) -> None:
    table, tag = parts.attempts.table, parts.pseudonyms().of("attempts", EMAIL)

    def others(call: str) -> None:
        if call == "dynamodb.PutItem" and (row := table.get({"token_hash": f"attempt#{tag}"})):
            aws = {"N": str(row["attempts"] + 1)}
            key = {"token_hash": {"S": f"attempt#{tag}"}}
            change = {"attempts": {"Action": "PUT", "Value": aws}}
            table.client.update_item(TableName=table.name, Key=key, AttributeUpdates=change)

    guess(app)
    with before_each_call(others):
        assert wait_of(sign_in(app)) == 1


def test_a_retry_of_the_sdk_that_meets_its_own_first_attempt_only_counts_once_more(
    app: Any, account_id: str, parts: Parts
) -> None:
    class Lossy:
        """DynamoDB whose first answer to a put is lost, so that the SDK sends it again."""

        def __init__(self, real: Any) -> None:
            self.real, self.lost = real, False

        def __getattr__(self, name: str) -> Any:
            return getattr(self.real, name)

        def put_item(self, **call: Any) -> Any:
            if not self.lost:
                self.lost = True
                self.real.put_item(**call)
            return self.real.put_item(**call)

    lossy = replace(parts.attempts, table=replace(parts.attempts.table, client=Lossy(parts.attempts.table.client)))
    assert guess(build(lambda: replace(parts, attempts=lossy))) == [401]
    assert attempts() == [2]


@pytest.fixture
def crashed(app: Any, account_id: str) -> list[int]:
    """The statuses of sign-ins with the right password that broke off at each call in turn, until one went through."""
    statuses: list[int] = []
    while 201 not in statuses:
        with killed_at(len(statuses)):
            statuses.append(sign_in(app).status)
    return statuses


def test_a_sign_in_that_broke_off_counts_at_most_once_and_the_next_one_is_as_good_as_ever(
    app: Any, crashed: list[int]
) -> None:
    assert set(crashed[:-1]) == {500}
    assert len(crashed) < FREE_ATTEMPTS
    assert attempts() == []
    assert guess(app, times=11) == [401] * 10 + [429]
