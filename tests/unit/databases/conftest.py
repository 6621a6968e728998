"""The control panel over the template's stores, and two customers who know nothing of each other."""

from typing import Any

import pytest

from databases.app import build
from databases.parts import DatabasesSettings, Parts, assemble
from privacy.settings import load
from tests.unit.customers import Customer, customer
from tests.unit.engine import SetClock, environment


@pytest.fixture
def parts(stores: None, clock: SetClock) -> Parts:
    return assemble(load(DatabasesSettings, environment("DatabasesFunction")), clock)


@pytest.fixture
def app(parts: Parts) -> Any:
    return build(lambda: parts)


@pytest.fixture
def ada(app: Any, parts: Parts) -> Customer:
    return customer(app, parts)


@pytest.fixture
def bob(app: Any, parts: Parts) -> Customer:
    return customer(app, parts)
