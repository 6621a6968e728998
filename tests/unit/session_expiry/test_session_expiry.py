"""The sweep: it finds what TTL has left, by a query for what is due, and says how late it was."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from botocore.exceptions import ClientError

from privacy import policy
from privacy.models.access import SupportRequest
from privacy.models.accounts import BillingRecord, Enquiry, PendingChange, PendingSignup
from privacy.models.campaigns import Campaign
from privacy.models.consent import Choice
from privacy.models.correlations import Correlation, Ground, Question
from privacy.models.ids import encode
from privacy.models.sessions import Session
from privacy.models.trends import Month, Report
from privacy.schedules import SweepFailedError
from privacy.settings import Deployment, load
from privacy.tables.access import Access, new_access_id
from privacy.tables.attempts import Attempts
from privacy.tables.billing import Billing
from privacy.tables.campaigns import Campaigns
from privacy.tables.changes import Changes
from privacy.tables.choices import Choices
from privacy.tables.correlations import Correlations
from privacy.tables.enquiries import Enquiries
from privacy.tables.idempotency import Idempotency
from privacy.tables.sessions import Sessions
from privacy.tables.signups import Signups
from privacy.tables.store import transact
from privacy.tables.trends import Reports
from session_expiry.app import build
from session_expiry.parts import Parts, assemble
from tests.unit.engine import NOON, Context, SetClock, environment, gauges, items, sample, schedule_event, table

POLICY = policy.load()
NOTHING = {"removed": 0, "lag_seconds": 0, "left": False}
STORES = (
    "sessions",
    "attempts",
    "signups",
    "changes",
    "enquiries",
    "billing",
    "correlations",
    "campaigns",
    "idempotency",
    "choices",
    "trends",
    "access",
)
SWEPT = {"holds", *STORES}


@pytest.fixture
def parts(stores: None, clock: SetClock) -> Parts:
    return assemble(load(Deployment, environment("SessionExpiryFunction")), clock)


@pytest.fixture
def handler(parts: Parts) -> Any:
    return build(lambda: parts)


def tick(handler: Any, seconds: float = 300.0) -> dict[str, Any]:
    """What was done, by store; that nothing is held goes without saying here (test_holds.py)."""
    answered: dict[str, Any] = handler(schedule_event(), Context(seconds))
    assert [answered[store].pop("held") for store in ("sessions", "billing") if store in answered] == [0, 0]
    return answered


def session(number: int, created_at: datetime, last_used_at: datetime | None = None) -> None:
    hashed = f"{number:064x}"
    Sessions(table("sessions"), POLICY).create(Session(hashed, "acc_x", created_at, last_used_at or created_at))


def attempt(number: int, created_at: datetime) -> None:
    Attempts(table("sessions"), POLICY).count(f"{number:032x}", created_at)


def signup(number: int, created_at: datetime) -> None:
    expires = POLICY.retention["signups.pending"].after(created_at)
    Signups(table("signups"), POLICY).create(PendingSignup(f"sgn_{number}", created_at, expires, b"sealed"))


def change(number: int, created_at: datetime) -> None:
    expires = POLICY.retention["links.pending"].after(created_at)
    Changes(table("signups"), POLICY).create(PendingChange(f"eml_{number}", created_at, expires, b"sealed"))


def enquiry(number: int, created_at: datetime) -> None:
    Enquiries(table("enquiries"), POLICY).create(Enquiry(f"ENQ-{number}", created_at, created_at, created_at, {}))


def billing(number: int, recorded_at: datetime) -> None:
    records = Billing(table("billing"), POLICY)
    operation = records.create_operation(BillingRecord(f"bil_{number}", "acc_x", recorded_at, {"amount": "1.00"}))
    records.table.client.put_item(**operation["Put"])


def correlation(number: int, requested_at: datetime) -> None:
    asked = Question("acc_x", requested_at, requested_at, "case")
    made = Correlation(f"cor_{number}", Ground.LAW, "pseudonym", requested_at, asked)
    requests = Correlations(table("correlations"), POLICY)
    transact(requests.table.client, [requests.create_operation(made, asked)])


def delivered(number: int, requested_at: datetime, decided_at: datetime) -> None:
    correlation(number, requested_at)
    requests = Correlations(table("correlations"), POLICY)
    made = requests.get(f"cor_{number}", decided_at)
    assert made is not None
    write = requests.deliver_operation(made, decided_at, approver="a", decision="b", account="c", case="d")
    transact(requests.table.client, [write])


def campaign(number: int, created_at: datetime) -> None:
    Campaigns(table("campaigns"), POLICY).create(Campaign(f"cam_{number}", created_at, "News", "Text", "all"))


def recipient(number: int, created_at: datetime) -> None:
    Campaigns(table("campaigns"), POLICY).queue(Campaign("cam_x", created_at, "News", "Text", "all"), f"{number:032x}")


def key(number: int, created_at: datetime) -> None:
    Idempotency(table("idempotency"), POLICY).claim(f"key{number}", "body", {}, created_at)


def choice(number: int, made_at: datetime) -> None:
    made = Choice(preferences=True, analytics=number % 2 == 0, day=made_at.date(), version=POLICY.version)
    Choices(table("choices"), POLICY).count(made, gpc=False)


def support(number: int, created_at: datetime) -> None:
    request_id = new_access_id("sup", "db_" + encode(number.to_bytes(16, "big")), created_at)
    access = Access(table("access"), POLICY)
    operation = access.create_operation(SupportRequest(request_id, created_at, "help"))
    access.table.client.put_item(**operation["Put"])


def report(number: int, made_at: datetime) -> None:
    Reports(table("trends"), POLICY).publish(Report("visits", Month(2026, number), made_at, "2026-11-24", 10, {}))


def left(store: str) -> list[dict[str, Any]]:
    """What lies in a store, whoever may still read it; some stores share a table."""
    if store in ("signups", "changes"):
        return [row for row in items("signups") if row["id"].startswith("sgn_") is (store == "signups")]
    if store not in ("sessions", "attempts"):
        return items(store)
    return [row for row in items("sessions") if ("attempts" in row) is (store == "attempts")]


# each store, what puts something into it, and the end of what was put at noon of 30 November 2026
BEGAN = datetime(2026, 11, 30, 12, 0, tzinfo=UTC)
ENDS = [
    ("sessions", session, datetime(2026, 12, 7, 12, 0, tzinfo=UTC)),
    ("attempts", attempt, datetime(2026, 12, 1, 12, 0, tzinfo=UTC)),
    ("signups", signup, datetime(2026, 12, 7, 12, 0, tzinfo=UTC)),
    ("changes", change, datetime(2026, 12, 1, 12, 0, tzinfo=UTC)),
    ("enquiries", enquiry, datetime(2027, 11, 30, 12, 0, tzinfo=UTC)),
    ("billing", billing, datetime(2031, 11, 30, 12, 0, tzinfo=UTC)),
    ("correlations", correlation, datetime(2026, 12, 7, 12, 0, tzinfo=UTC)),
    ("campaigns", campaign, datetime(2027, 5, 30, 12, 0, tzinfo=UTC)),
    ("campaigns", recipient, datetime(2027, 5, 30, 12, 0, tzinfo=UTC)),
    ("idempotency", key, datetime(2026, 12, 1, 12, 0, tzinfo=UTC)),
    ("choices", choice, datetime(2027, 11, 30, tzinfo=UTC)),  # its day is all that is known of it
    ("trends", report, datetime(2031, 11, 30, 12, 0, tzinfo=UTC)),
    ("access", support, datetime(2027, 11, 30, 12, 0, tzinfo=UTC)),
]


@pytest.mark.promise("sessions.idle", "signup.confirmed", "accounts.necessity")
@pytest.mark.parametrize(("store", "put", "end"), ENDS, ids=[row[1].__name__ for row in ENDS])
def test_a_thing_stays_to_the_last_second_of_its_period_and_goes_at_its_end(
    handler: Any, clock: SetClock, store: str, put: Any, end: datetime
) -> None:
    put(1, BEGAN)
    clock.set(end - timedelta(seconds=1))
    assert tick(handler)[store] == NOTHING
    assert len(left(store)) == 1
    clock.set(end)
    assert tick(handler)[store] == {"removed": 1, "lag_seconds": 0, "left": False}
    assert left(store) == []


@pytest.mark.promise("sessions.idle", "signup.confirmed", "accounts.necessity")
@pytest.mark.parametrize(("store", "put", "end"), ENDS, ids=[row[1].__name__ for row in ENDS])
def test_the_sweep_tells_how_late_its_latest_removal_was(
    handler: Any, clock: SetClock, store: str, put: Any, end: datetime, capsys: pytest.CaptureFixture[str]
) -> None:
    put(1, BEGAN)
    put(2, BEGAN + timedelta(hours=2))
    put(3, BEGAN + timedelta(days=30))
    clock.set(end + timedelta(hours=5))
    assert tick(handler)[store] == {"removed": 2, "lag_seconds": 5 * 3600, "left": False}
    assert len(left(store)) == 1
    published = gauges(capsys.readouterr().out)
    assert published.keys() == SWEPT
    published[store].pop("Held", None)
    assert published[store] == {"Removed": 2, "Failed": 0, "RemovalLagSeconds": 5 * 3600, "Left": 0}


@pytest.mark.promise("sessions.max-age")
@pytest.mark.parametrize(
    ("began", "end"),
    [
        (datetime(2026, 11, 30, 8, tzinfo=UTC), datetime(2027, 2, 28, 8, tzinfo=UTC)),
        (datetime(2027, 11, 29, 8, tzinfo=UTC), datetime(2028, 2, 29, 8, tzinfo=UTC)),
    ],
)
def test_a_session_in_use_is_removed_at_its_greatest_age(
    handler: Any, clock: SetClock, began: datetime, end: datetime
) -> None:
    session(1, began, end - timedelta(hours=1))
    clock.set(end - timedelta(seconds=1))
    assert tick(handler)["sessions"] == NOTHING
    clock.set(end + timedelta(seconds=30))
    assert tick(handler)["sessions"] == {"removed": 1, "lag_seconds": 30, "left": False}
    assert items("sessions") == []


@pytest.mark.promise("sessions.max-age")
def test_where_two_days_share_an_end_each_session_keeps_its_hour(handler: Any, clock: SetClock) -> None:
    noon = datetime(2027, 2, 28, 12, 0, tzinfo=UTC)
    session(1, datetime(2026, 11, 30, 10, tzinfo=UTC), noon)
    session(2, datetime(2026, 11, 29, 14, tzinfo=UTC), noon)
    clock.set(noon)
    sessions = Sessions(table("sessions"), POLICY)
    assert sessions.use(f"{1:064x}", noon) is None
    assert sessions.use(f"{2:064x}", noon) is not None
    assert tick(handler)["sessions"] == {"removed": 1, "lag_seconds": 2 * 3600, "left": False}
    clock.set(noon.replace(hour=14))
    assert sessions.use(f"{2:064x}", clock()) is None


@pytest.mark.promise("correlation.gate")
def test_a_correlation_that_was_delivered_outlives_its_wait_by_its_own_period(
    parts: Parts, handler: Any, clock: SetClock
) -> None:
    week = BEGAN + timedelta(days=7)
    delivered(1, BEGAN, week - timedelta(seconds=1))
    clock.set(week)
    waiting, _ = parts.stores["correlations"]
    assert waiting.remove("cor_1", clock()) is False  # the index is a moment behind, and still has it
    assert tick(handler)["correlations"] == NOTHING
    year = datetime(2027, 11, 30, 12, 0, tzinfo=UTC)
    clock.set(year - timedelta(seconds=1))
    assert (tick(handler)["correlations"], len(items("correlations"))) == (NOTHING, 1)
    clock.set(year)
    assert tick(handler)["correlations"] == {"removed": 1, "lag_seconds": 0, "left": False}


def test_an_attempt_after_which_another_was_made_stays(parts: Parts, handler: Any, clock: SetClock) -> None:
    attempt(1, BEGAN)
    clock.set(BEGAN + timedelta(days=1))
    (limit,) = parts.stores["attempts"]
    ((found, _),) = limit.due(clock())
    attempt(1, clock())
    assert limit.remove(found, clock()) is False
    assert tick(handler)["attempts"] == NOTHING
    assert len(left("attempts")) == 1


def test_sessions_and_attempts_of_one_table_are_swept_apart(handler: Any, clock: SetClock) -> None:
    session(1, BEGAN)
    attempt(1, BEGAN)
    clock.set(BEGAN + timedelta(days=1))
    assert (tick(handler)["sessions"], len(left("sessions"))) == (NOTHING, 1)
    attempt(1, clock())
    clock.set(BEGAN + timedelta(days=7, hours=1))
    answered = tick(handler)
    assert answered["sessions"] == {"removed": 1, "lag_seconds": 3600, "left": False}
    assert answered["attempts"] == {"removed": 1, "lag_seconds": 5 * 86400 + 3600, "left": False}
    assert items("sessions") == []


def test_a_session_that_both_limits_have_ended_is_counted_once(handler: Any, clock: SetClock) -> None:
    session(1, BEGAN)
    clock.set(BEGAN + timedelta(days=400))
    assert tick(handler)["sessions"]["removed"] == 1


def test_a_session_that_is_used_again_before_it_is_removed_stays(parts: Parts, clock: SetClock) -> None:
    session(1, BEGAN)
    clock.set(BEGAN + timedelta(days=7))
    idle, _ = parts.stores["sessions"]
    ((found, _),) = idle.due(clock())
    table("sessions").update({"token_hash": found}, {"last_used_at": int(clock().timestamp())}, _exists("token_hash"))
    assert idle.remove(found, clock()) is False
    assert len(items("sessions")) == 1


def _exists(name: str) -> Any:
    from boto3.dynamodb.conditions import Attr

    return Attr(name).exists()


def test_nothing_due_is_nothing_done(handler: Any, capsys: pytest.CaptureFixture[str]) -> None:
    assert tick(handler) == dict.fromkeys(SWEPT, NOTHING)
    published = gauges(capsys.readouterr().out)
    assert all(set(values.values()) == {0} for values in published.values())


def test_three_days_without_a_tick_are_cleared_by_one_and_two_in_a_row_do_nothing_more(
    handler: Any, clock: SetClock
) -> None:
    for number in range(72):
        session(number, BEGAN + timedelta(hours=number))
    clock.set(BEGAN + timedelta(days=10))
    assert tick(handler)["sessions"]["removed"] == 72
    assert tick(handler)["sessions"] == NOTHING


def test_more_than_one_page_of_due_things_goes_in_one_sweep(handler: Any, clock: SetClock) -> None:
    keys = [
        {"key": f"key{number}", "created_at": int(BEGAN.timestamp()), "shard": "00", "padding": "x" * 2000}
        for number in range(1200)
    ]
    table("idempotency").put_all(keys)
    clock.set(BEGAN + timedelta(days=2))
    assert tick(handler)["idempotency"]["removed"] == 1200
    assert items("idempotency") == []


def test_the_sweep_asks_for_what_is_due_and_never_reads_the_table(parts: Parts, clock: SetClock) -> None:
    for number in range(50):
        session(number, NOON)
    calls: list[tuple[str, Any]] = []

    class Watched:
        def __init__(self, real: Any) -> None:
            self.real = real

        def __getattr__(self, name: str) -> Any:
            def call(**arguments: Any) -> Any:
                answer = getattr(self.real, name)(**arguments)
                calls.append((name, answer.get("ScannedCount")))
                return answer

            return call

    watched = {
        store: tuple(replace(limit, table=replace(limit.table, client=Watched(limit.table.client))) for limit in limits)
        for store, limits in parts.stores.items()
    }
    tick(build(lambda: replace(parts, stores=watched)))
    assert {name for name, _ in calls} == {"query"}
    assert sum(scanned for _, scanned in calls) == 0


def test_a_sweep_stops_before_its_function_does_and_says_what_is_left(
    handler: Any, clock: SetClock, capsys: pytest.CaptureFixture[str]
) -> None:
    for number in range(300):
        key(number, BEGAN)
    clock.set(BEGAN + timedelta(days=1))
    answered = tick(handler, seconds=20.0)
    assert answered["idempotency"] == {"removed": 256, "lag_seconds": 0, "left": True}
    assert gauges(capsys.readouterr().out)["idempotency"]["Left"] == 1
    assert tick(handler)["idempotency"] == {"removed": 44, "lag_seconds": 0, "left": False}


class _Denied:
    """A client that may do nothing, and says to whom."""

    def __getattr__(self, name: str) -> Any:
        def call(**arguments: Any) -> Any:
            raise ClientError({"Error": {"Code": "AccessDeniedException", "Message": "canary"}}, name)

        return call


@pytest.mark.promise("sessions.idle")
@pytest.mark.parametrize("broken", STORES)
def test_a_store_that_cannot_be_swept_keeps_no_other_from_it_and_raises_the_alarm(
    parts: Parts, clock: SetClock, broken: str, capsys: pytest.CaptureFixture[str]
) -> None:
    for _, put, _ in ENDS:
        put(1, BEGAN)
    clock.set(BEGAN + timedelta(days=3650))
    limits = parts.stores[broken]
    denied = tuple(replace(limit, table=replace(limit.table, client=_Denied())) for limit in limits)
    handler = build(lambda: replace(parts, stores={**parts.stores, broken: denied}))
    with pytest.raises(SweepFailedError, match=f"^not swept: {broken}$"):
        tick(handler)
    assert [store for store in STORES if left(store)] == [broken]
    out = capsys.readouterr().out
    assert gauges(out).keys() == SWEPT - {broken}  # no figure is better than a wrong one
    assert '"AccessDeniedException"' in out
    assert "canary" not in out


@pytest.mark.promise("sessions.idle", "sessions.max-age")
@pytest.mark.parametrize(("broken", "stays"), [(0, 2), (1, 1)], ids=["idle", "max-age"])
def test_a_limit_that_cannot_be_asked_about_leaves_the_stores_other_limit_at_work(
    parts: Parts, clock: SetClock, broken: int, stays: int, capsys: pytest.CaptureFixture[str]
) -> None:
    end = POLICY.retention["sessions.max-age"].after(BEGAN)
    session(1, BEGAN, end - timedelta(hours=1))  # over by its age alone
    session(2, end - timedelta(days=8))  # over by being idle alone
    signup(1, BEGAN)
    clock.set(end)
    limits = list(parts.stores["sessions"])
    limits[broken] = replace(limits[broken], table=replace(limits[broken].table, client=_Denied()))
    handler = build(lambda: replace(parts, stores={**parts.stores, "sessions": tuple(limits)}))
    with pytest.raises(SweepFailedError, match=r"^not swept: sessions$"):
        tick(handler)
    assert [row["token_hash"] for row in items("sessions")] == [f"{stays:064x}"]
    assert items("signups") == []
    assert "sessions" not in gauges(capsys.readouterr().out)


def test_one_item_that_cannot_be_removed_keeps_none_of_the_others(
    parts: Parts, clock: SetClock, capsys: pytest.CaptureFixture[str]
) -> None:
    for number in range(5):
        signup(number, BEGAN)
    clock.set(BEGAN + timedelta(days=8))
    (limit,) = parts.stores["signups"]

    class Stubborn:
        def __getattr__(self, name: str) -> Any:
            return getattr(limit.table.client, name)

        def delete_item(self, **arguments: Any) -> Any:
            if arguments["Key"]["id"]["S"] == "sgn_3":
                raise ClientError({"Error": {"Code": "InternalServerError", "Message": "canary"}}, "DeleteItem")
            return limit.table.client.delete_item(**arguments)

    stubborn = replace(limit, table=replace(limit.table, client=Stubborn()))
    handler = build(lambda: replace(parts, stores={**parts.stores, "signups": (stubborn,)}))
    with pytest.raises(SweepFailedError, match=r"^not swept: signups$"):
        tick(handler)
    assert [row["id"] for row in items("signups")] == ["sgn_3"]
    assert gauges(capsys.readouterr().out)["signups"] == {
        "Removed": 4, "Failed": 1, "RemovalLagSeconds": 86400, "Left": 0
    }  # fmt: skip


def test_the_sample_events_are_answered(handler: Any, clock: SetClock) -> None:
    session(1, BEGAN)
    clock.set(BEGAN + timedelta(days=30))
    assert "error" in handler(sample("session_expiry/bad-unknown-event"), Context())
    assert len(items("sessions")) == 1
    assert handler(sample("session_expiry/tick"), Context()).keys() == SWEPT
    assert items("sessions") == []


def test_the_answer_holds_counts_and_nothing_of_what_was_removed(
    handler: Any, clock: SetClock, capsys: pytest.CaptureFixture[str]
) -> None:
    session(0xC0FFEE, BEGAN)
    clock.set(BEGAN + timedelta(days=30))
    answered = tick(handler)
    assert "c0ffee" not in repr(answered) + capsys.readouterr().out
