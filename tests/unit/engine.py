"""The deployment in process: moto, with tables, buckets, queues, keys and secrets as template.yaml has them.

Also what a test needs to play the world outside: a clock that it sets, and the callers of the functions (API Gateway,
SQS, EventBridge) in the shapes that AWS sends.
"""

import base64
import copy
import copyreg
import json
import re
import threading
import uuid
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any
from urllib.parse import parse_qsl, urlsplit

from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.asymmetric.utils import Prehashed
from cryptography.hazmat.primitives.hashes import SHA256
from moto.backends import get_backend
from moto.core.base_backend import BackendDict
from moto.kms.utils import ECDSAPrivateKey
from moto.s3.models import s3_backends
from moto.s3.utils import _VersionedKeyStore

from privacy.aws import client
from privacy.hosting import Names
from privacy.tables.store import Table, from_aws
from privacy.telemetry import NAMESPACE
from tests import interface
from tests.template.source import ROOT, template

STACK = "perfectwork"
ACCOUNT = "123456789012"
ASIA, AMERICAS = "ap-southeast-1", "us-east-1"
HOME = ASIA
REGIONS = (ASIA, AMERICAS)
SITE = "https://perfectwork.app"
NAMES = Names(STACK, ACCOUNT)
NOON = datetime(2026, 11, 24, 12, 0, tzinfo=UTC)
"""Where a test's clock starts."""


class SetClock:
    """A clock that stands still until a test moves it."""

    def __init__(self, now: datetime = NOON) -> None:
        self.now = now

    def __call__(self) -> datetime:
        return self.now

    def set(self, now: datetime) -> None:
        self.now = now

    def advance(self, **duration: int) -> None:
        """Move on by a timedelta's arguments."""
        self.now += timedelta(**duration)


# --- the stores ----------------------------------------------------------------------------------------------------


@dataclass
class Resolver:
    """Reads the template's `Ref`, `Sub`, `GetAtt` as they come out in one region."""

    region: str
    parameters: Mapping[str, str] = field(default_factory=dict)

    def __call__(self, value: Any) -> Any:
        if isinstance(value, list):
            return [self(entry) for entry in value]
        if not isinstance(value, dict):
            return value
        if len(value) == 1:
            ((name, argument),) = value.items()
            if name == "Ref":
                return self._ref(argument)
            if name == "Fn::Sub" and isinstance(argument, str):
                return re.sub(r"\$\{([^}]+)\}", lambda match: str(self._ref(match[1])), argument)
            if name == "Fn::GetAtt":
                return f"{argument[0]}.{argument[1]}"
            if name == "Fn::If":
                return self(argument[1] if self._holds(template()["Conditions"][argument[0]]) else argument[2])
        return {name: self(entry) for name, entry in value.items()}

    def _holds(self, condition: dict[str, Any]) -> bool:
        ((name, argument),) = condition.items()
        if name == "Fn::Not":
            return not self._holds(argument[0])
        assert name == "Fn::Equals"
        return bool(self(argument[0]) == self(argument[1]))

    def _ref(self, name: str) -> Any:
        known = {
            "AWS::StackName": STACK,
            "AWS::AccountId": ACCOUNT,
            "AWS::Region": self.region,
            "AWS::Partition": "aws",
        }
        parameter = template()["Parameters"].get(name, {}).get("Default")
        return known.get(name) or self.parameters.get(name) or (name if parameter is None else parameter)


def _resources(kind: str, region: str) -> Iterator[tuple[str, dict[str, Any]]]:
    resolve = Resolver(region)
    for name, body in template()["Resources"].items():
        if body["Type"] == kind and (body.get("Condition") != "IsHome" or region == HOME):
            yield name, resolve(body.get("Properties", {}))


def _sign_digest(key: Any, message: bytes, algorithm: str) -> bytes:
    """What KMS does with a message of type DIGEST; moto hashes that once more."""
    assert (len(message), algorithm) == (32, "ECDSA_SHA_256")
    signature: bytes = key.private_key.sign(message, ec.ECDSA(Prehashed(SHA256())))
    return signature


Held = dict[tuple[str, str, str], dict[str, Any]]
"""What the engine holds, by service, account and region."""


@dataclass(frozen=True)
class Moment:
    """All that the engine held at some moment, and what the test's clock said. It is good until the `mock_aws` that it
    was taken under ends: moto then closes its objects.
    """

    held: Held
    buckets: dict[str, tuple[str, str]]
    clock: SetClock
    now: datetime


def _versions(stored: dict[str, list[Any]]) -> _VersionedKeyStore:
    made = _VersionedKeyStore()
    dict.update(made, stored)
    return made


# What moto does not copy by itself: the lock of a queue (no call waits on it), and the older versions of an object.
copyreg.pickle(threading.Condition, lambda _: (threading.Condition, ()))
copyreg.pickle(_VersionedKeyStore, lambda store: (_versions, (dict(store.lists()),)))


def moment(clock: SetClock) -> Moment:
    """The engine as it is now, for `back_to`. No call may be under way."""
    held = _copied({place: vars(backend) for place, backend in _backends().items()})
    return Moment(held, dict(s3_backends.bucket_accounts), clock, clock())


def back_to(earlier: Moment) -> None:
    """Let the engine hold what it held at a moment, and nothing else, and set the clock back: as often as a test likes,
    and for a twentieth of what it costs to make the same calls again.
    """
    earlier.clock.set(earlier.now)
    for place, backend in _backends().items():
        if place not in earlier.held:
            backend.reset()
    held = _copied(earlier.held)
    for (service, account, region), state in held.items():
        holder: Any = _service(service)[account][region]
        holder.__dict__.clear()
        holder.__dict__.update(state)
    owners = s3_backends.bucket_accounts
    owners.clear()
    owners.update(earlier.buckets)


_service: Any = get_backend


def _backends() -> dict[tuple[str, str, str], Any]:
    used: Any = BackendDict
    return {
        (of_account.service_name, account, region): backend
        for of_service in list(used._instances)
        for account, of_account in of_service.items()
        for region, backend in of_account.items()
    }


def _copied(held: Held) -> Held:
    same = {id(backend): backend for backend in _backends().values()}  # what refers to its service goes on doing so
    return copy.deepcopy(held, same)


_deployed: list[Moment] = []
"""The engine right after its first deployment."""


def deploy() -> None:
    """The template's stores in both regions, and nothing in them. Call it under moto's `mock_aws`."""
    if _deployed:
        back_to(_deployed[0])
    else:
        _deploy()
        _deployed.append(moment(SetClock()))


def _deploy() -> None:
    ECDSAPrivateKey.sign = _sign_digest  # type: ignore[method-assign,assignment]  # moto's gap, for every test
    for region in REGIONS:
        _make_keys(region)
        _make_tables(region)
        _make_buckets(region)
        _make_queues(region)
    secrets = client("secretsmanager", HOME)
    for _, properties in _resources("AWS::SecretsManager::Secret", HOME):
        secrets.create_secret(Name=properties["Name"], SecretString=f"a secret of the tests for {properties['Name']}")


def _make_keys(region: str) -> None:
    kms = client("kms", region)
    ids: dict[str, str] = {}
    for name, properties in _resources("AWS::KMS::Key", region):
        # moto encrypts alike under every kind of key, but makes an RSA key pair for a symmetric one: 70 ms each.
        usage = properties.get("KeyUsage", "ENCRYPT_DECRYPT")
        ids[name] = kms.create_key(KeySpec="ECC_NIST_P256", KeyUsage=usage)["KeyMetadata"]["KeyId"]
    for _, properties in _resources("AWS::KMS::Alias", region):
        kms.create_alias(AliasName=properties["AliasName"], TargetKeyId=ids[properties["TargetKeyId"]])


_OF_A_TABLE = ("TableName", "BillingMode", "AttributeDefinitions", "KeySchema", "GlobalSecondaryIndexes")


def _make_tables(region: str) -> None:
    dynamodb = client("dynamodb", region)
    for _, properties in _resources("AWS::DynamoDB::Table", region):
        dynamodb.create_table(**{name: properties[name] for name in _OF_A_TABLE if name in properties})


def _make_buckets(region: str) -> None:
    s3 = client("s3", region)
    place = {} if region == "us-east-1" else {"CreateBucketConfiguration": {"LocationConstraint": region}}
    for _, properties in _resources("AWS::S3::Bucket", region):
        s3.create_bucket(Bucket=properties["BucketName"], **place)
        if versions := properties.get("VersioningConfiguration"):
            s3.put_bucket_versioning(Bucket=properties["BucketName"], VersioningConfiguration=versions)


def _make_queues(region: str) -> None:
    sqs = client("sqs", region)
    for _, properties in _resources("AWS::SQS::Queue", region):
        visibility = str(properties.get("VisibilityTimeout", 30))
        sqs.create_queue(QueueName=properties["QueueName"], Attributes={"VisibilityTimeout": visibility})


def environment(function: str, region: str = HOME, **parameters: str) -> dict[str, str]:
    """What a function of the template (by logical id) finds in its environment; `parameters` are the stack's."""
    resolve = Resolver(region, parameters)
    found: dict[str, Any] = dict(template()["Globals"]["Function"]["Environment"]["Variables"])
    found |= template()["Resources"][function]["Properties"].get("Environment", {}).get("Variables", {})
    return {name: str(resolve(value)) for name, value in found.items()} | {"AWS_REGION": region}


# --- looking at the stores -----------------------------------------------------------------------------------------


def table(thing: str, region: str = HOME) -> Table:
    """A table of the deployment by its thing: `sessions`, `visits` …"""
    return Table(client("dynamodb", region), NAMES.table(thing))


def items(thing: str, region: str = HOME) -> list[dict[str, Any]]:
    """Everything in a table, whoever may still read it."""
    pages = client("dynamodb", region).get_paginator("scan").paginate(TableName=NAMES.table(thing))
    return [from_aws(item) for page in pages for item in page["Items"]]


def messages(queue: str, region: str = HOME) -> list[str]:
    """The bodies of what waits in a queue; they are taken from it."""
    sqs = client("sqs", region)
    url = sqs.get_queue_url(QueueName=f"{STACK}-{queue}")["QueueUrl"]
    found: list[str] = []
    while received := sqs.receive_message(QueueUrl=url, MaxNumberOfMessages=10).get("Messages"):
        for message in received:
            found.append(message["Body"])
            sqs.delete_message(QueueUrl=url, ReceiptHandle=message["ReceiptHandle"])
    return found


def everything() -> bytes:
    """Every item of every table and every message of both regions, to look for what must not be there.

    The messages are left where they are.
    """
    found: list[str] = []
    for region in REGIONS:
        for _, properties in _resources("AWS::DynamoDB::Table", region):
            found += [repr(item) for item in items(properties["TableName"].removeprefix(f"{STACK}-"), region)]
        sqs = client("sqs", region)
        for _, properties in _resources("AWS::SQS::Queue", region):
            url = sqs.get_queue_url(QueueName=properties["QueueName"])["QueueUrl"]
            waiting: list[dict[str, Any]] = []
            while received := sqs.receive_message(QueueUrl=url, MaxNumberOfMessages=10).get("Messages"):
                waiting += received
            for message in waiting:
                sqs.change_message_visibility(QueueUrl=url, ReceiptHandle=message["ReceiptHandle"], VisibilityTimeout=0)
            found += sorted(message["Body"] for message in waiting)
    return "\n".join(found).encode("utf-8", "surrogatepass")


# --- the callers ---------------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Answer:
    """An HTTP answer as a caller sees it: header names in lower case; `cookies` are its `Set-Cookie` lines."""

    status: int
    headers: dict[str, str]
    body: bytes
    cookies: tuple[str, ...] = ()

    def json(self) -> Any:
        return json.loads(self.body)

    @property
    def errors(self) -> dict[str, str]:
        """A problem's errors: message by field."""
        return {error["field"]: error["message"] for error in self.json().get("errors", [])}

    @property
    def cookie(self) -> str | None:
        """The session token that the answer's cookie gives, empty when it takes it away."""
        match = re.match(r"session_id=([^;]*)", self.headers.get("set-cookie", ""))
        return match[1] if match else None


def rest_event(
    app: Any,
    method: str,
    path: str,
    *,
    body: Any = None,
    headers: Mapping[str, str] | None = None,
    cookie: str | None = None,
    address: str = "203.0.113.7",
) -> dict[str, Any]:
    """An event as API Gateway's REST API (v1, binary types `*/*`) sends it. A dict or list body becomes JSON."""
    parts = urlsplit(path)
    route, named = _route(app, parts.path)
    sent = {"Accept": "*/*", "Host": "api.perfectwork.app", "User-Agent": "pytest"}
    if isinstance(body, dict | list):
        body = json.dumps(body).encode("utf-8")
        sent["Content-Type"] = "application/json"
    if cookie is not None:
        sent["Cookie"] = f"session_id={cookie}"
    sent |= headers or {}
    raw = body.encode("utf-8", "surrogatepass") if isinstance(body, str) else body
    query = parse_qsl(parts.query, keep_blank_values=True)
    several: dict[str, list[str]] = {}
    for name, value in query:
        several.setdefault(name, []).append(value)
    return {
        "resource": route,
        "path": parts.path,
        "httpMethod": method,
        "headers": sent,
        "multiValueHeaders": {name: [value] for name, value in sent.items()},
        "queryStringParameters": dict(query) or None,
        "multiValueQueryStringParameters": several or None,
        "pathParameters": named or None,
        "stageVariables": None,
        "requestContext": {
            "accountId": ACCOUNT,
            "apiId": "a1b2c3d4e5",
            "httpMethod": method,
            "identity": {"sourceIp": address, "userAgent": sent["User-Agent"]},
            "path": f"/v1{parts.path}",
            "protocol": "HTTP/1.1",
            "requestId": str(uuid.uuid4()),
            "resourceId": "x1y2z3",
            "resourcePath": route,
            "stage": "v1",
        },
        "body": base64.b64encode(raw).decode("ascii") if raw is not None else None,
        "isBase64Encoded": raw is not None,
    }


def _route(app: Any, path: str) -> tuple[str, dict[str, str]]:
    """The route that API Gateway would choose: the one with the fewest parameters."""
    for route in sorted(app.routes, key=lambda text: text.count("{")):
        pattern = "".join(
            f"(?P<{part[1:-1]}>[^/]+)" if part.startswith("{") else re.escape(part)
            for part in re.split(r"(\{[^}]+\})", route)
        )
        if match := re.fullmatch(pattern, path):
            return route, match.groupdict()
    return path, {}


def send(app: Any, event: Any) -> Answer:
    """Give an event to an app, as Lambda would, and read its answer as API Gateway would; it must be one that the
    published interface foresees.
    """
    answered = app(json.loads(json.dumps(event)), Context())
    raw = answered["body"]
    body = base64.b64decode(raw) if answered.get("isBase64Encoded") else raw.encode("utf-8")
    headers = {name.lower(): value for name, value in answered["headers"].items()}
    several = {name.lower(): values for name, values in answered.get("multiValueHeaders", {}).items()}
    assert not headers.keys() & several.keys()
    headers |= {name: ", ".join(values) for name, values in several.items()}
    answer = Answer(answered["statusCode"], headers, body, tuple(several.get("set-cookie", ())))
    context = event.get("requestContext") if isinstance(event, dict) else None
    if isinstance(context, dict) and not app.app_name.startswith("toy"):
        method, route = str(context.get("httpMethod")), str(context.get("resourcePath"))
        interface.check(method, route, answer.status, answer.headers, answer.body)
    return answer


def http(app: Any, method: str, path: str, **request: Any) -> Answer:
    """Call an app as a browser would: see `rest_event` for `body`, `headers`, `cookie` and `address`."""
    return send(app, rest_event(app, method, path, **request))


def sqs_event(bodies: Sequence[Any], queue: str = "mail", region: str = HOME) -> dict[str, Any]:
    """A batch as SQS hands it to Lambda. A dict becomes JSON."""
    return {
        "Records": [
            {
                "messageId": f"message-{number}",
                "receiptHandle": f"receipt-{number}",
                "body": body if isinstance(body, str) else json.dumps(body),
                "attributes": {
                    "ApproximateReceiveCount": "1",
                    "SentTimestamp": "1795521600000",
                    "SenderId": "AROAEXAMPLE:perfectwork-signup",
                    "ApproximateFirstReceiveTimestamp": "1795521600005",
                },
                "messageAttributes": {},
                "md5OfBody": "00000000000000000000000000000000",
                "eventSource": "aws:sqs",
                "eventSourceARN": f"arn:aws:sqs:{region}:{ACCOUNT}:{STACK}-{queue}",
                "awsRegion": region,
            }
            for number, body in enumerate(bodies)
        ]
    }


def failures(answered: Mapping[str, Any]) -> list[str]:
    """The message ids that a queue function wants to see again."""
    return [failure["itemIdentifier"] for failure in answered["batchItemFailures"]]


def schedule_event(now: datetime = NOON) -> dict[str, Any]:
    """A tick as an EventBridge rule sends it."""
    return {
        "version": "0",
        "id": str(uuid.uuid4()),
        "detail-type": "Scheduled Event",
        "source": "aws.events",
        "account": ACCOUNT,
        "time": now.strftime("%Y-%m-%dT%H:%M:%SZ"),
        "region": HOME,
        "resources": [f"arn:aws:events:{HOME}:{ACCOUNT}:rule/{STACK}-tick"],
        "detail": {},
    }


@dataclass
class Context:
    """Lambda's context, as far as the functions read it; `seconds` are left of the timeout."""

    seconds: float = 300.0
    function_name: str = f"{STACK}-function"
    function_version: str = "$LATEST"
    memory_limit_in_mb: int = 512
    aws_request_id: str = "00000000-0000-0000-0000-000000000000"

    @property
    def invoked_function_arn(self) -> str:
        return f"arn:aws:lambda:{HOME}:{ACCOUNT}:function:{self.function_name}"

    def get_remaining_time_in_millis(self) -> int:
        return int(self.seconds * 1000)


def sample(name: str) -> Any:
    """A sample event of `events/`, such as `signup/trial`."""
    return json.loads((ROOT / "events" / f"{name}.json").read_text("utf-8"))


def gauges(output: str) -> dict[str, dict[str, int]]:
    """The metrics that were printed (CloudWatch embedded metric format), by store."""
    found: dict[str, dict[str, int]] = {}
    for line in output.splitlines():
        if not line.startswith('{"_aws"'):
            continue
        document = json.loads(line)
        (metrics,) = document["_aws"]["CloudWatchMetrics"]
        assert metrics["Namespace"] == NAMESPACE
        names = [metric["Name"] for metric in metrics["Metrics"]]
        found[document["store"]] = {name: int(document[name][0]) for name in names}
    return found
