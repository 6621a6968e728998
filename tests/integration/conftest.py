"""The deployed system: an engine of the tests' own on a free port, with a state folder that goes away."""

import socket
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from local import deployment
from local.engine import HOST, Engine


@pytest.fixture(scope="session")
def engine(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Engine]:
    """A running ministack that nobody else uses; what is in it lasts for the session."""
    folder: Path = tmp_path_factory.mktemp("engine")
    running = Engine(folder, free_port())
    running.start()
    try:
        yield running
    finally:
        running.stop()


@pytest.fixture(scope="session")
def endpoints(engine: Engine) -> dict[str, Any]:
    """The real template deployed in both regions: `api` per region, `home`, `engine`, `outbox`, `regions`."""
    return deployment.deploy(engine)


def free_port() -> int:
    """A port that nobody listens on now."""
    with socket.socket() as probe:
        probe.bind((HOST, 0))
        return int(probe.getsockname()[1])
