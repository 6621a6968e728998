"""A world for the deletion worker: its clock stands still, its queues deliver when they are told to."""

import pytest

from tests.simulation.world import World
from tests.unit.engine import SetClock


@pytest.fixture
def world(stores: None, clock: SetClock) -> World:
    return World(clock)
