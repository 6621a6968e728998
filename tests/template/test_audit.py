"""The promise audit stands on its own: it knows what the template deploys, and nothing of what keeps the promises."""

import ast
import json

import pytest

from privacy import policy
from promise_audit.checks import CHECKS, NAMES
from promise_audit.inventory import BUCKETS, HOME_QUEUES, REGION_QUEUES, SCHEDULES, TABLES
from tests.template.source import ROOT, template

pytestmark = pytest.mark.promise("audit.proof")

FOLDER = ROOT / "functions/promise_audit"
OF_THE_HANDLER = {"app.py": {"settings", "telemetry"}, "parts.py": {"settings"}}


def _imports_of_the_layer() -> list[tuple[str, str]]:
    found = []
    for path in FOLDER.rglob("*.py"):
        for node in ast.walk(ast.parse(path.read_text("utf-8"))):
            module = (node.module or "").split(".") if isinstance(node, ast.ImportFrom) else []
            if isinstance(node, ast.ImportFrom) and module[0] == "privacy":
                rooms = module[1:2] or [name.name for name in node.names]
                found += [(path.name, room) for room in rooms]
            elif isinstance(node, ast.Import):
                found += [(path.name, name.name) for name in node.names if name.name.split(".")[0] == "privacy"]
    return found


def test_the_audit_imports_policy_and_clock_of_the_layer_and_nothing_that_enforces() -> None:
    imported = _imports_of_the_layer()
    assert ("stores.py", "policy") in imported
    for name, room in imported:
        assert room in {"policy", "clock"} | OF_THE_HANDLER.get(name, set()), f"{name} imports {room}"


def _names(kind: str, name: str) -> dict[str, dict[str, object]]:
    return {
        body["Properties"][name]["Fn::Sub"].removeprefix("${AWS::StackName}-"): body
        for body in template()["Resources"].values()
        if body["Type"] == kind
    }


def test_the_audit_knows_every_table_as_the_template_has_it() -> None:
    tables = _names("AWS::DynamoDB::Table", "TableName")
    assert set(tables) - set(TABLES) == set()
    assert set(TABLES) - set(tables) == set()
    for name, body in tables.items():
        properties: dict[str, dict[str, object]] = body["Properties"]  # type: ignore[assignment]
        assert TABLES[name].ttl == properties.get("TimeToLiveSpecification", {}).get("AttributeName"), name
        recovery = properties["PointInTimeRecoverySpecification"]["PointInTimeRecoveryEnabled"]
        assert TABLES[name].recovery == recovery, name
        assert TABLES[name].everywhere == ("Condition" not in body), name


def test_the_audit_knows_every_bucket_queue_and_schedule_of_the_template() -> None:
    buckets = {name.split("-$")[0] for name in _names("AWS::S3::Bucket", "BucketName")}
    assert buckets == set(BUCKETS)
    known = {*HOME_QUEUES, *REGION_QUEUES, "schedule"}
    queues = {name.removesuffix("-dead") for name in _names("AWS::SQS::Queue", "QueueName")}
    assert queues - known <= {"disclosure"}
    assert known - queues == set()
    scheduled = {
        name
        for name, body in _names("AWS::Serverless::Function", "FunctionName").items()
        if any(event["Type"] == "Schedule" for event in body["Properties"].get("Events", {}).values())  # type: ignore[attr-defined]
    }
    assert set(SCHEDULES) - scheduled == set()


def test_every_promise_has_a_check_and_the_mapping_names_it() -> None:
    mapping = json.loads((ROOT / "layers/models/python/privacy/policy/mapping.json").read_text("utf-8"))
    assert set(CHECKS) == set(policy.load().promises)
    for row in mapping["promises"]:
        assert row["checked_by"] == (NAMES[row["id"]] if row["kept_by"] else ""), row["id"]
