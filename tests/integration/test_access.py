"""Staff and a customer's content on the deployed system: no grant, no access; what is read is shown to its owner."""

import json
import uuid
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

import pytest

from local import tokens
from local.control_panel import Answer
from tests.integration.deployed import Customer, Deployed, assert_problem, found, new_id

pytestmark = pytest.mark.promise("helpdesk.access")

AROUND = timedelta(minutes=2)
"""How far from the second itself the story looks: its own calls take time. The unit tests look at the second."""


@dataclass(frozen=True)
class Staff:
    """A member of staff at their tools."""

    system: Deployed
    person: str
    role: str = "helpdesk"

    def call(self, method: str, path: str, body: Any = None, key: str = "") -> Answer:
        bearer = tokens.token(self.system.engine.folder, self.role, self.person, self.system.now())
        headers = {"Authorization": f"Bearer {bearer}", "Accept": "*/*", "Content-Type": "application/json"}
        raw = json.dumps(body).encode() if body is not None else None
        return self.system.send(method, path, raw, headers | ({"Idempotency-Key": key} if key else {}))

    def get(self, database: str, path: str) -> Answer:
        return self.call("GET", f"/helpdesk/databases/{database}/{path}")

    def granted(self, database: str, **changes: Any) -> dict[str, Any]:
        form = {"database_id": database, "purpose": "issue", "reason": "An import fails", "hours": 2} | changes
        answer = self.call("POST", "/helpdesk/grants", form)
        assert answer.status == 201, answer.content
        told: dict[str, Any] = answer.json()
        return told


@dataclass(frozen=True)
class Kept:
    """A customer whose database holds a word in every place."""

    customer: Customer
    word: str

    @property
    def paths(self) -> tuple[str, ...]:
        """What of it staff may ask for."""
        return (
            f"records/{self.word}",
            f"records/{self.word}/{self.word}",
            "files",
            f"files/content?path={self.word}%2F1.txt",
        )

    def log(self) -> list[dict[str, Any]]:
        """What its owner is shown."""
        route = f"/databases/{self.customer.database}/access-log"
        shown: list[dict[str, Any]] = self.customer.panel.call("GET", route, expect=200).json()["items"]
        return shown

    def kinds(self) -> list[str]:
        """The same, in short: newest first."""
        return [entry["kind"] if entry["entry"] == "read" else entry["entry"] for entry in self.log()]


@pytest.fixture
def kept(apart: Deployed) -> Kept:
    customer, word = apart.customer("US"), f"canary{uuid.uuid4().hex[:12]}"
    customer.put(word, word, {word: word})
    customer.put_file(f"{word}/1.txt", word.encode())
    return Kept(customer, word)


@pytest.fixture
def grace(apart: Deployed) -> Staff:
    return Staff(apart, f"grace-{uuid.uuid4().hex}")


def test_no_grant_no_access_and_under_one_each_read_is_shown(apart: Deployed, grace: Staff, kept: Kept) -> None:
    database = kept.customer.database
    others = apart.customer()
    Staff(apart, "alan").granted(database)
    grace.granted(others.database)
    for path in kept.paths:
        for who in (grace, Staff(apart, grace.person, "dpo")):
            assert_problem(who.get(database, path), 403, sent=[kept.word], what=path)
        assert_problem(grace.get(new_id("db"), path), 403, what=path)
    assert kept.kinds() == ["grant"]

    granted = grace.granted(database, purpose="security", reason=f"About {kept.word}")
    for path in kept.paths:
        answer = grace.get(database, path)
        assert (answer.status, kept.word in answer.content.decode()) == (200, True), path
    reads = [entry for entry in kept.log() if entry["entry"] == "read"]
    assert {entry["grant_id"] for entry in reads} == {granted["grant_id"]}
    assert {
        (entry["kind"], entry.get("model"), entry.get("key"), entry.get("path")) for entry in reads
    } == {
        ("records", kept.word, None, None),
        ("record", kept.word, kept.word, None),
        ("files", None, None, None),
        ("file", None, None, f"{kept.word}/1.txt"),
    }  # fmt: skip

    assert grace.call("DELETE", f"/helpdesk/grants/{granted['grant_id']}").status == 204
    assert_problem(grace.get(database, kept.paths[0]), 403)
    assert len([entry for entry in kept.log() if entry["entry"] == "read"]) == 4

    # The reason is in the log that its owner is shown, and what was read in no place but sealed.
    where = set(found(apart.everything(), [kept.word], but_in=["bucket"]))
    assert where == {"ap-southeast-1 table perfectwork-access"}
    assert found(apart.everything(), [grace.person]) == []
    audited = [row["action"] for row in apart.items("audit") if row.get("subject") == granted["grant_id"]]
    assert sorted(audited) == ["content.read"] * 4 + ["grant.created", "grant.ended"]


def test_a_grant_ends_by_itself_and_a_request_for_support_is_a_ground_for_one(
    apart: Deployed, grace: Staff, kept: Kept
) -> None:
    database = kept.customer.database
    form = {"database_id": database, "purpose": "support-request", "reason": "They asked", "hours": 1}
    assert_problem(grace.call("POST", "/helpdesk/grants", form), 409)
    route = f"/databases/{database}/support-requests"
    asked = kept.customer.panel.call("POST", route, {"message": f"Where is {kept.word}?"}, expect=201).json()
    told = grace.call("POST", "/helpdesk/grants", form, key="one").json()
    assert told["support_request"] == asked | {"message": f"Where is {kept.word}?"}
    assert grace.call("POST", "/helpdesk/grants", form, key="one").json() == told
    until = datetime.fromisoformat(told["until"])

    apart.travel_to(until - AROUND)
    assert grace.get(database, kept.paths[1]).status == 200
    apart.travel_to(until + AROUND)
    assert_problem(grace.get(database, kept.paths[1]), 403)
    assert kept.kinds() == ["record", "grant", "support-request"]


def test_what_a_law_hides_is_shown_when_its_time_is_over(apart: Deployed, grace: Staff, kept: Kept) -> None:
    database = kept.customer.database
    until = (apart.now() + timedelta(hours=3)).replace(microsecond=0)
    grace.granted(database, purpose="legal", undisclosed_until=until.isoformat())
    assert grace.get(database, kept.paths[1]).status == 200
    assert kept.kinds() == []

    apart.travel_to(until - AROUND)
    assert kept.kinds() == []
    apart.travel_to(until + AROUND)
    assert kept.kinds() == ["record", "grant"]


def test_a_destroyed_database_takes_its_log_along(apart: Deployed, grace: Staff, kept: Kept) -> None:
    database = kept.customer.database
    grace.granted(database, hours=72)
    assert grace.get(database, kept.paths[0]).status == 200
    told = kept.customer.destroyed()
    [row] = [store for store in told["stores"] if store["store"] == "access"]
    assert (row["removed"], row["total"]) == (0, 0)  # no number is told, for a law may have hidden some
    assert [row for row in apart.items("access") if row["database_id"] == database] == []
    assert_problem(grace.get(database, kept.paths[0]), 403)
    assert_problem(kept.customer.panel.call("GET", f"/databases/{database}/access-log", expect=410), 410)
