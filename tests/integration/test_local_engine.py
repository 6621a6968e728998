"""The local engine holds what the template says, and keeps it from one run to the next."""

from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from local import deployment, functions, travel
from local.engine import Engine
from tests.integration.conftest import free_port
from tests.integration.deployed import Deployed

REGIONS = ["us-east-1", "ap-southeast-1"]


def deployed(engine: Engine, region: str, kind: str) -> list[tuple[str, dict[str, Any]]]:
    """The physical ids and template properties of all resources of a kind."""
    cloudformation = engine.client("cloudformation", region)
    template = cloudformation.get_template(StackName=deployment.STACK, TemplateStage="Processed")["TemplateBody"]
    pages = cloudformation.get_paginator("list_stack_resources").paginate(StackName=deployment.STACK)
    return [
        (each["PhysicalResourceId"], template["Resources"][each["LogicalResourceId"]].get("Properties", {}))
        for page in pages
        for each in page["StackResourceSummaries"]
        if each["ResourceType"] == kind
    ]


@pytest.mark.usefixtures("endpoints")
@pytest.mark.parametrize("region", REGIONS)
def test_tables_have_the_template_s_time_to_live_and_recovery(engine: Engine, region: str) -> None:
    dynamodb = engine.client("dynamodb", region)
    tables = deployed(engine, region, "AWS::DynamoDB::Table")
    assert tables
    for name, properties in tables:
        ttl = dynamodb.describe_time_to_live(TableName=name)["TimeToLiveDescription"]
        assert ttl.get("AttributeName") == properties.get("TimeToLiveSpecification", {}).get("AttributeName")
        backups = dynamodb.describe_continuous_backups(TableName=name)["ContinuousBackupsDescription"]
        recovery = backups["PointInTimeRecoveryDescription"]["PointInTimeRecoveryStatus"] == "ENABLED"
        wanted = properties.get("PointInTimeRecoverySpecification", {})
        assert recovery == wanted.get("PointInTimeRecoveryEnabled", False)


@pytest.mark.usefixtures("endpoints")
@pytest.mark.parametrize("region", REGIONS)
def test_buckets_have_the_template_s_lifecycle_and_encryption(engine: Engine, region: str) -> None:
    s3 = engine.client("s3", region)
    for name, properties in deployed(engine, region, "AWS::S3::Bucket"):
        rules = s3.get_bucket_lifecycle_configuration(Bucket=name)["Rules"]
        assert len(rules) == len(properties["LifecycleConfiguration"]["Rules"])
        sides = s3.get_bucket_encryption(Bucket=name)["ServerSideEncryptionConfiguration"]["Rules"]
        wanted = properties["BucketEncryption"]["ServerSideEncryptionConfiguration"]
        assert [side["ApplyServerSideEncryptionByDefault"]["SSEAlgorithm"] for side in sides] == [
            side["ServerSideEncryptionByDefault"]["SSEAlgorithm"] for side in wanted
        ]


def test_deploying_again_changes_no_address(engine: Engine, endpoints: dict[str, Any]) -> None:
    assert deployment.deploy(engine) == endpoints


def test_travel_moves_every_function_and_comes_back(traveller: Deployed) -> None:
    def offsets() -> set[str | None]:
        return {
            traveller.client("lambda", region)
            .get_function_configuration(FunctionName=name)["Environment"]["Variables"]
            .get(travel.VARIABLE)
            for region in REGIONS
            for name in functions.all_names(traveller.engine, region)
        }

    before = travel.offset(traveller.engine.folder)
    try:
        travel.travel(traveller.engine, REGIONS, before + timedelta(seconds=1))
        assert offsets() == {str(int(before.total_seconds()) + 1)}
        travel.travel(traveller.engine, REGIONS, timedelta())
        assert offsets() == {None}
    finally:
        travel.travel(traveller.engine, REGIONS, before)


def test_what_was_stored_is_there_after_a_stop_and_a_start(tmp_path: Path) -> None:
    engine = Engine(tmp_path, free_port())
    engine.start()
    try:
        s3, kms = engine.client("s3", "us-east-1"), engine.client("kms", "us-east-1")
        s3.create_bucket(Bucket="kept")
        s3.put_bucket_versioning(Bucket="kept", VersioningConfiguration={"Status": "Enabled"})
        for body in (b"first", b"second"):
            s3.put_object(Bucket="kept", Key="file", Body=body)
        key = kms.create_key()["KeyMetadata"]["KeyId"]
        wrapped = kms.encrypt(KeyId=key, Plaintext=b"secret", EncryptionContext={"database": "db_1"})

        assert engine.stop()
        engine.start()

        versions = s3.list_object_versions(Bucket="kept")["Versions"]
        bodies = [
            s3.get_object(Bucket="kept", Key="file", VersionId=version["VersionId"])["Body"].read()
            for version in versions
        ]
        assert bodies == [b"second", b"first"]
        opened = kms.decrypt(CiphertextBlob=wrapped["CiphertextBlob"], EncryptionContext={"database": "db_1"})
        assert opened["Plaintext"] == b"secret"
    finally:
        engine.stop()
    assert engine.running() is None
