"""Calling a deployed function by its name, as a schedule or a queue would, and reading what it logged."""

import json
import re
import uuid
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from botocore.exceptions import ClientError

from local.deployment import STACK
from local.engine import ACCOUNT, Engine

AUDIT = "promise_audit"


class FunctionError(Exception):
    """A function is not deployed there, or it failed; its own log has the details."""


@dataclass(frozen=True)
class Answer:
    """What a call gave: the payload, and whether the function failed."""

    payload: Any
    failed: bool


def logical_id(name: str) -> str:
    """The template's name of a function from its folder's: `session_expiry` is SessionExpiryFunction."""
    return "".join(part.capitalize() for part in re.split(r"[_-]", name)) + "Function"


def folder_name(logical: str) -> str:
    """The folder's name of a function from the template's."""
    return re.sub(r"(?<!^)([A-Z])", r"_\1", logical.removesuffix("Function")).lower()


def physical_name(engine: Engine, region: str, name: str) -> str:
    """The deployed function's own name.

    Raises: FunctionError, naming those that are deployed there.
    """
    deployed = _deployed(engine, region)
    try:
        return deployed[logical_id(name)]
    except KeyError:
        known = ", ".join(sorted(folder_name(key) for key in deployed)) or "none"
        raise FunctionError(f"no function {name} in {region}; there are: {known}") from None


def all_names(engine: Engine, region: str) -> list[str]:
    """The names of all functions of the stack in a region."""
    return sorted(_deployed(engine, region).values())


def scheduled_names(engine: Engine, region: str) -> list[str]:
    """The functions that schedules start in a region, by their folders' names.

    The promise audit is the last: it looks whether the others have run.
    """
    names = {physical: folder_name(logical) for logical, physical in _deployed(engine, region).items()}
    events = engine.client("events", region)
    rules = [rule for page in events.get_paginator("list_rules").paginate() for rule in page["Rules"]]
    targets = [
        target["Arn"].rpartition(":")[2]
        for rule in rules
        if "ScheduleExpression" in rule
        for target in events.list_targets_by_rule(Rule=rule["Name"])["Targets"]
    ]
    return sorted((names[target] for target in targets if target in names), key=lambda name: (name == AUDIT, name))


def invoke(engine: Engine, region: str, name: str, event: Any) -> Answer:
    """Call a function and wait for its answer."""
    answer = engine.client("lambda", region).invoke(
        FunctionName=physical_name(engine, region, name), Payload=json.dumps(event).encode()
    )
    return Answer(json.loads(answer["Payload"].read() or b"null"), "FunctionError" in answer)


def scheduled_event(region: str, now: datetime) -> dict[str, Any]:
    """The event of an EventBridge schedule rule.

    https://docs.aws.amazon.com/eventbridge/latest/userguide/eb-run-lambda-schedule.html
    """
    return {
        "version": "0",
        "id": str(uuid.uuid4()),
        "detail-type": "Scheduled Event",
        "source": "aws.events",
        "account": ACCOUNT,
        "time": now.strftime("%Y-%m-%dT%H:%M:%SZ"),
        "region": region,
        "resources": [f"arn:aws:events:{region}:{ACCOUNT}:rule/local"],
        "detail": {},
    }


def logs(engine: Engine, region: str, name: str) -> Iterator[str]:
    """The lines that a function has logged, oldest first."""
    client, function = engine.client("logs", region), physical_name(engine, region, name)
    configuration = engine.client("lambda", region).get_function_configuration(FunctionName=function)
    group = configuration.get("LoggingConfig", {}).get("LogGroup") or f"/aws/lambda/{function}"
    try:
        for page in client.get_paginator("filter_log_events").paginate(logGroupName=group):
            for event in page["events"]:
                yield event["message"].rstrip()
    except client.exceptions.ResourceNotFoundException:
        return


def _deployed(engine: Engine, region: str) -> dict[str, str]:
    listing = engine.client("cloudformation", region).get_paginator("list_stack_resources")
    try:
        return {
            resource["LogicalResourceId"]: resource["PhysicalResourceId"]
            for page in listing.paginate(StackName=STACK)
            for resource in page["StackResourceSummaries"]
            if resource["ResourceType"] == "AWS::Lambda::Function"
        }
    except ClientError:
        raise FunctionError(f"the stack is not deployed in {region}: run `make local`") from None
