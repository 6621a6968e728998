"""Emptying one store: killed after any call, overtaken, resumed; each thing is counted once."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from datetime import timedelta

import pytest

from privacy.models.databases import Database, Status
from privacy.models.ids import new_id
from privacy.models.removals import Progress, opened
from privacy.removal.reclaim import fresh, reclaim
from privacy.removal.stores import Thing
from privacy.tables.removals import Removals
from tests.unit import engine
from tests.unit.engine import SetClock


class KilledError(Exception):
    """The worker dies here."""


@dataclass
class Shelf:
    """A store in memory: `page` things at a time; `before` is called before each of its calls."""

    things: list[Thing]
    page: int = 2
    before: Callable[[str], None] = lambda call: None
    name: str = "records"
    segment: str = "0"
    region: str = "asia"
    removed: list[Thing] = field(default_factory=list)

    def left(self) -> Sequence[Thing]:
        self.before("left")
        return self.things[: self.page]

    def remove(self, things: Sequence[Thing]) -> None:
        for thing in things:
            self.before("remove")
            if thing in self.things:
                self.things.remove(thing)
                self.removed.append(thing)


@pytest.fixture
def journal(stores: None, clock: SetClock) -> Removals:
    return Removals(engine.table("removals"))


@pytest.fixture
def subject(journal: Removals, clock: SetClock) -> str:
    database = Database(new_id("db"), "owner", None, "asia", Status.DELETING, clock(), clock(), "2026-11-24")
    journal.begin(opened(database, clock()))
    return database.id


def things(count: int) -> list[Thing]:
    return [("place", f"r#{number}") for number in range(count)]


def saved(journal: Removals, subject: str) -> Progress:
    return journal.progress(subject)["asia#records#0"]


def test_a_store_is_emptied_and_each_thing_counted(journal: Removals, subject: str, clock: SetClock) -> None:
    shelf = Shelf(things(5))

    ended = reclaim(shelf, fresh(shelf, subject), journal, clock, lambda: True)

    assert ended is not None
    assert ended == saved(journal, subject)
    assert (ended.removed, ended.pending, ended.done_at) == (5, b"", clock())
    assert len(shelf.removed) == 5


@pytest.mark.parametrize("killed_at", range(1, 13))
def test_a_worker_killed_at_any_call_of_the_store_counts_nothing_twice(
    journal: Removals, subject: str, clock: SetClock, killed_at: int
) -> None:
    calls = 0

    def before(call: str) -> None:
        nonlocal calls
        calls += 1
        if calls == killed_at:
            raise KilledError

    shelf = Shelf(things(5), before=before)
    try:
        reclaim(shelf, fresh(shelf, subject), journal, clock, lambda: True)
    except KilledError:
        begun = journal.progress(subject).get("asia#records#0", fresh(shelf, subject))
        reclaim(shelf, begun, journal, clock, lambda: True)

    assert saved(journal, subject).removed == 5
    assert shelf.things == []


def test_a_thing_that_keeps_coming_back_is_removed_again_and_counted_once(
    journal: Removals, subject: str, clock: SetClock
) -> None:
    shelf = Shelf(things(2))
    returns = 3

    def before(call: str) -> None:
        nonlocal returns
        if call == "left" and shelf.removed and returns:
            returns -= 1
            shelf.things = list(things(1))

    shelf.before = before
    reclaim(shelf, fresh(shelf, subject), journal, clock, lambda: True)

    assert saved(journal, subject).removed == 2
    assert shelf.things == []


def test_time_that_is_up_stops_between_batches_and_the_next_worker_goes_on(
    journal: Removals, subject: str, clock: SetClock
) -> None:
    shelf = Shelf(things(5))
    times = iter([True, True, False])

    stopped = reclaim(shelf, fresh(shelf, subject), journal, clock, lambda: next(times))

    assert stopped
    assert stopped.done_at is None
    assert len(shelf.removed) == 4
    assert reclaim(shelf, saved(journal, subject), journal, clock, lambda: True)
    assert saved(journal, subject).removed == 5


def test_a_worker_that_was_overtaken_stops(journal: Removals, subject: str, clock: SetClock) -> None:
    shelf = Shelf(things(6))
    begun = fresh(shelf, subject)
    reclaim(shelf, begun, journal, clock, iter([True, False]).__next__)

    assert reclaim(shelf, begun, journal, clock, lambda: True) is None
    assert len(shelf.removed) == 2
    assert reclaim(shelf, saved(journal, subject), journal, clock, lambda: True)
    assert saved(journal, subject).removed == 6


def test_a_retry_that_meets_its_own_first_attempt_is_no_other_worker(
    journal: Removals, subject: str, clock: SetClock
) -> None:
    progress = Progress(subject, "records", "0", "asia", removed=3, pending=b"12345678", done_at=clock())
    first = journal.save(progress)

    assert journal.save(progress) == first
    assert journal.save(Progress(subject, "records", "0", "asia", removed=4)) is None
    assert saved(journal, subject) == first


def test_progress_is_noted_on_the_removal_once_a_minute(journal: Removals, subject: str, clock: SetClock) -> None:
    shelf = Shelf(things(8))
    begun_at = clock()

    def before(call: str) -> None:
        if call == "left":
            clock.advance(seconds=25)

    shelf.before = before
    reclaim(shelf, fresh(shelf, subject), journal, clock, lambda: True)

    removal = journal.get(subject)
    assert removal
    assert removal.active_at == begun_at + timedelta(seconds=75)


def test_what_comes_after_a_segment_was_done_is_counted_on_top(
    journal: Removals, subject: str, clock: SetClock
) -> None:
    shelf = Shelf(things(3))
    reclaim(shelf, fresh(shelf, subject), journal, clock, lambda: True)
    shelf.things = [("place", "r#late")]

    reclaim(shelf, saved(journal, subject), journal, clock, lambda: True)

    assert saved(journal, subject).removed == 4
