"""Reading the reports: for the data protection officer alone, the newest month first."""

from dataclasses import replace
from datetime import UTC, datetime
from typing import Any

import pytest

from privacy.models.trends import Month, Report
from privacy.settings import load
from privacy.web.staff import StaffSettings
from tests.unit.engine import SetClock, sample, send
from tests.unit.interference import recorded
from tests.unit.staff import Issuer, call
from trends.app import build
from trends.parts import Parts, assemble

pytestmark = pytest.mark.promise("disclosure.aggregate")

LATER = datetime(2027, 3, 15, tzinfo=UTC)


@pytest.fixture
def issuer() -> Issuer:
    return Issuer()


@pytest.fixture
def parts(stores: None, clock: SetClock, issuer: Issuer) -> Parts:
    clock.set(LATER)
    return assemble(load(StaffSettings, issuer.environment("TrendsFunction")), clock)


@pytest.fixture
def app(parts: Parts) -> Any:
    return build(lambda: parts)


def report(parts: Parts, month: Month, subject: str = "visits", made_at: datetime | None = None) -> None:
    tables = {"country": {"other": 30, "SG": 400, "DE": 400}, "browser": {}}
    assert parts.reports.publish(Report(subject, month, made_at or month.ends, "2026-11-24", 10, tables))


def test_a_month_is_told_with_both_reports_and_the_largest_cells_first(app: Any, parts: Parts, issuer: Issuer) -> None:
    report(parts, Month(2026, 12), "accounts")
    report(parts, Month(2026, 12))
    (item,) = call(app, issuer.token(now=LATER), "GET", "/helpdesk/trends").json()["items"]
    assert item["month"] == "2026-12"
    assert [one["of"] for one in item["reports"]] == ["visits", "accounts"]
    assert item["reports"][0] == {
        "of": "visits",
        "made_at": "2027-01-01T00:00:00Z",
        "policy_version": "2026-11-24",
        "least_people": 10,
        "rounded_to": 5,
        "tables": [
            {"by": "browser", "cells": []},
            {
                "by": "country",
                "cells": [
                    {"value": "DE", "people": 400},
                    {"value": "SG", "people": 400},
                    {"value": "other", "people": 30},
                ],
            },
        ],
    }


def test_a_table_with_a_cell_of_too_few_people_says_nothing_however_it_came_there(parts: Parts, issuer: Issuer) -> None:
    def told(least: int) -> dict[str, int]:
        app = build(lambda: replace(parts, policy=replace(parts.policy, least_people=least)))
        (item,) = call(app, issuer.token(now=LATER), "GET", "/helpdesk/trends").json()["items"]
        return {table["by"]: len(table["cells"]) for table in item["reports"][0]["tables"]}

    tables = {"country": {"other": 30, "SG": 400}, "browser": {"other": 400, "Firefox": 9}}
    parts.reports.publish(Report("visits", Month(2026, 12), LATER, "2026-11-24", 10, tables))
    assert told(10) == {"country": 2, "browser": 0}
    # The policy may ask for more people than when the report was made, and not for less.
    assert told(31) == {"country": 0, "browser": 0}
    assert told(5) == {"country": 2, "browser": 0}


def test_months_come_newest_first_in_pages(app: Any, parts: Parts, issuer: Issuer) -> None:
    for month in Month(2026, 11).up_to(Month(2027, 2)):
        report(parts, month)
    token, seen = issuer.token(now=LATER), []
    cursor: str | None = ""
    while cursor is not None:
        page = call(app, token, "GET", f"/helpdesk/trends?limit=3&cursor={cursor}").json()
        seen.append([item["month"] for item in page["items"]])
        cursor = page["next_cursor"]
    assert seen == [["2027-02", "2027-01", "2026-12"], ["2026-11"]]


@pytest.mark.parametrize("query", ["limit=0", "limit=1001", "cursor=bm8", "cursor=%21"])
def test_a_page_that_there_is_not_is_refused(app: Any, issuer: Issuer, query: str) -> None:
    assert call(app, issuer.token(now=LATER), "GET", f"/helpdesk/trends?{query}").status == 422


def test_it_is_for_the_data_protection_officer_alone(app: Any, issuer: Issuer) -> None:
    for role in ("helpdesk", "security", "admin"):
        assert call(app, issuer.token(role, now=LATER), "GET", "/helpdesk/trends").status == 403
    assert call(app, None, "GET", "/helpdesk/trends").status == 401
    assert send(app, sample("trends/bad-no-token")).status == 401
    assert call(app, issuer.token(now=LATER), "GET", "/helpdesk/trends").status == 200


def test_a_report_is_read_to_the_last_second_of_its_five_years(
    app: Any, parts: Parts, issuer: Issuer, clock: SetClock
) -> None:
    report(parts, Month(2026, 12), made_at=datetime(2027, 1, 1, 3, tzinfo=UTC))
    for now, count in ((datetime(2032, 1, 1, 2, 59, 59, tzinfo=UTC), 1), (datetime(2032, 1, 1, 3, tzinfo=UTC), 0)):
        clock.set(now)
        assert len(call(app, issuer.token(now=now), "GET", "/helpdesk/trends").json()["items"]) == count


def test_a_page_asks_the_table_of_reports_and_nothing_else(app: Any, issuer: Issuer) -> None:
    with recorded() as calls:
        call(app, issuer.token(now=LATER), "GET", "/helpdesk/trends")
    assert calls == {"dynamodb.BatchGetItem": 1}
