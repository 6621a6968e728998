"""The world of the audit's tests: every promise is kept in it."""

from collections.abc import Iterator

import pytest
from moto import mock_aws

from tests.unit import engine
from tests.unit.engine import Moment, SetClock, back_to, moment
from tests.unit.promise_audit.world import NOW, fill, settle


@pytest.fixture(scope="module")
def healthy() -> Iterator[Moment]:
    """The world as it is before anything is broken."""
    with mock_aws():
        engine.deploy()
        settle(NOW)
        fill(NOW)
        yield moment(SetClock(NOW))


@pytest.fixture
def world(healthy: Moment) -> None:
    """The healthy world, for one test to break."""
    back_to(healthy)
