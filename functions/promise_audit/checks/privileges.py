"""Section 8, least privilege as it is deployed: what each function may do, and who may start it."""

import json
import re
from collections import Counter
from collections.abc import Iterator, Mapping
from typing import Any

from botocore.exceptions import ClientError

from promise_audit.looking import Look
from promise_audit.stores import Function, Stores

Statement = Mapping[str, Any]

_UNBOUND = frozenset(
    {
        *("dynamodb:ListTables", "s3:ListAllMyBuckets", "sqs:ListQueues", "events:ListRuleNamesByTarget"),
        *("cloudwatch:GetMetricStatistics", "logs:DescribeLogGroups", "lambda:ListFunctions"),
    }
)
"""What AWS grants on every resource or on none (Service Authorization Reference): names and figures alone."""

_UNNAMED = ("kms", "ses", "apigateway")
"""Services whose resources have no name of ours in their ARN."""

_KINDS = "table/|rule/|function:|role/|secret:|log-group:/aws/lambda/"
"""What stands before a name of ours in an ARN. The local engine has a secret's name without one."""

_STARTS = ("apigateway.amazonaws.com", "events.amazonaws.com")
"""Who may start a function besides its queue, which the function asks itself."""


def privileges(stores: Stores, look: Look, region: str) -> None:
    """Each function has a role of its own, which names actions and resources of ours, and nobody else may start it."""
    functions = stores.functions(region)
    shared = Counter(function.role for function in functions)
    look.at("functions", 0)
    for function in functions:
        with look.trying(f"{function.thing} in {region}"):
            look.at("functions")
            look.expect(shared[function.role] == 1, "functions that share a role", function.thing)
            _role(stores, look, function)
            _starts(stores, look, function, region)


def statements(document: Any) -> list[Statement]:
    """The statements of a policy, which IAM hands out as an object and others as text."""
    found = (json.loads(document) if isinstance(document, str) else document)["Statement"]
    return found if isinstance(found, list) else [found]


def is_open(statement: Statement) -> bool:
    """Whether a resource's policy lets in who is not named, without a condition that binds it to an account of ours."""
    if statement["Effect"] != "Allow":
        return False
    if "NotPrincipal" in statement:
        return True
    principal = statement.get("Principal", {})
    named = [principal] if isinstance(principal, str) else [one for some in principal.values() for one in listed(some)]
    if "*" not in named:
        return False
    bound = statement.get("Condition", {}).get("StringEquals", {})
    return not {"kms:CallerAccount", "aws:SourceAccount", "aws:PrincipalAccount"} & set(bound)


def listed(value: Any) -> list[Any]:
    """What a policy has as one value or as a list."""
    return value if isinstance(value, list) else [value]


def _role(stores: Stores, look: Look, function: Function) -> None:
    iam, role, thing = stores.client("iam"), function.role, function.thing
    for statement in statements(iam.get_role(RoleName=role)["Role"]["AssumeRolePolicyDocument"]):
        taken = statement["Effect"] == "Allow" and statement.get("Principal") != {"Service": "lambda.amazonaws.com"}
        look.expect(not taken, "roles that somebody else may take", thing)
    attached = iam.list_attached_role_policies(RoleName=role)["AttachedPolicies"]
    look.expect(not attached, "functions with rights that are not their own", thing)
    for statement in _rights(iam, role):
        if statement["Effect"] == "Allow":
            look.expect(_is_least(statement, stores), "functions that may do more than they need", thing)


def _rights(iam: Any, role: str) -> Iterator[Statement]:
    for name in iam.list_role_policies(RoleName=role)["PolicyNames"]:
        yield from statements(iam.get_role_policy(RoleName=role, PolicyName=name)["PolicyDocument"])


def _is_least(statement: Statement, stores: Stores) -> bool:
    """Whether actions and resources are named, and are ours."""
    if "Action" not in statement or "Resource" not in statement:
        return False  # all but something
    actions = listed(statement["Action"])
    if any("*" in action or "?" in action for action in actions):
        return False
    return all(_is_ours(resource, actions, statement, stores) for resource in listed(statement["Resource"]))


def _is_ours(resource: str, actions: list[str], statement: Statement, stores: Stores) -> bool:
    if resource == "*":
        return set(actions) <= _UNBOUND
    _, _, service, _, account, name = resource.split(":", 5) if resource.startswith("arn:") else [""] * 5 + [resource]
    if account not in ("", stores.account):
        return False
    if service in _UNNAMED:
        # Any key of the account, unless the statement says which: by its alias, or by the service that uses it.
        return not (service == "kms" and "*" in name) or "Condition" in statement
    return bool(re.match(rf"(?:{_KINDS})?{re.escape(stores.stack)}[-/]", name))


def _starts(stores: Stores, look: Look, function: Function, region: str) -> None:
    client, name = stores.client("lambda", region), stores.name(function.thing)
    link = _unless_missing(client.get_function_url_config, name)
    look.expect(not link, "functions that a link of their own starts", function.thing)
    policy = _unless_missing(client.get_policy, name).get("Policy", '{"Statement": []}')  # none: its queue alone
    for statement in statements(policy):
        named = statement.get("Principal")
        ours = isinstance(named, dict) and named.get("Service") in _STARTS and "Condition" in statement
        look.expect(statement["Effect"] == "Deny" or ours, "functions that others may start", function.thing)


def _unless_missing(ask: Any, name: str) -> dict[str, Any]:
    try:
        found: dict[str, Any] = ask(FunctionName=name)
    except ClientError as error:
        if error.response["Error"]["Code"] != "ResourceNotFoundException":
            raise
        return {}
    return found
