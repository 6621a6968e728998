"""Every sample of `events/` of the functions of a person's rights gets its answer."""

from pathlib import Path
from typing import Any

import pytest

from tests.template.source import ROOT
from tests.unit.engine import Context, failures, sample, send
from tests.unit.rights.conftest import World

HTTP = {"account": "panel", "erasures": "desk", "sessions": "door"}
QUEUES = {"account_export": "exporter", "erasure": "worker", "mail": "mailer"}
SIGNED_IN = ("show", "correct", "new-address", "data", "export", "bad-")


def samples(*functions: str) -> list[str]:
    found = [path.relative_to(ROOT / "events") for name in functions for path in Path(ROOT / "events" / name).glob("*")]
    return sorted(path.with_suffix("").as_posix() for path in found)


def filled(event: Any, world: World) -> Any:
    headers = event["headers"]
    if "Authorization" in headers:
        headers["Authorization"] = f"Bearer {world.issuer.token('helpdesk')}"
    if "session_id=put-" in headers.get("Cookie", ""):
        headers["Cookie"] = f"session_id={world.subscriber().token}"
    return event


@pytest.mark.parametrize("name", samples(*HTTP))
def test_a_request_is_answered_and_a_bad_one_refused(world: World, name: str) -> None:
    function, case = name.split("/")
    answer = send(getattr(world, HTTP[function]), filled(sample(name), world))
    assert answer.status < 500
    if case.startswith("bad-"):
        assert answer.status >= 400, answer.body
        assert answer.headers["content-type"] == "application/problem+json"
    elif case.startswith(SIGNED_IN) and function == "account":
        assert answer.status in (200, 202), answer.body


@pytest.mark.parametrize("name", samples(*QUEUES))
def test_a_message_about_nothing_does_nothing_and_a_bad_one_comes_again(world: World, name: str) -> None:
    function, case = name.split("/")
    failed = failures(getattr(world, QUEUES[function])(sample(name), Context()))
    assert bool(failed) == case.startswith("bad-"), failed


def test_what_is_no_tick_ends_nothing(world: World) -> None:
    assert "error" in world.expiry(sample("account_expiry/bad-unknown-event"), Context())
    assert "error" not in world.expiry(sample("account_expiry/tick"), Context())
