"""The sweep and holds on accounts: sessions and bills stay past their date, and go when they are let go."""

from dataclasses import replace
from datetime import datetime, timedelta
from typing import Any

import pytest

from privacy.models.accounts import BillingRecord
from privacy.models.sessions import Session
from privacy.schedules import SweepFailedError
from privacy.settings import Deployment, load
from privacy.tables.billing import Billing
from privacy.tables.sessions import Sessions
from session_expiry.app import build
from session_expiry.parts import Parts, assemble
from tests.unit.engine import NOON, Context, SetClock, environment, gauges, items, schedule_event, table
from tests.unit.holds.world import POLICY, alter, hold, ttl

pytestmark = pytest.mark.promise("visits.retention", "accounts.necessity")

SECOND, HOUR, DAY = timedelta(seconds=1), timedelta(hours=1), timedelta(days=1)
ADA, BOB = "acc_" + "a" * 26, "acc_" + "b" * 26
ON_ADA = {"account_id": ADA}
NEVER = NOON + 300 * DAY


@pytest.fixture
def parts(stores: None, clock: SetClock) -> Parts:
    return assemble(load(Deployment, environment("SessionExpiryFunction")), clock)


@pytest.fixture
def handler(parts: Parts) -> Any:
    return build(lambda: parts)


def tick(handler: Any, store: str = "sessions") -> dict[str, Any]:
    answered: dict[str, Any] = handler(schedule_event(), Context())[store]
    return answered


def done(removed: int, lag: int = 0, *, held: int = 0) -> dict[str, Any]:
    return {"removed": removed, "lag_seconds": lag, "left": False, "held": held}


def session(number: int, created_at: datetime, used_at: datetime | None = None, account: str = ADA) -> None:
    made = Session(f"{number:064x}", account, created_at, used_at or created_at, b"sealed")
    Sessions(table("sessions"), POLICY).create(made)


def left() -> list[int]:
    return sorted(int(row["token_hash"], 16) for row in items("sessions"))


def test_a_held_account_s_session_stays_past_its_date_worth_nothing_and_another_s_goes(
    handler: Any, clock: SetClock, capsys: pytest.CaptureFixture[str]
) -> None:
    session(1, NOON)
    session(2, NOON, account=BOB)
    hold(1, NOON + 30 * DAY, NOON, scope=ON_ADA)
    assert tick(handler) == done(0)
    clock.set(NOON + 7 * DAY)
    ttl(clock(), "sessions")
    assert left() == [1]
    assert Sessions(table("sessions"), POLICY).use(f"{1:064x}", clock()) is None
    capsys.readouterr()
    assert tick(handler) == done(0, held=1)
    assert gauges(capsys.readouterr().out)["sessions"]["Held"] == 1
    clock.set(NOON + 30 * DAY - SECOND)
    assert tick(handler) == done(0, held=1)
    clock.set(NOON + 30 * DAY)
    assert tick(handler) == done(1)  # late only from the end of the hold
    assert left() == []


def test_a_release_lets_the_next_sweep_remove_what_is_overdue(parts: Parts, handler: Any, clock: SetClock) -> None:
    session(1, NOON)
    made = hold(1, NEVER, NOON, scope=ON_ADA, since=NOON)
    clock.set(NOON + 20 * DAY)
    assert tick(handler) == done(0, held=1)
    parts.holds.release(made, clock())
    clock.advance(minutes=5)
    assert tick(handler) == done(1, 300)


def test_what_ended_a_second_before_the_hold_goes_and_what_ends_with_it_stays(handler: Any, clock: SetClock) -> None:
    week = 7 * DAY
    for number, end in enumerate((NOON - SECOND, NOON, NOON + SECOND)):
        session(number, end - week)
    hold(1, NEVER, NOON - HOUR, scope=ON_ADA, since=NOON)
    clock.set(NOON + SECOND)
    assert tick(handler) == done(1, 2, held=2)
    assert left() == [1, 2]


def test_a_session_that_either_limit_ended_before_the_hold_is_not_brought_back_by_the_other(
    handler: Any, clock: SetClock
) -> None:
    aged = datetime(2026, 8, 24, 12, 0, 0, tzinfo=NOON.tzinfo)  # three months before noon
    session(1, aged - SECOND, NOON - HOUR)  # by its age before, idle after
    session(2, aged, NOON - HOUR)
    session(3, NOON - 30 * DAY, NOON - 7 * DAY - SECOND)  # idle before, by its age after
    hold(1, NEVER, NOON - HOUR, scope=ON_ADA, since=NOON)
    clock.set(NOON + 20 * DAY)
    assert tick(handler)["removed"] == 2
    assert left() == [2]
    assert tick(handler) == done(0, held=1)  # once, though both limits have ended it


def test_a_use_writes_ttl_anew_and_the_next_tick_takes_it_away_again(handler: Any, clock: SetClock) -> None:
    session(1, NOON)
    hold(1, NEVER, NOON, scope=ON_ADA)
    tick(handler)
    assert "ttl" not in items("sessions")[0]
    clock.set(NOON + 6 * DAY)
    assert Sessions(table("sessions"), POLICY).use(f"{1:064x}", clock()) is not None
    assert "ttl" in items("sessions")[0]
    clock.advance(days=3)  # without a tick
    ttl(clock(), "sessions")
    tick(handler)
    clock.advance(days=10)
    ttl(clock(), "sessions")
    assert tick(handler) == done(0, held=1)


def test_a_bill_of_a_held_account_stays_and_is_freed_only_when_its_end_is_near(handler: Any, clock: SetClock) -> None:
    record = BillingRecord("bil_1", ADA, NOON, {"amount": "1.00"})
    operation = Billing(table("billing"), POLICY).create_operation(record)
    table("billing").client.put_item(**operation["Put"])
    near = POLICY.retention["billing"].after(NOON) - 8 * DAY
    hold(1, near + 200 * DAY, near - DAY, scope=ON_ADA, since=near - DAY)
    clock.set(near - SECOND)
    assert tick(handler, "billing") == done(0)
    assert "ttl" in items("billing")[0]
    clock.set(near)
    assert tick(handler, "billing") == done(0)
    assert "ttl" not in items("billing")[0]
    clock.set(near + 100 * DAY)
    assert tick(handler, "billing") == done(0, held=1)
    clock.set(near + 200 * DAY)
    assert tick(handler, "billing") == done(1)


def test_only_what_lives_and_ends_soon_is_freed_from_ttl(parts: Parts, clock: SetClock) -> None:
    for number, end in enumerate((NOON, NOON + SECOND, NOON + 2 * DAY, NOON + 2 * DAY + SECOND)):
        session(number, end - 7 * DAY)
    parts.of_accounts["sessions"].free(ADA, NOON + 2 * DAY, clock)
    assert sorted(int(row["token_hash"], 16) for row in items("sessions") if "ttl" not in row) == [1, 2]
    ttl(clock(), "sessions")
    parts.of_accounts["sessions"].free(ADA, NOON + 2 * DAY, clock)
    assert left() == [1, 2, 3]  # what is gone is not made again


def test_a_hold_on_visits_keeps_no_session(handler: Any, clock: SetClock) -> None:
    session(1, NOON)
    hold(1, NEVER, NOON, since=NOON)
    clock.set(NOON + 7 * DAY)
    assert tick(handler) == done(1)


def test_a_hold_on_an_account_is_known_by_the_account_until_it_ends(parts: Parts, clock: SetClock) -> None:
    first = hold(1, NOON + DAY, NOON, scope=ON_ADA)
    hold(2, NEVER, NOON, scope={"account_id": BOB}, since=NOON)
    hold(3, NEVER, NOON, since=NOON)
    assert parts.holds.of_account(ADA, NOON + DAY - SECOND) == [first]
    assert parts.holds.of_account(ADA, NOON + DAY) == []


def test_a_hold_is_forgotten_a_year_after_it_ended_and_later_when_another_took_over(
    handler: Any, clock: SetClock
) -> None:
    year = POLICY.retention["holds.kept"]
    hold(1, NOON + 100 * DAY, NOON, since=NOON)
    hold(2, NOON + 200 * DAY, NOON + 90 * DAY, since=NOON + 90 * DAY)
    hold(3, NOON + 50 * DAY, NOON, scope=ON_ADA, since=NOON)
    expected = {
        NOON + 50 * DAY: {"hld_" + "0" * 25 + "3"},
        NOON + 200 * DAY: {"hld_" + "0" * 25 + "1", "hld_" + "0" * 25 + "2"},
    }
    for end, ids in expected.items():
        clock.set(year.after(end) - SECOND)
        assert tick(handler, "holds")["removed"] == 0
        assert ids <= {row["id"] for row in items("holds")}
        clock.advance(seconds=61)
        assert tick(handler, "holds") == {"removed": len(ids), "lag_seconds": 60, "left": False}
        assert not ids & {row["id"] for row in items("holds")}


def test_a_hold_that_cannot_be_read_stops_no_sweep_and_what_was_freed_from_ttl_waits_for_it(
    parts: Parts, handler: Any, clock: SetClock, capsys: pytest.CaptureFixture[str]
) -> None:
    session(1, NOON)
    session(2, NOON, account=BOB)
    unreadable = hold(1, NEVER, NOON, scope=ON_ADA)
    assert tick(handler) == done(0)
    session(3, NOON)  # not freed yet
    session(4, NOON, account=BOB)
    alter(unreadable.id)
    hold(2, NOON + 30 * DAY, NOON, scope={"account_id": BOB})
    assert tick(handler) == done(0)
    clock.set(NOON + 7 * DAY)
    capsys.readouterr()
    assert tick(handler) == done(1, held=2)
    assert left() == [1, 2, 4]
    printed = capsys.readouterr().out
    assert gauges(printed)["holds"]["Unreadable"] == 1
    assert f'"hold_ids":["{unreadable.id}"]' in printed
    assert ADA not in printed
    clock.set(NOON + 30 * DAY)
    assert tick(handler) == done(0)
    assert left() == [1, 2, 4]  # nobody knows for whom
    parts.holds.remove(unreadable.id)
    assert tick(handler)["removed"] == 3
    capsys.readouterr()
    tick(handler)
    assert "Unreadable" not in gauges(capsys.readouterr().out)["holds"]


def test_every_session_and_bill_has_a_ttl_until_a_hold_frees_it(handler: Any) -> None:
    """What has none is taken for held while a hold cannot be read."""
    session(1, NOON)
    Sessions(table("sessions"), POLICY).use(f"{1:064x}", NOON + DAY)
    record = BillingRecord("bil_1", ADA, NOON, {"amount": "1.00"})
    table("billing").client.put_item(**Billing(table("billing"), POLICY).create_operation(record)["Put"])
    assert ["ttl" in row for row in items("sessions") + items("billing")] == [True, True]


def test_holds_that_cannot_be_asked_for_keep_every_session_and_raise_the_alarm(parts: Parts, clock: SetClock) -> None:
    session(1, NOON)
    hold(1, NEVER, NOON, scope=ON_ADA, since=NOON)
    clock.set(NOON + 8 * DAY)

    class Down:
        def __getattr__(self, name: str) -> Any:
            def call(**arguments: Any) -> Any:
                raise ConnectionError(name)

            return call

    down = replace(parts.holds, table=replace(parts.holds.table, client=Down()))
    with pytest.raises(SweepFailedError, match="holds, sessions, billing"):
        tick(build(lambda: replace(parts, holds=down)))
    assert left() == [1]
