"""For the browser tests: Debian's Chromium, driven by Playwright, and a website that it finds on this machine alone."""

import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from moto import mock_aws

from cookies.app import build
from cookies.parts import assemble
from privacy.clock import system_clock
from privacy.settings import Deployment, load
from tests.browser.website import HOSTS, Website, serving
from tests.unit import engine
from tests.unit.engine import SetClock, environment

CHROMIUM = shutil.which("chromium") or shutil.which("chromium-browser")


@pytest.fixture
def clock() -> SetClock:
    """A clock that starts now, as the browser's own does, which ends cookies."""
    return SetClock(system_clock())


@pytest.fixture
def website(clock: SetClock) -> Iterator[Website]:
    with mock_aws():
        engine.deploy()
        parts = assemble(load(Deployment, environment("CookiesFunction")), clock)
        yield Website(build(lambda: parts))


@pytest.fixture
def browser(website: Website, tmp_path: Path) -> Iterator[Any]:
    """Chromium, which finds the three hosts on this machine and nothing anywhere else."""
    if CHROMIUM is None:
        pytest.skip("there is no Chromium (Debian: apt-get install chromium): the script is not tried in a browser")
    playwright = pytest.importorskip("playwright.sync_api", reason="the script is not tried: no Playwright")
    with serving(website, tmp_path) as port, playwright.sync_playwright() as driver:
        rules = ", ".join([*(f"MAP {host} 127.0.0.1:{port}" for host in HOSTS), "MAP * ~NOTFOUND"])
        arguments = [
            f"--host-resolver-rules={rules}",
            "--ignore-certificate-errors",
            "--disable-quic",
            "--disable-background-networking",
            "--disable-component-update",
            "--disable-sync",
            "--no-first-run",
        ]
        started = driver.chromium.launch(executable_path=CHROMIUM, args=arguments, chromium_sandbox=False)
        yield started
        started.close()


@pytest.fixture
def context(browser: Any) -> Any:
    """One visitor's browser, with nothing in it."""
    return browser.new_context(ignore_https_errors=True)


@pytest.fixture
def page(context: Any) -> Any:
    """A tab; whatever the page complains of fails the test."""
    return complaining(context.new_page())


def complaining(page: Any) -> Any:
    """A page whose errors are kept in `page.errors`."""
    page.errors = []
    page.on("pageerror", lambda error: page.errors.append(str(error)))
    page.on("console", lambda message: page.errors.append(message.text) if message.type == "error" else None)
    return page
