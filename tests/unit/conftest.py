"""For the unit tests: the template's stores in process, a clock that the test sets, and two customers."""

from collections.abc import Iterator
from typing import Any

import pytest
from moto import mock_aws

from tests.unit import engine
from tests.unit.customers import Customer, customer
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


@pytest.fixture
def ada(app: Any, parts: Any) -> Customer:
    """A customer of the function whose `app` and `parts` the test stands on."""
    return customer(app, parts)


@pytest.fixture
def bob(app: Any, parts: Any) -> Customer:
    """Another one: the two know nothing of each other."""
    return customer(app, parts)
