"""For the simulation: the template's stores, a clock, and how much is to be tried."""

import os
from collections.abc import Iterator
from pathlib import Path

import pytest
from moto import mock_aws

from tests.unit import engine
from tests.unit.engine import SetClock


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Begin with the simulation: its tests are the longest, and at the end the other workers would wait for them."""
    items.sort(key=lambda item: Path(__file__).parent not in item.path.parents)


@pytest.fixture
def stores() -> Iterator[None]:
    """The deployment's stores in both regions."""
    with mock_aws():
        engine.deploy()
        yield


@pytest.fixture
def clock() -> SetClock:
    """A clock that stands at noon until it is moved."""
    return SetClock()


@pytest.fixture(scope="session")
def seeds() -> int:
    """How many random histories to try: few in `make test`, as many as SIM_SEEDS says in `make prove`."""
    return int(os.environ.get("SIM_SEEDS", "0"))
