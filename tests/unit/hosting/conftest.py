"""A database with its key, away from the home region: nothing may lean on the two being one."""

import pytest

from privacy import policy
from privacy.hosting import Host, hosts
from privacy.models.ids import new_id
from privacy.tables.deletions import Deletions
from tests.unit.engine import NAMES, SetClock, table


@pytest.fixture
def host(stores: None) -> Host:
    return hosts(NAMES, policy.load())("americas")


@pytest.fixture
def ledger(stores: None) -> Deletions:
    return Deletions(table("deletions"), policy.load())


@pytest.fixture
def database_id(host: Host, clock: SetClock) -> str:
    made = new_id("db")
    host.keyring.create(made, clock())
    return made
