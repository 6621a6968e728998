"""The website's script as a file: small, without anything built or brought along; these tests need no browser."""

import re

import pytest

from tests.browser.website import SCRIPT

SOURCE = SCRIPT.read_text("utf-8")


@pytest.mark.promise("cookies.choice")
def test_the_script_is_smaller_than_five_kilobytes() -> None:
    assert len(SCRIPT.read_bytes()) < 5000


@pytest.mark.promise("cookies.choice")
@pytest.mark.parametrize(
    "barred",
    [
        "localStorage",
        "sessionStorage",
        "indexedDB",
        "innerHTML",
        "insertAdjacentHTML",
        "document.write",
        "eval(",
        "new Function",
        "import(",
        "import ",
        "require(",
        'setAttribute("style"',
        ".style.",
        "https://",
        "http://",
    ],
)
def test_it_stores_nothing_by_itself_runs_no_text_and_brings_nothing_along(barred: str) -> None:
    assert barred not in SOURCE


@pytest.mark.promise("cookies.register")
def test_it_has_no_list_of_cookies_of_its_own() -> None:
    assert re.findall(r"\b(_ga\w*|_gid|td_id|frontend_lang|cids|session_id)\b", SOURCE) == []
