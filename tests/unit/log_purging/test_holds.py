"""The purge and holds on visits: what is held stays past its date, readable to nobody, and goes when it is let go."""

import ipaddress
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from log_purging.app import build
from log_purging.parts import Parts, assemble
from privacy.models.holds import Hold
from privacy.settings import Deployment, load
from tests.unit import engine
from tests.unit.engine import NOON, Context, SetClock, environment, gauges, items, schedule_event
from tests.unit.holds.world import INSIDE, NETWORK, OUTSIDE, alter, ends, hold, one_shard, ttl, visit

pytestmark = pytest.mark.promise("visits.retention")

SECOND, HOUR, DAY = timedelta(seconds=1), timedelta(hours=1), timedelta(days=1)
END = datetime(2027, 11, 24, 12, 0, tzinfo=UTC)
"""When a visit of the start of a test's clock ends."""


@pytest.fixture(autouse=True)
def shard(monkeypatch: pytest.MonkeyPatch) -> None:
    one_shard(monkeypatch)


@pytest.fixture
def parts(stores: None, clock: SetClock) -> Parts:
    return assemble(load(Deployment, environment("LogPurgingFunction")), clock)


@pytest.fixture
def handler(parts: Parts) -> Any:
    return build(lambda: parts)


def tick(handler: Any, seconds: float = 300.0) -> dict[str, Any]:
    answered: dict[str, Any] = handler(schedule_event(), Context(seconds))["visits"]
    return answered


def done(removed: int, lag: int = 0, *, held: int = 0, left: bool = False) -> dict[str, Any]:
    return {"removed": removed, "held": held, "lag_seconds": lag, "left": left}


def test_what_is_held_stays_past_its_date_readable_to_nobody_and_the_rest_goes(
    parts: Parts, handler: Any, clock: SetClock, capsys: pytest.CaptureFixture[str]
) -> None:
    visit(END)
    visit(END, OUTSIDE)
    hold(1, END + DAY, END - DAY, since=END - DAY)
    clock.set(END + HOUR)
    assert tick(handler) == done(1, 3600, held=1)
    assert gauges(capsys.readouterr().out)["visits"]["Held"] == 1
    assert (ends(), ends(OUTSIDE)) == ([END], [])
    assert list(parts.visits.since(NOON, clock())) == []
    assert tick(handler) == done(0, held=1)


@pytest.mark.parametrize(
    "scope",
    [
        {"visits": {"addresses": NETWORK}},
        {"visits": {"addresses": INSIDE}},
        {"visits": {"from": "2026-11-24T12:00:00Z", "to": "2026-11-24T12:00:01Z"}},
        {"visits": {"addresses": "0.0.0.0/0", "to": "2026-11-24T12:00:01Z"}},
        "ids",
    ],
    ids=str,
)
def test_each_kind_of_scope_holds_what_it_names(parts: Parts, handler: Any, clock: SetClock, scope: Any) -> None:
    visit(END)
    visit(END + SECOND, OUTSIDE)
    if scope == "ids":
        (named,) = (stored.id for stored in parts.visits.since(NOON, NOON + HOUR) if stored.fields["ip"] == INSIDE)
        scope = {"visits": {"ids": [named]}}
    hold(1, END + 30 * DAY, END - 4 * DAY, scope=scope)
    clock.set(END - 3 * DAY)
    assert tick(handler) == done(0)  # it is freed, and the hold is in force
    assert ["ttl" in row for row in sorted(items("visits"), key=lambda row: str(row["at"]))] == [False, True]
    clock.set(END + DAY)
    ttl(clock())
    assert tick(handler) == done(0, held=1)
    assert (ends(), ends(OUTSIDE)) == ([END], [])


def test_the_end_of_a_hold_is_the_first_second_at_which_it_keeps_nothing(handler: Any, clock: SetClock) -> None:
    visit(END)
    hold(1, END + 30 * DAY, END - DAY, since=END - DAY)
    clock.set(END + 30 * DAY - SECOND)
    assert tick(handler) == done(0, held=1)
    clock.set(END + 30 * DAY)
    assert tick(handler) == done(1)  # late only from the end of the hold


def test_what_expired_a_second_before_a_hold_was_in_force_goes_and_what_expires_with_it_stays(
    parts: Parts, handler: Any, clock: SetClock
) -> None:
    for seconds in (-1, 0, 1):
        visit(END + timedelta(seconds=seconds))
    made = hold(1, END + DAY, END - HOUR, since=END)
    clock.set(END + 2 * SECOND)
    assert [stored.visited_at for stored in parts.visits.of_hold(made, clock())] == [NOON, NOON + SECOND]
    assert tick(handler) == done(1, 3, held=2)
    assert ends() == [END, END + SECOND]


def test_while_a_hold_is_prepared_nothing_that_ends_is_purged(handler: Any, clock: SetClock, parts: Parts) -> None:
    for seconds in (-1, 0):
        visit(END + timedelta(seconds=seconds))
    hold(1, END + DAY, END)
    clock.set(END + SECOND)
    purging = build(lambda: parts)
    parts.holds.freed(parts.holds.all()[0], END)  # so far that the tick has nothing to free
    assert tick(purging) == done(2, 2)  # in force a second after this: what ended by now is not held
    assert ends() == []


def test_a_tick_finishes_what_a_request_could_not_and_goes_on_from_there(
    parts: Parts, handler: Any, clock: SetClock
) -> None:
    for days in range(1, 30):
        visit(NOON + days * DAY)
    hold(1, NOON + 60 * DAY, NOON)
    clock.set(NOON + HOUR)
    assert tick(handler, seconds=20.0) == done(0, left=True)  # no time for anything
    assert parts.holds.all()[0].since is None
    assert tick(handler) == done(0)
    (made,) = parts.holds.all()
    assert made.since == NOON + HOUR + SECOND
    freed = sorted(row["at"] for row in items("visits") if "ttl" not in row)
    assert len(freed) == 8
    read: list[int] = []

    class Watched:
        def __getattr__(self, name: str) -> Any:
            def call(**arguments: Any) -> Any:
                answer = getattr(parts.visits.table.client, name)(**arguments)
                read.append(answer.get("ScannedCount", 0))
                return answer

            return call

    watched = replace(parts, visits=replace(parts.visits, table=replace(parts.visits.table, client=Watched())))
    clock.advance(hours=1)
    assert tick(build(lambda: watched)) == done(0)
    assert sum(read) == 0  # an hour of a year ago, in which there was no visit
    clock.advance(days=1)
    assert tick(build(lambda: watched)) == done(0, held=1)
    assert sum(read) == 2  # the next day's visit, and the one that is over
    assert len([row for row in items("visits") if "ttl" not in row]) == 9


def test_another_hold_takes_over_before_the_first_one_ends(parts: Parts, handler: Any, clock: SetClock) -> None:
    visit(END)
    first = hold(1, END + 10 * DAY, END - DAY, since=END - DAY)
    second = hold(2, END + 300 * DAY, END + 9 * DAY, since=END + 9 * DAY)
    clock.set(END + 299 * DAY)
    assert tick(handler) == done(0, held=1)
    assert list(parts.visits.of_hold(second, clock())) == []  # by itself it does not know
    assert len(list(parts.visits.of_hold(second, clock(), [first, second]))) == 1
    hold(3, END + 600 * DAY, END + 300 * DAY + SECOND, since=END + 300 * DAY + SECOND)
    clock.set(END + 301 * DAY)
    assert tick(handler) == done(1, 86400)  # let go for a second is let go


def test_a_hold_on_an_account_keeps_no_visit(handler: Any, clock: SetClock) -> None:
    visit(END)
    hold(1, END + DAY, END - DAY, scope={"account_id": "acc_" + "a" * 26}, since=END - DAY)
    clock.set(END)
    assert tick(handler) == done(1)


def test_what_a_hold_shows_is_what_it_covers_while_it_is_in_force(parts: Parts) -> None:
    for end in (END, END + 40 * DAY):
        visit(end)
        visit(end, OUTSIDE)
    made = hold(1, END + 30 * DAY, NOON, since=NOON + HOUR)
    for now in (NOON + 40 * DAY, END + 30 * DAY - SECOND):
        assert [stored.fields["ip"] for stored in parts.visits.of_hold(made, now)] == [INSIDE, INSIDE]
    assert len(list(parts.visits.of_hold(made, NOON + 39 * DAY))) == 1
    assert list(parts.visits.of_hold(made, END + 30 * DAY)) == []
    assert list(parts.visits.of_hold(replace(made, since=None), END)) == []
    assert list(parts.visits.of_hold(replace(made, released_at=END), END)) == []


def test_a_hold_that_cannot_be_read_stops_no_purge_and_what_was_freed_from_ttl_waits_for_it(
    parts: Parts, handler: Any, clock: SetClock
) -> None:
    visit(END)
    visit(END, OUTSIDE)
    unreadable = hold(1, END + 30 * DAY, END - 4 * DAY)
    clock.set(END - 3 * DAY)
    assert tick(handler) == done(0)
    alter(unreadable.id)
    visit(END)  # not freed yet
    clock.set(END)
    assert tick(handler) == done(2, held=1)
    assert (ends(), ends(OUTSIDE)) == ([END], [])
    assert list(parts.visits.since(NOON, clock())) == []
    clock.set(END + 40 * DAY)
    assert tick(handler) == done(0, held=1)
    parts.holds.remove(unreadable.id)
    assert tick(handler)["removed"] == 1


SPANS = st.tuples(
    st.sampled_from(["203.0.113.0/24", "203.0.113.7", "198.51.100.0/24", "0.0.0.0/0"]),
    st.integers(0, 10).map(lambda fours: 4 * fours),  # recorded
    st.integers(1, 60),  # lasts
    st.none() | st.integers(0, 10).map(lambda fours: 4 * fours),  # released
)


@settings(max_examples=8, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    st.lists(st.tuples(st.sampled_from([INSIDE, OUTSIDE]), st.integers(0, 50)), min_size=1, max_size=6),
    st.lists(SPANS, max_size=3),
    st.sets(st.integers(0, 10).map(lambda fours: 4 * fours), max_size=2),
)
def test_never_removed_while_held_and_always_removed_after(
    stores: None, rows: list[tuple[str, int]], spans: list[tuple[str, int, int, int | None]], missed: set[int]
) -> None:
    """Days count from noon; a tick comes every fourth day but for some that do not, TTL at once."""
    engine.deploy()
    clock = SetClock()
    parts = assemble(load(Deployment, environment("LogPurgingFunction")), clock)
    purging = build(lambda: parts)
    for ip, days in rows:
        visit(NOON + days * DAY, ip)
    for day in range(0, 108, 4):
        clock.set(NOON + day * DAY)
        ttl(clock())
        for number, (network, begins, lasts, released) in enumerate(spans):
            if begins == day:
                hold(number, clock() + lasts * DAY, clock(), scope={"visits": {"addresses": network}})
            if released is not None and released == day > begins:
                for made in parts.holds.all():
                    if made.id.endswith(f"{number:026d}"):
                        parts.holds.release(made, clock())
        if day not in missed:
            tick(purging)
        holds = parts.holds.all()
        here = {(row["ip"], int(row["at"][:12])) for row in items("visits")}
        for ip, days in rows:
            end = NOON + days * DAY
            lies_there = (ip, int((end - parts.period.delta).timestamp())) in here
            if _held(end, ip, holds, clock()):
                assert lies_there
            elif day not in missed:
                assert not lies_there
    assert items("visits") == []


def _held(end: datetime, ip: str, holds: list[Hold], now: datetime) -> bool:
    """Whether something must lie there: told anew, without the code's own rule."""
    until = end
    moved = True
    while moved:
        moved = False
        for one in holds:
            assert one.scope.visits is not None
            network = ipaddress.ip_network(str(one.scope.visits.addresses))
            if ipaddress.ip_address(ip) in network and one.since and one.since <= until < one.ended_at:
                until, moved = one.ended_at, True
    return now < until
