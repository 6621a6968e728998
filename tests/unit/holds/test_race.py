"""TTL, the sweeps and a hold never race: each is let loose at every point between two steps of the others."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import replace
from datetime import datetime, timedelta
from typing import Any

import pytest

from holds.app import build
from holds.parts import Parts
from log_purging.app import build as build_purging
from log_purging.parts import assemble as assemble_purging
from log_purging.purging import purge as purge_alone
from privacy.models.holds import Hold
from privacy.settings import Deployment, load
from session_expiry.app import build as build_expiry
from session_expiry.parts import assemble as assemble_expiry
from tests.unit.engine import NOON, Context, SetClock, environment, items, schedule_event
from tests.unit.holds.test_holds import ROUTE, ask, body
from tests.unit.holds.world import OUTSIDE, ends, one_shard, ttl, visit
from tests.unit.interference import KilledError, before_each_call, killed_at
from tests.unit.staff import Issuer, call

pytestmark = pytest.mark.promise("visits.retention")

SECOND, DAY = timedelta(seconds=1), timedelta(days=1)


@pytest.fixture
def app(parts: Parts) -> Any:
    """The routes, for requests that take as long as they like."""
    return build(lambda: replace(parts, monotonic=lambda: 0.0))


@pytest.fixture
def purge(parts: Parts, clock: SetClock) -> Any:
    """The purge of visits."""
    made = assemble_purging(load(Deployment, environment("LogPurgingFunction")), clock)
    handler = build_purging(lambda: made)
    return lambda: handler(schedule_event(), Context())["visits"]


@pytest.fixture
def expiry(parts: Parts, clock: SetClock) -> Any:
    """The sweep of sessions, bills and holds."""
    made = assemble_expiry(load(Deployment, environment("SessionExpiryFunction")), clock)
    handler = build_expiry(lambda: made)
    return lambda: handler(schedule_event(), Context())


@pytest.fixture(autouse=True)
def one_by_one(monkeypatch: pytest.MonkeyPatch) -> None:
    """Writes that overlap come one after the other, so that there is a point between any two of them."""
    one_shard(monkeypatch)
    monkeypatch.setattr("privacy.tables.visits.overlapped", lambda write, rows: [write(row) for row in rows])


@contextmanager
def between_steps(act: Callable[[str], None]) -> Iterator[None]:
    """Do something before every call of the others', and never before one of its own."""
    busy = False

    def step(name: str) -> None:
        nonlocal busy
        if not busy:
            busy = True
            try:
                act(name)
            finally:
                busy = False

    with before_each_call(step):
        yield


def kept(hold: Hold, due: list[datetime]) -> list[datetime]:
    """Of some visits' ends, those that a hold keeps."""
    assert hold.since is not None
    return [end for end in due if end >= hold.since]


@pytest.mark.parametrize("purging", [False, True], ids=["TTL", "TTL and the purge"])
def test_ttl_and_the_purge_take_nothing_from_a_hold_however_they_fall_in_with_its_steps(
    app: Any, parts: Parts, issuer: Issuer, clock: SetClock, purge: Any, purging: bool
) -> None:
    made = assemble_purging(load(Deployment, environment("LogPurgingFunction")), clock)
    # Two calls take a second, and a visit ends at nearly each of them: the request takes longer than half a minute.
    due = [NOON + timedelta(seconds=seconds) for seconds in (*range(-3, 5), *range(25, 80))]
    for end in due:
        visit(end)
    steps: list[str] = []

    def act(name: str) -> None:
        steps.append(name)
        clock.advance(seconds=len(steps) % 2)
        ttl(clock())
        if purging and len(steps) % 3 == 0:
            purge_alone(made, lambda: True)

    with between_steps(act):
        answer = ask(app, issuer, body(until="2027-06-01T00:00:00Z"))
    assert answer.status == 201
    (hold,) = parts.holds.all()
    assert hold.since is not None
    assert due[10] < hold.since < due[-5]  # while it was prepared some ended, and some did not
    lost = [end for end in kept(hold, due) if end not in ends()]
    assert lost == []
    # What ended before it was in force is not brought back: TTL, or the next purge, takes it.
    clock.set(due[-1] + timedelta(hours=1))
    ttl(clock())
    purge()
    assert ends() == kept(hold, due)


def test_what_ends_in_the_very_second_of_the_request_is_not_held_and_what_ends_in_the_next_one_is(
    app: Any, parts: Parts, issuer: Issuer, clock: SetClock, purge: Any
) -> None:
    due = [NOON + timedelta(seconds=seconds) for seconds in (-1, 0, 1)]
    for end in due:
        visit(end)
    assert ask(app, issuer).json()["in_force_since"] == "2026-11-24T12:00:01Z"
    ttl(clock())  # it may come in that second, too, or not
    (hold,) = parts.holds.all()
    assert ends() == kept(hold, due) == [NOON + SECOND]
    clock.advance(days=1)
    ttl(clock())
    assert purge()["held"] == 1
    assert ends() == [NOON + SECOND]


def test_nothing_is_lost_in_the_gap_between_the_clock_s_reading_and_the_hold_s_coming_into_force(
    app: Any, parts: Parts, issuer: Issuer, clock: SetClock
) -> None:
    """The purge comes right before the write that puts the hold in force, when what it keeps has just ended."""
    purging = assemble_purging(load(Deployment, environment("LogPurgingFunction")), clock)
    due = [NOON + timedelta(seconds=seconds) for seconds in range(1, 12)]
    for end in due:
        visit(end)
    updates: list[str] = []

    def act(name: str) -> None:
        # The last of the hold's own writes: it puts the hold in force.
        if name == "dynamodb.UpdateItem" and "freed_to" in items("holds")[0] and not updates:
            (row,) = items("holds")
            target = parts.policy.retention["visits"].latest_origin_over(NOON + 8 * DAY)
            if row["freed_to"] == int(target.timestamp()):
                updates.append(name)
                clock.advance(seconds=5)
                ttl(clock())
                purge_alone(purging, lambda: True)

    with between_steps(act):
        assert ask(app, issuer).status == 201
    assert updates
    (hold,) = parts.holds.all()
    assert hold.since == NOON + SECOND
    assert ends() == due


def test_ticks_that_fail_to_come_for_three_days_lose_nothing_and_a_release_lets_all_go(
    app: Any, parts: Parts, issuer: Issuer, clock: SetClock, purge: Any
) -> None:
    due = [NOON + timedelta(hours=hours, seconds=10) for hours in range(0, 24 * 13, 24)]
    for end in due:
        visit(end)
        visit(end, OUTSIDE)
    hold_id = ask(app, issuer).json()["hold_id"]
    for hours in range(0, 24 * 14, 8):
        clock.set(NOON + timedelta(hours=hours))
        ttl(clock())
        if hours % (24 * 3) == 0:  # every third day only
            purge()
        assert ends() == due
    assert ends(OUTSIDE) == []
    assert list(parts.visits.since(NOON - 400 * DAY, clock())) == []  # held is not the same as readable
    assert call(app, issuer.token("dpo", now=clock()), "DELETE", f"{ROUTE}/{hold_id}").status == 204
    clock.advance(seconds=1)
    assert purge() == {"removed": len(due), "held": 0, "lag_seconds": 1, "left": False}
    assert ends() == []


def test_a_request_that_dies_at_any_call_leaves_a_hold_that_the_next_tick_finishes_or_none(
    app: Any, parts: Parts, issuer: Issuer, clock: SetClock, purge: Any
) -> None:
    calls = 0
    for number in range(60):
        clock.set(NOON)
        for row in items("holds"):
            parts.holds.remove(row["id"])
        for row in items("visits"):
            parts.visits.table.delete({"shard": row["shard"], "at": row["at"]})
        visit(NOON + timedelta(hours=2))
        with killed_at(number) as made:
            try:
                answer = ask(app, issuer)
            except KilledError:
                answer = None
        calls = max(calls, len(made))
        recorded = parts.holds.all()
        clock.set(NOON + timedelta(hours=1))
        purge()
        clock.set(NOON + timedelta(hours=2))
        ttl(clock())
        purge()
        assert len(ends()) == len(recorded), number
        if answer is not None and answer.status == 201:
            break
    assert calls > 15
    assert answer is not None
    assert answer.status == 201


def test_an_account_s_session_outlives_its_date_however_ttl_falls_in_with_the_hold_s_steps(
    app: Any, parts: Parts, issuer: Issuer, clock: SetClock, expiry: Any
) -> None:
    account = "acc_" + "a" * 26
    sessions = parts.of_accounts["sessions"].table
    for number in range(-3, 80, 2):
        used = int((NOON + timedelta(seconds=number) - 7 * DAY).timestamp())
        sessions.put(
            {
                "token_hash": f"{number + 3:064x}",
                "account_id": account,
                "created_at": used,
                "last_used_at": used,
                "shard": "00",
                "ttl": used + 7 * 86400,
            }
        )

    def act(name: str) -> None:
        del name
        clock.advance(seconds=1)
        ttl(clock(), "sessions")

    with between_steps(act):
        assert ask(app, issuer, body({"account_id": account})).status == 201
    (hold,) = parts.holds.all()
    assert hold.since is not None
    first = int((hold.since - NOON).total_seconds())
    assert 10 < first < 75
    clock.advance(days=3)
    ttl(clock(), "sessions")
    swept = expiry()["sessions"]
    held = sorted(int(row["token_hash"], 16) - 3 for row in items("sessions"))
    assert held == [number for number in range(-3, 80, 2) if number >= first]
    assert swept["held"] == len(held)
