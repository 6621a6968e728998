"""A restore: what a database lacks comes back, what its owner deleted since does not, and no broken copy is used."""

import dataclasses
import io
import random
from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest
from botocore.exceptions import EndpointConnectionError

from database_restore.restoring import BUSY, EXPIRED, GONE, KEY_BROKEN, NO_COPY, PARTLY
from privacy.aws import client
from privacy.models.backups import ready_backup
from privacy.models.databases import Database, DatabaseStateError, Status, open_for_reading
from privacy.models.jobs import LEASE_SECONDS, Job, JobStatus, Kind
from privacy.portability.sealed import SealedReader, Seals
from privacy.tables.store import BATCH
from privacy.work import BROKEN, PATIENCE, STUCK
from tests.template.source import ROOT
from tests.unit import engine
from tests.unit.database_backup.world import (
    DELAYS,
    SETTLE,
    asked_backup,
    asked_restore,
    backed_up,
    body_of,
    both,
    call,
    deliver,
    filled,
    finished,
    handler,
    lying,
    put_body,
    remove_copy,
    restored,
    taken,
)
from tests.unit.database_export.world import (
    POLICY,
    SMALL,
    Before,
    Content,
    Dying,
    asked_export,
    content_of,
    database,
    databases,
    files_of,
    fill,
    host,
    in_transfer,
    job_of,
    jobs,
    ledger,
    records_of,
)
from tests.unit.database_export.world import finished as export_finished
from tests.unit.engine import Context, SetClock, sample

pytestmark = [pytest.mark.usefixtures("stores"), pytest.mark.promise("databases.backups")]

SECOND = timedelta(seconds=1)
TIME = "2026-01-01T00:00:01Z"
NOISE = random.Random(4).randbytes(9_000_000)
EMPTY = Content()


def now_of(made: Database) -> Database:
    found = databases().get(made.id)
    assert found is not None
    return found


def lose(made: Database) -> None:
    """Lose all content, as no owner does: nothing of it is in the ledger."""
    place = host(made.region)
    keys = [{"place": item["place"], "id": item["id"]} for item in engine.items("content", place.aws_region)]
    held = [key for key in keys if key["place"].startswith(made.id)]
    for start in range(0, len(held), BATCH):  # one call at a time: moto breaks when they come at once
        place.content.delete_all(held[start : start + BATCH])


def counts(job: Job) -> tuple[int, int, int]:
    assert job.status is JobStatus.DONE, job.error
    return job.detail["records"], job.detail["files"], job.detail["withheld"]


# --- what comes back -----------------------------------------------------------------------------------------------


@pytest.mark.parametrize("region", ["asia", "americas"])
def test_what_was_lost_comes_back_as_it_was_written(clock: SetClock, region: str) -> None:
    made = filled(clock, region)
    backup = backed_up(made, clock)
    clock.advance(hours=20)
    lose(made)
    assert content_of(made) == EMPTY
    assert counts(restored(backup, clock)) == (3, 2, 0)
    assert content_of(made) == SMALL
    assert now_of(made).status is Status.ACTIVE
    assert in_transfer(made) == []
    assert lying(made) == both(backup)


@pytest.mark.promise("databases.destroyed")
def test_what_the_owner_deleted_since_does_not_come_back(clock: SetClock) -> None:
    made = filled(clock)
    backup = backed_up(made, clock)
    clock.advance(seconds=1)
    assert records_of(made).delete("movies", "m1", ledger(), clock())
    assert files_of(made).delete("empty", ledger(), clock())
    lose(made)
    assert counts(restored(backup, clock)) == (2, 1, 2)
    found = content_of(made)
    assert ("movies", "m1") not in found.records
    assert "empty" not in found.files
    assert (len(found.records), len(found.files)) == (2, 1)


@pytest.mark.parametrize("overwrite", [False, True])
def test_what_is_there_stays_unless_it_is_to_be_overwritten(clock: SetClock, overwrite: bool) -> None:
    made = filled(clock)
    backup = backed_up(made, clock)
    clock.advance(hours=1)
    newer = Content(
        {("movies", "m1"): (b'{"new":1}', "2026-11-24T13:00:00Z"), ("movies", "m9"): (b"{}", "2026-11-24T13:00:00Z")},
        {"empty": ("text/plain", b"no longer", "2026-11-24T13:00:00Z")},
    )
    fill(made, newer)
    job = restored(backup, clock, overwrite=overwrite)
    found = content_of(made)
    assert found.records.pop(("movies", "m9")) == newer.records["movies", "m9"]
    if overwrite:
        assert found == SMALL
        assert counts(job) == (3, 1, 0)
    else:
        records = SMALL.records | {("movies", "m1"): newer.records["movies", "m1"]}
        assert found == Content(records, SMALL.files | newer.files)
        assert counts(job) == (0, 0, 0)


def test_what_was_deleted_and_written_anew_is_not_overwritten_by_what_was_deleted(clock: SetClock) -> None:
    made = filled(clock)
    backup = backed_up(made, clock)
    clock.advance(hours=1)
    records_of(made).delete("movies", "m1", ledger(), clock())
    anew = Content({("movies", "m1"): (b'{"new":1}', "2026-11-24T14:00:00Z")})
    fill(made, anew)
    job = restored(backup, clock, overwrite=True)
    assert content_of(made).records["movies", "m1"] == anew.records["movies", "m1"]
    assert counts(job)[2] == 1


@pytest.mark.parametrize(
    ("seconds", "comes_back"), [(-61, True), (-60, True), (-59, False), (-1, False), (0, False), (1, False)]
)
def test_the_ledger_counts_from_the_second_at_which_a_request_may_still_have_been_under_way(
    clock: SetClock, seconds: int, comes_back: bool
) -> None:
    """A deletion is noted with the time of its request and may take effect when the backup has read the record."""
    made = filled(clock)
    clock.advance(hours=1)
    backup = backed_up(made, clock)
    where = records_of(made).places([next(records_of(made).every(tag))[1] for _, tag in records_of(made).models()])
    for place in [*where, files_of(made).place("empty")]:
        ledger().note(place, backup.begun_at + timedelta(seconds=seconds))
    lose(made)
    expected = (3, 2, 0) if comes_back else (3 - len(where), 1, len(where) + 1)
    assert counts(restored(backup, clock)) == expected


def test_a_record_that_was_written_again_while_the_backup_was_made_comes_back(clock: SetClock) -> None:
    made = database(clock())
    fill(made, Content({("m", "k"): (b'{"old":1}', TIME)}))
    job = asked_backup(made, clock())
    clock.advance(seconds=10)
    records_of(made).delete("m", "k", ledger(), clock())
    clock.advance(seconds=1)
    again = Content({("m", "k"): (b'{"new":1}', "2026-11-24T12:00:11Z")})
    fill(made, again)
    clock.advance(seconds=5)
    finished(job, clock)
    backup = ready_backup(job_of(job), POLICY, clock())
    lose(made)
    assert counts(restored(backup, clock)) == (1, 0, 0)
    assert content_of(made) == again


def test_a_record_with_a_time_in_the_future_does_not_come_back_either(clock: SetClock) -> None:
    made = database(clock())
    fill(made, Content({("m", "k"): (b"{}", "2099-01-01T00:00:00Z")}))
    backup = backed_up(made, clock)
    clock.advance(seconds=1)
    records_of(made).delete("m", "k", ledger(), clock())
    assert counts(restored(backup, clock)) == (0, 0, 1)
    assert content_of(made) == EMPTY


def test_large_files_and_many_records_come_back(clock: SetClock) -> None:
    made = database(clock())
    content = Content(
        {("m", f"k{number}"): (b"{}", TIME) for number in range(1500)},
        {"large": ("image/png", NOISE, TIME), "small": ("text/plain", b"1", TIME)},
    )
    fill(made, content)
    backup = backed_up(made, clock)
    lose(made)
    assert counts(restored(backup, clock)) == (1500, 2, 0)
    assert content_of(made) == content
    assert in_transfer(made) == []


# --- while it lasts ------------------------------------------------------------------------------------------------


def test_nothing_is_readable_or_writable_before_it_is_over(clock: SetClock) -> None:
    made = filled(clock)
    backup = backed_up(made, clock)
    job = asked_restore(backup, clock)
    closed = now_of(made)
    assert closed.status is Status.RESTORING
    with pytest.raises(DatabaseStateError, match="restoring"):
        open_for_reading(closed)
    assert finished(job, clock).status is JobStatus.DONE
    assert open_for_reading(now_of(made)).status is Status.ACTIVE


def test_it_waits_to_the_second_until_requests_have_settled(clock: SetClock) -> None:
    made = filled(clock)
    backup = backed_up(made, clock)
    lose(made)
    job = asked_restore(backup, clock)
    clock.advance(seconds=-1)
    assert deliver(job, clock)
    assert job_of(job).status is JobStatus.RUNNING
    assert content_of(made) == EMPTY
    assert len(taken()) == 1
    assert DELAYS[-2:] == [SETTLE, 1]
    clock.advance(seconds=1)
    assert finished(job, clock).status is JobStatus.DONE
    assert SETTLE == 60


@pytest.mark.promise("databases.deletion", "databases.destroyed")
@pytest.mark.parametrize("call_name", ["get_object", "batch_write_item", "put_object", "transact_write_items"])
def test_a_deletion_wins_at_any_time(clock: SetClock, call_name: str) -> None:
    made = filled(clock)
    backup = backed_up(made, clock)
    lose(made)
    job = asked_restore(backup, clock)

    def delete() -> None:
        databases().change(now_of(made), Status.DELETING, clock())
        for region in POLICY.regions:
            host(region).keyring.destroy(made.id, clock())

    assert deliver(job, clock, clients=Before(call_name, delete))
    assert job_of(job).status is JobStatus.FAILED
    assert (job_of(job).error or "").removesuffix(PARTLY) == GONE
    assert now_of(made).status is Status.DELETING


# --- copies that are not whole -------------------------------------------------------------------------------------


def flipped(body: bytes) -> bytes:
    return body[:500] + bytes([body[500] ^ 1]) + body[501:]


SPOILT: dict[str, Callable[[bytes], bytes]] = {
    "a flipped byte": flipped,
    "cut short": lambda body: body[:-1],
    "something behind it": lambda body: body + b"\0",
    "noise": lambda body: NOISE[: len(body)],
    "empty": lambda body: b"",
}


@pytest.mark.parametrize("region", ["asia", "americas"])
@pytest.mark.parametrize("how", SPOILT)
def test_a_copy_that_is_not_whole_is_passed_over_for_the_other_one(clock: SetClock, how: str, region: str) -> None:
    made = filled(clock)
    backup = backed_up(made, clock)
    backup = put_body(backup, region, SPOILT[how](body_of(backup, region)))
    lose(made)
    job = restored(backup, clock)
    assert counts(job) == (3, 2, 0)
    assert job.detail["copy"] == ("americas" if region == "asia" else "asia")
    assert content_of(made) == SMALL


@pytest.mark.parametrize("how", SPOILT)
def test_when_no_copy_is_whole_nothing_is_written_and_the_database_opens_again(clock: SetClock, how: str) -> None:
    made = filled(clock)
    backup = backed_up(made, clock)
    for region in POLICY.regions:
        backup = put_body(backup, region, SPOILT[how](body_of(backup, region)))
    lose(made)
    job = restored(backup, clock)
    assert (job.status, job.error) == (JobStatus.FAILED, NO_COPY)
    assert content_of(made) == EMPTY
    assert now_of(made).status is Status.ACTIVE


@pytest.mark.parametrize("region", ["asia", "americas"])
def test_a_copy_that_is_gone_is_made_up_for_by_the_other_one(clock: SetClock, region: str) -> None:
    made = filled(clock)
    backup = backed_up(made, clock)
    remove_copy(backup, region)
    lose(made)
    assert counts(restored(backup, clock)) == (3, 2, 0)
    for other in POLICY.regions:
        remove_copy(backup, other)
    assert restored(backup, clock).error == NO_COPY


def test_the_backup_of_another_database_or_another_day_is_none_of_this_one(clock: SetClock) -> None:
    made, other = filled(clock), filled(clock)
    theirs, yesterday = backed_up(other, clock), backed_up(made, clock)
    clock.advance(days=1)
    today = backed_up(made, clock)
    for foreign in (theirs, yesterday):
        mine = today
        for region in POLICY.regions:
            mine = put_body(mine, region, body_of(foreign, region))
        assert restored(mine, clock).error == NO_COPY


def test_what_was_sealed_for_the_same_backup_another_time_is_not_the_backup(clock: SetClock) -> None:
    """An earlier worker's, for example: every frame of it opens."""
    made = filled(clock)
    backup = backed_up(made, clock)
    seals = Seals(host("asia").keyring.key(made.id), backup.id)
    plain = SealedReader(io.BytesIO(body_of(backup, "asia")), seals).read()
    for region in POLICY.regions:
        backup = put_body(backup, region, seals.seal(plain, 0, last=True))
    assert restored(backup, clock).error == NO_COPY


def test_a_region_that_cannot_be_reached_is_passed_over(clock: SetClock) -> None:
    made = filled(clock)
    backup = backed_up(made, clock)
    lose(made)
    job = asked_restore(backup, clock)
    place = host("asia")

    def unreachable() -> None:
        raise EndpointConnectionError(endpoint_url=f"https://{place.backup_bucket}.invalid")

    assert deliver(job, clock, clients=Before("head_object", unreachable))
    assert counts(job_of(job)) == (3, 2, 0)
    assert job_of(job).detail["copy"] == "americas"


def test_another_database_s_wrapped_key_opens_nothing(clock: SetClock) -> None:
    made, other = filled(clock), filled(clock)
    backup = backed_up(made, clock)
    table = host("asia").keyring.keys.table
    theirs = table.get({"database_id": other.id})
    assert theirs is not None
    table.put(theirs | {"database_id": made.id})
    assert restored(backup, clock).error == KEY_BROKEN
    assert now_of(made).status is Status.ACTIVE


# --- what is refused, and nothing changes --------------------------------------------------------------------------


def refused(made: Database, clock: SetClock, **fields: object) -> str:
    before = databases().get(made.id), list(jobs().of_database(made.id))
    answer = call(clock, **{"database_id": made.id} | fields)
    assert set(answer) == {"error"}
    assert (databases().get(made.id), list(jobs().of_database(made.id))) == before
    assert taken() == []
    return str(answer["error"])


def test_a_backup_can_be_restored_to_the_last_second_of_its_period(clock: SetClock) -> None:
    made = filled(clock)
    backup = backed_up(made, clock)
    clock.set(backup.expires_at(POLICY))
    assert refused(made, clock, backup_id=backup.id) == "the database has no such backup, or its period is over"
    clock.advance(seconds=-1)
    assert "job_id" in call(clock, database_id=made.id, backup_id=backup.id)


def test_a_period_that_ends_while_it_waits_ends_the_restore(clock: SetClock) -> None:
    made = filled(clock)
    backup = backed_up(made, clock)
    lose(made)
    clock.set(backup.expires_at(POLICY) - timedelta(seconds=SETTLE))
    assert restored(backup, clock).error == EXPIRED
    assert (content_of(made), now_of(made).status) == (EMPTY, Status.ACTIVE)


def test_a_backup_that_the_ledger_does_not_cover_is_refused(clock: SetClock, monkeypatch: pytest.MonkeyPatch) -> None:
    made = filled(clock)
    backup = backed_up(made, clock)
    kept = dict(POLICY.retention) | {"backups.kept": POLICY.retention["visits"]}
    monkeypatch.setattr("privacy.home.policy.load", lambda: dataclasses.replace(POLICY, retention=kept))
    clock.set(POLICY.retention["deletions"].after(backup.begun_at - timedelta(seconds=60)))
    assert "older than the ledger" in refused(made, clock, backup_id=backup.id)
    clock.advance(seconds=-1)
    assert "job_id" in call(clock, database_id=made.id, backup_id=backup.id)


@pytest.mark.parametrize("status", [Status.DEACTIVATED, Status.MOVING, Status.DELETING, Status.DESTROYED])
def test_only_an_active_database_is_restored(clock: SetClock, status: Status) -> None:
    made = filled(clock)
    backup = backed_up(made, clock)
    changed = databases().change(now_of(made), Status.DELETING if status is Status.DESTROYED else status, clock())
    if status is Status.DESTROYED:
        databases().change(changed, Status.DESTROYED, clock())
    reason = refused(made, clock, backup_id=backup.id)
    gone = status in (Status.DELETING, Status.DESTROYED)
    assert reason == (GONE if gone else f"the database is {status.value}; only an active one can be restored")


@pytest.mark.parametrize("kind", [Kind.EXPORT, Kind.BACKUP])
def test_work_under_way_comes_first(clock: SetClock, kind: Kind) -> None:
    made = filled(clock)
    backup = backed_up(made, clock)
    work = asked_export(made, clock()) if kind is Kind.EXPORT else asked_backup(made, clock())
    assert f"work under way ({kind.value})" in refused(made, clock, backup_id=backup.id)
    jobs().remove(work)
    job = asked_restore(backup, clock)
    jobs().create(work)  # it was asked for at the very same moment
    assert finished(job, clock).error == BUSY
    assert now_of(made).status is Status.ACTIVE


def test_a_second_restore_is_refused_while_one_is_under_way(clock: SetClock) -> None:
    made = filled(clock)
    backup = backed_up(made, clock)
    job = asked_restore(backup, clock)
    assert "restoring" in refused(made, clock, backup_id=backup.id)
    assert finished(job, clock).status is JobStatus.DONE


def test_what_names_no_backup_of_the_database_is_refused(clock: SetClock) -> None:
    made, other = filled(clock), filled(clock)
    theirs = backed_up(other, clock)
    export = asked_export(made, clock())
    for backup_id in (theirs.id, export.id, "bak_x", "", 7, None, ["bak"]):
        reason = "the database has no such backup, or its period is over"
        assert refused(made, clock, backup_id=backup_id) == reason
    assert call(clock, database_id="db_x", backup_id="bak_x") == {"error": "there is no such database"}
    assert call(clock, database_id={}, backup_id="bak_x") == {"error": "there is no such database"}
    assert refused(made, clock, backup_id=theirs.id, overwrite="yes") == "overwrite is true or false"


def test_it_can_be_followed(clock: SetClock) -> None:
    made = filled(clock)
    backup = backed_up(made, clock)
    lose(made)
    job = asked_restore(backup, clock)
    following = {"database_id": made.id, "job_id": job.id}
    nothing = {"records": 0, "files": 0, "withheld": 0}
    assert call(clock, **following) == {"status": "queued", "progress": 0, **nothing}
    finished(job, clock)
    done = {"records": 3, "files": 2, "withheld": 0, "finished_at": "2026-11-24T12:01:00Z"}
    assert call(clock, **following) == {"status": "done", "progress": 100, **done}
    for other in ("job_x", backup.id, None):
        assert call(clock, database_id=made.id, job_id=other) == {"error": "there is no such restore"}


# --- workers that die or have little time --------------------------------------------------------------------------


def test_a_worker_that_dies_at_any_call_loses_nothing(clock: SetClock) -> None:
    made = filled(clock)
    backup = backed_up(made, clock)
    lose(made)
    ledger().note(files_of(made).place("empty"), clock())
    job = asked_restore(backup, clock)
    asked = engine.moment(clock)
    for death in range(100):
        engine.back_to(asked)
        dying = Dying(death)
        deliver(job, clock, clients=dying)
        if not dying.died:
            assert death > 8
            return
        clock.advance(seconds=LEASE_SECONDS)
        assert finished(job, clock).status is JobStatus.DONE
        assert content_of(made) == Content(SMALL.records, {p: f for p, f in SMALL.files.items() if p != "empty"})
        assert now_of(made).status is Status.ACTIVE
    raise AssertionError("it makes more than a hundred calls")


@pytest.mark.parametrize("looks", [0, 1, 3, 8])
def test_workers_with_little_time_restore_it_together(
    clock: SetClock, looks: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("privacy.portability.sealed.SEGMENT_FRAMES", 2)
    monkeypatch.setattr("privacy.portability.incoming.BATCH_RECORDS", 100)
    made = database(clock())
    content = Content(
        {("m", f"k{number}"): (b"{}", TIME) for number in range(450)},
        {f"file{number}": ("image/png", NOISE[number : number + 700_000], TIME) for number in range(9)},
    )
    fill(made, content)
    backup = backed_up(made, clock)
    lose(made)
    assert counts(restored(backup, clock, looks=looks)) == (450, 9, 0)
    assert content_of(made) == content


def test_what_fails_for_good_after_something_was_written_says_so_and_opens_the_database(
    clock: SetClock, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("privacy.portability.incoming.BATCH_RECORDS", 1)
    made = filled(clock)
    backup = backed_up(made, clock)
    lose(made)
    job = asked_restore(backup, clock)

    def expire() -> None:
        clock.set(backup.expires_at(POLICY))

    assert deliver(job, clock, clients=Before("batch_write_item", expire, skip=1))
    assert job_of(job).error == EXPIRED + PARTLY
    assert now_of(made).status is Status.ACTIVE


def test_a_repeated_late_or_strange_message_changes_nothing(clock: SetClock) -> None:
    made = filled(clock)
    backup = backed_up(made, clock)
    job = restored(backup, clock)
    lose(made)
    assert deliver(job, clock)
    assert content_of(made) == EMPTY
    export = asked_export(made, clock())
    strange = dataclasses.replace(job, id=export.id)
    assert not deliver(strange, clock)
    assert job_of(export).status is JobStatus.QUEUED


# --- the sample events, and what no log may hold -------------------------------------------------------------------

SAMPLES = sorted(path.stem for path in (ROOT / "events/database_restore").glob("*.json"))


@pytest.mark.parametrize("name", SAMPLES)
def test_a_sample_event_is_answered(clock: SetClock, name: str) -> None:
    answer = handler(Kind.RESTORE, clock)(sample(f"database_restore/{name}"), Context())
    if "batchItemFailures" in answer:
        assert bool(answer["batchItemFailures"]) == name.startswith("bad-")
    else:
        assert set(answer) == {"error"}


def test_nothing_of_the_content_is_in_a_log_or_an_item(clock: SetClock, capsys: pytest.CaptureFixture[str]) -> None:
    made = database(clock())
    canary = "Zaunkoenig-9e1c"
    records = {(canary.lower(), canary): (f'{{"{canary}":1}}'.encode(), TIME)}
    fill(made, Content(records, {canary: ("a/b", canary.encode(), TIME)}))
    backup = backed_up(made, clock)
    lose(made)
    spoilt = put_body(backup, "asia", flipped(body_of(backup, "asia")))
    job = asked_restore(spoilt, clock)

    def fail() -> None:
        raise RuntimeError(canary)

    assert not deliver(job, clock, clients=Before("batch_write_item", fail))
    assert finished(job, clock).status is JobStatus.DONE
    output = capsys.readouterr()
    assert canary.lower() not in (output.out + output.err).lower()
    assert canary.lower().encode() not in engine.everything().lower()
    for region in POLICY.regions:
        assert canary.encode() not in body_of(spoilt, region)


# --- what is damaged ---------------------------------------------------------------------------------------------


def lose_bytes(made: Database, path: str) -> None:
    """Lose a file's bytes and keep its row, as no owner does."""
    file = files_of(made).get(path)
    assert file is not None
    place = host(made.region)
    place.s3.delete_object(Bucket=place.content_bucket, Key=file.key, VersionId=file.version)


def break_row(made: Database, path: str) -> None:
    """Alter the sealed row of a file."""
    place = host(made.region)
    item = place.content.get(files_of(made).place(path))
    assert item is not None
    place.content.put(item | {"sealed": item["sealed"][:-1] + bytes([item["sealed"][-1] ^ 1])})


@pytest.mark.parametrize("overwrite", [False, True])
@pytest.mark.parametrize("damage", [lose_bytes, break_row])
def test_a_file_that_cannot_be_read_any_more_is_lacking(
    clock: SetClock, damage: Callable[[Database, str], None], overwrite: bool
) -> None:
    made = filled(clock)
    backup = backed_up(made, clock)
    clock.advance(hours=1)
    damage(made, "empty")
    assert restored(backup, clock, overwrite=overwrite).status is JobStatus.DONE
    assert content_of(made) == SMALL
    assert now_of(made).status is Status.ACTIVE


@pytest.mark.parametrize("asked", [asked_backup, asked_export])
@pytest.mark.parametrize("damage", [lose_bytes, break_row])
def test_what_cannot_be_read_ends_a_backup_or_an_export_and_keeps_no_restore_waiting(
    clock: SetClock, damage: Callable[[Database, str], None], asked: Callable[..., Job]
) -> None:
    made = filled(clock)
    backup = backed_up(made, clock)
    clock.advance(days=1)
    damage(made, "empty")
    job = asked(made, clock())
    failed = export_finished(job, clock) if job.kind is Kind.EXPORT else finished(job, clock)
    assert (failed.status, failed.error) == (JobStatus.FAILED, BROKEN)
    assert restored(backup, clock).status is JobStatus.DONE
    assert content_of(made) == SMALL


class Unable:
    """A client whose every call fails, as no call should."""

    def __init__(self, client: Any, broken: str) -> None:
        self.client, self.broken = client, broken

    def __getattr__(self, name: str) -> Any:
        if name == self.broken:
            raise LookupError("a defect of ours")
        return getattr(self.client, name)


def unable(service: str, broken: str) -> Any:
    return lambda asked, region: Unable(client(asked, region), broken) if asked == service else client(asked, region)


def test_a_restore_that_goes_wrong_again_and_again_opens_the_database_after_a_while(clock: SetClock) -> None:
    made = filled(clock)
    backup = backed_up(made, clock)
    job = asked_restore(backup, clock)
    clock.advance(seconds=SETTLE)
    clients = unable("s3", "get_object")
    began = clock()
    for _ in range(3):
        assert not deliver(job, clock, clients=clients)
        assert (job_of(job).status, now_of(made).status) == (JobStatus.RUNNING, Status.RESTORING)
    clock.set(began + PATIENCE - SECOND)
    assert not deliver(job, clock, clients=clients)
    assert now_of(made).status is Status.RESTORING
    clock.set(began + PATIENCE)
    assert not deliver(job, clock, clients=clients)  # it fails loudly: somebody must look at it
    assert (job_of(job).status, job_of(job).error) == (JobStatus.FAILED, STUCK)
    assert now_of(made).status is Status.ACTIVE
    assert deliver(job, clock, clients=clients)
    assert counts(restored(backup, clock)) == (0, 0, 0)


def test_two_troubles_an_hour_apart_end_no_restore(clock: SetClock) -> None:
    made = filled(clock)
    backup = backed_up(made, clock)
    lose(made)
    job = asked_restore(backup, clock)
    for _ in range(2):
        clock.advance(hours=1)
        assert not deliver(job, clock, clients=unable("s3", "get_object"))
    assert finished(job, clock).status is JobStatus.DONE
    assert content_of(made) == SMALL


def test_a_backup_that_is_stuck_keeps_no_restore_waiting(clock: SetClock) -> None:
    made = filled(clock)
    backup = backed_up(made, clock)
    clock.advance(days=1)
    stuck = asked_backup(made, clock())
    assert call(clock, database_id=made.id, backup_id=backup.id)["error"]
    assert not deliver(stuck, clock, clients=unable("s3", "put_object"))
    assert job_of(stuck).stuck_since == clock()
    lose(made)
    job = asked_restore(backup, clock)
    clock.advance(seconds=SETTLE)
    finished(stuck, clock)
    assert job_of(stuck).status is JobStatus.FAILED  # it is not a time to read the database
    assert finished(job, clock).status is JobStatus.DONE
    assert content_of(made) == SMALL
