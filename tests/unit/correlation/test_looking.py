"""Bringing both sides together: which sessions, which visits, and what is told when it is not all of it."""

from dataclasses import replace
from datetime import datetime, timedelta
from typing import Any

import pytest
from boto3.dynamodb.conditions import Attr

from correlation import looking
from correlation.parts import Parts
from privacy.clock import rfc3339
from privacy.models import holds
from privacy.models.correlations import Ground, Question
from privacy.models.holds import Hold, Scope, VisitScope
from privacy.models.ids import new_id
from privacy.models.sessions import Session
from privacy.tables.store import Table
from privacy.vault.tokens import new_session_token, session_hash
from tests.unit.correlation.conftest import ADDRESS, HOUR, Gate, trail, visit
from tests.unit.engine import NOON, SetClock, items, table
from tests.unit.interference import recorded

pytestmark = pytest.mark.promise("correlation.gate")

SECOND, MINUTE, DAY = timedelta(seconds=1), timedelta(minutes=1), timedelta(days=1)
ELSEWHERE = "198.51.100.9"


def session(
    parts: Parts, account_id: str, created_at: datetime, address: str | None, *, used: datetime | None = None
) -> str:
    """A session of an account; its token's hash."""
    hashed = session_hash(new_session_token())
    sealed = parts.addresses.seal(address, hashed)
    parts.sessions.create(Session(hashed, account_id, created_at, used or created_at, sealed))
    return hashed


def look(parts: Parts, account_id: str, first: datetime, last: datetime, **more: Any) -> looking.Result:
    return looking.correlate(parts, Question(account_id, first, last, "case"), Ground.LAW, parts.clock(), **more)


def times(result: looking.Result) -> list[str]:
    return [entry["visited_at"] for entry in result.visits]


def test_both_ends_of_the_window_count_and_the_seconds_around_it_do_not(parts: Parts, clock: SetClock) -> None:
    account, first, last = new_id("acc"), NOON, NOON + MINUTE
    session(parts, account, NOON, ADDRESS)
    for instant in (first - SECOND, first, last, last + SECOND):
        visit(instant)
    clock.set(NOON + HOUR)
    assert times(look(parts, account, first, last)) == [rfc3339(first), rfc3339(last)]


def test_visits_come_in_the_order_of_their_time(parts: Parts, clock: SetClock) -> None:
    account = new_id("acc")
    session(parts, account, NOON, ADDRESS)
    for number in (5, 1, 4, 2, 3):
        visit(NOON + number * SECOND)
    assert times(look(parts, account, NOON, NOON + HOUR)) == [rfc3339(NOON + n * SECOND) for n in range(1, 6)]


def test_sessions_count_that_were_in_use_in_the_window(parts: Parts, clock: SetClock) -> None:
    account, first, last = new_id("acc"), NOON + DAY, NOON + 2 * DAY
    session(parts, account, first - SECOND, "192.0.2.1")
    session(parts, account, first - DAY, "192.0.2.2", used=first)
    session(parts, account, last, "192.0.2.3")
    session(parts, account, last + SECOND, "192.0.2.4")
    session(parts, new_id("acc"), first, "192.0.2.5")
    for number in range(1, 6):
        visit(first, f"192.0.2.{number}")
    clock.set(NOON + 3 * DAY)
    result = look(parts, account, first, last)
    assert [entry["address"] for entry in result.sessions] == ["192.0.2.2", "192.0.2.3"]
    assert {entry["address"] for entry in result.visits} == {"192.0.2.2", "192.0.2.3"}


def test_what_has_expired_is_on_neither_side_to_the_second(parts: Parts, clock: SetClock) -> None:
    account = new_id("acc")
    session(parts, account, NOON, ADDRESS)
    clock.set(NOON + 7 * DAY - SECOND)
    assert len(look(parts, account, NOON, NOON + HOUR).sessions) == 1
    clock.set(NOON + 7 * DAY)
    assert look(parts, account, NOON, NOON + HOUR).sessions == []

    old = NOON - 365 * DAY
    session(parts, account, old, ADDRESS, used=NOON + 7 * DAY)
    visit(old)
    table("sessions").update(
        {"token_hash": next(row["token_hash"] for row in items("sessions") if row["created_at"] < NOON.timestamp())},
        {"created_at": int((NOON - DAY).timestamp())},
        Attr("token_hash").exists(),
    )
    window = (old, NOON + DAY)
    clock.set(NOON - SECOND)
    assert times(look(parts, account, *window)) == [rfc3339(old)]
    clock.set(NOON)
    assert times(look(parts, account, *window)) == []


@pytest.mark.promise("visits.retention")
def test_what_a_hold_keeps_past_its_date_is_read_for_its_ground_and_for_no_other(parts: Parts, clock: SetClock) -> None:
    account = new_id("acc")
    session(parts, account, NOON, ADDRESS)
    visit(NOON)
    for number, scope in enumerate((Scope(account_id=account), Scope(visits=VisitScope(addresses=ADDRESS)))):
        begun, until = NOON, NOON + 730 * DAY
        hold = Hold(f"hld_{number}", "owner", holds.Ground.LAW, "a case", scope, begun, until)
        parts.holds.create(hold)
        parts.holds.put_in_force(hold, begun)
    asked = Question(account, NOON, NOON + HOUR, "case")
    clock.set(NOON + 400 * DAY)
    kept = looking.correlate(parts, asked, Ground.LAW, clock())
    assert ([entry["address"] for entry in kept.sessions], times(kept)) == ([ADDRESS], [rfc3339(NOON)])
    other = looking.correlate(parts, asked, Ground.SECURITY, clock())
    assert (other.sessions, other.visits) == ([], [])
    clock.set(NOON + 730 * DAY)
    over = looking.correlate(parts, asked, Ground.LAW, clock())
    assert (over.sessions, over.visits) == ([], [])


def test_an_address_is_the_same_in_whatever_way_it_is_written(parts: Parts, clock: SetClock) -> None:
    account = new_id("acc")
    session(parts, account, NOON, "::ffff:203.0.113.7")
    session(parts, account, NOON + SECOND, "2001:db8::7")
    visit(NOON)
    visit(NOON, "2001:db8::7")
    visit(NOON, "2001:db8::8")
    visit(NOON, None)
    assert {entry["address"] for entry in look(parts, account, NOON, NOON + HOUR).visits} == {ADDRESS, "2001:db8::7"}


def test_a_session_without_an_address_is_told_and_finds_no_visits(parts: Parts, clock: SetClock) -> None:
    account = new_id("acc")
    session(parts, account, NOON, None)
    visit(NOON, None)
    visit(NOON)
    with recorded() as calls:
        result = look(parts, account, NOON, NOON + HOUR)
    assert [(entry["address"], entry["seal"]) for entry in result.sessions] == [(None, "none")]
    assert (result.visits, result.complete, result.broken) == ([], True, 0)
    assert calls == {"dynamodb.Query": 2}  # the sessions, and the holds


@pytest.mark.promise("visits.unlinked")
@pytest.mark.parametrize("forged", ["moved", "altered", "made up"])
def test_a_seal_that_is_not_its_sessions_own_is_told_and_no_more(
    gate: Gate, parts: Parts, account_id: str, forged: str
) -> None:
    """Who can write to the table can put one person's sealed address on another's session: it does not open there."""
    (own,) = items("sessions")
    other = session(parts, new_id("acc"), NOON, ELSEWHERE)
    moved = next(row["sealed_address"] for row in items("sessions") if row["token_hash"] == other)
    sealed = own["sealed_address"]
    altered, made_up = bytes([*sealed[:-1], sealed[-1] ^ 1]), sealed[:36] + bytes(80)
    blob = {"moved": moved, "altered": altered, "made up": made_up}[forged]
    parts.sessions.table.update(
        {"token_hash": own["token_hash"]}, {"sealed_address": blob}, Attr("token_hash").exists()
    )
    visit(NOON)
    visit(NOON, ELSEWHERE)
    result = gate.result(gate.asked(account_id))
    assert [(entry["address"], entry["seal"]) for entry in result["sessions"]] == [(None, "broken")]
    assert (result["visits"], result["complete"]) == ([], True)
    (approved,) = (row for row in trail() if row["action"] == "correlation.approved")
    assert '"broken": 1' in approved["facts"]


# --- bounds --------------------------------------------------------------------------------------------------------


def many(number: int, at: datetime) -> None:
    table("visits").put_all(
        {"shard": f"{place % 16:02x}", "at": f"{int(at.timestamp()) + place:012d}#{place:016x}", "ip": ADDRESS}
        for place in range(number)
    )


@pytest.mark.parametrize(("number", "whole"), [(1000, True), (1001, False)])
def test_a_result_has_a_thousand_visits_at_most_the_earliest(parts: Parts, number: int, whole: bool) -> None:
    account = new_id("acc")
    session(parts, account, NOON, ADDRESS)
    many(number, NOON)
    result = look(parts, account, NOON, NOON + HOUR)
    assert (len(result.visits), result.complete) == (1000, whole)
    assert times(result) == [rfc3339(NOON + place * SECOND) for place in range(1000)]


@pytest.mark.parametrize(("number", "whole"), [(100, True), (101, False)])
def test_a_result_has_a_hundred_sessions_at_most_the_earliest(parts: Parts, number: int, whole: bool) -> None:
    account = new_id("acc")
    for place in range(number):
        session(parts, account, NOON + place * SECOND, f"192.0.2.{place}")
        visit(NOON, f"192.0.2.{place}")
    result = look(parts, account, NOON, NOON + HOUR)
    assert (len(result.sessions), len(result.visits), result.complete) == (100, 100, whole)


class SmallPages(Table):
    """A table whose answers end after three items, as DynamoDB's do after 1 MB."""

    def pages(self, condition: Any, **how: Any) -> Any:
        return super().pages(condition, **how | {"page": 3})


def test_an_approval_looks_once_into_each_shard_and_reads_no_table_through(gate: Gate, account_id: str) -> None:
    visit(NOON)
    visit(NOON, ELSEWHERE)
    correlation_id = gate.asked(account_id)
    with recorded() as calls:
        gate.result(correlation_id)
    del calls["secretsmanager.GetSecretValue"]  # kept for minutes
    assert calls == {
        "dynamodb.GetItem": 1,
        "dynamodb.Query": 2 + 16,
        "kms.Decrypt": 1,
        "dynamodb.TransactWriteItems": 1,
    }


def test_pages_without_a_find_are_gone_through_to_the_end(parts: Parts) -> None:
    account = new_id("acc")
    session(parts, account, NOON, ADDRESS)
    for number in range(120):
        visit(NOON + number * SECOND, ELSEWHERE)
    visit(NOON + 300 * SECOND)
    small = SmallPages(parts.visits.table.client, parts.visits.table.name)
    result = look(replace(parts, visits=replace(parts.visits, table=small)), account, NOON, NOON + HOUR)
    assert (len(result.visits), result.complete) == (1, True)


def test_when_time_is_up_what_was_found_is_told_to_be_a_part(parts: Parts) -> None:
    account = new_id("acc")
    session(parts, account, NOON, ADDRESS)
    many(160, NOON)
    small = SmallPages(parts.visits.table.client, parts.visits.table.name)
    slow = replace(parts, visits=replace(parts.visits, table=small))
    passed = iter([0.0, *[looking.SECONDS] * 1000])
    result = look(slow, account, NOON, NOON + HOUR, monotonic=lambda: next(passed))
    assert (len(result.visits), result.complete) == (3 * 16, False)


def test_the_looking_ends_well_before_the_request_must(parts: Parts) -> None:
    assert looking.SECONDS + 5 < 29
