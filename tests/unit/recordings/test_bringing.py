"""An upload becomes a recording once: seen when all of it is there, and never half."""

from datetime import timedelta
from functools import partial
from typing import Any

import pytest
from boto3.dynamodb.conditions import Attr

from privacy.clock import rfc3339
from privacy.hosting import Host
from privacy.hosting.recordings import recording_key
from privacy.models.databases import Database, Status
from privacy.models.jobs import JobStatus
from privacy.models.recordings import IN_FLIGHT, MAX_BYTES, STORING
from recordings.parts import Parts
from tests.unit.customers import Customer, database, destroyed
from tests.unit.engine import NOON, SetClock, everything, items
from tests.unit.interference import KilledError, killed_at, once_before
from tests.unit.recordings.brought import CANARY, KIND, SECOND, bring, lying, recording, seen, swept, ticked, uploaded

pytestmark = pytest.mark.promise("recordings.retention")


def test_an_upload_becomes_a_recording_with_its_deadline(
    ada: Customer, parts: Parts, made: Database, host: Host
) -> None:
    upload_id = uploaded(parts, made)
    answer = bring(ada, upload_id, started_at="2026-11-24T19:59:59.75+08:00")
    recording_id = "rec_" + upload_id[4:]
    shown = {
        "recording_id": recording_id,
        "database_id": made.id,
        "started_at": "2026-11-24T11:59:59Z",
        "expires_at": "2026-12-24T11:59:59Z",
        "bytes": len(CANARY),
        "content_type": KIND,
        "status": "stored",
    }
    assert (answer.status, answer.json()) == (201, shown)
    assert ada.get("/recordings").json() == {"items": [shown], "next_cursor": None}
    key = recording_key(made.id, recording_id)
    assert host.s3.get_object(Bucket=host.recordings_bucket, Key=key)["Body"].read() == CANARY
    assert lying(host, "transfer") == []
    upload = parts.jobs.get(made.id, upload_id)
    assert upload
    assert (upload.status, upload.detail["job_id"]) == (JobStatus.DONE, recording_id)


def test_no_row_tells_what_kind_of_file_was_recorded(ada: Customer, parts: Parts, made: Database) -> None:
    recording(ada, parts, made)
    assert KIND.encode() not in everything()


def test_the_same_request_makes_one_recording_with_a_key_and_without(
    ada: Customer, parts: Parts, made: Database, host: Host
) -> None:
    upload_id = uploaded(parts, made)
    answers = [bring(ada, upload_id, key=key) for key in ("one", "one", "two", None)]
    assert {answer.status for answer in answers} == {201}
    assert len({answer.body for answer in answers}) == 1
    assert len(items("recordings")) == len(lying(host, "recordings")) == 1


def test_another_time_for_the_same_upload_is_refused(ada: Customer, parts: Parts, made: Database) -> None:
    upload_id = uploaded(parts, made)
    bring(ada, upload_id)
    assert bring(ada, upload_id, started_at=rfc3339(NOON - SECOND)).status == 409
    assert items("recordings")[0]["started_at"] == int(NOON.timestamp())


def test_a_deleted_recording_does_not_come_back_by_its_upload(
    ada: Customer, parts: Parts, made: Database, clock: SetClock
) -> None:
    upload_id = uploaded(parts, made)
    recording_id = bring(ada, upload_id, key="one").json()["recording_id"]
    assert ada.delete(f"/recordings/{recording_id}").status == 204
    assert (bring(ada, upload_id, key="one").status, bring(ada, upload_id).status) == (404, 409)
    swept(clock)
    assert (bring(ada, upload_id, key="one").status, bring(ada, upload_id).status) == (404, 409)
    assert items("recordings") == []


@pytest.mark.parametrize(
    "started_at",
    [
        rfc3339(NOON + timedelta(seconds=61)),
        "2026-10-24T12:00:00Z",  # over at this very second
        "0001-01-01T00:00:00+14:00",
        "2026-11-24T12:00:00",
        "2026-11-24 12:00:00Z",
        "2026-13-24T12:00:00Z",
        "١٢٣٤-11-24T12:00:00Z",
        1_764_000_000,
        None,
    ],
)
def test_a_time_that_is_none_lies_ahead_or_is_over_is_refused(
    ada: Customer, parts: Parts, made: Database, started_at: Any
) -> None:
    answer = bring(ada, uploaded(parts, made), started_at=started_at)
    assert (answer.status, list(answer.errors)) == (422, ["started_at"])
    assert items("recordings") == []


@pytest.mark.parametrize("started_at", ["2026-11-24T12:01:00Z", "2026-10-24T12:00:01Z"])
def test_a_clock_a_minute_ahead_and_the_last_second_of_the_period_are_taken(
    ada: Customer, parts: Parts, made: Database, started_at: str
) -> None:
    assert bring(ada, uploaded(parts, made), started_at=started_at).status == 201


def test_a_recording_of_more_than_a_gibibyte_is_refused(ada: Customer, parts: Parts, made: Database) -> None:
    answer = bring(ada, uploaded(parts, made, size=MAX_BYTES + 1))
    assert (answer.status, list(answer.errors)) == (422, ["upload_id"])
    assert items("recordings") == []


def test_one_of_more_than_a_part_is_brought_whole(
    ada: Customer, parts: Parts, made: Database, host: Host, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("privacy.hosting.objects.PART_BYTES", 5 * 1024**2)
    content = b"0123456789abcdef" * (11 * 1024**2 // 16)
    recording_id = bring(ada, uploaded(parts, made, content)).json()["recording_id"]
    key = recording_key(made.id, recording_id)
    assert host.s3.get_object(Bucket=host.recordings_bucket, Key=key)["Body"].read() == content


def test_an_upload_that_is_not_complete_unknown_or_another_s_is_refused(
    ada: Customer, bob: Customer, parts: Parts, made: Database
) -> None:
    upload_id = uploaded(parts, made)
    assert bring(bob, upload_id).status == 404
    unknown = upload_id[:-4] + ("aaaa" if upload_id[-4:] != "aaaa" else "bbbb")
    assert [bring(ada, text).status for text in (unknown, "upl_none", "")] == [404, 404, 404]
    parts.jobs.table.update({"database_id": made.id, "id": upload_id}, {"status": "open"}, Attr("id").exists())
    assert bring(ada, upload_id).status == 409
    assert items("recordings") == []


@pytest.mark.parametrize(
    ("status", "expected"), [(Status.DEACTIVATED, 409), (Status.MOVING, 409), (Status.DELETING, 409)]
)
def test_a_closed_database_takes_no_recording(
    ada: Customer, parts: Parts, made: Database, status: Status, expected: int
) -> None:
    upload_id = uploaded(parts, made)
    parts.databases.change(made, status, NOON)
    assert bring(ada, upload_id).status == expected
    assert items("recordings") == []


def test_nor_does_a_destroyed_one_or_one_that_closes_meanwhile(
    ada: Customer, parts: Parts, made: Database, host: Host
) -> None:
    gone = database(parts, ada.owner)
    upload_id = uploaded(parts, gone)
    destroyed(parts, gone)
    assert bring(ada, upload_id).status == 410
    upload_id = uploaded(parts, made)
    with once_before("dynamodb.TransactWriteItems", lambda: parts.databases.change(made, Status.DEACTIVATED, NOON)):
        assert bring(ada, upload_id).status == 409
    assert items("recordings") == []
    assert lying(host, "recordings") == []


def calls_of_a_request(ada: Customer, parts: Parts, made: Database) -> int:
    with killed_at(1_000) as made_calls:
        bring(ada, uploaded(parts, made))
    return len(made_calls)


def test_a_request_that_dies_anywhere_is_gone_on_with_or_leaves_nothing(
    ada: Customer, parts: Parts, made: Database, host: Host, clock: SetClock
) -> None:
    count = calls_of_a_request(ada, parts, made) - 5  # uploading them was 5
    for repeated in (True, False):
        for number in range(count):
            upload_id = uploaded(parts, made)
            with killed_at(number):
                answer = bring(ada, upload_id)
            assert answer.status in (201, 500)
            if repeated:
                assert bring(ada, upload_id).status == 201, number
                assert seen(ada).count("rec_" + upload_id[4:]) == 1
    whole = {f"{made.id}/{recording_id}" for recording_id in seen(ada)}
    clock.set(clock() + STORING)
    swept(clock)
    assert set(lying(host, "recordings")) == whole
    assert {f"{made.id}/{item['id']}" for item in items("recordings")} == whole


def test_one_that_was_never_wholly_stored_goes_after_an_hour_and_is_not_gone_on_with(
    ada: Customer, parts: Parts, made: Database, host: Host, clock: SetClock
) -> None:
    upload_id = uploaded(parts, made)
    with once_before("s3.CompleteMultipartUpload", _die):
        assert bring(ada, upload_id).status == 500
    assert (seen(ada), ada.delete("/recordings/rec_" + upload_id[4:]).status) == ([], 404)
    assert len(lying(host, "recordings")) == len(lying(host, "transfer")) == 1
    clock.set(NOON + STORING - SECOND)
    assert ticked(clock)["removed"] == 0
    clock.set(NOON + STORING)
    assert bring(ada, upload_id).status == 409
    clock.set(NOON + STORING + IN_FLIGHT - SECOND)
    assert ticked(clock)["removed"] == 0
    clock.set(NOON + STORING + IN_FLIGHT)
    assert ticked(clock) == {"removed": 1, "lag_seconds": 30, "left": False, "held": 0}
    assert (lying(host, "recordings"), lying(host, "transfer"), items("recordings")) == ([], [], [])
    assert bring(ada, upload_id).status == 409


def _die() -> None:
    raise KilledError


def test_two_requests_at_once_make_one_recording(ada: Customer, parts: Parts, made: Database, host: Host) -> None:
    for call in ("dynamodb.TransactWriteItems", "s3.UploadPartCopy", "s3.CompleteMultipartUpload", "s3.DeleteObject"):
        upload_id = uploaded(parts, made)
        with once_before(call, partial(bring, ada, upload_id)):
            answer = bring(ada, upload_id)
        assert answer.status in (201, 503), call
        assert bring(ada, upload_id).status == 201
        assert seen(ada).count("rec_" + upload_id[4:]) == 1
    assert lying(host, "transfer") == []


def test_a_row_that_goes_meanwhile_is_not_brought_back(ada: Customer, parts: Parts, made: Database) -> None:
    """As when the database is deleted while the bytes are on their way."""
    upload_id = uploaded(parts, made)

    def gone() -> None:
        for item in items("recordings"):
            parts.recordings.table.delete({"database_id": item["database_id"], "id": item["id"]})

    with once_before("s3.DeleteObject", gone):
        assert bring(ada, upload_id).status == 409
    assert items("recordings") == []
    assert seen(ada) == []
