"""Retention periods: calendar months, UTC, and the exact boundary of what is due."""

from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from privacy.policy import Period, load
from privacy.policy.periods import PeriodError

SECOND = timedelta(seconds=1)


def at(text: str) -> datetime:
    return datetime.fromisoformat(text).replace(tzinfo=UTC)


@pytest.mark.parametrize(
    ("period", "origin", "end"),
    [
        ("P1M", "2026-01-31T10:00:00", "2026-02-28T10:00:00"),
        ("P1M", "2028-01-31T10:00:00", "2028-02-29T10:00:00"),
        ("P12M", "2028-02-29T23:59:59", "2029-02-28T23:59:59"),
        ("P12M", "2027-02-28T00:00:00", "2028-02-28T00:00:00"),
        ("P3M", "2026-11-30T00:00:00", "2027-02-28T00:00:00"),
        ("P5Y", "2028-02-29T12:00:00", "2033-02-28T12:00:00"),
        ("P21D", "2026-02-10T09:30:00", "2026-03-03T09:30:00"),
        ("PT15M", "2026-12-31T23:50:00", "2027-01-01T00:05:00"),
    ],
)
def test_a_period_counts_calendar_months_and_never_ends_later(period: str, origin: str, end: str) -> None:
    assert Period.parse(period).after(at(origin)) == at(end)


def test_a_period_is_over_at_its_last_second_and_not_one_before() -> None:
    period, origin = Period.parse("P7D"), at("2026-03-01T12:00:00")
    assert not period.over(origin, at("2026-03-08T11:59:59"))
    assert period.over(origin, at("2026-03-08T12:00:00"))


def test_an_origin_in_another_zone_ends_at_the_same_instant() -> None:
    origin = datetime.fromisoformat("2026-03-31T20:00:00-05:00")  # 1 April in UTC
    assert Period.parse("P1M").after(origin) == at("2026-05-01T01:00:00")


@given(
    now=st.integers(0, 10 * 366 * 86400).map(lambda seconds: at("2024-01-01T00:00:00") + seconds * SECOND),
    period=st.sampled_from(["P1M", "P3M", "P12M", "P5Y", "P7D", "P21D", "PT15M", "P1Y2M3DT4H"]),
)
def test_the_latest_origin_over_is_exactly_the_boundary_of_what_is_due(now: datetime, period: str) -> None:
    parsed = Period.parse(period)
    latest = parsed.latest_origin_over(now)
    assert parsed.over(latest, now)
    assert not parsed.over(latest + SECOND, now)


@given(
    now=st.integers(0, 10 * 366 * 86400).map(lambda seconds: at("2024-01-01T00:00:00") + seconds * SECOND),
    last_of_month=st.booleans(),
    away=st.integers(-8 * 86400, 8 * 86400),
    period=st.sampled_from(["P1M", "P3M", "P12M", "P5Y", "P7D", "PT15M", "P1Y2M3DT4H"]),
)
def test_what_is_over_is_what_lies_before_the_boundary_and_in_no_spared_stretch(
    now: datetime, last_of_month: bool, away: int, period: str
) -> None:
    if last_of_month:
        now = (now.replace(day=28) + timedelta(days=4)).replace(day=1) - timedelta(days=1)
    parsed = Period.parse(period)
    latest, spared = parsed.latest_origin_over(now), parsed.origins_spared(now)
    origin = latest + timedelta(seconds=away)
    in_a_stretch = any(first <= origin <= last for first, last in spared)
    assert parsed.over(origin, now) == (origin <= latest and not in_a_stretch)
    earliest = parsed.earliest_origin_alive(now)
    assert not parsed.over(earliest, now)
    assert parsed.over(earliest - SECOND, now)


def test_on_the_last_of_february_days_share_an_end_and_each_keeps_its_hour() -> None:
    period, noon = Period.parse("P1M"), at("2026-02-28T12:00:00")
    assert period.latest_origin_over(noon) == at("2026-01-31T12:00:00")
    assert period.origins_spared(noon) == [
        (at("2026-01-28T12:00:01"), at("2026-01-28T23:59:59")),
        (at("2026-01-29T12:00:01"), at("2026-01-29T23:59:59")),
        (at("2026-01-30T12:00:01"), at("2026-01-30T23:59:59")),
    ]


@pytest.mark.parametrize("text", ["", "7", "P", "P0D", "-P1D", "P1", "1 month", "PT0S"])
def test_what_is_no_period_is_refused(text: str) -> None:
    with pytest.raises(PeriodError):
        Period.parse(text)


@pytest.mark.parametrize(
    ("name", "period"),
    [
        ("sessions.idle", "P7D"),
        ("sessions.max-age", "P3M"),
        ("visits", "P12M"),
        ("databases.grace", "P21D"),
        ("exports.file", "P7D"),
        ("signups.pending", "P7D"),
        ("billing", "P5Y"),
        ("idempotency", "P1D"),
    ],
)
def test_the_register_carries_the_promised_figures(name: str, period: str) -> None:
    assert load().retention[name].text == period


@pytest.mark.promise("databases.region")
@pytest.mark.parametrize(
    ("country", "region"),
    [("US", "americas"), ("BR", "americas"), ("FR", "americas"), ("NG", "americas"), ("SG", "asia"), ("IN", "asia"),
     ("AU", "asia"), ("jp", "asia"), ("XX", "asia"), ("", "asia"), (None, "asia")],
)  # fmt: skip
def test_the_nearest_region_follows_the_table_and_has_a_default(country: str | None, region: str) -> None:
    assert load().nearest_region(country) == region
