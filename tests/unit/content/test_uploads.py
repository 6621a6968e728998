"""Uploads: parts that go straight to the transfer bucket, joined once and only when they are the announced content."""

import re
from datetime import timedelta
from typing import Any
from urllib.parse import parse_qs, urlsplit

import pytest

from content.access import Content
from content.parts import Parts
from content.uploads import NewUpload, begin, plan
from privacy.hosting import Host
from privacy.hosting.transfers import MAX_UPLOAD_BYTES, Transfers, staging_key
from privacy.models.databases import Database, Status
from privacy.models.ids import database_of, new_id, new_id_within
from privacy.models.jobs import JobStatus, Kind
from tests.unit.customers import Customer, database, signed_in
from tests.unit.engine import NOON, Answer, SetClock, items
from tests.unit.interference import killed_at, once_before

MIB = 1024**2
ETAG = '"0123456789abcdef0123456789abcdef"'


def begun(ada: Customer, made: Database, size: int = 10, *, key: str | None = None) -> dict[str, Any]:
    body = {"database_id": made.id, "bytes": size, "content_type": "video/mp4"}
    answer = ada.post("/uploads", body=body, headers={"Idempotency-Key": key} if key else {})
    assert answer.status == 201, answer.body
    return dict(answer.json())


def stored(host: Host, upload: dict[str, Any], number: int, content: bytes) -> dict[str, Any]:
    """Put a part where its link leads, as the browser would (moto answers no links)."""
    link = urlsplit(next(part["url"] for part in upload["parts"] if part["number"] == number))
    query = parse_qs(link.query)
    assert query["partNumber"] == [str(number)]
    database_id = database_of("upl", upload["upload_id"]) or ""
    answer = host.s3.upload_part(
        Bucket=host.transfer_bucket,
        Key=staging_key(database_id, upload["upload_id"]),
        UploadId=query["uploadId"][0],
        PartNumber=number,
        Body=content,
    )
    return {"number": number, "etag": answer["ETag"]}


def complete(ada: Customer, upload: dict[str, Any], *parts: dict[str, Any]) -> Answer:
    return ada.post(f"/uploads/{upload['upload_id']}/completion", body={"parts": list(parts)})


def status_of(parts: Parts, upload: dict[str, Any]) -> JobStatus:
    job = parts.jobs.get(database_of("upl", upload["upload_id"]) or "", upload["upload_id"])
    assert job is not None
    return job.status


def test_an_upload_has_a_link_for_each_part_that_lives_for_an_hour(ada: Customer, made: Database) -> None:
    upload = begun(ada, made, 20 * MIB)
    assert re.fullmatch(r"upl_[a-z2-7]{52}", upload["upload_id"])
    assert database_of("upl", upload["upload_id"]) == made.id
    assert upload["part_size"] == 8 * MIB
    assert [part["number"] for part in upload["parts"]] == [1, 2, 3]
    for part in upload["parts"]:
        link = urlsplit(part["url"])
        assert link.path.endswith(staging_key(made.id, upload["upload_id"]))
        assert parse_qs(link.query)["X-Amz-Expires"] == ["3600"]


def test_the_links_never_outlive_the_upload(ada: Customer, parts: Parts, made: Database, clock: SetClock) -> None:
    begun(ada, made, key="one")
    clock.set(NOON + timedelta(days=1, seconds=-60))
    upload = begun(signed_in(ada, parts), made, key="one")
    assert parse_qs(urlsplit(upload["parts"][0]["url"]).query)["X-Amz-Expires"] == ["60"]


def test_the_same_key_opens_one_upload_and_mints_its_links_anew(
    ada: Customer, made: Database, host: Host, clock: SetClock
) -> None:
    first = begun(ada, made, key="one")
    clock.advance(minutes=30)
    again = begun(ada, made, key="one")
    assert again["upload_id"] == first["upload_id"]
    opened = host.s3.list_multipart_uploads(Bucket=host.transfer_bucket)["Uploads"]
    assert [entry["Key"] for entry in opened] == [staging_key(made.id, first["upload_id"])]


def test_a_wrong_upload_is_refused_and_opens_nothing(
    ada: Customer, made: Database, host: Host, subtests: pytest.Subtests
) -> None:
    cases: list[tuple[dict[str, Any], str]] = [
        ({"bytes": 0}, "bytes"),
        ({"bytes": -1}, "bytes"),
        ({"bytes": MAX_UPLOAD_BYTES + 1}, "bytes"),
        ({"bytes": "10"}, "bytes"),
        ({"bytes": 1.5}, "bytes"),
        ({"bytes": True}, "bytes"),
        ({"content_type": "video"}, "content_type"),
        ({"content_type": None}, "content_type"),
        ({"path": "a"}, "(unknown)"),
        ({"database_id": 7}, "database_id"),
    ]
    for changes, field in cases:
        with subtests.test(changes=changes, field=field):
            body = {"database_id": made.id, "bytes": 10, "content_type": "video/mp4"} | changes
            answer = ada.post("/uploads", body=body)
            assert (answer.status, list(answer.errors)) == (422, [field])
            assert "Uploads" not in host.s3.list_multipart_uploads(Bucket=host.transfer_bucket)
            assert items("jobs") == []


def test_the_largest_upload_is_taken(ada: Customer, made: Database) -> None:
    upload = begun(ada, made, MAX_UPLOAD_BYTES)
    assert len(upload["parts"]) == 100


def test_stored_parts_make_the_upload_complete_once_and_again(
    ada: Customer, parts: Parts, made: Database, host: Host
) -> None:
    upload = begun(ada, made, 5 * MIB + 1)
    # Smaller parts than was said are fine with S3, as long as all but the last have 5 MiB; they come in any order.
    sent = [stored(host, upload, 1, b"a" * (5 * MIB + 1))]
    for _ in range(2):
        answer = complete(ada, upload, *sent)
        assert (answer.status, answer.json()) == (200, {"upload_id": upload["upload_id"], "status": "complete"})
    assert status_of(parts, upload) is JobStatus.COMPLETE


def test_the_parts_may_be_named_in_any_order(ada: Customer, made: Database, host: Host) -> None:
    upload = begun(ada, made, 8 * MIB + 5)
    one, two = stored(host, upload, 1, b"a" * 8 * MIB), stored(host, upload, 2, b"b" * 5)
    assert complete(ada, upload, two, one).status == 200
    key = staging_key(made.id, upload["upload_id"])
    assert host.s3.get_object(Bucket=host.transfer_bucket, Key=key)["Body"].read() == b"a" * 8 * MIB + b"b" * 5


def named(upload: dict[str, Any], host: Host) -> list[dict[str, Any]]:
    """The parts of an upload of 8 MiB and 5 bytes, stored."""
    return [stored(host, upload, 1, b"a" * 8 * MIB), stored(host, upload, 2, b"b" * 5)]


def joined(host: Host) -> list[int]:
    """The sizes of what lies joined in the transfer bucket."""
    return [entry["Size"] for entry in host.s3.list_objects_v2(Bucket=host.transfer_bucket).get("Contents", [])]


def test_parts_that_were_not_stored_are_named_and_may_still_be_put_right(
    ada: Customer, parts: Parts, made: Database, host: Host, subtests: pytest.Subtests
) -> None:
    upload = begun(ada, made, 8 * MIB + 5)
    one, two = named(upload, host)
    cases: list[tuple[list[dict[str, Any]], set[str]]] = [
        ([one, two | {"etag": ETAG}], {"parts.1.etag"}),
        ([one | {"etag": ETAG}, two | {"etag": ETAG}], {"parts.0.etag", "parts.1.etag"}),
        ([one | {"etag": two["etag"]}, two | {"etag": one["etag"]}], {"parts.0.etag", "parts.1.etag"}),
        ([one, two | {"number": 3}], {"parts.1.number"}),
        ([two | {"number": 10_000}, one | {"etag": ETAG}], {"parts.0.number", "parts.1.etag"}),
        ([one, two, {"number": 3, "etag": ETAG}], {"parts.2.number"}),
        ([one, two, two], {"parts"}),
        ([one, one], {"parts"}),
        ([one], {"parts"}),
        ([two], {"parts"}),
    ]
    for wrong, fields in cases:
        with subtests.test(wrong=wrong):
            answer = complete(ada, upload, *wrong)
            assert (answer.status, set(answer.errors)) == (422, fields)
            assert ETAG.strip('"').encode() not in answer.body
            assert status_of(parts, upload) is JobStatus.OPEN
            assert joined(host) == []
    assert complete(ada, upload, one | {"etag": one["etag"].strip('"')}, two).status == 200
    assert joined(host) == [8 * MIB + 5]


def test_a_part_that_is_named_twice_does_not_stand_for_another_of_its_size(
    ada: Customer, made: Database, host: Host
) -> None:
    upload = begun(ada, made, 16 * MIB)
    one, two = stored(host, upload, 1, b"a" * 8 * MIB), stored(host, upload, 2, b"b" * 8 * MIB)
    assert complete(ada, upload, one, one).errors == {"parts": "must have each number once"}
    assert complete(ada, upload, one, two).status == 200


def test_a_part_that_was_sent_again_counts_as_it_was_sent_last(
    ada: Customer, parts: Parts, made: Database, host: Host
) -> None:
    upload = begun(ada, made)
    first, last = stored(host, upload, 1, b"0123456789"), stored(host, upload, 1, b"9876543210")
    assert complete(ada, upload, first).errors.keys() == {"parts.0.etag"}
    assert complete(ada, upload, last).status == 200
    key = staging_key(made.id, upload["upload_id"])
    assert host.s3.get_object(Bucket=host.transfer_bucket, Key=key)["Body"].read() == b"9876543210"


def test_nothing_stored_is_nothing_to_complete(ada: Customer, parts: Parts, made: Database) -> None:
    upload = begun(ada, made)
    assert complete(ada, upload, {"number": 1, "etag": ETAG}).errors.keys() == {"parts.0.number"}
    assert status_of(parts, upload) is JobStatus.OPEN


@pytest.mark.parametrize("content", [b"012345678", b"0123456789a"])
def test_another_size_than_was_announced_joins_nothing_until_the_announced_one_is_there(
    ada: Customer, parts: Parts, made: Database, host: Host, content: bytes
) -> None:
    upload = begun(ada, made, 10)
    answer = complete(ada, upload, stored(host, upload, 1, content))
    assert (answer.status, list(answer.errors)) == (422, ["parts"])
    assert joined(host) == []
    assert status_of(parts, upload) is JobStatus.OPEN
    path = f"/databases/{made.id}/files/content?path=a&upload_id={upload['upload_id']}"
    assert ada.put(path).status == 409
    assert complete(ada, upload, stored(host, upload, 1, b"0123456789")).status == 200


def test_parts_that_s3_finds_too_small_are_refused_and_may_be_sent_again(
    ada: Customer, parts: Parts, made: Database, host: Host
) -> None:
    upload = begun(ada, made, 8 * MIB + 5)
    small = [stored(host, upload, 1, b"a" * 4 * MIB), stored(host, upload, 2, b"b" * (4 * MIB + 5))]
    answer = complete(ada, upload, *small)
    assert (answer.status, list(answer.errors)) == (422, ["parts"])
    assert status_of(parts, upload) is JobStatus.OPEN
    assert joined(host) == []
    assert complete(ada, upload, *named(upload, host)).status == 200


def test_a_completion_that_broke_off_anywhere_is_made_good_by_repeating_it(
    ada: Customer, parts: Parts, made: Database, host: Host
) -> None:
    broken_off: list[str] = []
    for number in range(100):
        upload = begun(ada, made)
        part = stored(host, upload, 1, b"0123456789")
        with killed_at(number) as calls:
            status = complete(ada, upload, part).status
        if status == 200:
            break
        broken_off.append(calls[-1] if calls else "")
        assert complete(ada, upload, part).status == 200
        assert status_of(parts, upload) is JobStatus.COMPLETE
    assert "s3.CompleteMultipartUpload" in broken_off  # joined, and the row did not say so yet
    assert joined(host) == [10] * (len(broken_off) + 1)


def test_a_completion_that_a_faster_one_overtook_gives_the_same_answer(
    ada: Customer, parts: Parts, made: Database, host: Host
) -> None:
    for call in ("s3.ListParts", "s3.CompleteMultipartUpload", "s3.ListObjectsV2"):
        upload = begun(ada, made)
        part = stored(host, upload, 1, b"0123456789")
        with once_before(call, lambda upload=upload, part=part: complete(ada, upload, part)):  # type: ignore[misc]
            answer = complete(ada, upload, part)
        assert (answer.status, answer.json()["status"]) == (200, "complete"), call
        assert status_of(parts, upload) is JobStatus.COMPLETE


def test_a_completion_that_comes_after_the_upload_was_used_takes_nothing_back(
    ada: Customer, parts: Parts, made: Database, host: Host
) -> None:
    upload = begun(ada, made)
    part = stored(host, upload, 1, b"0123456789")

    def used() -> None:
        assert complete(ada, upload, part).status == 200
        path = f"/databases/{made.id}/files/content?path=a&upload_id={upload['upload_id']}"
        assert ada.put(path).status == 202
        Transfers(host).remove(staging_key(made.id, upload["upload_id"]))  # as the import worker does

    with once_before("s3.ListParts", used):
        assert complete(ada, upload, part).json()["status"] == "complete"
    assert status_of(parts, upload) is JobStatus.DONE


def test_a_completion_of_an_upload_that_was_removed_meanwhile_is_unknown(
    ada: Customer, parts: Parts, made: Database, host: Host
) -> None:
    upload = begun(ada, made)
    part = stored(host, upload, 1, b"0123456789")
    job = parts.jobs.get(made.id, upload["upload_id"])
    assert job is not None
    with once_before("s3.CompleteMultipartUpload", lambda: parts.jobs.remove(job)):
        assert complete(ada, upload, part).status == 404
    assert not [row for row in items("jobs") if row["id"] == upload["upload_id"]]


def test_an_upload_that_s3_gave_up_is_unknown(ada: Customer, parts: Parts, made: Database, host: Host) -> None:
    upload = begun(ada, made)
    part = stored(host, upload, 1, b"0123456789")
    (opened,) = host.s3.list_multipart_uploads(Bucket=host.transfer_bucket)["Uploads"]
    Transfers(host).abort(opened["Key"], opened["UploadId"])
    assert complete(ada, upload, part).status == 404


def test_what_was_joined_to_another_size_is_never_taken_and_stays_due(
    ada: Customer, parts: Parts, made: Database, host: Host
) -> None:
    upload = begun(ada, made, 11)
    part = stored(host, upload, 1, b"0123456789")
    (opened,) = host.s3.list_multipart_uploads(Bucket=host.transfer_bucket)["Uploads"]
    Transfers(host).complete(opened["Key"], opened["UploadId"], [(1, part["etag"])])  # by no request of ours
    for _ in range(2):
        assert complete(ada, upload, part).status == 409
    assert status_of(parts, upload) is JobStatus.FAILED
    path = f"/databases/{made.id}/files/content?path=a&upload_id={upload['upload_id']}"
    assert ada.put(path).status == 409
    assert [job.id for job in parts.jobs.due(Kind.UPLOAD, NOON)] == [upload["upload_id"]]


def test_a_wrong_completion_is_refused(ada: Customer, parts: Parts, made: Database, subtests: pytest.Subtests) -> None:
    cases: list[Any] = [
        {},
        {"parts": []},
        {"parts": {}},
        {"parts": [{"number": 0, "etag": ETAG}]},
        {"parts": [{"number": 10_001, "etag": ETAG}]},
        {"parts": [{"number": "1", "etag": ETAG}]},
        {"parts": [{"number": 1}]},
        {"parts": [{"number": 1, "etag": "<x>"}]},
        {"parts": [{"number": 1, "etag": ETAG, "size": 1}]},
        {"parts": [{"number": 1, "etag": ETAG}], "x": 1},
    ]
    for body in cases:
        with subtests.test(body=body):
            upload = begun(ada, made)
            assert ada.post(f"/uploads/{upload['upload_id']}/completion", body=body).status == 422
            assert status_of(parts, upload) is JobStatus.OPEN


@pytest.mark.parametrize(("seconds", "status"), [(-1, 200), (0, 404)])
def test_an_upload_is_gone_from_the_very_second_at_which_its_day_ends(
    ada: Customer, parts: Parts, made: Database, host: Host, clock: SetClock, seconds: int, status: int
) -> None:
    upload = begun(ada, made)
    part = stored(host, upload, 1, b"0123456789")
    clock.set(NOON + timedelta(days=1, seconds=seconds))
    assert complete(signed_in(ada, parts), upload, part).status == status


@pytest.mark.promise("databases.ownership")
def test_somebody_elses_upload_is_as_unknown_as_none(ada: Customer, bob: Customer, made: Database) -> None:
    upload = begun(ada, made)
    body = {"parts": [{"number": 1, "etag": ETAG}]}
    for upload_id in (upload["upload_id"], new_id_within("upl", new_id("db")), "upl_x", "x"):
        assert bob.post(f"/uploads/{upload_id}/completion", body=body).status == 404
    theirs = {"database_id": made.id, "bytes": 10, "content_type": "video/mp4"}
    assert bob.post("/uploads", body=theirs).status == 404


@pytest.mark.parametrize("status", [Status.DEACTIVATED, Status.DELETING])
def test_a_closed_database_takes_no_upload(
    ada: Customer, parts: Parts, made: Database, host: Host, status: Status
) -> None:
    upload = begun(ada, made)
    part = stored(host, upload, 1, b"0123456789")
    parts.databases.change(made, status, NOON)
    assert complete(ada, upload, part).status == 409
    body = {"database_id": made.id, "bytes": 10, "content_type": "video/mp4"}
    assert ada.post("/uploads", body=body).status == 409


def test_a_file_of_eight_megabytes_comes_by_upload(ada: Customer, parts: Parts, made: Database, host: Host) -> None:
    upload = begun(ada, made, 9 * MIB)
    sent = [stored(host, upload, 1, b"a" * 8 * MIB), stored(host, upload, 2, b"b" * MIB)]
    assert complete(ada, upload, *sent).status == 200
    path = f"/databases/{made.id}/files/content?path=film.mp4&upload_id={upload['upload_id']}"
    assert ada.put(path).status == 202
    assert complete(ada, upload, *sent).json()["status"] == "complete"  # also once it is used


def test_an_upload_of_a_database_in_another_region_lands_there(ada: Customer, parts: Parts) -> None:
    near = database(parts, ada.owner, region="asia")
    upload = begun(ada, near)
    assert "ap-southeast-1" in upload["parts"][0]["url"]


def test_of_two_requests_with_one_plan_the_first_upload_stays_and_the_other_is_given_up(
    ada: Customer, parts: Parts, made: Database, host: Host
) -> None:
    content = Content(made, host, NOON)
    form = NewUpload(database_id=made.id, bytes=10, content_type="video/mp4")
    ids = plan(form)
    with once_before("dynamodb.PutItem", lambda: begin(parts, content, form, ids)):
        begin(parts, content, form, ids)
    (opened,) = host.s3.list_multipart_uploads(Bucket=host.transfer_bucket)["Uploads"]
    job = parts.jobs.get(made.id, ids["upload_id"])
    assert job is not None
    assert job.detail["s3_upload"] == opened["UploadId"]
