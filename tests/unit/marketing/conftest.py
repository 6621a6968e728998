"""The choice about marketing over the template's stores, and somebody who agreed."""

from typing import Any

import pytest

from marketing.app import build
from marketing.parts import Parts, assemble
from privacy.settings import Deployment, load
from tests.unit.engine import SetClock, environment
from tests.unit.subscribers import subscriber


@pytest.fixture
def parts(stores: None, clock: SetClock) -> Parts:
    return assemble(load(Deployment, environment("MarketingFunction")), clock)


@pytest.fixture
def app(parts: Parts) -> Any:
    return build(lambda: parts)


@pytest.fixture
def account_id(stores: None) -> str:
    """Somebody who agreed at noon."""
    return subscriber()


@pytest.fixture
def token(parts: Parts, account_id: str) -> str:
    """The token of a message that was written at noon."""
    until = parts.policy.retention["marketing.link"].after(parts.clock())
    return parts.links().token("opt-out", account_id, until)
