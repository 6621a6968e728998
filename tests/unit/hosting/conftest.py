"""A database with its key, away from the home region: nothing may lean on the two being one."""

import pytest

from privacy import policy
from privacy.hosting import Host, hosts
from privacy.models.ids import new_id
from tests.unit.engine import NAMES, SetClock


@pytest.fixture
def host(stores: None) -> Host:
    return hosts(NAMES, policy.load())("americas")


@pytest.fixture
def database_id(host: Host, clock: SetClock) -> str:
    made = new_id("db")
    host.keyring.create(made, clock())
    return made
