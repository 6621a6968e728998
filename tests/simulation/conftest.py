"""For the simulation: the template's stores once a module, for each history has databases of its own."""

import os
from collections.abc import Iterator

import pytest
from moto import mock_aws

from tests.unit import engine
from tests.unit.engine import SetClock


@pytest.fixture(scope="module")
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
