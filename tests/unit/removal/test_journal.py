"""The whole removal's journal: when it settles, when it is reopened, when it counts as stalled."""

from dataclasses import replace
from datetime import timedelta

import pytest

from privacy.models.databases import Counts, Database, Status
from privacy.models.ids import new_id
from privacy.models.removals import (
    AT_HOME,
    CERTIFICATE,
    EVERYWHERE,
    KEYS,
    LARGE,
    SILENCE,
    SMALL,
    Progress,
    Removal,
    opened,
    places,
    segments_for,
    unfinished,
)
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

    looked_at = clock() - SECOND
    assert journal.settle(removal.subject, clock(), looked_at, settles_at)
    assert journal.settle(removal.subject, clock(), looked_at, settles_at)  # a retry of the SDK
    assert not journal.settle(removal.subject, clock(), clock(), settles_at + SECOND)
    settled = journal.get(removal.subject)
    assert settled
    assert (settled.looked_at, settled.settles_at) == (looked_at, settles_at)


def test_only_one_listing_that_found_something_reopens_a_removal(
    journal: Removals, removal: Removal, clock: SetClock
) -> None:
    journal.settle(removal.subject, clock(), clock(), clock())
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
    journal.settle(removal.subject, clock(), clock(), clock())
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
    with pytest.raises(ConditionFailedError):
        journal.note_keys(new_id("db"), {"asia": clock()}, clock())
    assert engine.items("removals") == []


def test_the_end_of_each_regions_key_is_noted_beside_the_others(
    journal: Removals, removal: Removal, clock: SetClock
) -> None:
    journal.note_keys(removal.subject, {"asia": clock()}, clock())
    journal.note_keys(removal.subject, {"americas": clock() + SECOND}, clock() + SECOND)

    noted = journal.get(removal.subject)
    assert noted
    assert noted.keys == {"asia": clock(), "americas": clock() + SECOND}
    assert noted.active_at == clock() + SECOND


REGIONS = ("asia", "americas")


def emptied(removal: Removal, clock: SetClock) -> list[Progress]:
    """A journal in which everything is done."""
    return [
        Progress(removal.subject, store, str(number), region, done_at=clock())
        for store, region in places(REGIONS, "asia")
        for number in range(removal.segments_of(store, region))
    ]


def test_what_is_unfinished_is_told_by_store_from_the_keys_to_the_certificate(
    removal: Removal, clock: SetClock
) -> None:
    stores = {*AT_HOME, *EVERYWHERE}
    removal = replace(removal, segments=4)  # its host region is americas
    assert unfinished(removal, [], REGIONS, "asia") == {KEYS, *stores, CERTIFICATE}
    removal = replace(removal, keys={"asia": clock()})
    assert unfinished(removal, emptied(removal, clock), REGIONS, "asia") == {KEYS, CERTIFICATE}
    removal = replace(removal, keys=dict.fromkeys(REGIONS, clock()))
    journal = emptied(removal, clock)
    assert unfinished(removal, journal, REGIONS, "asia") == {CERTIFICATE}
    assert unfinished(replace(removal, finished_at=clock()), journal, REGIONS, "asia") == set()
    for number, progress in enumerate(journal):
        for rest in ([], [replace(progress, done_at=None)]):
            missing = journal[:number] + journal[number + 1 :] + rest
            assert unfinished(removal, missing, REGIONS, "asia") == {progress.store, CERTIFICATE}, progress.id


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
