"""A deletion worker that is killed after any single call it makes (issue "Destroyed means destroyed")."""

import pytest

from tests.simulation.faults import Call
from tests.simulation.world import World
from tests.unit.database_deletion import planted
from tests.unit.database_deletion.planted import CANARY
from tests.unit.engine import SetClock

pytestmark = pytest.mark.usefixtures("stores")


def destroy(world: World) -> tuple[str, dict[str, int]]:
    """The whole life of a small database's deletion; its id and what there was of it."""
    made = planted.with_counts(planted.database(world.clock()), 3, 2, world.clock())
    there = planted.fill(made, world.clock())
    planted.give_up(made, world.clock())
    world.start(made)
    world.run(until=lambda: planted.is_destroyed(made.id))
    return made.id, there


PARTS = 4
"""The crash points are shared out, so that several workers go through them."""


@pytest.mark.promise("databases.deletion", "databases.destroyed")
@pytest.mark.parametrize("part", range(PARTS))
def test_a_worker_killed_after_any_single_call_still_ends_destroyed_with_a_truthful_certificate(
    clock: SetClock, seeds: int, part: int, capsys: pytest.CaptureFixture[str]
) -> None:
    unbroken = World(clock)
    destroy(unbroken)
    calls = unbroken.faults.calls
    # Between two writes a crash finds the same state, wherever it comes: `make prove` goes through all of them.
    points = [number for number, call in enumerate(calls, 1) if seeds or call.writes]
    assert len(points) > 50

    for point in points[part::PARTS]:
        world = World(clock)

        def killed(number: int, call: Call, point: int = point) -> str | None:
            return "crash-after" if number == point else None

        world.faults.fault = killed
        database_id, there = destroy(world)

        place = f"killed after call {point}, {calls[point - 1]}"
        assert planted.left(database_id) == [], place
        assert planted.removed(database_id) == there, place
        assert planted.certified(database_id) == there, place
        for region in planted.POLICY.regions:
            key = planted.tombstone(database_id, region)["key"]
            assert set(key) == {"database_id", "state", "destroyed_at"}, place
        assert not any(CANARY in message.body for message in world.broker.sent), place
    assert CANARY not in "".join(capsys.readouterr())
