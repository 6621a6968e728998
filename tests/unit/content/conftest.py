"""The content routes over the template's stores, and a database of Ada's away from home."""

from typing import Any

import pytest

from content.app import build
from content.parts import ContentSettings, Parts, assemble
from privacy.hosting import Host
from privacy.models.databases import Database
from privacy.settings import load
from tests.unit.customers import Customer, database
from tests.unit.engine import SetClock, environment


@pytest.fixture
def parts(stores: None, clock: SetClock) -> Parts:
    return assemble(load(ContentSettings, environment("ContentFunction")), clock)


@pytest.fixture
def app(parts: Parts) -> Any:
    return build(lambda: parts)


@pytest.fixture
def made(ada: Customer, parts: Parts) -> Database:
    return database(parts, ada.owner, region="americas")


@pytest.fixture
def host(parts: Parts) -> Host:
    return parts.host("americas")
