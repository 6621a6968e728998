"""Recordings of sessions on the deployed system, from their parts to the second of their end, and what is left then."""

import json
import uuid
from datetime import datetime, timedelta
from typing import Any

import pytest

from local import tokens
from local.control_panel import Answer
from local.engine import ACCOUNT
from privacy.clock import rfc3339
from tests.integration.deployed import PASSWORD, Customer, Deployed, assert_problem, found

pytestmark = pytest.mark.promise("recordings.retention")

ASIA, AMERICAS = "ap-southeast-1", "us-east-1"
REGION = {"asia": ASIA, "americas": AMERICAS}
FLIGHT = timedelta(seconds=31)
"""By then no request is under way that could still bring bytes."""


class Recorded:
    """A recording of a customer's: a word stands in its bytes, another in its content type."""

    def __init__(self, system: Deployed, owner: Customer, started_at: datetime) -> None:
        self.words = [f"canary{uuid.uuid4().hex[:12]}", f"x-canary{uuid.uuid4().hex[:12]}"]
        content = f"{self.words[0]} ".encode() * 600_000  # 11 MB: two parts
        upload = owner.uploaded(content, f"video/{self.words[1]}")
        body = {"upload_id": upload, "started_at": rfc3339(started_at)}
        answers = [owner.panel.call("POST", "/recordings", body, expect=201).json() for _ in range(2)]
        assert answers[0] == answers[1]
        self.shown: dict[str, Any] = answers[0]
        self.id, self.bytes = str(self.shown["recording_id"]), len(content)
        self.region = REGION[owner.region]
        self.key = f"{self.shown['database_id']}/{self.id}"
        # What a plain delete leaves behind: an older version, a marker, and a copy that broke off.
        s3 = system.client("s3", self.region)
        where = {"Bucket": f"perfectwork-recordings-{ACCOUNT}-{self.region}", "Key": self.key}
        assert s3.head_object(**where)["ContentLength"] == len(content)
        s3.put_object(Body=content[:100], **where)
        s3.delete_object(**where)
        s3.create_multipart_upload(**where)

    def left(self, system: Deployed) -> tuple[int, int]:
        """The things in the bucket, and the rows."""
        rows = [row for row in system.items("recordings") if row["id"] == self.id]
        return len(system.objects("recordings", self.region, self.key)), len(rows)

    def is_nowhere(self, system: Deployed) -> bool:
        """Whether no store, queue or log holds anything of it."""
        return found(system.everything(), self.words) == []


def signed_in(owner: Customer) -> Customer:
    """Anew: a week without use ended the session."""
    owner.panel.call("POST", "/sessions", {"email": owner.email, "password": PASSWORD}, expect=201)
    return owner


def seen(owner: Customer) -> list[str]:
    items = owner.panel.call("GET", "/recordings", expect=200).json()["items"]
    return [item["recording_id"] for item in items]


def mark(system: Deployed, recording: str, status: str, role: str = "helpdesk") -> Answer:
    bearer = tokens.token(system.engine.folder, role, "canary-of-staff", system.now())
    body = json.dumps({"status": status}).encode()
    headers = {"Authorization": f"Bearer {bearer}", "Content-Type": "application/json"}
    return system.send("PUT", f"/recordings/{recording}/status", body, headers)


def test_it_is_seen_until_its_month_is_over_and_then_gone_with_all_its_versions(apart: Deployed) -> None:
    owner = apart.customer("US")
    recorded = Recorded(apart, owner, apart.now())
    assert found(apart.everything(), recorded.words[:1])
    assert not found(apart.everything(), recorded.words[1:])  # sealed
    shown = owner.panel.call("GET", "/recordings", expect=200).json()
    assert shown == {"items": [recorded.shown], "next_cursor": None}
    assert apart.objects("transfer", AMERICAS, owner.database) == []
    ends = datetime.fromisoformat(recorded.shown["expires_at"])

    apart.travel_to(ends - timedelta(minutes=2))
    assert seen(signed_in(owner)) == [recorded.id]
    apart.sweep("database_expiry")
    assert recorded.left(apart) == (4, 1)
    apart.travel_to(ends)
    assert seen(owner) == []
    assert_problem(owner.panel.call("DELETE", f"/recordings/{recorded.id}", expect=404), 404)
    assert_problem(mark(apart, recorded.id, "processed"), 404)
    assert recorded.left(apart) == (4, 1)
    apart.travel_to(ends + FLIGHT)
    swept = apart.sweep("database_expiry")["recordings"]
    assert swept["removed"] >= 1  # other tests' end as well
    assert swept["lag_seconds"] >= 30
    assert recorded.left(apart) == (0, 0)
    assert recorded.is_nowhere(apart)
    assert apart.sweep("database_expiry")["recordings"]["removed"] == 0


def test_it_goes_earlier_when_its_owner_asks_or_staff_have_no_more_use_for_it(apart: Deployed) -> None:
    owner = apart.customer()
    asked, processed, irrelevant, kept = (Recorded(apart, owner, apart.now()) for _ in range(4))
    assert seen(owner) == sorted(one.id for one in (asked, processed, irrelevant, kept))
    for role in ("security", "dpo"):
        assert_problem(mark(apart, processed.id, "processed", role), 403)
    owner.panel.call("DELETE", f"/recordings/{asked.id}", expect=204)
    for one, status in ((processed, "processed"), (irrelevant, "irrelevant")):
        answer = mark(apart, one.id, status)
        assert (answer.status, answer.json()) == (200, {"recording_id": one.id, "status": status})
        assert_problem(mark(apart, one.id, status), 404)
    assert seen(owner) == [kept.id]

    apart.travel_to(apart.now() + FLIGHT)
    assert apart.sweep("database_expiry")["recordings"]["removed"] >= 3
    for one in (asked, processed, irrelevant):
        assert one.left(apart) == (0, 0)
        assert one.is_nowhere(apart)
    assert kept.left(apart) == (4, 1)
    entries = [row for row in apart.items("audit") if row.get("action") == "recording.marked"]
    facts = {(row["subject"], json.loads(row["facts"])["status"]) for row in entries}
    assert facts == {(processed.id, "processed"), (irrelevant.id, "irrelevant")}
    assert not found(apart.everything(), ["canary-of-staff"])


def test_a_database_s_deletion_takes_its_recordings_along(apart: Deployed) -> None:
    owner = apart.customer("US")
    recorded = Recorded(apart, owner, apart.now())
    told = owner.destroyed()
    removed = {(entry["store"], entry["region"]): entry["removed"] for entry in told["stores"]}
    assert removed["recordings", "americas"] == 4
    assert (removed["recordings", "asia"], removed["recording-rows", "asia"]) == (0, 1)
    assert recorded.left(apart) == (0, 0)
    assert recorded.is_nowhere(apart)
    assert seen(owner) == []
    certificate = owner.panel.call("GET", f"/databases/{owner.database}/certificate", expect=200).json()
    stores = {(row["store"], row["region"]): row["checks"] for row in certificate["stores"]}
    assert all(check["left"] == 0 for check in stores["recordings", "americas"] + stores["recording-rows", "asia"])
