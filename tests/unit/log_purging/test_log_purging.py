"""Purging visits: at the end of their twelve months, oldest first, and never what is held."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from botocore.exceptions import EndpointConnectionError

from log_purging.app import build
from log_purging.parts import Parts, assemble
from privacy.schedules import SweepFailedError
from privacy.settings import Deployment, load
from tests.unit.engine import Context, SetClock, environment, gauges, items, sample, schedule_event

VISIT = {"ip": "203.0.113.7", "browser": "Firefox", "country": "SG"}
BEGAN = datetime(2026, 11, 24, 12, 0, tzinfo=UTC)
YEAR_LATER = datetime(2027, 11, 24, 12, 0, tzinfo=UTC)


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


@pytest.mark.promise("visits.retention")
@pytest.mark.parametrize(
    ("began", "ends"),
    [
        (BEGAN, YEAR_LATER),
        (datetime(2027, 12, 31, 23, 59, 59, tzinfo=UTC), datetime(2028, 12, 31, 23, 59, 59, tzinfo=UTC)),
        (datetime(2028, 2, 29, 12, 0, tzinfo=UTC), datetime(2029, 2, 28, 12, 0, tzinfo=UTC)),
        (datetime(2027, 2, 28, 12, 0, tzinfo=UTC), datetime(2028, 2, 28, 12, 0, tzinfo=UTC)),
        (datetime(2027, 3, 1, 0, 0, tzinfo=UTC), datetime(2028, 3, 1, 0, 0, tzinfo=UTC)),
    ],
)
def test_a_visit_stays_readable_to_the_last_second_of_its_year_and_goes_at_its_end(
    parts: Parts, handler: Any, clock: SetClock, began: datetime, ends: datetime
) -> None:
    parts.visits.record(VISIT, began)
    clock.set(ends - timedelta(seconds=1))
    assert tick(handler) == done(0)
    assert [visit.fields for visit in parts.visits.since(began, clock())] == [VISIT]
    clock.set(ends)
    assert list(parts.visits.since(began, clock())) == []  # unreadable, before anything has removed it
    assert tick(handler) == done(1)
    assert items("visits") == []


@pytest.mark.promise("visits.retention")
def test_only_what_is_due_goes_and_the_oldest_tells_how_late_it_is(
    parts: Parts, handler: Any, clock: SetClock, capsys: pytest.CaptureFixture[str]
) -> None:
    for hours in range(30):
        parts.visits.record(VISIT, BEGAN + timedelta(hours=hours))
    clock.set(YEAR_LATER + timedelta(hours=9, seconds=7))
    assert tick(handler) == done(10, 9 * 3600 + 7)
    assert len(items("visits")) == 20
    published = gauges(capsys.readouterr().out)
    assert published == {
        "visits": {"Removed": 10, "Failed": 0, "Held": 0, "RemovalLagSeconds": 9 * 3600 + 7, "Left": 0}
    }


@pytest.mark.promise("visits.retention")
def test_where_two_days_share_an_end_each_visit_keeps_its_hour(parts: Parts, handler: Any, clock: SetClock) -> None:
    early, late = datetime(2028, 2, 29, 10, 0, tzinfo=UTC), datetime(2028, 2, 28, 14, 0, tzinfo=UTC)
    for began in (early, late):
        parts.visits.record(VISIT, began)
    clock.set(datetime(2029, 2, 28, 12, 0, tzinfo=UTC))
    assert [visit.visited_at for visit in parts.visits.since(late, clock())] == [late]
    assert tick(handler) == done(1, 2 * 3600)
    assert [int(row["at"][:12]) for row in items("visits")] == [int(late.timestamp())]


def test_three_days_without_a_tick_are_cleared_by_one_and_two_in_a_row_do_nothing_more(
    parts: Parts, handler: Any, clock: SetClock
) -> None:
    for hours in range(72):
        parts.visits.record(VISIT, BEGAN + timedelta(hours=hours))
    clock.set(YEAR_LATER + timedelta(days=3))
    assert tick(handler)["removed"] == 72
    assert tick(handler) == done(0)


def test_purging_costs_what_is_due_and_not_what_is_stored(parts: Parts, clock: SetClock) -> None:
    for minutes in range(200):
        parts.visits.record(VISIT, YEAR_LATER - timedelta(minutes=minutes))
    read: list[int] = []

    class Watched:
        def __getattr__(self, name: str) -> Any:
            def call(**arguments: Any) -> Any:
                answer = getattr(parts.visits.table.client, name)(**arguments)
                read.append(answer["ScannedCount"])
                assert name == "query"
                return answer

            return call

    watched = replace(parts.visits, table=replace(parts.visits.table, client=Watched()))
    clock.set(YEAR_LATER)
    assert tick(build(lambda: replace(parts, visits=watched))) == done(0)
    assert sum(read) == 0
    assert len(read) == 16


def test_many_visits_of_one_shard_go_page_after_page(parts: Parts, handler: Any, clock: SetClock) -> None:
    seconds = int(BEGAN.timestamp())
    rows = [{"shard": "03", "at": f"{seconds + number:012d}#x", "referrer": "x" * 500} for number in range(3000)]
    parts.visits.table.put_all(rows)
    clock.set(YEAR_LATER + timedelta(hours=1))
    assert tick(handler)["removed"] == 3000
    assert items("visits") == []


def test_a_purge_stops_before_its_function_does_and_goes_on_at_the_next_tick(
    parts: Parts, handler: Any, clock: SetClock, capsys: pytest.CaptureFixture[str]
) -> None:
    for minutes in range(100):
        parts.visits.record(VISIT, BEGAN + timedelta(minutes=minutes))
    clock.set(YEAR_LATER + timedelta(days=1))
    ticks = 0
    while (answered := tick(handler, seconds=20.0))["left"]:
        assert answered["removed"] > 0
        assert gauges(capsys.readouterr().out)["visits"]["Left"] == 1
        ticks += 1
    assert ticks > 1
    assert items("visits") == []


@pytest.mark.promise("visits.retention")
def test_a_purge_that_breaks_raises_the_alarm_and_logs_no_visit(
    parts: Parts, clock: SetClock, capsys: pytest.CaptureFixture[str]
) -> None:
    parts.visits.record(VISIT, BEGAN)

    class Broken:
        def __getattr__(self, name: str) -> Any:
            return getattr(parts.visits.table.client, name)

        def batch_write_item(self, **arguments: Any) -> Any:
            raise EndpointConnectionError(endpoint_url=f"https://canary-{arguments}")

    broken = replace(parts.visits, table=replace(parts.visits.table, client=Broken()))
    clock.set(YEAR_LATER)
    with pytest.raises(SweepFailedError, match=r"^not swept: visits$") as raised:
        tick(build(lambda: replace(parts, visits=broken)))
    assert raised.value.__context__ is None  # nothing of the visit hangs on to what Lambda prints
    out = capsys.readouterr().out
    assert '"EndpointConnectionError"' in out
    assert "canary" not in out
    assert gauges(out) == {}
    assert tick(build(lambda: parts))["removed"] == 1


def test_the_sample_events_are_answered(parts: Parts, handler: Any, clock: SetClock) -> None:
    parts.visits.record(VISIT, BEGAN)
    clock.set(YEAR_LATER)
    assert "error" in handler(sample("log_purging/bad-unknown-event"), Context())
    assert len(items("visits")) == 1
    assert handler(sample("log_purging/tick"), Context()) == {"visits": done(1)}
