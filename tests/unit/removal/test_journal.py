"""The whole removal's journal: when it settles, when it is reopened, when it counts as stalled."""

from dataclasses import replace
from datetime import timedelta

import pytest

from privacy.models.databases import Counts, Database, Status
from privacy.models.ids import new_id
from privacy.models.removals import LARGE, SILENCE, SMALL, Removal, opened, segments_for
from privacy.tables.removals import Removals
from privacy.tables.store import ConditionFailedError, TransactionRefusedError, transact
from tests.unit import engine
from tests.unit.engine import SetClock

SECOND = timedelta(seconds=1)


@pytest.fixture
def journal(stores: None) -> Removals:
    return Removals(engine.table("removals"))


@pytest.fixture
def removal(journal: Removals, clock: SetClock) -> Removal:
    counts = Counts(7, 2, 900, clock())
    database = Database(new_id("db"), "owner", "A name", "americas", Status.DELETING, clock(), clock(), "v", counts)
    return journal.begin(opened(database, clock()))


def test_a_removal_is_begun_once_and_holds_no_name(journal: Removals, removal: Removal, clock: SetClock) -> None:
    clock.advance(hours=1)

    again = journal.begin(replace(removal, started_at=clock(), segments=16))

    assert again == removal == journal.get(removal.subject)
    assert removal.expected == {"records": 7, "files": 2}
    assert "A name" not in repr(engine.items("removals"))
    assert "owner" not in repr(engine.items("removals"))


def test_only_the_first_to_empty_everything_sets_the_time_of_the_last_listing(
    journal: Removals, removal: Removal, clock: SetClock
) -> None:
    settles_at = clock() + timedelta(seconds=960)

    assert journal.settle(removal.subject, clock(), settles_at)
    assert journal.settle(removal.subject, clock(), settles_at)  # a retry of the SDK
    assert not journal.settle(removal.subject, clock(), settles_at + SECOND)
    settled = journal.get(removal.subject)
    assert settled
    assert settled.settles_at == settles_at


def test_only_one_listing_that_found_something_reopens_a_removal(
    journal: Removals, removal: Removal, clock: SetClock
) -> None:
    journal.settle(removal.subject, clock(), clock())
    settled = journal.get(removal.subject)
    assert settled

    assert journal.reopen(settled, clock())
    assert not journal.reopen(settled, clock())
    reopened = journal.get(removal.subject)
    assert reopened
    assert reopened.settles_at is None


def test_a_removal_that_was_reopened_cannot_be_finished_by_an_older_listing(
    journal: Removals, removal: Removal, clock: SetClock
) -> None:
    journal.settle(removal.subject, clock(), clock())
    settled = journal.get(removal.subject)
    assert settled
    journal.reopen(settled, clock())

    with pytest.raises(TransactionRefusedError):
        transact(journal.table.client, [journal.finish_operation(settled, clock())])
    unfinished = journal.get(removal.subject)
    assert unfinished
    assert unfinished.finished_at is None


def test_a_removal_that_was_never_begun_cannot_be_noted(journal: Removals, clock: SetClock) -> None:
    for note in (journal.note, journal.revive):
        with pytest.raises(ConditionFailedError):
            note(new_id("db"), clock())
    assert engine.items("removals") == []


def test_a_removal_is_stalled_after_twenty_minutes_of_silence_to_the_second(removal: Removal, clock: SetClock) -> None:
    assert not removal.is_stalled(clock() + SILENCE - SECOND)
    assert removal.is_stalled(clock() + SILENCE)
    assert removal.wants_waking(clock() + SILENCE)
    woken = replace(removal, revived_at=clock() + SILENCE)
    assert woken.is_stalled(clock() + SILENCE)
    assert not woken.wants_waking(clock() + 2 * SILENCE - SECOND)
    assert woken.wants_waking(clock() + 2 * SILENCE)


@pytest.mark.parametrize(
    ("things", "segments"), [(0, 1), (SMALL, 1), (SMALL + 1, 4), (LARGE, 4), (LARGE + 1, 16), (10**9, 16)]
)
def test_the_more_there_is_the_more_work_beside_each_other(things: int, segments: int) -> None:
    assert segments_for({"records": things, "files": 0}) == segments_for({"records": 0, "files": things}) == segments


def test_what_was_never_counted_may_be_anything() -> None:
    assert segments_for({}) == 4
