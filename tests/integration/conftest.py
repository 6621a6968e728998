"""The deployed system: an engine of the tests' own on a free port, with a state folder that goes away."""

import socket
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest

from local import deployment, sink
from local.engine import HOST, Engine
from tests.integration.deployed import Customer, Deployed


@dataclass(frozen=True)
class PooledEngine(Engine):
    """An engine that keeps its clients: making one takes boto3 longer than most calls take."""

    clients: dict[tuple[str, str], Any] = field(default_factory=dict, compare=False, repr=False)

    def client(self, service: str, region: str) -> Any:
        if (service, region) not in self.clients:
            self.clients[service, region] = super().client(service, region)
        return self.clients[service, region]


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Keep the tests of the deployed system on one worker: they share an engine."""
    for item in items:
        if Path(__file__).parent in item.path.parents:
            item.add_marker(pytest.mark.xdist_group("engine"))


@pytest.fixture(scope="session")
def engine(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Engine]:
    """A running ministack that nobody else uses; what is in it lasts for the session."""
    yield from _running(tmp_path_factory.mktemp("engine"))


@pytest.fixture(scope="session")
def endpoints(engine: Engine) -> dict[str, Any]:
    """The real template deployed in both regions: `api` per region, `home`, `engine`, `outbox`, `regions`."""
    return deployment.deploy(engine)


@pytest.fixture(scope="session")
def system(engine: Engine, endpoints: dict[str, Any]) -> Deployed:
    """The deployed system, at the machine's time."""
    return Deployed(engine, endpoints)


@pytest.fixture(scope="session")
def traveller(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Deployed]:
    """A deployed system of its own for tests that move the clock: it only ever goes forward, and each test brings its
    own customers.
    """
    for engine in _running(tmp_path_factory.mktemp("traveller")):
        yield Deployed(engine, deployment.deploy(engine))


@pytest.fixture(scope="session")
def apart(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Deployed]:
    """A third one, whose clock goes by months and years: what others left there has long expired when a test looks at
    its own, so nothing here asks how late a sweep was.
    """
    for engine in _running(tmp_path_factory.mktemp("apart")):
        yield Deployed(engine, deployment.deploy(engine))


@pytest.fixture
def alone(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Deployed]:
    """A deployed system in which nobody else leaves anything, for a test that looks at everything."""
    for engine in _running(tmp_path_factory.mktemp("alone")):
        yield Deployed(engine, deployment.deploy(engine))


@pytest.fixture
def customer(system: Deployed) -> Customer:
    """Somebody new, with an empty database in Singapore."""
    return system.customer()


def _running(folder: Path) -> Iterator[Engine]:
    engine = PooledEngine(folder, free_port())
    engine.start()
    try:
        sink.start(engine.folder)  # a disclosure that nobody takes would wait in its queue, and come again
        yield engine
    finally:
        sink.stop(engine.folder)
        engine.stop()


def free_port() -> int:
    """A port that nobody listens on now."""
    with socket.socket() as probe:
        probe.bind((HOST, 0))
        return int(probe.getsockname()[1])
