"""The routes of holds over the template's stores, and the issuer of staff's tokens."""

from typing import Any

import pytest

from holds.app import build
from holds.parts import Parts, assemble
from privacy.settings import load
from privacy.web.staff import StaffSettings
from tests.unit.engine import SetClock
from tests.unit.staff import Issuer


@pytest.fixture
def issuer() -> Issuer:
    return Issuer()


@pytest.fixture
def parts(stores: None, clock: SetClock, issuer: Issuer) -> Parts:
    return assemble(load(StaffSettings, issuer.environment("HoldsFunction")), clock)


@pytest.fixture
def app(parts: Parts) -> Any:
    return build(lambda: parts)
