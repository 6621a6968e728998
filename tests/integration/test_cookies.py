"""The choice about cookies over HTTP: several `Set-Cookie` lines reach the browser, and a row of nobody the store."""

import json
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from privacy import policy
from tests.integration.deployed import Deployed

JSON = {"Content-Type": "application/json", "Accept": "application/json", "X-Requested-With": "tests"}


def cookies(answer: Any) -> list[str]:
    """The lines that set and remove cookies, as they came."""
    found: list[str] = answer.headers.getlist("Set-Cookie")
    return found


@pytest.mark.promise("cookies.choice", "cookies.register")
def test_a_yes_is_kept_and_taken_back_and_what_it_allowed_is_removed_line_by_line(system: Deployed) -> None:
    before = len(system.items("choices"))
    sent = json.dumps({"preferences": True, "analytics": True}).encode()
    yes = system.send("PUT", "/cookies/consent", sent, JSON)
    assert (yes.status, yes.json()["analytics"]) == (200, True)
    [line] = cookies(yes)
    text = line.split(";")[0].removeprefix("td_id=")
    assert text.endswith(".p1a1")

    carried = f"td_id={text}; _ga=canary-4711; _gac_UA-1=canary-4711; tz=canary-4711; session_id=canary-4711"
    shown = system.send("GET", "/cookies/consent", None, JSON | {"Cookie": carried})
    assert (shown.json()["analytics"], cookies(shown)) == (True, [])

    sent = json.dumps({"preferences": True, "analytics": False}).encode()
    no = system.send("PUT", "/cookies/consent", sent, JSON | {"Cookie": carried})
    lines = cookies(no)
    assert [line.split("=")[0] for line in lines] == ["td_id", "_ga", "_gac_UA-1"]
    assert all("Max-Age=0" in line for line in lines[1:])

    rows = system.items("choices")
    assert len(rows) == before + 2
    for row in rows:
        assert set(row) == {"id", "shard", "day", "preferences", "analytics", "gpc", "policy_version", "ttl"}
        assert datetime.fromtimestamp(int(row["day"]), UTC).time() == datetime.min.time()
    assert "canary-4711" not in "\n".join(system.log("cookies"))


@pytest.mark.promise("cookies.choice")
def test_global_privacy_control_counts_over_http_and_a_choice_of_long_ago_does_not(system: Deployed) -> None:
    version = policy.load().version
    long_ago = (system.now() - timedelta(days=400)).date()
    over = system.send("GET", "/cookies/consent", None, JSON | {"Cookie": f"td_id=v1.{version}.{long_ago:%Y%m%d}.p1a1"})
    assert (over.json()["decided_at"], over.json()["analytics"]) == (None, False)
    assert all(line.startswith("td_id=;") for line in cookies(over))
    sent = json.dumps({"preferences": False, "analytics": True}).encode()
    answered = system.send("PUT", "/cookies/consent", sent, JSON | {"Sec-GPC": "1"})
    assert (answered.json()["gpc"], answered.json()["analytics"]) == (True, False)
