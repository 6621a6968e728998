"""A recording ends at its month, or before when its owner or staff say so: unseen from that second, then gone."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from database_expiry import recordings as expiry
from database_expiry.parts import assemble
from privacy.clock import rfc3339
from privacy.hosting import Host
from privacy.hosting.recordings import recording_key
from privacy.models.databases import Database, Status
from privacy.models.recordings import IN_FLIGHT
from privacy.policy.periods import Period
from privacy.schedules import SweepFailedError
from privacy.settings import Deployment, load
from recordings.parts import Parts
from tests.unit.customers import Customer, database, signed_in
from tests.unit.engine import NOON, SetClock, environment, everything, items
from tests.unit.interference import once_before
from tests.unit.recordings.brought import CANARY, SECOND, bring, lying, recording, seen, swept, ticked, uploaded
from tests.unit.staff import Issuer, call

pytestmark = pytest.mark.promise("recordings.retention")


def mark(app: Any, issuer: Issuer, recording_id: str, status: str = "processed", **claims: Any) -> int:
    body = {"status": status}
    token = issuer.token("helpdesk", **claims)
    return call(app, token, "PUT", f"/recordings/{recording_id}/status", body=body).status


@pytest.mark.parametrize(
    ("started_at", "ends_at"),
    [
        ("2026-11-24T12:00:00Z", datetime(2026, 12, 24, 12, tzinfo=UTC)),
        ("2027-01-31T08:30:00Z", datetime(2027, 2, 28, 8, 30, tzinfo=UTC)),
        ("2028-01-30T23:59:59Z", datetime(2028, 2, 29, 23, 59, 59, tzinfo=UTC)),
    ],
)
def test_it_is_seen_for_one_calendar_month_and_not_a_second_longer(
    ada: Customer, parts: Parts, made: Database, host: Host, clock: SetClock, started_at: str, ends_at: datetime
) -> None:
    clock.set(datetime.fromisoformat(started_at))
    upload_id = uploaded(parts, made)
    ada = signed_in(ada, parts)
    recording_id = bring(ada, upload_id, started_at=started_at, key="one").json()["recording_id"]
    clock.set(ends_at - SECOND)
    ada = signed_in(ada, parts)
    assert seen(ada) == [recording_id]
    assert ticked(clock)["removed"] == 0
    clock.set(ends_at)
    assert seen(ada) == []
    assert ada.delete(f"/recordings/{recording_id}").status == 404
    assert len(lying(host, "recordings")) == 1
    clock.set(ends_at + IN_FLIGHT)
    assert ticked(clock) == {"removed": 1, "lag_seconds": 30, "left": False, "held": 0}
    assert (lying(host, "recordings"), items("recordings")) == ([], [])
    assert ticked(clock) == {"removed": 0, "lag_seconds": 0, "left": False, "held": 0}


def test_days_that_share_an_end_do_not_take_a_later_hour_along(
    ada: Customer, parts: Parts, made: Database, clock: SetClock
) -> None:
    """On 28 February at noon 30 January, 10:00 is over, and 29 January, 14:00 is not."""
    clock.set(datetime(2027, 1, 30, 10, tzinfo=UTC))
    ada = signed_in(ada, parts)
    later = recording(ada, parts, made, "2027-01-29T14:00:00Z")
    recording(ada, parts, made, "2027-01-30T10:00:00Z")
    clock.set(datetime(2027, 2, 28, 12, tzinfo=UTC))
    assert ticked(clock)["removed"] == 1
    assert seen(signed_in(ada, parts)) == [later]
    assert signed_in(ada, parts).delete(f"/recordings/{later}").status == 204


def test_every_version_marker_and_open_upload_goes_and_nobody_else_s(
    ada: Customer, parts: Parts, made: Database, host: Host, clock: SetClock
) -> None:
    recording_id, other = recording(ada, parts, made), recording(ada, parts, made)
    key = recording_key(made.id, recording_id)
    host.s3.put_object(Bucket=host.recordings_bucket, Key=key, Body=CANARY)
    host.s3.delete_object(Bucket=host.recordings_bucket, Key=key)
    host.s3.create_multipart_upload(Bucket=host.recordings_bucket, Key=key)
    assert ada.delete(f"/recordings/{recording_id}").status == 204
    assert swept(clock)["removed"] == 1
    assert lying(host, "recordings") == [recording_key(made.id, other)]
    assert [item["id"] for item in items("recordings")] == [other]


def test_it_is_gone_from_its_owner_s_sight_as_soon_as_they_ask(
    ada: Customer, parts: Parts, made: Database, clock: SetClock, host: Host
) -> None:
    recording_id, other = recording(ada, parts, made), recording(ada, parts, made)
    assert ada.delete(f"/recordings/{recording_id}").status == 204
    assert seen(ada) == [other]
    assert ada.delete(f"/recordings/{recording_id}").status == 404
    assert ticked(clock)["removed"] == 0  # a request may be under way
    assert swept(clock)["lag_seconds"] == 30
    assert lying(host, "recordings") == [recording_key(made.id, other)]


def test_another_s_and_an_unknown_one_are_not_there(ada: Customer, bob: Customer, parts: Parts, made: Database) -> None:
    recording_id = recording(ada, parts, made)
    unknown = recording_id[:-4] + ("aaaa" if recording_id[-4:] != "aaaa" else "bbbb")
    answers = [bob.delete(f"/recordings/{text}") for text in (recording_id, unknown, "rec_none", "db_none")]
    assert {(answer.status, answer.body) for answer in answers} == {(404, answers[0].body)}
    assert seen(bob) == []
    assert seen(ada) == [recording_id]


@pytest.mark.parametrize("status", ["processed", "irrelevant"])
def test_staff_end_it_and_that_is_on_record_before(
    ada: Customer, app: Any, parts: Parts, made: Database, issuer: Issuer, clock: SetClock, status: str
) -> None:
    recording_id = recording(ada, parts, made)
    before: list[Any] = []
    token = issuer.token("helpdesk")
    with once_before("dynamodb.UpdateItem", lambda: before.extend(items("audit"))):
        answer = call(app, token, "PUT", f"/recordings/{recording_id}/status", body={"status": status})
    assert (answer.status, answer.json()) == (200, {"recording_id": recording_id, "status": status})
    (entry,) = before
    assert (entry["action"], entry["subject"], entry["facts"]) == (
        "recording.marked",
        recording_id,
        f'{{"status": "{status}"}}',
    )
    assert entry["actor"] == parts.pseudonyms().of("staff", "person-helpdesk")
    assert b"person-helpdesk" not in everything()
    assert seen(ada) == []
    assert mark(app, issuer, recording_id) == 404
    assert swept(clock)["removed"] == 1
    assert items("recordings") == []


def test_staff_can_say_nothing_else_of_it_and_of_what_is_gone_nothing(
    ada: Customer, app: Any, parts: Parts, made: Database, issuer: Issuer, clock: SetClock
) -> None:
    recording_id = recording(ada, parts, made)
    for status in ("deleted", "stored", "storing", "", "PROCESSED"):
        assert mark(app, issuer, recording_id, status) == 422
    assert mark(app, issuer, "rec_none") == 404
    clock.set(datetime(2026, 12, 24, 12, tzinfo=UTC))
    assert mark(app, issuer, recording_id, now=clock()) == 404
    assert items("audit") == []


def test_the_staff_s_route_is_for_the_helpdesk_alone(ada: Customer, app: Any, issuer: Issuer) -> None:
    route, body = "/recordings/rec_none/status", {"status": "processed"}
    expected = {"helpdesk": 404, "security": 403, "dpo": 403, "admin": 403}
    assert {role: call(app, issuer.token(role), "PUT", route, body=body).status for role in expected} == expected
    assert ada.put(route, body=body).status == 401


def test_an_end_that_comes_second_does_not_undo_the_first(
    ada: Customer, parts: Parts, made: Database, app: Any, issuer: Issuer
) -> None:
    recording_id = recording(ada, parts, made)

    def asked() -> None:
        assert ada.delete(f"/recordings/{recording_id}").status == 204

    with once_before("dynamodb.UpdateItem", asked):
        assert mark(app, issuer, recording_id) == 404
    assert items("recordings")[0]["status"] == "deleted"


def test_a_shorter_period_reaches_what_is_stored(ada: Customer, parts: Parts, made: Database, clock: SetClock) -> None:
    recording(ada, parts, made)
    clock.advance(days=2)
    policy = replace(parts.policy, retention={**parts.policy.retention, "recordings": Period.parse("P1D")})
    swept_with = assemble(load(Deployment, environment("DatabaseExpiryFunction")), clock)
    recordings = replace(swept_with.recordings, policy=policy)
    shorter = replace(swept_with, policy=policy, recordings=recordings)
    (sweep,) = expiry.sweeps(shorter)["recordings"]
    assert sweep(lambda: True).removed == 1
    assert items("recordings") == []


def test_what_a_hold_keeps_stays_unseen_and_goes_once_it_is_released(
    ada: Customer, parts: Parts, made: Database, clock: SetClock
) -> None:
    held, free = recording(ada, parts, made), recording(ada, parts, made)
    clock.set(datetime(2027, 1, 1, tzinfo=UTC))
    expiring = assemble(load(Deployment, environment("DatabaseExpiryFunction")), clock)
    (sweep,) = expiry.sweeps(expiring, lambda recording: recording.id == held)["recordings"]
    swept = sweep(lambda: True)
    assert (swept.removed, swept.held) == (1, 1)
    assert [item["id"] for item in items("recordings")] == [held] != [free]
    assert seen(signed_in(ada, parts)) == []
    assert ticked(clock)["removed"] == 1


def test_three_months_without_a_tick_and_one_clears_all(
    ada: Customer, parts: Parts, made: Database, clock: SetClock, host: Host, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("privacy.removal.sweep.POOL", 1)  # moto lists a bucket for one thread at a time
    for number in range(20):
        recording(ada, parts, made, rfc3339(NOON - timedelta(minutes=number)))
    clock.set(datetime(2027, 3, 1, tzinfo=UTC))
    assert ticked(clock)["removed"] == 20
    assert (lying(host, "recordings"), items("recordings")) == ([], [])


def test_a_region_that_is_away_keeps_no_other_s_recordings(
    ada: Customer, parts: Parts, made: Database, clock: SetClock, host: Host, monkeypatch: pytest.MonkeyPatch
) -> None:
    near = database(parts, ada.owner, region="asia")
    recording(ada, parts, made)
    recording(ada, parts, near)
    clock.set(datetime(2027, 1, 1, tzinfo=UTC))

    def away(**_: Any) -> None:
        raise OSError("away")

    with monkeypatch.context() as patched:
        patched.setattr(host.s3, "delete_objects", away)
        with pytest.raises(SweepFailedError, match="recordings"):
            ticked(clock)
    assert [item["region"] for item in items("recordings")] == ["americas"]
    assert lying(parts.host("asia"), "recordings") == []
    assert ticked(clock)["removed"] == 1


# --- the list ------------------------------------------------------------------------------------------------------


def test_the_list_is_paged_over_all_databases_of_the_caller(
    ada: Customer, bob: Customer, parts: Parts, made: Database
) -> None:
    several = [made, *(database(parts, ada.owner, region=region) for region in ("asia", "americas", "asia"))]
    expected = sorted(recording(ada, parts, several[number % 3]) for number in range(7))
    recording(bob, parts, database(parts, bob.owner))
    for limit in (1, 2, 3, 7, 8):
        found: list[str] = []
        cursor = ""
        while True:
            page = ada.get(f"/recordings?limit={limit}{cursor}").json()
            assert len(page["items"]) <= limit
            found += [item["recording_id"] for item in page["items"]]
            if page["next_cursor"] is None:
                break
            cursor = f"&cursor={page['next_cursor']}"
        assert found == expected, limit


@pytest.mark.parametrize("cursor", ["x", "cmVjX25vbmU", "ZGJfYQ"])
def test_a_cursor_of_another_list_is_refused(ada: Customer, made: Database, cursor: str) -> None:
    assert ada.get(f"/recordings?cursor={cursor}").status == 422


@pytest.mark.parametrize("status", [Status.DEACTIVATED, Status.MOVING, Status.RESTORING])
def test_of_a_closed_database_its_owner_still_sees_and_deletes_them(
    ada: Customer, parts: Parts, made: Database, status: Status
) -> None:
    recording_id = recording(ada, parts, made)
    parts.databases.change(made, status, NOON)
    assert seen(ada) == [recording_id]
    assert ada.delete(f"/recordings/{recording_id}").status == 204
    assert seen(ada) == []


def test_of_one_that_is_given_up_nothing_is_shown(
    ada: Customer, parts: Parts, made: Database, host: Host, clock: SetClock
) -> None:
    other = recording(ada, parts, database(parts, ada.owner))
    recording(ada, parts, made)
    host.keyring.destroy(made.id, clock())  # the index has not heard of it yet
    assert seen(ada) == [other]
    parts.databases.change(made, Status.DELETING, NOON)
    assert seen(ada) == [other]
