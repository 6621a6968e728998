"""For the unit tests: the template's stores in process, and a clock that the test sets."""

from collections.abc import Iterator

import pytest
from moto import mock_aws

from tests.unit import engine
from tests.unit.engine import SetClock


@pytest.fixture
def clock() -> SetClock:
    """A clock that stands at noon until it is moved."""
    return SetClock()


@pytest.fixture
def stores() -> Iterator[None]:
    """The deployment's empty stores in both regions, as the template has them (`tests.unit.engine` looks into them)."""
    with mock_aws():
        engine.deploy()
        yield
