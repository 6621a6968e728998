"""The control panel over the template's stores."""

from typing import Any

import pytest

from databases.app import build
from databases.parts import DatabasesSettings, Parts, assemble
from privacy.settings import load
from tests.unit.engine import SetClock, environment


@pytest.fixture
def parts(stores: None, clock: SetClock) -> Parts:
    return assemble(load(DatabasesSettings, environment("DatabasesFunction")), clock)


@pytest.fixture
def app(parts: Parts) -> Any:
    return build(lambda: parts)
