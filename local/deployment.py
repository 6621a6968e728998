"""Packaging and deploying the real template in every Cloud Region of the local engine."""

import hashlib
import json
import time
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from botocore.exceptions import ClientError
from samtranslator.yaml_helper import yaml_parse

from local import gaps, sink, tokens
from local.engine import ACCOUNT, HOST, Engine
from local.packaging import package

STACK = "perfectwork"
OUTBOX = "/_ministack/ses/messages"
"""Where the engine shows the mails that its SES took."""
REPOSITORY = Path(__file__).resolve().parent.parent
PLACES = REPOSITORY / "layers/models/python/privacy/policy/regions.json"
CAPABILITIES = ["CAPABILITY_IAM", "CAPABILITY_NAMED_IAM", "CAPABILITY_AUTO_EXPAND"]
DEPLOY_SECONDS = 180.0


class DeploymentError(Exception):
    """The stack could not be deployed; the text carries the engine's reasons."""


@dataclass(frozen=True)
class Places:
    """The Cloud Regions by name, with their AWS regions, and which of them is home."""

    regions: dict[str, str]
    home: str

    @property
    def home_region(self) -> str:
        """The AWS region that serves all routes."""
        return self.regions[self.home]


def places() -> Places:
    """The Cloud Regions as the policy lists them."""
    listed = json.loads(PLACES.read_text())
    return Places({region["name"]: region["aws"] for region in listed["regions"]}, listed["default"])


def local_parameters(home_region: str, folder: Path) -> dict[str, str]:
    """What the template is told here, and only here."""
    return {
        "HomeRegion": home_region,
        "CaptchaVerifier": "local",
        "Processors": "local",
        "ProcessorSink": str(sink.port(folder)),
        "MailSender": "no-reply@perfectwork.example",
        "SettleSeconds": "1",
        "DrainSeconds": "1",
        "SiteUrl": "http://127.0.0.1:8080",
        "StaffIssuer": tokens.ISSUER,
        "StaffAudience": tokens.AUDIENCE,
        "StaffKeySet": tokens.key_set(folder),
        "TrustedEdge": "cloudfront",
    }


def deploy(engine: Engine, template_path: Path = REPOSITORY / "template.yaml") -> dict[str, Any]:
    """Deploy the template in all regions at once, and write down where things are.

    Returns the endpoints, as written to `endpoints.json` in the engine's folder.
    Raises: DeploymentError when a stack fails.
    """
    where = places()
    parameters = local_parameters(where.home_region, engine.folder)
    with ThreadPoolExecutor(len(where.regions)) as pool:
        regions = where.regions.values()
        deployed = [pool.submit(_deploy_region, engine, region, template_path, parameters) for region in regions]
    for each in deployed:
        each.result()
    api = _api_url(engine, where.home_region)
    gaps.name_api(lambda service: engine.client(service, where.home_region), STACK, api)
    endpoints = {
        "api": dict.fromkeys(where.regions, api),
        "home": where.home,
        "engine": engine.url,
        "outbox": engine.url + OUTBOX,
        "processors": f"http://{HOST}:{sink.port(engine.folder)}",
        "regions": where.regions,
        "account": ACCOUNT,
        "stack": STACK,
    }
    engine.folder.joinpath("endpoints.json").write_text(json.dumps(endpoints, indent=2) + "\n")
    return endpoints


def _deploy_region(engine: Engine, region: str, template_path: Path, parameters: dict[str, str]) -> None:
    s3, bucket = engine.client("s3", region), f"artifacts-{STACK}-{region}"
    if bucket not in {owned["Name"] for owned in s3.list_buckets()["Buckets"]}:
        # us-east-1 is the one region that must not be named as a location constraint.
        place = {} if region == "us-east-1" else {"CreateBucketConfiguration": {"LocationConstraint": region}}
        s3.create_bucket(Bucket=bucket, **place)

    def store(data: bytes) -> str:
        key = hashlib.sha256(data).hexdigest()
        s3.put_object(Bucket=bucket, Key=key, Body=data)
        return f"s3://{bucket}/{key}"

    template = package(yaml_parse(template_path.read_text()), template_path.parent, store)
    unknown = parameters.keys() - template.get("Parameters", {}).keys()
    if unknown:
        raise DeploymentError(f"{template_path} has no parameter {', '.join(sorted(unknown))}")
    key = store(json.dumps(gaps.name_region(template, region)).encode()).removeprefix("s3://")
    cloudformation = engine.client("cloudformation", region)
    _apply(cloudformation, f"{engine.url}/{key}", parameters)
    gaps.close(lambda service: engine.client(service, region), STACK, parameters)


def _apply(cloudformation: Any, template_url: str, parameters: dict[str, str]) -> None:
    request = {
        "StackName": STACK,
        "TemplateURL": template_url,
        "Capabilities": CAPABILITIES,
        "Parameters": [{"ParameterKey": key, "ParameterValue": value} for key, value in parameters.items()],
    }
    region = cloudformation.meta.region_name
    status = _status(cloudformation)
    if status in ("ROLLBACK_COMPLETE", "CREATE_FAILED", "ROLLBACK_FAILED"):
        # It never came up: there is nothing to keep.
        cloudformation.delete_stack(StackName=STACK)
        status = _settled(cloudformation)
    try:
        if status in (None, "DELETE_COMPLETE"):
            cloudformation.create_stack(**request)
        else:
            cloudformation.update_stack(**request)
    except ClientError as error:
        if "No updates are to be performed" in str(error):
            return
        raise DeploymentError(f"{region}: {error.response['Error']['Message']}") from None
    status = _settled(cloudformation)
    if status not in ("CREATE_COMPLETE", "UPDATE_COMPLETE"):
        events = cloudformation.describe_stack_events(StackName=STACK)["StackEvents"]
        reasons = [
            f"  {event['LogicalResourceId']}: {event.get('ResourceStatusReason', '')}"
            for event in events
            if event["ResourceStatus"].endswith("FAILED")
        ]
        raise DeploymentError("\n".join([f"{region}: the stack is {status}", *reasons]))


def _status(cloudformation: Any) -> str | None:
    try:
        return str(cloudformation.describe_stacks(StackName=STACK)["Stacks"][0]["StackStatus"])
    except ClientError:
        return None


def _settled(cloudformation: Any) -> str | None:
    deadline = time.monotonic() + DEPLOY_SECONDS
    while (status := _status(cloudformation)) and status.endswith("_IN_PROGRESS"):
        if time.monotonic() > deadline:
            raise DeploymentError(f"{cloudformation.meta.region_name}: the stack is still {status}")
        time.sleep(0.2)
    return status


def _api_url(engine: Engine, region: str) -> str:
    described = engine.client("cloudformation", region).describe_stack_resources(StackName=STACK)
    by_type = {each["ResourceType"]: each["PhysicalResourceId"] for each in described["StackResources"]}
    api, stage = by_type["AWS::ApiGateway::RestApi"], by_type["AWS::ApiGateway::Stage"]
    return f"{engine.url}/_aws/execute-api/{api}/{stage}"
