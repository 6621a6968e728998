"""What of a backup may come back, to the second."""

from datetime import datetime, timedelta

import pytest

from privacy import policy
from privacy.models.backups import IN_FLIGHT, Backup, Copy, UnknownBackupError, ready_backup
from privacy.models.jobs import Job, JobStatus, Kind
from tests.unit.engine import NOON

pytestmark = pytest.mark.promise("databases.backups")

POLICY = policy.load()
SECOND = timedelta(seconds=1)
BEGUN, ENDED = NOON, NOON + timedelta(minutes=5)
BACKUP = Backup("db_a", "bak_a", BEGUN, ENDED, 28, "00", (Copy("asia", "v1", ENDED), Copy("americas", "v2", ENDED)))
LONG_AGO, FUTURE = BEGUN - timedelta(days=99), BEGUN + timedelta(days=9999)


@pytest.mark.parametrize("updated_at", [LONG_AGO, BEGUN, ENDED, FUTURE])
def test_what_was_never_deleted_comes_back(updated_at: datetime) -> None:
    assert BACKUP.brings_back(updated_at, None)


@pytest.mark.parametrize("updated_at", [LONG_AGO, BEGUN, ENDED, FUTURE])
def test_what_was_deleted_after_the_reading_never_comes_back_whatever_time_it_bears(updated_at: datetime) -> None:
    assert not BACKUP.brings_back(updated_at, ENDED)
    assert not BACKUP.brings_back(updated_at, ENDED + SECOND)
    assert not BACKUP.brings_back(updated_at, FUTURE)


def test_a_deletion_counts_that_may_have_taken_effect_after_the_backup_was_begun() -> None:
    before = BEGUN - IN_FLIGHT
    assert BACKUP.brings_back(LONG_AGO, before - SECOND)
    assert BACKUP.brings_back(LONG_AGO, before)  # done by the second at which the backup was begun
    assert not BACKUP.brings_back(LONG_AGO, before + SECOND)
    assert not BACKUP.brings_back(LONG_AGO, BEGUN - SECOND)
    assert not BACKUP.brings_back(LONG_AGO, BEGUN)


@pytest.mark.parametrize("deleted_at", [BEGUN - SECOND, BEGUN, BEGUN + SECOND, ENDED - SECOND])
def test_what_was_written_again_between_its_deletion_and_the_reading_comes_back(deleted_at: datetime) -> None:
    assert BACKUP.brings_back(deleted_at + SECOND, deleted_at)
    assert BACKUP.brings_back(ENDED, deleted_at)
    assert not BACKUP.brings_back(deleted_at, deleted_at)  # in the same second the deletion wins
    assert not BACKUP.brings_back(deleted_at - SECOND, deleted_at)
    assert not BACKUP.brings_back(ENDED + SECOND, deleted_at)  # no time at which it can have been read


def test_a_request_is_surely_over_by_then() -> None:
    assert timedelta(seconds=29) * 2 <= IN_FLIGHT


def job(**facts: object) -> Job:
    kept: dict[str, object] = {"kind": Kind.BACKUP, "status": JobStatus.READY, "detail": BACKUP.detail()} | facts
    return Job("db_a", "bak_a", created_at=BEGUN, **kept)  # type: ignore[arg-type]  # of a test's own


def test_a_backup_is_kept_from_its_beginning_to_the_second() -> None:
    ends = POLICY.retention["backups.kept"].after(BEGUN)
    assert ready_backup(job(), POLICY, ends - SECOND) == BACKUP
    assert BACKUP.expires_at(POLICY) == ends
    with pytest.raises(UnknownBackupError):
        ready_backup(job(), POLICY, ends)


@pytest.mark.parametrize("other", [{"kind": Kind.EXPORT}, {"status": JobStatus.RUNNING}, {"status": JobStatus.FAILED}])
def test_what_is_no_ready_backup_is_none(other: dict[str, object]) -> None:
    with pytest.raises(UnknownBackupError):
        ready_backup(job(**other), POLICY, BEGUN)
    with pytest.raises(UnknownBackupError):
        ready_backup(None, POLICY, BEGUN)
