"""An import: the same content as was exported, or a clear reason and nothing written."""

import io
import random
import zipfile
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

import pytest

from privacy.clock import rfc3339
from privacy.hosting.transfers import export_key
from privacy.models.databases import Counts, Database, Status
from privacy.models.ids import new_id
from privacy.models.jobs import LEASE_SECONDS, Job, JobStatus, Kind, Source
from tests.unit import engine
from tests.unit.archive.samples import entry, export_of, manifest, zipped
from tests.unit.database_export.world import (
    CROWDED,
    SMALL,
    Before,
    Content,
    Dying,
    Hurried,
    asked_export,
    asked_import,
    content_of,
    database,
    databases,
    deliver,
    exported,
    files_of,
    fill,
    finished,
    host,
    in_transfer,
    job_of,
    jobs,
    ledger,
    manifest_of,
    records_of,
    source_of,
    staged,
)
from tests.unit.engine import Context, SetClock

pytestmark = pytest.mark.usefixtures("stores")

EMPTY = Content()
TINY = Content({("m", "k"): (b"{}", "2026-03-01T10:00:01Z")}, {"a": ("text/plain", b"a", "2026-03-01T10:00:01Z")})
NOISE = random.Random(5).randbytes(9_000_000)
BYTES = "application/octet-stream"
TIME = "2026-03-01T10:00:01Z"
GOOD_LINE = b'{"key":"k","data":{},"updated_at":"2026-01-01T00:00:00Z"}\n'


def imported(made: Database, data: bytes, clock: SetClock, *, looks: int | None = None) -> Job:
    """Bring a ZIP into a database; the job at its end."""
    return finished(asked_import(made, staged(made, data), clock()), clock, looks=looks)


# --- the same content ----------------------------------------------------------------------------------------------


@pytest.mark.promise("databases.export")
def test_an_import_of_an_export_gives_the_same_content(clock: SetClock) -> None:
    first, second = database(clock()), database(clock())
    fill(first)
    data = exported(first, clock)
    clock.advance(days=3)
    job = imported(second, data, clock)
    assert (job.status, job.progress, job.error) == (JobStatus.DONE, 100, None)
    assert content_of(second) == content_of(first) == SMALL
    assert in_transfer(second) == []


@pytest.mark.promise("databases.export")
def test_files_that_are_in_each_others_way_come_back_under_their_own_paths(clock: SetClock) -> None:
    first, second, third = database(clock()), database(clock()), database(clock())
    fill(first, CROWDED)
    data = exported(first, clock)
    assert sum("file" in row for row in manifest_of(data)["members"]) >= 5
    assert imported(second, data, clock).error is None
    assert content_of(second) == CROWDED
    # What is a member's name in one export may be a file's path in the next.
    names = {row["path"].removeprefix("files/") for row in manifest_of(data)["members"] if "file" in row}
    more = Content(files={name: (BYTES, name.encode(), TIME) for name in names})
    fill(second, more)
    assert imported(third, exported(second, clock), clock).error is None
    assert content_of(third) == Content(files=CROWDED.files | more.files)


def surprising(chance: random.Random) -> Content:
    """Content that tries what may go wrong: names, numbers, Unicode, sizes."""
    texts = ["é", "é", "\U0001f9ff", "‮", "\x7f", " ", "שלום", "\\u0000", "\\ud83d", '\\"', "\\\\", "{", "}],:"]
    numbers = ["0", "-0", "1.0", "1E400", "-1.50e-7", "9" * 60, "true", "null", "[]", '{"a":{"b":[1.0]}}']
    models = ["a", "a.2", "a.3", "-", "...", "movies_" + "x" * 57]
    content = Content()
    for _ in range(60):
        names = chance.sample(range(99), chance.randrange(5))
        values = [*numbers, *(f'"{text}"' for text in texts)]
        members = [f'"{name}{chance.choice(texts)}":{chance.choice(values)}' for name in names]
        key = "".join(chance.choices("aZ09_.:@-", k=chance.choice([1, 5, 200])))
        data = ("{" + ",".join(members) + "}").encode()
        content.records[chance.choice(models), key] = (data, f"2026-01-01T00:00:{chance.randrange(60):02}Z")
    for number in range(20):
        path = "/".join(chance.choices(["a", ".hidden", "été", "a b", "con", "😀", "records", "manifest.json"], k=3))
        body = chance.randbytes(chance.choice([0, 1, 5000])) if number else NOISE[:6_000_000]
        content_type = chance.choice([BYTES, "image/png", "text/plain; charset=utf-8"])
        content.files[f"{path}{number}"] = (content_type, body, f"2026-01-01T00:00:{chance.randrange(60):02}Z")
    deep = b'{"a":' * 256 + b"1" + b"}" * 256
    content.records["deep", "256"] = (deep, TIME)
    content.records["long", "350KB"] = (b'{"a":"' + b"x" * (358_400 - 8) + b'"}', TIME)
    return content


@pytest.mark.promise("databases.export", "databases.ownership")
def test_whatever_is_in_a_database_goes_out_and_in_and_out_again(clock: SetClock) -> None:
    seed = random.randrange(10**6)
    print(f"seed: {seed}")  # noqa: T201  # pytest shows it when the test fails
    content = surprising(random.Random(seed))
    first, second = database(clock(), region="americas"), database(clock())
    fill(first, content)
    data = exported(first, clock)
    assert imported(second, data, clock).error is None
    assert content_of(second) == content
    again = exported(second, clock)

    def members(archive: bytes) -> dict[str, Any]:
        # Another key gives records another order, and so another digest to a member of many.
        rows = manifest_of(archive)["members"]
        return {row["path"]: row | {"sha256": ""} if "records" in row else row for row in rows}

    assert members(again) == members(data)


@pytest.mark.promise("databases.export")
def test_a_large_file_comes_through_the_transfer_bucket_and_leaves_nothing_there(clock: SetClock) -> None:
    first, second = database(clock()), database(clock())
    content = Content(files={"large": ("image/png", NOISE, TIME), "small": (BYTES, b"1", TIME)})
    fill(first, content)
    job = imported(second, exported(first, clock), clock, looks=80)
    assert job.status is JobStatus.DONE
    assert content_of(second) == content
    assert in_transfer(second) == []


@pytest.mark.promise("databases.export", "databases.region")
def test_an_export_of_another_database_is_read_where_it_lies_and_stays_there(clock: SetClock) -> None:
    first, second = database(clock(), region="americas"), database(clock(), region="asia")
    fill(first)
    export = finished(asked_export(first, clock()), clock)
    clock.advance(days=7, seconds=-1)
    job = finished(asked_import(second, source_of(first, export), clock()), clock)
    assert job.status is JobStatus.DONE
    assert content_of(second) == SMALL
    assert in_transfer(first) == [export_key(first.id, export.id)]


@pytest.mark.promise("databases.backups")
@pytest.mark.parametrize("written", ["as ours", "in another way"])
@pytest.mark.parametrize("large", [False, True])
def test_no_time_that_an_archive_names_is_later_than_its_import(clock: SetClock, written: str, large: bool) -> None:
    made, now = database(clock()), clock()
    times = {"past": now - timedelta(seconds=1), "now": now, "future": now + timedelta(seconds=1)}
    times["far"] = datetime.fromisoformat("9999-12-31T23:59:59Z")
    space = b"" if written == "as ours" else b" "
    lines = b"".join(
        b'{"key":"%b",%b"data":{},"updated_at":"%b"}\n' % (key.encode(), space, rfc3339(at).encode())
        for key, at in times.items()
    )
    body = NOISE if large else b"a"
    entries = [entry(f"files/{name}", body, updated_at=rfc3339(at)) for name, at in times.items()]
    data = export_of(
        {"records/m.jsonl": lines} | {f"files/{name}": body for name in times},
        entries=[entry("records/m.jsonl", lines), *entries],
    )
    job = asked_import(made, staged(made, data), now)
    clock.advance(seconds=90)  # it waits in its queue, and what is then no more in the future is taken for no later
    assert finished(job, clock).error is None
    kept = {"past": rfc3339(times["past"]), "now": rfc3339(now), "future": rfc3339(now), "far": rfc3339(now)}
    content = content_of(made)
    assert {key: at for (_, key), (_, at) in content.records.items()} == kept
    assert {path: at for path, (_, _, at) in content.files.items()} == kept


@pytest.mark.promise("databases.backups")
def test_where_only_the_zip_tells_a_files_time_it_is_no_later_than_the_import_either(clock: SetClock) -> None:
    made = database(clock())
    data = io.BytesIO()
    with zipfile.ZipFile(data, "w") as archive:
        archive.writestr(zipfile.ZipInfo("files/a", (2107, 12, 31, 23, 59, 58)), b"a")
        archive.writestr(zipfile.ZipInfo("files/b", (2020, 12, 31, 23, 59, 58)), b"b")
        archive.writestr("manifest.json", manifest([entry("files/a", b"a"), entry("files/b", b"b")]))
    assert imported(made, data.getvalue(), clock).error is None
    kept = {path: at for path, (_, _, at) in content_of(made).files.items()}
    assert kept == {"a": rfc3339(clock()), "b": "2020-12-31T23:59:58Z"}


def test_an_archive_that_was_packed_anew_with_its_lines_written_in_another_way_is_the_same(clock: SetClock) -> None:
    made = database(clock())
    lines = b'{ "updated_at": "2026-01-01T00:00:00Z", "data" : { "a" : [ 1.0, " x " ] }, "\\u006bey": "k\\u0031" }\n'
    assert imported(made, export_of({"records/m.jsonl": lines, "files/a.txt": b"a"}), clock).error is None
    assert content_of(made).records == {("m", "k1"): (b'{"a":[1.0," x "]}', "2026-01-01T00:00:00Z")}
    assert content_of(made).files == {"a.txt": (BYTES, b"a", "1980-01-01T00:00:00Z")}


@pytest.mark.promise("databases.ownership")
def test_a_line_of_ours_whose_data_was_written_with_spaces_is_stored_without_them(clock: SetClock) -> None:
    made = database(clock())
    line = b'{"key":"k","data":{ "a" : " x " },"updated_at":"2026-01-01T00:00:00Z"}\n'
    other = GOOD_LINE.replace(b'"k"', b'"l"')
    assert imported(made, export_of({"records/m.jsonl": line + other}), clock).error is None
    assert content_of(made).records["m", "k"][0] == b'{"a":" x "}'


def test_an_import_counts_its_database(clock: SetClock) -> None:
    first, second = database(clock()), database(clock())
    fill(first)
    imported(second, exported(first, clock), clock)
    found = databases().get(second.id)
    assert found is not None
    assert found.counts == Counts(3, 2, sum(len(data) for data, _ in SMALL.records.values()) + 1024, clock())


def test_an_export_of_nothing_is_imported_as_nothing(clock: SetClock) -> None:
    made = database(clock())
    assert imported(made, exported(database(clock()), clock), clock).status is JobStatus.DONE
    assert content_of(made) == EMPTY


# --- how it goes on ------------------------------------------------------------------------------------------------


@dataclass
class OnceWriting(Context):
    """A context whose time is up as soon as a job writes."""

    job: Job | None = None

    def get_remaining_time_in_millis(self) -> int:
        assert self.job is not None
        stage = job_of(self.job).detail.get("place", {}).get("stage")
        return 59_000 if stage == "writing" else 300_000


@pytest.mark.promise("databases.export")
def test_when_time_is_up_the_next_worker_goes_on(clock: SetClock) -> None:
    first, second = database(clock()), database(clock())
    long = b'{"n":"' + 340_000 * b"n" + b'"}'  # more than one batch of them
    content = Content({("many", f"k{number}"): (long, TIME) for number in range(27)} | SMALL.records, SMALL.files)
    fill(first, content)
    job = asked_import(second, staged(second, exported(first, clock)), clock())
    seen, lines = [], set()
    while not job_of(job).is_over():
        assert deliver(job, clock, context=OnceWriting(job=job))
        seen.append(job_of(job).progress)
        lines.add(job_of(job).detail.get("place", {}).get("line"))
    assert job_of(job).status is JobStatus.DONE
    assert len(seen) > 2
    assert max(line for line in lines if line is not None) > 20  # in the middle of a member
    assert seen == sorted(seen)
    assert max(seen[:-1]) < seen[-1] == 100
    assert content_of(second) == content
    counted = databases().get(second.id)
    assert counted is not None
    assert counted.counts is not None
    assert (counted.counts.records, counted.counts.files) == (30, 2)


@pytest.mark.promise("databases.export")
@pytest.mark.parametrize("what", ["small", "tiny, in a hurry", "large"])
def test_after_a_death_before_any_change_the_import_is_whole_and_nothing_else_is_left(
    clock: SetClock, what: str
) -> None:
    first = database(clock())
    content = {
        "small": SMALL,
        "tiny, in a hurry": TINY,
        "large": Content(files={"large": ("image/png", NOISE, TIME)}),
    }[what]
    fill(first, content)
    data = exported(first, clock)
    looks = 2 if what == "tiny, in a hurry" else None
    step = {"small": 1, "tiny, in a hurry": 3, "large": 2}[what]
    made = database(clock())
    asked_for = asked_import(made, staged(made, data), clock())
    asked = engine.moment(clock)
    for at in range(random.randrange(step), 100, step):
        engine.back_to(asked)
        job, worker = asked_for, Dying(at)
        for _ in range(20):
            if worker.died or job_of(job).is_over():
                break
            deliver(job, clock, clients=worker, context=Hurried(looks=looks) if looks else None)
        if not worker.died:
            break
        engine.messages("import")
        clock.advance(seconds=LEASE_SECONDS)
        job = finished(job, clock)
        assert job.status is JobStatus.DONE, (at, job.error)
        assert content_of(made) == content, at
        assert in_transfer(made) == [], at
    assert 10 < at < 97


def test_an_import_that_is_done_is_not_done_again(clock: SetClock) -> None:
    first, second = database(clock()), database(clock())
    fill(first)
    job = imported(second, exported(first, clock), clock)
    records_of(second).delete("movies", "m1", ledger(), clock())
    clock.advance(hours=1)
    assert deliver(job, clock)
    assert job_of(job) == job
    assert ("movies", "m1") not in content_of(second).records


def test_while_one_worker_has_the_lease_another_does_nothing(clock: SetClock) -> None:
    made = database(clock())
    job = asked_import(made, staged(made, export_of({})), clock())
    taken = jobs().take(made.id, job.id, clock())
    clock.advance(seconds=LEASE_SECONDS - 1)
    assert deliver(job, clock)
    assert job_of(job) == taken


# --- what ends it --------------------------------------------------------------------------------------------------


def bad_zips() -> Mapping[str, bytes]:
    """Archives that are none of ours, by what is wrong with them."""
    whole = export_of({"records/m.jsonl": GOOD_LINE, "files/a": b"a"})
    bomb = bytes(3_000_000)
    lines = {name: export_of({"records/m.jsonl": GOOD_LINE + line + b"\n"}) for name, line in bad_lines()}
    return {f"line: {name}": data for name, data in lines.items()} | {
        "empty": b"",
        "not a ZIP": b"PK but no more than that",
        "cut off": whole[:-30],
        "cut off early": whole[:60],
        "something before it": b"x" + whole,
        "foreign": zipped([("[Content_Types].xml", b"<Types/>")]),
        "another format": export_of({}, format="perfectwork-export/9"),
        "another digest": export_of({"files/a": b"a"}, entries=[entry("files/a", b"a", sha256="0" * 64)]),
        "a member too few": export_of({}, entries=[entry("files/a", b"a")]),
        "a member too many": export_of({"files/a": b"a"}, entries=[]),
        "traversal": export_of({"files/../../etc/passwd": b"a"}),
        "bomb": zipped([("files/a", bomb), ("manifest.json", manifest([entry("files/a", bomb[:9])]))]),
        "a path of no file": export_of({"files/trailing./a": b"a"}),
        "a path in another form": export_of({"files/e\u0301": b"a"}),
        **{f"a claim to be {file!r}": claiming(file) for file in ("trailing./a", "e\u0301", " a", "../a", "x" * 256)},
        "two claims to be one file": export_of(
            {"files/a": b"a", "files/b": b"a"}, entries=[entry("files/a", b"a"), entry("files/b", b"a", file="a")]
        ),
        "a type that is none": export_of({"files/a": b"a"}, entries=[entry("files/a", b"a", type="a/b\r\nX: y")]),
    }


def claiming(file: str) -> bytes:
    """An archive whose one member says that it is another file."""
    return export_of({"files/a": b"a"}, entries=[entry("files/a", b"a", file=file)])


def bad_lines() -> list[tuple[str, bytes]]:
    end = b',"updated_at":"2026-01-01T00:00:00Z"}'
    return [
        ("empty", b""),
        ("no JSON", b"canary-7f3a"),
        ("no object", b"[1]"),
        ("no UTF-8", b'{"key":"k","data":{"a":"\xff"}' + end),
        ("key no UTF-8", b'{"key":"\xff","data":{}' + end),
        ("key missing", b'{"data":{}' + end),
        ("key with a slash", b'{"key":"a/b","data":{}' + end),
        ("key empty", b'{"key":"","data":{}' + end),
        ("key too long", b'{"key":"' + b"k" * 201 + b'","data":{}' + end),
        ("key a number", b'{"key":1,"data":{}' + end),
        ("data missing", b'{"key":"k"' + end),
        ("data a list", b'{"key":"k","data":[]' + end),
        ("data twice", b'{"key":"k","data":{},"data":{}' + end),
        ("data with a name twice", b'{"key":"k","data":{"a":1,"a":2}' + end),
        ("data NaN", b'{"key":"k","data":{"a":NaN}' + end),
        ("data too large", b'{"key":"k","data":{"a":"' + b"x" * (358_401 - 8) + b'"}' + end),
        ("data too deep", b'{"key":"k","data":' + b'{"a":' * 257 + b"1" + b"}" * 257 + end),
        ("more members", b'{"key":"k","more":1,"data":{}' + end),
        ("time missing", b'{"key":"k","data":{}}'),
        ("time of another form", b'{"key":"k","data":{},"updated_at":"2026-01-01 00:00:00"}'),
        ("time that is none", b'{"key":"k","data":{},"updated_at":"2026-02-30T00:00:00Z"}'),
        ("time a number", b'{"key":"k","data":{},"updated_at":1}'),
        ("a line too long", b'{"key":"k","data":{"a":"' + b"x" * 1_100_000 + b'"}' + end),
    ]


@pytest.mark.promise("databases.export")
def test_a_bad_archive_fails_with_a_reason_and_nothing_is_written(clock: SetClock) -> None:
    made = database(clock())
    reasons = {}
    for name, data in bad_zips().items():
        job = imported(made, data, clock)
        assert job.status is JobStatus.FAILED, name
        assert job.error, name
        assert in_transfer(made) == [], name
        reasons[name] = job.error
    assert content_of(made) == EMPTY
    assert reasons["line: no JSON"] == (
        "Line 2 of member 1 of the archive is no JSON object of key, data and updated_at"
    )
    assert reasons["line: key with a slash"] == "Line 2 of member 1 of the archive has a key that no record can have"
    for reason in reasons.values():
        assert "canary" not in reason
        assert "passwd" not in reason


def test_content_that_was_there_before_is_not_touched(clock: SetClock) -> None:
    first, second = database(clock()), database(clock())
    fill(first)
    data = exported(first, clock)
    other = Content(files={"mine": (BYTES, b"mine", TIME)})
    fill(second, other)
    job = imported(second, data, clock)
    assert (job.status, job.error) == (JobStatus.FAILED, "the database is not empty; import into a new one")
    assert content_of(second) == other


def test_what_is_written_while_the_archive_is_checked_stays(clock: SetClock) -> None:
    first, second = database(clock()), database(clock())
    fill(first)
    job = asked_import(second, staged(second, exported(first, clock)), clock())
    assert deliver(job, clock, context=Hurried(looks=2))
    assert job_of(job).status is JobStatus.RUNNING
    files_of(second).put("mine", BYTES, b"mine", clock())
    engine.messages("import")
    assert finished(job, clock).error == "the database is not empty; import into a new one"
    assert list(content_of(second).files) == ["mine"]


@pytest.mark.promise("databases.ownership", "exports.retention")
@pytest.mark.parametrize(
    "what", ["another owner", "expired", "not ready", "deleting", "another key", "staged elsewhere"]
)
def test_a_source_that_is_not_the_owners_to_read_is_refused(clock: SetClock, what: str) -> None:
    first = database(clock(), owner="somebody else" if what == "another owner" else "pseudonym-of-an-owner")
    second = database(clock())
    fill(first)
    export = asked_export(first, clock())
    if what == "not ready":
        place = host()
        place.s3.put_object(Bucket=place.transfer_bucket, Key=export_key(first.id, export.id), Body=export_of({}))
    else:
        export = finished(export, clock)
    source = source_of(first, export)
    if what == "expired":
        clock.advance(days=7)
    if what == "deleting":
        databases().change(first, Status.DELETING, clock())
    if what == "another key":
        source = Source("asia", f"x{source.key}", 1, staged=False)
    if what == "staged elsewhere":
        source = staged(first, export_of({}))
    before = in_transfer(first)
    job = finished(asked_import(second, source, clock()), clock)
    assert (job.status, job.error) == (JobStatus.FAILED, "what was to be read is not there any more")
    assert content_of(second) == EMPTY
    assert in_transfer(first) == before


def test_an_archive_that_is_replaced_between_two_workers_is_not_trusted(clock: SetClock) -> None:
    made = database(clock())
    source = staged(made, export_of({"files/a": b"a", "files/b": b"b"}))
    job = asked_import(made, source, clock())
    assert deliver(job, clock, context=Hurried(looks=1))
    host().s3.put_object(Bucket=host().transfer_bucket, Key=source.key, Body=export_of({"files/a": b"c"}))
    engine.messages("import")
    assert finished(job, clock).error == "The archive was replaced while it was read"
    assert content_of(made) == EMPTY


@pytest.mark.promise("databases.deletion", "databases.grace")
@pytest.mark.parametrize("to", [Status.DEACTIVATED, Status.DELETING])
@pytest.mark.parametrize("when", ["get_object", "batch_write_item", "transact_write_items", "copy_object", "the end"])
def test_a_database_that_is_closed_in_the_middle_ends_the_import(clock: SetClock, to: Status, when: str) -> None:
    first, second = database(clock()), database(clock())
    fill(first, Content(SMALL.records, SMALL.files | {"large": ("image/png", NOISE, TIME)}))
    job = asked_import(second, staged(second, exported(first, clock)), clock())

    def close() -> None:
        databases().change(second, to, clock())

    name, skip = ("list_multipart_uploads", 0) if when == "the end" else (when, 0)
    assert deliver(job, clock, clients=Before(name, close, skip))
    ended = job_of(job)
    assert ended.status is JobStatus.FAILED
    reason, _, written = (ended.error or "").partition("; a part of")
    reason, _, wholly = reason.partition("; the whole archive")
    if to is Status.DEACTIVATED:
        assert reason == "the database is deactivated; its content is closed"
    else:
        assert reason == "the database is being deleted; nothing can be written into it any more"
    if when == "get_object":
        assert content_of(second) == EMPTY
    else:
        assert bool(written) != bool(wholly)
        if when != "copy_object":  # the large file may be the last one or not
            assert bool(wholly) == (when == "the end")
    assert in_transfer(second) == []


@pytest.mark.promise("databases.destroyed")
def test_a_deletion_that_is_faster_leaves_nothing_of_the_import(clock: SetClock) -> None:
    first = database(clock())
    fill(first, Content(SMALL.records, SMALL.files | {"large": ("image/png", NOISE, TIME)}))
    data = exported(first, clock)
    for name in ("batch_write_item", "upload_part", "put_object", "update_item"):
        made = database(clock())
        job = asked_import(made, staged(made, data), clock())

        def destroy(made: Database = made, job: Job = job) -> None:
            databases().change(made, Status.DELETING, clock())
            host().keyring.destroy(made.id, clock())
            jobs().remove(job)

        assert deliver(job, clock, clients=Before(name, destroy, skip=1 if name == "update_item" else 0))
        assert jobs().get(made.id, job.id) is None
        assert in_transfer(made) == []


# --- messages ------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("job_id", ["exp_abcdefghijklmnopqrstuvwxyz", "nonsense"])
def test_a_message_that_names_no_job_fails_and_does_nothing(clock: SetClock, job_id: str) -> None:
    made = database(clock())
    job = Job(made.id, job_id, Kind.IMPORT, JobStatus.QUEUED, clock())
    jobs().create(job)
    assert not deliver(job, clock)
    assert job_of(job) == job


def test_a_message_about_an_unknown_job_does_nothing(clock: SetClock) -> None:
    made = database(clock())
    assert deliver(Job(made.id, new_id("job"), Kind.IMPORT, JobStatus.QUEUED, clock()), clock)
    assert engine.items("jobs") == []
