"""A deletion worker that is killed after any single call it makes (issue "Destroyed means destroyed")."""

from collections.abc import Callable
from dataclasses import dataclass
from itertools import count

import pytest

from privacy.models.databases import Database
from tests.simulation.broker import Broker
from tests.simulation.faults import Call
from tests.simulation.world import World
from tests.unit import engine
from tests.unit.database_deletion import planted
from tests.unit.database_deletion.planted import CANARY
from tests.unit.engine import SetClock

pytestmark = pytest.mark.usefixtures("stores")


def given_up(clock: SetClock) -> tuple[Database, dict[str, int]]:
    """A small database that its owner gave up, and what there is of it."""
    made = planted.with_counts(planted.database(clock()), 3, 2, clock())
    there = planted.fill(made, clock())
    planted.give_up(made, clock())
    return made, there


@dataclass(frozen=True)
class Killed:
    """What a worker left that was killed after a call: nothing of it goes on, in no thread."""

    place: str
    stores: engine.Moment
    queues: Broker


def kills(clock: SetClock, made: Database, after: Callable[[int, Call], bool]) -> tuple[list[Killed], list[Call]]:
    """Let a deletion live its whole life; what it had left after each of some calls, and all of its calls."""
    world, found = World(clock), list[Killed]()

    def look(number: int, call: Call) -> None:
        if after(number, call):
            place = f"killed after call {number}, {call}"
            found.append(Killed(place, engine.moment(clock), world.broker.copied()))

    world.faults.afterwards = look
    world.start(made)
    world.run(until=lambda: planted.is_destroyed(made.id))
    return found, world.faults.calls


PARTS = 2
"""The crash points are shared out, so that two workers go through them."""


@pytest.mark.promise("databases.deletion", "databases.destroyed")
@pytest.mark.parametrize("part", range(PARTS))
def test_a_worker_killed_after_any_single_call_still_ends_destroyed_with_a_truthful_certificate(
    clock: SetClock, seeds: int, part: int, capsys: pytest.CaptureFixture[str]
) -> None:
    # Between two writes a crash finds the same state, wherever it comes: `make prove` goes through all of them.
    turns = count()
    made, there = given_up(clock)
    killed, calls = kills(clock, made, lambda _, call: bool(seeds or call.writes) and next(turns) % PARTS == part)
    assert sum(call.writes for call in calls) > 50
    assert len(killed) >= 50 // PARTS

    for kill in killed:
        engine.back_to(kill.stores)
        world = World(clock)
        world.broker = kill.queues
        world.run(until=lambda: planted.is_destroyed(made.id))

        assert planted.left(made.id) == [], kill.place
        assert planted.removed(made.id) == there, kill.place
        assert planted.certified(made.id) == there, kill.place
        for region in planted.POLICY.regions:
            key = planted.tombstone(made.id, region)["key"]
            assert set(key) == {"database_id", "state", "destroyed_at"}, kill.place
        assert not any(CANARY in message.body for message in world.broker.sent), kill.place
    assert CANARY not in "".join(capsys.readouterr())
