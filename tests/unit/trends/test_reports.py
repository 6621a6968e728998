"""The reports of closed months: made once, later when a tick was missed, of people, and of nobody alone."""

from collections import Counter
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from boto3.dynamodb.conditions import Attr

from account_trends import app as account_app
from account_trends import parts as account_parts
from privacy.models.accounts import Account, Consent
from privacy.models.holds import Ground, Hold, Scope
from privacy.models.trends import Month
from privacy.policy import Period
from privacy.schedules import SweepFailedError
from privacy.settings import Deployment, load
from privacy.tables.accounts import Accounts
from privacy.tables.holds import Holds
from privacy.tables.store import epoch, transact
from privacy.tables.visits import Visits
from privacy.trends.making import Making
from tests.unit.engine import Context, SetClock, environment, everything, gauges, items, sample, schedule_event, table
from tests.unit.interference import killed_at, once_before, recorded
from visit_trends import app as visit_app
from visit_trends import parts as visit_parts

pytestmark = pytest.mark.promise("disclosure.aggregate")

NOVEMBER = datetime(2026, 11, 1, tzinfo=UTC)
DECEMBER = datetime(2026, 12, 1, tzinfo=UTC)
JANUARY = datetime(2027, 1, 1, tzinfo=UTC)
HOUR, SECOND = timedelta(hours=1), timedelta(seconds=1)
WITHIN = datetime(2026, 11, 24, 12, 0, tzinfo=UTC)
SPARE = 3 * 18
"""More than noise ever moves a count by in these tests: its key is fixed."""


@pytest.fixture
def visits(stores: None, clock: SetClock) -> Making:
    return visit_parts.assemble(load(Deployment, environment("VisitTrendsFunction")), clock)


@pytest.fixture
def accounts(stores: None, clock: SetClock) -> Making:
    return account_parts.assemble(load(Deployment, environment("AccountTrendsFunction")), clock)


def tick(making: Making, seconds: float = 300.0) -> dict[str, Any]:
    build = visit_app.build if making.subject.name == "visits" else account_app.build
    answered: dict[str, Any] = build(lambda: making)(schedule_event(), Context(seconds))["trends"]
    return answered


def visit(making: Making, number: int, at: datetime = WITHIN, **changes: Any) -> None:
    fields = {"browser": "Firefox", "platform": "Linux", "country": "SG", "language": "en-SG"}
    fields |= {"ip": f"10.{number // 65536}.{number // 256 % 256}.{number % 256}", "referrer": "https://ada.example/"}
    Visits(table("visits"), making.policy).record(
        {name: value for name, value in (fields | changes).items() if value is not None}, at
    )


def account(number: int, created_at: datetime = WITHIN, *, lead: bool = False, **profile: Any) -> None:
    fields = {"kind": "trial", "name": f"Canary {number}", "email": f"canary{number}@example.org"} | profile
    made = Account(
        f"acc_{number}", created_at, "2026-11-24", f"tag{number}", fields, None if lead else "hash",
        Consent(False, created_at, "2026-11-24"), created_at,
    )  # fmt: skip
    row, _ = Accounts(table("accounts")).create_operations(made)
    table("accounts").client.put_item(**row["Put"])


def told(subject: str = "visits", month: str = "2026-11") -> dict[str, dict[str, int]]:
    (found,) = [row for row in items("trends") if row["id"] == f"{subject}#{month}"]
    tables: dict[str, dict[str, int]] = found["tables"]
    return tables


def test_a_month_is_reported_an_hour_after_its_end_and_not_before(visits: Making, clock: SetClock) -> None:
    clock.set(DECEMBER + HOUR - SECOND)
    assert tick(visits) == {"removed": 0, "lag_seconds": 0, "left": False}
    clock.set(DECEMBER + HOUR)
    assert tick(visits) == {"removed": 1, "lag_seconds": 3600, "left": False}
    (row,) = items("trends")
    assert (row["id"], row["least_people"], row["policy_version"]) == (
        "visits#2026-11", visits.policy.least_people, visits.policy.version.isoformat(),
    )  # fmt: skip
    assert row["ttl"] == epoch(datetime(2031, 12, 1, 1, tzinfo=UTC))


def test_a_report_is_made_once_and_stays_as_it_is(visits: Making, clock: SetClock) -> None:
    for number in range(80):
        visit(visits, number)
    clock.set(DECEMBER + HOUR)
    tick(visits)
    before = items("trends")
    for number in range(80, 160):
        visit(visits, number)
    clock.advance(days=1)
    assert tick(visits) == {"removed": 0, "lag_seconds": 0, "left": False}
    assert items("trends") == before


def test_of_two_workers_at_the_same_moment_one_writes(visits: Making, clock: SetClock) -> None:
    clock.set(DECEMBER + HOUR)
    with once_before("dynamodb.PutItem", lambda: tick(visits)):
        assert tick(visits)["removed"] == 0
    assert len(items("trends")) == 1


def test_months_that_were_missed_are_made_later_each_from_its_own_visits(visits: Making, clock: SetClock) -> None:
    for number in range(100):
        visit(visits, number)
    for number in range(300):
        visit(visits, number, JANUARY - SECOND)
    visit(visits, 1000, JANUARY)
    clock.set(datetime(2027, 2, 3, tzinfo=UTC))
    assert tick(visits) == {"removed": 3, "lag_seconds": int((clock() - DECEMBER).total_seconds()), "left": False}
    assert abs(told(month="2026-11")["country"]["other"] - 100) < SPARE
    assert abs(told(month="2026-12")["country"]["other"] - 300) < SPARE
    assert told(month="2027-01") == {"country": {}, "browser": {}, "platform": {}, "language": {}}


def test_a_visit_belongs_to_the_month_of_its_second(visits: Making, clock: SetClock) -> None:
    pages = list(visits.subject.rows(Month(2026, 11)))
    assert pages == []
    for number, at in enumerate([NOVEMBER - SECOND, NOVEMBER, DECEMBER - SECOND, DECEMBER]):
        visit(visits, number, at)
    clock.set(DECEMBER)
    found = {person for page in visits.subject.rows(Month(2026, 11)) for person, _ in page}
    assert found == {"10.0.0.1", "10.0.0.2"}


def test_a_month_of_which_visits_have_expired_has_no_report(visits: Making, clock: SetClock) -> None:
    clock.set(datetime(2027, 11, 1, tzinfo=UTC))  # the first second of November 2026 is a year old
    tick(visits)
    assert min(row["id"] for row in items("trends")) == "visits#2026-12"


def test_a_report_that_expired_is_not_made_anew_from_what_is_still_there(visits: Making, clock: SetClock) -> None:
    shorter = replace(visits.policy, retention=dict(visits.policy.retention) | {"trends": Period.parse("P1M")})
    making = replace(visits, policy=shorter)
    clock.set(JANUARY)  # the second at which a report of November would be over
    assert tick(making)["removed"] == 0
    clock.set(JANUARY - SECOND)
    assert tick(making)["removed"] == 1


def test_a_visit_that_is_held_past_its_year_is_not_counted(visits: Making, clock: SetClock) -> None:
    visit(visits, 1, NOVEMBER)
    visit(visits, 2, NOVEMBER + HOUR)
    scope = Scope.model_validate({"visits": {"from": "2026-11-01T00:00:00Z", "to": "2026-12-01T00:00:00Z"}})
    held = Hold("hld_x", "owner", Ground.LAW, "case", scope, WITHIN, datetime(2028, 1, 1, tzinfo=UTC), since=WITHIN)
    Holds(table("holds"), visits.policy).create(held)
    clock.set(datetime(2027, 11, 1, 0, 0, 1, tzinfo=UTC))
    rows = [person for page in visits.subject.rows(Month(2026, 11)) for person, _ in page]
    assert rows == ["10.0.0.2"]


def test_a_person_counts_once_however_often_they_come_and_a_bot_never(visits: Making, clock: SetClock) -> None:
    for number in range(60):
        for _ in range(5):
            visit(visits, number)
        visit(visits, 5000 + number, browser="Bot")
        visit(visits, 0, ip=None)
    clock.set(DECEMBER + HOUR)
    tick(visits)
    assert abs(told()["platform"]["other"] - 60) < 20


def test_one_home_is_one_person_whatever_address_its_devices_take(visits: Making, clock: SetClock) -> None:
    for number in range(300):
        visit(visits, number, ip=f"2001:db8:0:{number % 256:x}::{number:x}")
    clock.set(DECEMBER + HOUR)
    tick(visits)
    assert set(map(len, told().values())) == {0}


def test_groups_are_told_by_names_that_we_know_and_the_rest_is_other(visits: Making, clock: SetClock) -> None:
    for number in range(400):
        visit(visits, number)
    for number in range(400, 600):
        visit(visits, number, country="DE", browser="Other", platform=None, language="de-CH")
    for number in range(600, 609):
        visit(visits, number, country="LI", language="fy")
    clock.set(DECEMBER + HOUR)
    tick(visits)
    tables = told()
    assert tables.keys() == {"country", "browser", "platform", "language"}
    assert tables["country"].keys() == {"SG", "other"}
    assert tables["browser"].keys() == {"Firefox", "other"}
    assert tables["platform"].keys() == {"Linux", "other"}
    assert tables["language"].keys() == {"en", "other"}
    assert abs(tables["country"]["SG"] - 400) < SPARE


def test_the_policys_k_is_what_counts(visits: Making, clock: SetClock) -> None:
    for number in range(100):
        visit(visits, number)
    clock.set(DECEMBER + HOUR)
    stricter = replace(visits, policy=replace(visits.policy, least_people=101))
    tick(stricter)
    assert told()["country"] == {}
    assert items("trends")[0]["least_people"] == 101


def test_a_tick_without_time_writes_nothing_and_the_next_makes_all(visits: Making, clock: SetClock) -> None:
    visit(visits, 1)
    clock.set(DECEMBER + HOUR)
    assert tick(visits, seconds=20.0) == {"removed": 0, "lag_seconds": 3600, "left": True}
    assert items("trends") == []
    assert tick(visits)["removed"] == 1


def test_accounts_are_counted_in_the_month_that_brought_them_and_never_again(accounts: Making, clock: SetClock) -> None:
    for number in range(150):
        account(number, kind="registration", sector=" Retail  Trade" if number % 2 else "retail trade")
    for number in range(150, 250):
        account(number, lead=True, kind="download", sector="Health")
    account(300, NOVEMBER - SECOND)
    account(301, DECEMBER)
    clock.set(DECEMBER + timedelta(days=40))
    for made in range(150):
        stored = Accounts(table("accounts")).get(f"acc_{made}")
        assert stored is not None
        Accounts(table("accounts")).contacted(stored, clock())
    counted = Counter(cells for page in accounts.subject.rows(Month(2026, 11)) for cells in page)
    assert len(counted) == 250
    assert tick(accounts)["removed"] == 2
    assert told("accounts")["kind"].keys() == {"registration", "other"}
    assert told("accounts")["sector"].keys() == {"retail trade", "other"}
    assert set(map(len, told("accounts", "2026-12").values())) == {0}


def test_an_account_that_is_closed_or_past_its_period_is_not_counted(accounts: Making, clock: SetClock) -> None:
    account(1)
    account(2)
    account(3, lead=True)
    store = Accounts(table("accounts"))
    transact(store.table.client, [store.close_operation("acc_1")])
    clock.set(WITHIN + timedelta(days=365))
    assert [person for page in accounts.subject.rows(Month(2026, 11)) for person, _ in page] == ["acc_2"]
    store.table.update({"id": "acc_2"}, {"closed": True}, Attr("id").exists())  # the index is a moment behind
    assert [person for page in accounts.subject.rows(Month(2026, 11)) for person, _ in page] == []


def test_of_a_profile_nothing_but_the_three_fields_leaves_the_table(accounts: Making, clock: SetClock) -> None:
    account(1, sector="Retail", interest="Books", phone="+6561237397", company="Canary")
    (page,) = [
        page for page in Accounts(table("accounts")).created(
            NOVEMBER, DECEMBER, accounts.subject.tables, accounts.policy, clock
        )
        if page
    ]  # fmt: skip
    assert page == [("acc_1", {"kind": "trial", "sector": "Retail", "interest": "Books"})]


def test_what_one_person_typed_at_length_is_no_cell(accounts: Making, clock: SetClock) -> None:
    for number in range(200):
        account(number, sector="x" * 61, interest="y" * 60)
    for number in range(200, 300):
        account(number, kind="registration")
    clock.set(DECEMBER + HOUR)
    tick(accounts)
    assert told("accounts")["sector"].keys() == {"other"}
    assert told("accounts")["interest"].keys() == {"y" * 60, "other"}


def test_no_address_or_name_is_in_a_report_a_metric_or_a_log(
    visits: Making, accounts: Making, clock: SetClock, capsys: pytest.CaptureFixture[str]
) -> None:
    for number in range(120):
        visit(visits, number)
        account(number, sector=f"Canary sector {number}")
    clock.set(DECEMBER + HOUR)
    tick(visits)
    tick(accounts)
    out = capsys.readouterr().out
    written = f"{items('trends')} {out}"
    for canary in ("10.0.", "Canary", "canary", "example", "acc_", "tag1"):
        assert canary not in written
    assert gauges(out)["trends"] == {"Removed": 1, "Failed": 0, "RemovalLagSeconds": 3600, "Left": 0}
    assert b"10.0.0.1'" in everything()  # where visits lie, and nowhere else


def test_the_sample_events_are_answered(visits: Making, accounts: Making, clock: SetClock) -> None:
    for name, build, making in (
        ("visit_trends", visit_app.build, visits),
        ("account_trends", account_app.build, accounts),
    ):
        handler = build(lambda making=making: making)  # type: ignore[misc]
        assert handler(sample(f"{name}/tick"), Context())["trends"]["removed"] == 0
        assert "error" in handler(sample(f"{name}/bad-unknown-event"), Context())


def test_a_month_costs_a_query_a_shard_and_never_a_scan(visits: Making, accounts: Making, clock: SetClock) -> None:
    clock.set(DECEMBER + HOUR)
    with recorded() as calls:
        tick(visits)
    assert (calls["dynamodb.Query"], calls["dynamodb.PutItem"], calls["dynamodb.Scan"]) == (16, 1, 0)
    with recorded() as calls:
        tick(accounts)
    assert (calls["dynamodb.Query"], calls["dynamodb.PutItem"], calls["dynamodb.Scan"]) == (32, 1, 0)
    with recorded() as calls:
        tick(visits)
    assert calls == {"dynamodb.GetItem": 1}


def test_a_store_that_fails_leaves_no_half_report_and_raises_the_alarm(visits: Making, clock: SetClock) -> None:
    clock.set(DECEMBER + HOUR)
    with killed_at(5), pytest.raises(SweepFailedError):
        tick(visits)
    assert items("trends") == []
    assert tick(visits)["removed"] == 1
