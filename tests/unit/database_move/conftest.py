"""The template's stores once a module: each test has databases of its own."""

from collections.abc import Iterator

import pytest
from moto import mock_aws

from tests.unit import engine


@pytest.fixture(scope="module")
def stores() -> Iterator[None]:
    """The deployment's stores in both regions."""
    with mock_aws():
        engine.deploy()
        yield
