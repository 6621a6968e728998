"""`GET /promises` over findings that are not as the audit writes them: one of them takes no other away."""

from datetime import timedelta
from decimal import Decimal
from typing import Any

import boto3
import pytest

from privacy.policy import load as policy
from privacy.settings import Deployment, load
from promises.app import build
from promises.parts import assemble
from promises.showing import AHEAD
from tests.unit.engine import NOON, SetClock, environment, http

pytestmark = pytest.mark.promise("audit.proof")

AT_NOON = int(NOON.timestamp())
FOUND = {"status": "kept", "since": AT_NOON, "checked_at": AT_NOON, "evidence": ["looked at 2 sessions"], "overdue": 0}


@pytest.fixture
def app(stores: None, clock: SetClock) -> Any:
    made = assemble(load(Deployment, environment("PromisesFunction")), clock)
    return build(lambda: made)


def found(promise: str, **changes: Any) -> None:
    """Write a finding behind the audit's back; what is None is left out."""
    item = {"promise": promise, "entry": "now", **FOUND, **changes}
    table = boto3.resource("dynamodb", "ap-southeast-1").Table("perfectwork-findings")
    table.put_item(Item={name: value for name, value in item.items() if value is not None})


def shown(app: Any) -> dict[str, Any]:
    answer = http(app, "GET", "/promises")
    assert answer.status == 200
    return {item["id"]: item for item in answer.json()["items"]}


@pytest.mark.parametrize(
    "changes",
    [
        {"since": None},
        {"status": None},
        {"checked_at": None},
        {"evidence": None},
        {"overdue": None},
        {"status": "canary"},
        {"checked_at": "canary"},
        {"checked_at": 10**17},
        {"checked_at": Decimal("0.5")},
        {"since": -(10**15)},
        {"evidence": "canary"},
        {"evidence": [{"canary": 1}]},
        {"overdue": Decimal("0.5")},
        {"lag_max": 3},
        {"lag_p50": 1, "lag_p99": 2, "lag_max": "canary"},
    ],
)
def test_a_finding_that_cannot_be_read_is_at_risk_says_so_and_hides_no_other(app: Any, changes: dict[str, Any]) -> None:
    found("sessions.idle", **changes)
    found("sessions.max-age", status="broken")
    items = shown(app)
    assert list(items) == list(policy().promises)
    assert (items["sessions.idle"]["status"], items["sessions.max-age"]["status"]) == ("at-risk", "broken")
    assert items["sessions.idle"]["evidence"] == ["what the last check found cannot be read"]
    assert "canary" not in str(items)


def test_a_finding_of_a_time_to_come_keeps_nothing_kept(app: Any) -> None:
    for status, told in (("kept", "at-risk"), ("broken", "broken")):
        found("sessions.idle", status=status, checked_at=int((NOON + AHEAD).timestamp()))
        assert shown(app)["sessions.idle"]["status"] == status
        found("sessions.idle", status=status, checked_at=int((NOON + AHEAD + timedelta(seconds=1)).timestamp()))
        item = shown(app)["sessions.idle"]
        assert (item["status"], item["evidence"]) == (
            told,
            ["the last check is of a time that has not come; it said:", "looked at 2 sessions"],
        )
