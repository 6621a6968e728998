"""Files through HTTP: bytes in and out, small ones directly, large ones by upload and by link."""

import hashlib
import json
from datetime import timedelta
from urllib.parse import parse_qs, quote, urlsplit

import pytest

from content.parts import Parts
from privacy.hosting import Host
from privacy.hosting.files import Files
from privacy.hosting.transfers import staging_key
from privacy.models.databases import Database, Status
from privacy.models.ids import new_id_within
from privacy.models.jobs import Job, JobStatus, Kind, Source
from tests.unit.customers import Customer, database, signed_in
from tests.unit.engine import AMERICAS, NOON, Answer, SetClock, items, messages, rest_event, send
from tests.unit.interference import once_before, recorded

MAX = 4_194_304


def url(made: Database, path: str, upload_id: str | None = None) -> str:
    sent = f"/databases/{made.id}/files/content?path={quote(path, safe='')}"
    return sent + (f"&upload_id={upload_id}" if upload_id else "")


def put(ada: Customer, made: Database, path: str, content: bytes, content_type: str | None = "image/png") -> Answer:
    headers = {"Content-Type": content_type} if content_type else {}
    return ada.put(url(made, path), body=content, headers=headers)


@pytest.mark.promise("databases.ownership")
def test_a_file_is_put_read_changed_and_deleted(ada: Customer, made: Database) -> None:
    content = bytes(range(256))
    answer = put(ada, made, "Bilder/größte 1.png", content)
    assert (answer.status, answer.json()) == (
        200,
        {
            "path": "Bilder/größte 1.png",
            "bytes": 256,
            "sha256": hashlib.sha256(content).hexdigest(),
            "content_type": "image/png",
            "updated_at": "2026-11-24T12:00:00Z",
        },
    )
    answer = ada.get(url(made, "Bilder/größte 1.png"))
    assert (answer.status, answer.body, answer.headers["content-type"]) == (200, content, "image/png")
    put(ada, made, "Bilder/größte 1.png", b"new", "text/plain; charset=utf-8")
    answer = ada.get(url(made, "Bilder/größte 1.png"))
    assert (answer.body, answer.headers["content-type"]) == (b"new", "text/plain; charset=utf-8")
    assert ada.delete(url(made, "Bilder/größte 1.png")).status == 204
    assert ada.get(url(made, "Bilder/größte 1.png")).status == 404
    assert ada.delete(url(made, "Bilder/größte 1.png")).status == 404


def test_a_file_is_saved_and_never_rendered(ada: Customer, made: Database) -> None:
    put(ada, made, "a/ü\"'x.html", b"<script>", "text/html")
    headers = ada.get(url(made, "a/ü\"'x.html")).headers
    assert headers["content-disposition"] == "attachment; filename*=UTF-8''%C3%BC%22%27x.html"
    assert headers["x-content-type-options"] == "nosniff"
    assert "sandbox" in headers["content-security-policy"]


def test_bytes_come_back_whatever_the_reader_accepts(ada: Customer, made: Database, subtests: pytest.Subtests) -> None:
    cases: list[str] = ["*/*", "application/json", "image/avif,image/webp", ""]
    for accept in cases:
        with subtests.test(accept=accept):
            put(ada, made, "a.bin", b"\x00\xff\xfe")
            answer = ada.get(url(made, "a.bin"), headers={"Accept": accept})
            assert (answer.status, answer.body) == (200, b"\x00\xff\xfe")


def test_a_path_that_leads_elsewhere_or_disguises_itself_is_refused(
    ada: Customer, made: Database, subtests: pytest.Subtests
) -> None:
    cases: list[str] = [
        "",
        "/etc/passwd",
        "../x",
        "a/../x",
        "a/..",
        "a//b",
        "a/",
        "./a",
        "a\\b",
        "C:/x",
        "a\x00b",
        "invoice\u202egpj.exe",
        "a\nb",
        "a\u2028b",
        "con /x",
        "x.",
        "x" * 256,
        "/".join(["x" * 200] * 6),
        "\ufeffa",
    ]
    for path in cases:
        with subtests.test(path=path):
            for answer in (put(ada, made, path, b"x"), ada.get(url(made, path)), ada.delete(url(made, path))):
                assert (answer.status, list(answer.errors)) == (422, ["path"])
            assert items("content", AMERICAS) == []


def test_a_path_is_asked_for_once(ada: Customer, made: Database) -> None:
    base = f"/databases/{made.id}/files/content"
    for query in ("", "?path=a&path=b", "?paht=a"):
        assert ada.get(base + query).status == 422


def test_one_path_in_two_normal_forms_is_one_file(ada: Customer, made: Database) -> None:
    put(ada, made, "caf\u00e9", b"one")
    put(ada, made, "cafe\u0301", b"two")
    assert ada.get(url(made, "caf\u00e9")).body == b"two"
    assert len(ada.get(f"/databases/{made.id}/files").json()["items"]) == 1


def test_a_content_type_that_is_none_is_refused(ada: Customer, made: Database, subtests: pytest.Subtests) -> None:
    cases: list[str] = ["image", "a/b\r\nX: y", "text/html; x=<", "é/é", "/", "a/" + "b" * 65]
    for content_type in cases:
        with subtests.test(content_type=content_type):
            answer = put(ada, made, "a", b"x", content_type)
            assert (answer.status, list(answer.errors)) == (422, ["Content-Type"])


def test_a_file_without_a_content_type_is_bytes(ada: Customer, made: Database) -> None:
    assert put(ada, made, "a", b"x", None).json()["content_type"] == "application/octet-stream"


@pytest.mark.parametrize(("size", "status"), [(0, 200), (MAX, 200), (MAX + 1, 413)])
def test_what_comes_directly_has_four_megabytes_at_most(ada: Customer, made: Database, size: int, status: int) -> None:
    assert put(ada, made, "a", b"x" * size).status == status
    if status == 200:
        assert ada.get(url(made, "a")).body == b"x" * size


def test_what_is_larger_goes_out_by_a_link_that_lives_for_minutes(ada: Customer, made: Database, host: Host) -> None:
    Files(host, made.id).put("large.png", "image/png", b"x" * (MAX + 1), NOON)
    answer = ada.get(url(made, "large.png"))
    assert (answer.status, answer.body) == (302, b"")
    link = parse_qs(urlsplit(answer.headers["location"]).query)
    assert link["X-Amz-Expires"] == ["300"]
    assert link["response-content-type"] == ["image/png"]
    assert link["response-content-disposition"] == ["attachment"]
    assert "large.png" not in answer.headers["location"]
    assert answer.headers["cache-control"] == "no-store"


def test_who_sends_no_accept_header_gets_a_link_since_bytes_would_arrive_as_base64(
    ada: Customer, made: Database
) -> None:
    put(ada, made, "a.png", b"\x89PNG", "image/png")
    event = rest_event(ada.app, "GET", url(made, "a.png"), cookie=ada.token)
    del event["headers"]["Accept"]
    answer = send(ada.app, event)
    assert (answer.status, answer.body) == (302, b"")


def test_a_list_gives_each_file_once_in_pages(ada: Customer, made: Database) -> None:
    paths = {f"folder/{number}.txt" for number in range(7)}
    for path in paths:
        put(ada, made, path, path.encode(), "text/plain")
    seen = []
    target = f"/databases/{made.id}/files?limit=3"
    while True:
        page = ada.get(target).json()
        seen += page["items"]
        if page["next_cursor"] is None:
            break
        target = f"/databases/{made.id}/files?limit=3&cursor={page['next_cursor']}"
    assert sorted(entry["path"] for entry in seen) == sorted(paths)
    assert seen[0].keys() == {"path", "bytes", "sha256", "content_type", "updated_at"}
    assert all(entry["sha256"] == hashlib.sha256(entry["path"].encode()).hexdigest() for entry in seen)


@pytest.mark.promise("databases.grace")
@pytest.mark.parametrize("status", [Status.DEACTIVATED, Status.DELETING])
def test_a_closed_databases_files_are_neither_readable_nor_writable(
    ada: Customer, parts: Parts, made: Database, status: Status
) -> None:
    put(ada, made, "a", b"canary")
    parts.databases.change(made, status, NOON)
    answers = [
        put(ada, made, "a", b"late"),
        ada.get(url(made, "a")),
        ada.delete(url(made, "a")),
        ada.get(f"/databases/{made.id}/files"),
    ]
    assert {answer.status for answer in answers} == {409}
    assert not any(b"canary" in answer.body for answer in answers)


@pytest.mark.promise("databases.destroyed")
def test_a_file_that_is_written_during_destruction_is_refused_and_leaves_no_bytes(
    ada: Customer, made: Database, host: Host
) -> None:
    put(ada, made, "warm", b"x")
    ada.delete(url(made, "warm"))
    destroy = lambda: host.keyring.keys.destroy(made.id, NOON)  # noqa: E731
    with once_before("dynamodb.TransactWriteItems", destroy):
        assert put(ada, made, "late", b"late").status == 409
    assert items("content", AMERICAS) == []
    assert "Versions" not in host.s3.list_object_versions(Bucket=host.content_bucket)


# --- from an upload ------------------------------------------------------------------------------------------------


def uploaded(parts: Parts, made: Database, status: JobStatus = JobStatus.COMPLETE) -> str:
    upload_id = new_id_within("upl", made.id)
    files = Files(parts.host(made.region), made.id)
    detail = {"bytes": 9, "s3_upload": "x", "sealed": files.sealed_type(upload_id, "video/mp4")}
    job = Job(made.id, upload_id, Kind.UPLOAD, JobStatus.OPEN, parts.clock(), detail=detail)
    parts.jobs.create(job)
    if status is not JobStatus.OPEN:
        parts.jobs.settle(job, status)
    return upload_id


def test_a_complete_upload_is_queued_on_its_way_to_its_place(
    ada: Customer, parts: Parts, made: Database, host: Host
) -> None:
    upload_id = uploaded(parts, made)
    answer = ada.put(url(made, "film canary.mp4", upload_id))
    assert answer.status == 202
    job = parts.jobs.get(made.id, answer.json()["job_id"])
    assert job is not None
    assert (job.kind, Source.of(job)) == (Kind.FILE, Source("americas", staging_key(made.id, upload_id), 9))
    assert Files(host, made.id).name(job.id, job.detail["sealed"]) == ("film canary.mp4", "video/mp4")
    assert "canary" not in repr(items("jobs"))
    assert [json.loads(body) for body in messages("import", AMERICAS)] == [{"database_id": made.id, "job_id": job.id}]


def test_an_upload_becomes_one_file_and_repeating_the_request_gives_the_same_job(
    ada: Customer, parts: Parts, made: Database
) -> None:
    upload_id = uploaded(parts, made)
    first = ada.put(url(made, "a", upload_id))
    again = ada.put(url(made, "a", upload_id))
    assert (again.status, again.body) == (202, first.body)
    assert ada.put(url(made, "b", upload_id)).status == 409
    assert len([item for item in items("jobs") if item["kind"] == "file"]) == 1


def test_of_two_requests_at_once_one_gets_the_upload(ada: Customer, parts: Parts, made: Database) -> None:
    upload_id = uploaded(parts, made)
    with once_before("dynamodb.TransactWriteItems", lambda: ada.put(url(made, "b", upload_id))):
        assert ada.put(url(made, "a", upload_id)).status == 409
    assert len([item for item in items("jobs") if item["kind"] == "file"]) == 1


@pytest.mark.parametrize("status", [JobStatus.OPEN, JobStatus.FAILED])
def test_an_upload_that_is_not_complete_is_refused(
    ada: Customer, parts: Parts, made: Database, status: JobStatus
) -> None:
    assert ada.put(url(made, "a", uploaded(parts, made, status))).status == 409


@pytest.mark.parametrize(("seconds", "status"), [(-1, 202), (0, 404)])
def test_an_upload_is_gone_from_the_very_second_at_which_its_day_ends(
    ada: Customer, parts: Parts, made: Database, clock: SetClock, seconds: int, status: int
) -> None:
    upload_id = uploaded(parts, made)
    clock.set(NOON + timedelta(days=1, seconds=seconds))
    assert signed_in(ada, parts).put(url(made, "a", upload_id)).status == status


def test_an_upload_of_another_database_or_none_is_unknown(
    ada: Customer, bob: Customer, parts: Parts, made: Database
) -> None:
    other, theirs = database(parts, ada.owner), database(parts, bob.owner)
    for upload_id in (uploaded(parts, other), uploaded(parts, theirs), "upl_x", new_id_within("upl", made.id)):
        assert ada.put(url(made, "a", upload_id)).status == 404


def test_an_upload_comes_without_a_body(ada: Customer, parts: Parts, made: Database) -> None:
    answer = ada.put(url(made, "a", uploaded(parts, made)), body=b"x")
    assert (answer.status, list(answer.errors)) == (422, ["upload_id"])


def test_the_number_of_calls_is_known(ada: Customer, made: Database) -> None:
    put(ada, made, "warm", b"x")
    asked = {"dynamodb.UpdateItem": 1}
    with recorded() as calls:
        put(ada, made, "a", b"x")
    assert calls == asked | {
        "dynamodb.GetItem": 2,  # the database, the file's row
        "dynamodb.PutItem": 1,
        "s3.PutObject": 1,
        "dynamodb.TransactWriteItems": 1,
    }
    with recorded() as calls:
        ada.get(url(made, "a"))
    assert calls == asked | {"dynamodb.GetItem": 2, "s3.GetObject": 1}
