"""What ministack's CloudFormation does not do (1.5.33), done around it through ordinary API calls.

Before a deployment: `AWS::Region` in a condition, which it compares as that text. After one, from the
processed template: tables' time to live, encryption and point-in-time recovery, buckets' encryption and
lifecycle, functions' reserved concurrency, all of which it drops; the sender's address, verified; and the API's
address, where a function is told it.
"""

import contextlib
from collections.abc import Callable
from email.utils import parseaddr
from typing import Any

Client = Callable[[str], Any]


def name_region(template: dict[str, Any], region: str) -> dict[str, Any]:
    """The template with its region written out where a condition asks for it."""
    return {**template, "Conditions": resolve(template.get("Conditions", {}), {"AWS::Region": region})}


def close(client: Client, stack: str, parameters: dict[str, str]) -> None:
    """Apply what the deployed stack's template says and the engine left out; the same each time.

    Arguments: `client` gives a boto3 client of the stack's region; `parameters` are those of the deployment.
    """
    cloudformation = client("cloudformation")
    template = cloudformation.get_template(StackName=stack, TemplateStage="Processed")["TemplateBody"]
    pages = cloudformation.get_paginator("list_stack_resources").paginate(StackName=stack)
    physical = {
        resource["LogicalResourceId"]: resource["PhysicalResourceId"]
        for page in pages
        for resource in page["StackResourceSummaries"]
    }
    verify_sender(client("sesv2"), parameters["MailSender"])
    names = {**_defaults(template), **parameters, **physical}
    for logical_id, resource in template["Resources"].items():
        closer = CLOSERS.get(resource["Type"])
        if closer and logical_id in physical:  # what a condition left out is not there
            closer(client, physical[logical_id], resolve(resource.get("Properties", {}), names))


def name_api(client: Client, stack: str, url: str) -> None:
    """Tell the function that writes the way out into marketing messages the API's address here, which is known only
    once it is deployed; the template names the one that AWS would give it.
    """
    functions, name = client("lambda"), f"{stack}-marketing-sending"
    variables = functions.get_function_configuration(FunctionName=name)["Environment"]["Variables"]
    if variables["API_URL"] != url:  # changing a function ends its warm workers
        functions.update_function_configuration(
            FunctionName=name, Environment={"Variables": {**variables, "API_URL": url}}
        )


def verify_sender(ses: Any, sender: str) -> None:
    """Let the sender's domain send: elsewhere its owner proves it by DNS records, once."""
    with contextlib.suppress(ses.exceptions.AlreadyExistsException):
        ses.create_email_identity(EmailIdentity=parseaddr(sender)[1].rpartition("@")[2])


def resolve(value: Any, names: dict[str, str]) -> Any:
    """A property with `Ref` and `Fn::GetAtt` replaced by the resource's physical id, or a parameter's value.

    Any other intrinsic stays as it is: where one is applied here, the engine refuses it.
    """
    if isinstance(value, list):
        return [resolve(item, names) for item in value]
    if not isinstance(value, dict):
        return value
    if set(value) & {"Ref", "Fn::GetAtt"}:
        target = value.get("Ref") or value["Fn::GetAtt"]
        target = target[0] if isinstance(target, list) else target.split(".")[0]
        return names.get(target, value)
    return {key: resolve(item, names) for key, item in value.items()}


def lifecycle_rule(rule: dict[str, Any]) -> dict[str, Any]:
    """A lifecycle rule as the S3 API writes it, from the way CloudFormation does."""
    expiration = {"Days": rule["ExpirationInDays"]} if "ExpirationInDays" in rule else {}
    if "ExpiredObjectDeleteMarker" in rule:
        expiration = {"ExpiredObjectDeleteMarker": rule["ExpiredObjectDeleteMarker"]}
    same = ("NoncurrentVersionExpiration", "AbortIncompleteMultipartUpload")
    return {
        **({"ID": rule["Id"]} if "Id" in rule else {}),
        "Status": rule["Status"],
        "Filter": {"Prefix": rule.get("Prefix", "")},
        **({"Expiration": expiration} if expiration else {}),
        **{name: rule[name] for name in same if name in rule},
    }


def _table(client: Client, name: str, properties: dict[str, Any]) -> None:
    dynamodb = client("dynamodb")
    ttl = properties.get("TimeToLiveSpecification")
    now = dynamodb.describe_time_to_live(TableName=name)["TimeToLiveDescription"]
    if ttl and now.get("AttributeName") is None:
        dynamodb.update_time_to_live(TableName=name, TimeToLiveSpecification=ttl)
    encryption = properties.get("SSESpecification")
    if encryption:
        dynamodb.update_table(TableName=name, SSESpecification=_api_encryption(encryption))
    recovery = properties.get("PointInTimeRecoverySpecification")
    if recovery:
        dynamodb.update_continuous_backups(TableName=name, PointInTimeRecoverySpecification=recovery)


def _api_encryption(encryption: dict[str, Any]) -> dict[str, Any]:
    """A table's encryption as the API writes it: CloudFormation alone calls the switch SSEEnabled."""
    return {{"SSEEnabled": "Enabled"}.get(name, name): value for name, value in encryption.items()}


def _bucket(client: Client, name: str, properties: dict[str, Any]) -> None:
    s3 = client("s3")
    rules = properties.get("LifecycleConfiguration", {}).get("Rules")
    if rules:
        s3.put_bucket_lifecycle_configuration(
            Bucket=name, LifecycleConfiguration={"Rules": [lifecycle_rule(rule) for rule in rules]}
        )
    encryption = properties.get("BucketEncryption", {}).get("ServerSideEncryptionConfiguration")
    if encryption:
        sides = [
            {
                "ApplyServerSideEncryptionByDefault": side["ServerSideEncryptionByDefault"],
                "BucketKeyEnabled": side.get("BucketKeyEnabled", False),
            }
            for side in encryption
        ]
        s3.put_bucket_encryption(Bucket=name, ServerSideEncryptionConfiguration={"Rules": sides})


def _function(client: Client, name: str, properties: dict[str, Any]) -> None:
    reserved = properties.get("ReservedConcurrentExecutions")
    if reserved is not None:
        limit = int(reserved)
        client("lambda").put_function_concurrency(FunctionName=name, ReservedConcurrentExecutions=limit)


def _defaults(template: dict[str, Any]) -> dict[str, str]:
    return {name: parameter.get("Default", "") for name, parameter in template.get("Parameters", {}).items()}


CLOSERS: dict[str, Callable[[Client, str, dict[str, Any]], None]] = {
    "AWS::DynamoDB::Table": _table,
    "AWS::S3::Bucket": _bucket,
    "AWS::Lambda::Function": _function,
}
