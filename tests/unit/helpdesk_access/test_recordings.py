"""Seeing a recording of a session for support: under a grant in force, each look on record, by a link of minutes."""

from datetime import datetime, timedelta
from typing import Any
from urllib.parse import parse_qs, urlsplit

import pytest

from databases.parts import Parts as DatabasesParts
from helpdesk_access.parts import Parts
from privacy.hosting.files import Files
from privacy.hosting.recordings import recording_key
from privacy.models.databases import Database, Status
from privacy.models.ids import new_id_within
from privacy.models.recordings import Recording, RecordingStatus
from tests.unit.customers import Customer, database
from tests.unit.engine import NOON, Answer, SetClock, items
from tests.unit.helpdesk_access.conftest import Staff
from tests.unit.helpdesk_access.test_reading import NO_GRANT, log, reads, trail
from tests.unit.staff import call

pytestmark = pytest.mark.promise("helpdesk.access", "recordings.retention")

SECOND = timedelta(seconds=1)
MONTH = timedelta(days=30)
"""From 24 November to 24 December: how long the tests' recordings are kept."""


def recorded(parts: Parts, made: Database, *, region: str = "americas", started_at: datetime = NOON) -> Recording:
    """A recording that lies in a region, wholly stored."""
    recording_id = new_id_within("rec", made.id)
    sealed = Files(parts.host(made.region), made.id).sealed_type(recording_id, "video/x-canary")
    recording = Recording(made.id, recording_id, region, started_at, started_at, 6, sealed)
    parts.transact([parts.recordings.create_operation(recording)])
    host = parts.host(region)
    host.s3.put_object(Bucket=host.recordings_bucket, Key=recording_key(made.id, recording_id), Body=b"canary")
    stored = parts.recordings.stored(recording)
    assert stored is not None
    return stored


def look(who: Staff, recording_id: str) -> Answer:
    return call(who.reads, who.token, "GET", f"/helpdesk/recordings/{recording_id}/content")


def linked(answer: Answer) -> tuple[str, dict[str, str]]:
    """Where a link leads, and what it says."""
    assert (answer.status, answer.body) == (302, b"")
    parts = urlsplit(answer.headers["location"])
    return f"{parts.netloc}{parts.path}", {name: value for name, (value,) in parse_qs(parts.query).items()}


@pytest.mark.parametrize("region", ["americas", "asia"])
def test_under_a_grant_a_recording_is_seen_where_it_lies_by_a_link_of_minutes(
    grace: Staff, made: Database, parts: Parts, region: str
) -> None:
    recording = recorded(parts, made, region=region)
    grace.grant(made)
    where, said = linked(look(grace, recording.id))
    assert parts.host(region).recordings_bucket in where
    assert where.endswith(f"/{made.id}/{recording.id}")
    assert said["X-Amz-Expires"] == "300"
    assert (said["response-content-disposition"], said["response-content-type"]) == ("attachment", "video/x-canary")


def test_each_look_is_on_record_before_the_link_is_made_and_shown_to_the_customer(
    grace: Staff, ada: Customer, made: Database, parts: Parts, monkeypatch: pytest.MonkeyPatch
) -> None:
    recording = recorded(parts, made)
    grant_id = grace.grant(made)
    assert look(grace, recording.id).status == 302
    [read] = reads(ada, made)
    assert read == {
        "entry": "read",
        "id": read["id"],
        "at": "2026-11-24T12:00:00Z",
        "grant_id": grant_id,
        "kind": "recording",
        "recording": recording.id,
    }
    [entry] = trail("content.read")
    assert (entry["subject"], entry["facts"]["kind"]) == (grant_id, "recording")

    def dies(*arguments: Any, **named: Any) -> None:
        raise RuntimeError

    monkeypatch.setattr("helpdesk_access.watching.link", dies)
    assert look(grace, recording.id).status == 500
    assert len(reads(ada, made)) == 2


@pytest.mark.parametrize("broken", ["access", "audit"])
def test_what_cannot_be_put_on_record_is_not_seen(
    grace: Staff, made: Database, parts: Parts, monkeypatch: pytest.MonkeyPatch, broken: str
) -> None:
    recording = recorded(parts, made)
    grace.grant(made)

    def fails(*arguments: Any, **named: Any) -> None:
        raise RuntimeError

    if broken == "access":
        monkeypatch.setattr(type(parts.access), "create_operation", fails)
    else:
        monkeypatch.setattr(type(parts.trail), "add", fails)
    answer = look(grace, recording.id)
    assert (answer.status, "location" in answer.headers) == (500, False)


def test_no_grant_no_recording(
    grace: Staff, alan: Staff, ada: Customer, made: Database, parts: Parts, panel: DatabasesParts, clock: SetClock
) -> None:
    recording = recorded(parts, made)
    alan.grant(made)
    grace.grant(database(panel, ada.owner))  # of another database
    for recording_id in (recording.id, new_id_within("rec", made.id), "rec_x", "%00", "canary-id"):
        answer = look(grace, recording_id)
        assert (answer.status, answer.json()["detail"]) == (403, NO_GRANT), recording_id
    assert reads(ada, made) == []
    assert [entry["facts"] for entry in trail("content.refused")] == [{"kind": "recording", "why": "no-grant"}] * 5
    assert "canary" not in repr(items("audit"))
    grant_id = grace.grant(made, hours=1)
    clock.set(NOON + timedelta(hours=1) - SECOND)
    assert look(grace, recording.id).status == 302
    clock.advance(seconds=1)
    assert look(grace, recording.id).status == 403
    grace.end(grant_id)
    assert look(grace, recording.id).status == 403


def test_a_link_never_lives_past_the_recording_s_end(
    grace: Staff, made: Database, parts: Parts, clock: SetClock
) -> None:
    recording = recorded(parts, made)
    clock.set(NOON + MONTH - timedelta(hours=1))
    grace.grant(made)
    for before, seconds in ((301, "300"), (300, "300"), (299, "299"), (1, "1")):
        clock.set(NOON + MONTH - before * SECOND)
        assert linked(look(grace, recording.id))[1]["X-Amz-Expires"] == seconds
    for end in (NOON + MONTH - SECOND / 2, NOON + MONTH):
        clock.set(end)
        assert look(grace, recording.id).status == 404


@pytest.mark.parametrize("status", [RecordingStatus.DELETED, RecordingStatus.PROCESSED, RecordingStatus.IRRELEVANT])
def test_a_recording_that_has_ended_is_seen_no_more_and_the_look_is_on_record(
    grace: Staff, ada: Customer, made: Database, parts: Parts, status: RecordingStatus
) -> None:
    recording = recorded(parts, made)
    grace.grant(made)
    parts.recordings.end(recording, status, NOON)
    for recording_id in (recording.id, new_id_within("rec", made.id)):
        answer = look(grace, recording_id)
        assert (answer.status, "location" in answer.headers) == (404, False)
    assert {read["recording"] for read in reads(ada, made)} >= {recording.id}


def test_one_that_is_not_wholly_there_is_not_seen(grace: Staff, made: Database, parts: Parts) -> None:
    stored = recorded(parts, made)
    begun = Recording(made.id, new_id_within("rec", made.id), "americas", NOON, NOON, 6, stored.sealed)
    parts.transact([parts.recordings.create_operation(begun)])
    grace.grant(made)
    assert look(grace, begun.id).status == 404


@pytest.mark.parametrize("status", [Status.DEACTIVATED, Status.DELETING])
def test_a_closed_database_s_recordings_are_closed_too(
    grace: Staff, made: Database, parts: Parts, panel: DatabasesParts, status: Status
) -> None:
    recording = recorded(parts, made)
    grace.grant(made)
    panel.databases.change(made, status, NOON)
    assert look(grace, recording.id).status == 409


def test_what_a_law_hides_is_hidden_of_recordings_too(
    grace: Staff, ada: Customer, made: Database, parts: Parts
) -> None:
    recording = recorded(parts, made)
    grace.grant(made, purpose="legal", undisclosed_until="2026-12-24T12:00:00Z")
    assert look(grace, recording.id).status == 302
    assert log(ada, made) == []
