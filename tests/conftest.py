"""For all tests: credentials that open nothing, and no trace of the caller's own AWS settings."""

import gc
import os
from collections.abc import Iterator

import pytest

from privacy import policy

FAKE = {
    "AWS_ACCESS_KEY_ID": "testing",
    "AWS_SECRET_ACCESS_KEY": "testing",
    "AWS_SESSION_TOKEN": "testing",
    "AWS_REGION": "ap-southeast-1",
    "AWS_DEFAULT_REGION": "ap-southeast-1",
    "AWS_CONFIG_FILE": os.devnull,
    "AWS_SHARED_CREDENTIALS_FILE": os.devnull,
    "AWS_EC2_METADATA_DISABLED": "true",
    "AWS_ACCOUNT_ID_ENDPOINT_MODE": "disabled",  # moto's streams need it with a recent boto3
}


@pytest.fixture(autouse=True, scope="session")
def fake_credentials() -> Iterator[None]:
    """Nothing that a test does can reach an account of somebody's."""
    with pytest.MonkeyPatch.context() as environment:
        for name in list(os.environ):
            if name.startswith("AWS_"):
                environment.delenv(name)
        for name, value in FAKE.items():
            environment.setenv(name, value)
        yield


def pytest_configure() -> None:
    """Look for garbage less often: moto's answers are trees of small objects, and after every 700 of them, as is usual,
    looking took a fifth of the suite's time.
    """
    gc.set_threshold(50_000, 20, 20)


def pytest_collection_finish() -> None:
    """What was imported stays: it need not be looked through."""
    gc.collect()
    gc.freeze()


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption("--promises", action="store_true", help="close with each promise and its tests")


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Hang each test's promises on its report, for the summary."""
    for item in items:
        for marker in item.iter_markers("promise"):
            item.user_properties.extend(("promise", promise) for promise in marker.args)


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    """One line for each promise: shown, failed or without a test, and the number of its tests."""
    if not terminalreporter.config.getoption("--promises"):
        return
    outcomes: dict[str, list[bool]] = {}
    for outcome in ("passed", "failed", "error"):
        for report in terminalreporter.stats.get(outcome, []):
            for name, promise in report.user_properties:
                if name == "promise":
                    outcomes.setdefault(str(promise), []).append(outcome == "passed")
    terminalreporter.section("promises")
    for promise in policy.load().promises:
        results = outcomes.get(promise, [])
        state = "no test" if not results else "shown" if all(results) else "FAILED"
        terminalreporter.write_line(f"{promise:<24} {state:<8} {len(results)} tests")
