"""A backup: in both regions, sealed, read back; and when it fails, nothing of it."""

import io
import random
import zipfile

import pytest

from database_backup.backup import DIFFERENT, GONE, KEY_BROKEN, MOVED
from privacy.models.backups import ready_backup
from privacy.models.databases import Database, Status
from privacy.models.ids import new_id
from privacy.models.jobs import LEASE_SECONDS, JobStatus, Kind
from privacy.portability.copies import backup_key
from privacy.portability.sealed import SealedReader, Seals
from privacy.tables.keys import KeyState
from tests.template.source import ROOT
from tests.unit import engine
from tests.unit.database_backup.world import (
    asked_backup,
    backed_up,
    body_of,
    both,
    deliver,
    filled,
    finished,
    handler,
    lying,
)
from tests.unit.database_export.world import (
    POLICY,
    SMALL,
    Before,
    Content,
    Dying,
    Hurried,
    database,
    databases,
    fill,
    host,
    job_of,
    jobs,
)
from tests.unit.engine import Context, SetClock, sample

pytestmark = [pytest.mark.usefixtures("stores"), pytest.mark.promise("databases.backups")]

NOISE = random.Random(8).randbytes(3_000_000)
LARGE = Content(
    {(f"model{number}", "k"): (b'{"n":1}', "2026-01-01T00:00:01Z") for number in range(3)},
    {f"file{number}": ("image/png", NOISE[number:], "2026-03-01T10:00:01Z") for number in range(6)},
)


def keys_of(made: Database) -> dict[str, KeyState | None]:
    found = {region: host(region).keyring.keys.get(made.id) for region in POLICY.regions}
    return {region: held.state if held else None for region, held in found.items()}


@pytest.mark.parametrize("region", ["asia", "americas"])
def test_a_backup_lies_in_both_regions_whatever_the_host_and_was_read_back(clock: SetClock, region: str) -> None:
    made = filled(clock, region)
    clock.advance(seconds=5)
    backup = backed_up(made, clock)
    assert lying(made) == both(backup)
    assert {copy.region for copy in backup.copies} == set(POLICY.regions) == {"asia", "americas"}
    assert {copy.verified_at for copy in backup.copies} == {clock()}
    bodies = {body_of(backup, copy.region) for copy in backup.copies}
    assert len(bodies) == 1
    assert backup.bytes == len(bodies.pop())
    assert (backup.begun_at, backup.ended_at) == (clock(), clock())


@pytest.mark.promise("databases.destroyed")
def test_it_shows_neither_content_nor_name_and_opens_with_the_key_of_either_region(clock: SetClock) -> None:
    made = filled(clock)
    backup = backed_up(made, clock)
    for region in POLICY.regions:
        body = body_of(backup, region)
        assert not any(word in body for word in (b"movies", b"pictures", b"manifest", b"PK\x03\x04", b"rating"))
        seals = Seals(host(region).keyring.key(made.id), backup.id)
        with zipfile.ZipFile(SealedReader(io.BytesIO(body), seals)) as archive:
            assert archive.testzip() is None
            assert {"records/movies.jsonl", "files/empty"} <= set(archive.namelist())


def test_a_database_with_nothing_in_it_is_backed_up_too(clock: SetClock) -> None:
    made = database(clock())
    assert lying(made) == [] != both(backed_up(made, clock)) == lying(made)


def test_a_ready_backup_counts_for_the_next_one_from_its_beginning(clock: SetClock) -> None:
    made = filled(clock)
    clock.advance(hours=3)
    job = asked_backup(made, clock())
    begun_at = clock()
    clock.advance(hours=2)
    finished(job, clock)
    assert [since for _, since in databases().unsaved(clock())] == [begun_at]
    clock.advance(days=14)
    assert [due.id for due in jobs().due(Kind.BACKUP, begun_at)] == [job.id]


def test_a_key_that_is_missing_in_the_other_region_is_completed(clock: SetClock) -> None:
    made = filled(clock)
    host("americas").keyring.keys.table.delete({"database_id": made.id})
    backed_up(made, clock)
    assert keys_of(made) == {"asia": KeyState.OPEN, "americas": KeyState.STANDBY}


def test_a_deactivated_or_moving_database_s_backup_is_finished(clock: SetClock) -> None:
    for status in (Status.DEACTIVATED, Status.MOVING):
        made = filled(clock)
        job = asked_backup(made, clock())
        databases().change(made, status, clock())
        assert finished(job, clock).status is JobStatus.READY


# --- what goes wrong -----------------------------------------------------------------------------------------------


def failed(made: Database, clock: SetClock, **delivery: object) -> str | None:
    """Back a database up, which fails; why. Nothing of it is left."""
    job = asked_backup(made, clock())
    assert deliver(job, clock, **delivery)  # type: ignore[arg-type]  # passed through
    job = job_of(job)
    assert job.status is JobStatus.FAILED
    assert lying(made) == []
    return job.error


@pytest.mark.parametrize("status", [Status.DELETING, Status.DESTROYED])
def test_nothing_of_a_database_that_is_given_up_is_written(clock: SetClock, status: Status) -> None:
    made = filled(clock)
    job = asked_backup(made, clock())
    deleting = databases().change(made, Status.DELETING, clock())
    if status is Status.DESTROYED:
        databases().change(deleting, Status.DESTROYED, clock())
    assert deliver(job, clock)
    assert job_of(job).error == GONE
    assert lying(made) == []


def test_a_destroyed_key_ends_it(clock: SetClock) -> None:
    made = filled(clock)
    host("americas").keyring.destroy(made.id, clock())
    assert failed(made, clock) == GONE


def test_a_wrapped_key_of_another_database_is_found_out_and_nothing_is_kept(clock: SetClock) -> None:
    made, other = filled(clock), filled(clock)
    table = host("americas").keyring.keys.table
    theirs = table.get({"database_id": other.id})
    assert theirs is not None
    table.put(theirs | {"database_id": made.id})
    assert failed(made, clock) == KEY_BROKEN


@pytest.mark.promise("databases.destroyed")
@pytest.mark.parametrize("call", ["put_object", "copy_object", "head_object", "transact_write_items"])
def test_a_deletion_that_comes_at_any_time_leaves_no_backup(clock: SetClock, call: str) -> None:
    made = filled(clock)

    def delete() -> None:
        databases().change(made, Status.DELETING, clock())

    assert failed(made, clock, clients=Before(call, delete)) in (GONE, DIFFERENT)


def test_a_backup_whose_database_moves_meanwhile_is_given_up(clock: SetClock) -> None:
    made = filled(clock)
    job = asked_backup(made, clock())
    host("asia").keyring.key(made.id)
    assert deliver(job, clock, context=Hurried(looks=0)) or True
    moving = databases().change(databases().get(made.id) or made, Status.MOVING, clock())
    databases().switch(moving, "americas", clock())
    if not job_of(job).is_over():
        assert deliver(job, clock)
        assert job_of(job).error == MOVED
        assert lying(made) == []


@pytest.mark.parametrize("region", ["asia", "americas"])
def test_a_copy_that_is_not_what_was_written_is_found_out(clock: SetClock, region: str) -> None:
    # The worker dies right after both copies were made; then one is spoiled.
    content = Content(files={"large": ("image/png", NOISE, "2026-03-01T10:00:01Z")})
    made = database(clock())
    fill(made, content)
    job = asked_backup(made, clock())
    asked = engine.moment(clock)
    for death in range(8, 100):
        engine.back_to(asked)
        deliver(job, clock, clients=Dying(death))
        if "americas" in job_of(job).detail.get("stand", {}).get("versions", {}):
            break
    place, key = host(region), backup_key(made.id, job.id)
    body = place.s3.get_object(Bucket=place.backup_bucket, Key=key)["Body"].read()
    spoilt = body[:1_500_000] + bytes([body[1_500_000] ^ 1]) + body[1_500_001:]  # in the middle of a file
    version = place.s3.put_object(Bucket=place.backup_bucket, Key=key, Body=spoilt)["VersionId"]
    table = engine.table("jobs")
    item = table.get({"database_id": made.id, "id": job.id})
    assert item is not None
    item["detail"]["stand"]["versions"][region] = version
    table.put(item)

    clock.advance(seconds=LEASE_SECONDS)
    assert deliver(job, clock)
    assert job_of(job).error == "the backup cannot be made: The backup was altered, or is another one."
    assert lying(made) == []


def test_while_a_region_cannot_be_reached_the_message_comes_again_and_ends_ready(clock: SetClock) -> None:
    made = filled(clock)
    job = asked_backup(made, clock())

    def unreachable() -> None:
        raise ConnectionError

    assert not deliver(job, clock, clients=Before("copy_object", unreachable))
    assert not job_of(job).is_over()
    ready = ready_backup(finished(job, clock), POLICY, clock())
    assert lying(made) == both(ready)


# --- workers that die or have little time --------------------------------------------------------------------------


def test_a_worker_that_dies_at_any_call_loses_nothing_and_leaves_nothing_behind(clock: SetClock) -> None:
    made = filled(clock)
    job = asked_backup(made, clock())
    asked = engine.moment(clock)
    for death in range(100):
        engine.back_to(asked)
        dying = Dying(death)
        deliver(job, clock, clients=dying)
        if not dying.died:
            assert death > 8
            return
        clock.advance(seconds=LEASE_SECONDS)
        backup = ready_backup(finished(job, clock), POLICY, clock())
        assert lying(made) == both(backup), death
        assert len({body_of(backup, region) for region in POLICY.regions}) == 1
    raise AssertionError("it makes more than a hundred calls")


@pytest.mark.parametrize("looks", [0, 1, 2, 5])
def test_workers_with_little_time_make_the_same_backup_together(
    clock: SetClock, looks: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("privacy.portability.sealed.SEGMENT_FRAMES", 2)
    monkeypatch.setattr("privacy.hosting.objects.PART_BYTES", 5 * 1024**2)
    made = database(clock())
    fill(made, LARGE)
    backup = backed_up(made, clock, looks=looks)
    assert lying(made) == both(backup)
    seals = Seals(host("americas").keyring.key(made.id), backup.id)
    with zipfile.ZipFile(SealedReader(io.BytesIO(body_of(backup, "americas")), seals)) as archive:
        assert archive.testzip() is None
        assert archive.read("files/file5") == NOISE[5:]
        assert len(archive.namelist()) == 3 + 6 + 2


def test_a_large_backup_is_copied_in_parts_and_goes_on_at_the_next_part(
    clock: SetClock, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("privacy.hosting.objects.PART_BYTES", 5 * 1024**2)
    made = database(clock())
    fill(made, LARGE)
    job = asked_backup(made, clock())
    copied: list[int] = []

    class Counting(Before):
        def look(self, name: str, arguments: object) -> None:
            if name == "upload_part_copy":
                assert isinstance(arguments, dict)
                copied.append(arguments["PartNumber"])
                if len(copied) == 3:
                    raise ConnectionError

    assert not deliver(job, clock, clients=Counting("", lambda: None))
    assert sorted(copied) == [1, 2, 3, 4]
    assert deliver(job, clock, clients=Counting("", lambda: None))
    assert copied[4:] == [copied[2]]  # the one that failed
    backup = ready_backup(job_of(job), POLICY, clock())
    assert lying(made) == both(backup)
    assert backup.bytes > 3 * 5 * 1024**2
    assert len({body_of(backup, region) for region in POLICY.regions}) == 1


def test_a_repeated_late_or_strange_message_changes_nothing(clock: SetClock) -> None:
    made = filled(clock)
    job = asked_backup(made, clock())
    backup = ready_backup(finished(job, clock), POLICY, clock())
    assert deliver(job, clock)
    assert (lying(made), job_of(job).detail) == (both(backup), backup.detail())
    jobs().remove(job)
    assert deliver(job, clock)
    other = asked_backup(made, clock(), new_id("bak"))
    assert not deliver(other, clock)


def test_content_is_what_it_was_when_it_was_read(clock: SetClock) -> None:
    assert SMALL.records
    made = filled(clock)
    backup = backed_up(made, clock)
    seals = Seals(host("asia").keyring.key(made.id), backup.id)
    with zipfile.ZipFile(SealedReader(io.BytesIO(body_of(backup, "asia")), seals)) as archive:
        lines = archive.read("records/movies.jsonl").splitlines()
    assert sorted(line.split(b'"')[3] for line in lines) == [b"m1", b"m2"]


SAMPLES = sorted(path.stem for path in (ROOT / "events/database_backup").glob("*.json"))


@pytest.mark.parametrize("name", SAMPLES)
def test_a_sample_event_is_answered(clock: SetClock, name: str) -> None:
    made = database(clock(), id="db_abcdefghijklmnopqrstuvwxyz")
    job = asked_backup(made, clock(), "bak_" + 2 * "abcdefghijklmnopqrstuvwxyz")
    answer = handler(Kind.BACKUP, clock)(sample(f"database_backup/{name}"), Context())
    if name == "bad-unknown-event":
        assert set(answer) == {"error"}
    else:
        assert len(answer["batchItemFailures"]) == name.startswith("bad-")
    done = name in ("backup", "repeated", "bad-one-in-a-batch")
    assert job_of(job).status is (JobStatus.READY if done else JobStatus.QUEUED)


def test_nothing_of_the_content_is_in_a_log_or_an_item(clock: SetClock, capsys: pytest.CaptureFixture[str]) -> None:
    made = database(clock())
    canary = "Zaunkoenig-9e1c"
    records = {(canary.lower(), canary): (f'{{"{canary}":1}}'.encode(), "2026-01-01T00:00:01Z")}
    fill(made, Content(records, {canary: ("a/b", canary.encode(), "2026-01-01T00:00:01Z")}))
    job = asked_backup(made, clock())

    def fail() -> None:
        raise RuntimeError(canary)

    assert not deliver(job, clock, clients=Before("copy_object", fail))
    backup = ready_backup(finished(job, clock), POLICY, clock())
    output = capsys.readouterr()
    assert canary.lower() not in (output.out + output.err).lower()
    assert canary.lower().encode() not in engine.everything().lower()
    assert all(canary.encode() not in body_of(backup, region) for region in POLICY.regions)


@pytest.mark.promise("databases.destroyed")
def test_what_an_unfinished_backup_leaves_shows_nothing_either(
    clock: SetClock, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Its journal names members, and holds the end of the content: it is sealed like the rest."""
    monkeypatch.setattr("privacy.portability.outgoing.SAVE_BYTES", 1000)
    made = database(clock())
    canary = "Zaunkoenig-9e1c"
    facts = ("text/plain", canary.encode() * 200, "2026-01-01T00:00:01Z")
    fill(made, Content(files={f"{canary}{number}": facts for number in range(4)}))
    job = asked_backup(made, clock())

    def die() -> None:
        raise ConnectionError

    assert not deliver(job, clock, clients=Before("copy_object", die))
    place = host("asia")
    found = place.s3.list_object_versions(Bucket=place.backup_bucket)["Versions"]
    assert len(found) > 2  # journals among them
    for entry in found:
        where = {"Bucket": place.backup_bucket, "Key": entry["Key"], "VersionId": entry["VersionId"]}
        body = place.s3.get_object(**where)["Body"].read()
        assert canary.encode() not in body
        assert body[:2] != b"\x1f\x8b"
