"""The routes of recordings over the template's stores, a database of Ada's away from home, and staff with tokens."""

from typing import Any

import pytest

from privacy.hosting import Host
from privacy.models.databases import Database
from privacy.settings import load
from privacy.web.staff import StaffSettings
from recordings.app import build
from recordings.parts import Parts, assemble
from tests.unit.customers import Customer, database
from tests.unit.engine import SetClock
from tests.unit.staff import Issuer


@pytest.fixture
def issuer() -> Issuer:
    return Issuer()


@pytest.fixture
def parts(stores: None, clock: SetClock, issuer: Issuer) -> Parts:
    return assemble(load(StaffSettings, issuer.environment("RecordingsFunction")), clock)


@pytest.fixture
def app(parts: Parts) -> Any:
    return build(lambda: parts)


@pytest.fixture
def made(ada: Customer, parts: Parts) -> Database:
    return database(parts, ada.owner, region="americas")


@pytest.fixture
def host(parts: Parts) -> Host:
    return parts.host("americas")
