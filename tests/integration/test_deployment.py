"""What the template promises of its stores, as the engine really has it; and what the functions put into them."""

import json
import time
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from local import functions, tokens
from local.engine import ACCOUNT
from tests.integration.deployed import Deployed, new_address, trial
from tests.template.source import template

AMERICAS, ASIA = "us-east-1", "ap-southeast-1"
REGIONS = [ASIA, AMERICAS]
LONGEST_SECONDS = 6 * 366 * 86_400
"""More than the longest period (five years of billing records), and far less than a time in milliseconds."""


def rfc3339(instant: datetime) -> str:
    """A time as the interface takes it."""
    return instant.strftime("%Y-%m-%dT%H:%M:%SZ")


def tables(region: str) -> dict[str, dict[str, Any]]:
    """The template's tables in a region, by the name without the stack's."""
    return {
        body["Properties"]["TableName"]["Fn::Sub"].removeprefix("${AWS::StackName}-"): body["Properties"]
        for body in template()["Resources"].values()
        if body["Type"] == "AWS::DynamoDB::Table" and (body.get("Condition") != "IsHome" or region == ASIA)
    }


@pytest.mark.promise("security.measures")
@pytest.mark.parametrize("region", REGIONS)
def test_every_table_is_encrypted_with_our_own_key(system: Deployed, region: str) -> None:
    dynamodb, kms = system.client("dynamodb", region), system.client("kms", region)
    key = kms.describe_key(KeyId="alias/perfectwork-data")["KeyMetadata"]["KeyId"]
    for thing in tables(region):
        encryption = dynamodb.describe_table(TableName=f"perfectwork-{thing}")["Table"]["SSEDescription"]
        assert (encryption["Status"], encryption["SSEType"]) == ("ENABLED", "KMS"), thing
        assert encryption["KMSMasterKeyArn"].endswith(key), thing


@pytest.mark.promise("databases.destroyed")
@pytest.mark.parametrize("region", REGIONS)
def test_the_key_table_has_no_recovery_that_would_bring_a_key_back(system: Deployed, region: str) -> None:
    told = system.client("dynamodb", region).describe_continuous_backups(TableName="perfectwork-keys")
    recovery = told["ContinuousBackupsDescription"]["PointInTimeRecoveryDescription"]
    assert recovery["PointInTimeRecoveryStatus"] == "DISABLED"


@pytest.mark.promise("sessions.idle", "visits.retention", "signup.confirmed")
def test_everything_that_expires_has_a_time_to_live_in_epoch_seconds(system: Deployed) -> None:
    """One of each: a session, a sign-up, an enquiry, a bill, a visit, an idempotency key, a deletion, requests …"""
    address, panel = new_address(), system.panel()
    order = {"amount": "49.90", "currency": "SGD", "description": "A year", "reference": "R-1", "processor": "stripe"}
    panel.call("POST", "/signups", trial(address, kind="subscription", order=order), expect=202)
    panel.call("POST", "/signups/confirmation", {"token": system.token(address)}, expect=201)
    made = panel.call("POST", "/databases", {"name": "A"}, expect=201, headers={"Idempotency-Key": "a"}).json()["id"]
    panel.call("PUT", f"/databases/{made}/records/a/b", {"c": 1}, expect=200)
    panel.call("DELETE", f"/databases/{made}/records/a/b", expect=204)
    panel.call("POST", "/signups", trial(address, kind="contact", password=None, message="?"), expect=202)
    panel.call("POST", "/visits", {}, expect=202)
    panel.call("POST", f"/databases/{made}/support-requests", {"message": "?"}, expect=201)
    panel.call("POST", "/account/erasure", {"databases": "delete-now"}, expect=202)
    account = panel.call("GET", "/account", expect=200).json()["account_id"]
    day = {"from": rfc3339(datetime.now(UTC) - timedelta(days=1)), "to": rfc3339(datetime.now(UTC))}
    for role, route, body in (
        ("helpdesk", "/helpdesk/campaigns", {"subject": "A", "text": "B", "audience": "download"}),
        ("security", "/helpdesk/correlations", {"account_id": account, "window": day, "ground": "law", "case": "1"}),
    ):
        token = tokens.token(system.engine.folder, role, "somebody", datetime.now(UTC))
        headers = {"Authorization": f"Bearer {token}", "Content-Type": "application/json", "Accept": "*/*"}
        answer = system.send("POST", route, json.dumps(body).encode(), headers)
        assert answer.status in (201, 202), answer.content

    panel.call("PUT", "/cookies/consent", {"preferences": True, "analytics": False}, expect=200)
    assert not system.invoke("promise_audit", {"demand": "audit"}).failed

    expiring = {
        thing: properties["TimeToLiveSpecification"]["AttributeName"]
        for thing, properties in tables(ASIA).items()
        if "TimeToLiveSpecification" in properties
    }
    assert {"sessions", "signups", "enquiries", "billing", "visits", "idempotency"} <= set(expiring)
    now = time.time()
    for thing, attribute in expiring.items():
        told = system.client("dynamodb").describe_time_to_live(TableName=f"perfectwork-{thing}")
        described = told["TimeToLiveDescription"]
        assert (described["TimeToLiveStatus"], described["AttributeName"]) == ("ENABLED", attribute), thing
        items = system.items(thing)
        assert items or thing == "trends", thing  # no month has ended yet
        for item in items:
            # How a promise stands, and where the next audit goes on, is kept; how it stood goes.
            if thing == "findings" and item["entry"] in ("now", "walks"):
                continue
            assert now - 120 < int(item[attribute]) < now + LONGEST_SECONDS, thing


@pytest.mark.promise("security.measures")
@pytest.mark.parametrize("region", REGIONS)
@pytest.mark.parametrize("thing", ["content", "transfer"])
def test_every_bucket_is_private_and_encrypted_with_our_own_key(system: Deployed, thing: str, region: str) -> None:
    s3, bucket = system.client("s3", region), f"perfectwork-{thing}-{ACCOUNT}-{region}"
    key = system.client("kms", region).describe_key(KeyId="alias/perfectwork-data")["KeyMetadata"]["KeyId"]
    assert all(s3.get_public_access_block(Bucket=bucket)["PublicAccessBlockConfiguration"].values())
    [rule] = s3.get_bucket_encryption(Bucket=bucket)["ServerSideEncryptionConfiguration"]["Rules"]
    assert rule["ApplyServerSideEncryptionByDefault"]["SSEAlgorithm"] == "aws:kms"
    assert rule["ApplyServerSideEncryptionByDefault"]["KMSMasterKeyID"].endswith(key)


@pytest.mark.promise("databases.destroyed", "exports.retention")
@pytest.mark.parametrize("region", REGIONS)
def test_the_buckets_forget_by_themselves_what_no_function_took(system: Deployed, region: str) -> None:
    s3 = system.client("s3", region)

    def rules(thing: str) -> list[dict[str, Any]]:
        bucket = f"perfectwork-{thing}-{ACCOUNT}-{region}"
        found: list[dict[str, Any]] = s3.get_bucket_lifecycle_configuration(Bucket=bucket)["Rules"]
        assert all(rule["Status"] == "Enabled" for rule in found)
        return found

    content = {name: value for rule in rules("content") for name, value in rule.items()}
    assert content["NoncurrentVersionExpiration"]["NoncurrentDays"] <= 2
    assert content["AbortIncompleteMultipartUpload"]["DaysAfterInitiation"] <= 2
    assert any(rule.get("Expiration", {}).get("ExpiredObjectDeleteMarker") for rule in rules("content"))
    assert not any("Days" in rule.get("Expiration", {}) for rule in rules("content"))  # files stay until deleted
    days = {rule["Filter"]["Prefix"]: rule["Expiration"]["Days"] for rule in rules("transfer") if "Expiration" in rule}
    assert days["exports/"] <= 8
    assert days["staging/"] <= 2
    transfer = s3.get_bucket_versioning(Bucket=f"perfectwork-transfer-{ACCOUNT}-{region}")
    assert transfer.get("Status") != "Enabled"


@pytest.mark.promise("security.measures")
@pytest.mark.parametrize("thing", ["content", "transfer"])
def test_what_a_function_stores_is_encrypted_with_our_own_key(system: Deployed, thing: str) -> None:
    customer = system.customer("US")
    customer.put_file("note.txt", b"Note G")
    customer.export()
    s3, bucket = system.client("s3", AMERICAS), f"perfectwork-{thing}-{ACCOUNT}-{AMERICAS}"
    key = system.client("kms", AMERICAS).describe_key(KeyId="alias/perfectwork-data")["KeyMetadata"]["KeyId"]
    [stored] = [name for name in system.objects(thing, AMERICAS, customer.database) if not name.endswith(".journal")]
    head = s3.head_object(Bucket=bucket, Key=stored)
    assert head["ServerSideEncryption"] == "aws:kms"
    assert head["SSEKMSKeyId"].endswith(key)


@pytest.mark.parametrize("region", REGIONS)
def test_every_queue_has_its_worker_its_retries_and_its_dead_letters(system: Deployed, region: str) -> None:
    sqs, functions = system.client("sqs", region), system.client("lambda", region)
    names = [
        body["Properties"]["QueueName"]["Fn::Sub"].removeprefix("${AWS::StackName}-")
        for body in template()["Resources"].values()
        if body["Type"] == "AWS::SQS::Queue" and (body.get("Condition") != "IsHome" or region == ASIA)
    ]
    queues = [name for name in names if not name.endswith("-dead")]
    assert {"backup", "deletion", "export", "import", "move", "restore"} <= set(queues)
    sources = {
        source["EventSourceArn"].rsplit(":", 1)[-1].removeprefix("perfectwork-"): source
        for source in functions.list_event_source_mappings()["EventSourceMappings"]
    }
    assert sorted(sources) == sorted(queues)
    for queue in queues:
        source = sources[queue]
        assert source["State"] == "Enabled"
        assert source["FunctionResponseTypes"] == ["ReportBatchItemFailures"]
        url = sqs.get_queue_url(QueueName=f"perfectwork-{queue}")["QueueUrl"]
        attributes = sqs.get_queue_attributes(QueueUrl=url, AttributeNames=["All"])["Attributes"]
        worker = functions.get_function_configuration(FunctionName=source["FunctionArn"])
        assert int(attributes["VisibilityTimeout"]) >= 6 * worker["Timeout"]
        assert f"perfectwork-{queue}-dead" in attributes["RedrivePolicy"]


def test_every_schedule_starts_its_function(system: Deployed) -> None:
    events = system.client("events")
    started = {
        target["Arn"].rsplit(":", 1)[-1]: rule["ScheduleExpression"]
        for rule in events.list_rules()["Rules"]
        if rule["State"] == "ENABLED"
        for target in events.list_targets_by_rule(Rule=rule["Name"])["Targets"]
    }
    scheduled = {
        f"perfectwork-{functions.folder_name(name).replace('_', '-')}"
        for name, body in template()["Resources"].items()
        if any(event["Type"] == "Schedule" for event in body["Properties"].get("Events", {}).values())
    }
    assert len(scheduled) >= 4
    assert set(started) == scheduled
    assert all(expression.startswith("rate(") for expression in started.values())


@pytest.mark.parametrize("region", REGIONS)
def test_every_log_group_forgets(system: Deployed, region: str) -> None:
    groups = system.client("logs", region).describe_log_groups()["logGroups"]
    assert groups
    for group in groups:
        assert 1 <= group.get("retentionInDays", 0) <= 90, group["logGroupName"]
