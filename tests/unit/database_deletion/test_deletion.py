"""Database deletion, step by step (promises databases.deletion, databases.destroyed)."""

import json

import pytest

from privacy.models.databases import Status
from tests.simulation.world import World
from tests.unit.database_deletion import planted
from tests.unit.database_deletion.planted import CANARY
from tests.unit.engine import SetClock

pytestmark = pytest.mark.usefixtures("stores")


@pytest.fixture
def world(clock: SetClock) -> World:
    return World(clock)


def start(world: World, database_id: str, region: str = "ap-southeast-1") -> None:
    world.broker.client(region).send_message(
        QueueUrl="https://sqs/1/perfectwork-deletion",
        MessageBody=json.dumps({"database_id": database_id, "step": "start"}),
    )


def status(database_id: str) -> Status:
    found = planted.databases().get(database_id)
    assert found
    return found.status


def destroyed(database_id: str) -> bool:
    return status(database_id) is Status.DESTROYED


@pytest.mark.promise("databases.deletion", "databases.destroyed")
@pytest.mark.parametrize("region", ["asia", "americas"])
def test_a_deletion_leaves_nothing_but_a_tombstone_a_fence_and_truthful_counts(world: World, region: str) -> None:
    made = planted.database(world.clock(), region=region)
    there = planted.fill(made, world.clock())
    planted.give_up(made, world.clock())
    start(world, made.id, planted.POLICY.regions[region].aws)

    world.run(until=lambda: destroyed(made.id))

    assert planted.left(made.id) == []
    assert planted.removed(made.id) == there
    marks = planted.tombstone(made.id, region)
    assert set(marks["row"]) == {"id", "owner", "region", "status", "created_at", "since", "policy_version"}
    assert set(marks["key"]) == {"database_id", "state", "destroyed_at"}
    assert not any(CANARY in message.body for message in world.broker.sent)
    removal = planted.removals().get(made.id)
    assert removal
    assert removal.finished_at == world.clock()
    print(len(world.faults.calls), [f"{c.service}.{c.name}" for c in world.faults.calls])
