"""The stores as AWS shows them: listed to their end by boto3, through nothing of the code that keeps the promises."""

import functools
import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Any

from boto3.dynamodb.types import TypeDeserializer
from botocore.exceptions import ClientError

from privacy.policy import Period, Policy
from promise_audit.walking import Place, Token, Walk

Row = dict[str, Any]
Clients = Callable[[str, str], Any]
"""The client of a service in an AWS region."""

_PLAIN = TypeDeserializer()

SHOWN_DAYS = 7
"""How far back the figures of removals are read."""

_HOUR = 3600

FEW = 1000
"""Rows of a table, or versions of a bucket, that are remembered within an audit: thirty such stores fit its memory."""

_MANY = "more than a few"


class NotDeployedError(LookupError):
    """What a check looks into is not there; the text is its name."""


class OutOfTimeError(Exception):
    """The function's time is up, and not all was looked at."""


@dataclass(frozen=True, slots=True)
class Stored:
    """One version of an object, or a delete marker (`is_marker`)."""

    key: str
    version: str
    at: datetime
    size: int
    is_marker: bool

    @property
    def database_id(self) -> str:
        """Whose it is: the first part of a key that is an id of a database or an account, or nothing."""
        parts = self.key.split("/")
        return next((part for part in parts[:2] if part.startswith(("db_", "acc_"))), "")


@dataclass(frozen=True, slots=True)
class Function:
    """A function as it is deployed: what of ours it is (`thing`), the name of its role, its layers (ARNs with their
    versions) and its environment.
    """

    thing: str
    role: str
    layers: tuple[str, ...]
    environment: Mapping[str, str]


@dataclass(frozen=True)
class Stores:
    """The stores of a deployment in both Cloud Regions, at one moment.

    `stack` and `account` form the physical names; `home` is the AWS region with the accounts; `has_time` says whether
    another page may be asked for, `may_walk` whether one of a store that is walked through, from its one of `places`;
    `walks` are those that were begun.
    """

    stack: str
    account: str
    home: str
    policy: Policy
    now: datetime
    clients: Clients
    has_time: Callable[[], bool] = lambda: True
    may_walk: Callable[[], bool] = lambda: True
    places: Mapping[str, Place] = field(default_factory=dict)
    walks: dict[str, Walk] = field(default_factory=dict)
    _seen: dict[str, Any] = field(default_factory=dict, repr=False)

    @property
    def regions(self) -> Mapping[str, str]:
        """The AWS region of each Cloud Region."""
        return {name: region.aws for name, region in self.policy.regions.items()}

    def period(self, name: str) -> Period:
        """A retention period in force. Raises: LookupError when the policy has none of this name."""
        return self.policy.retention[name]

    def name(self, thing: str) -> str:
        """A table's, queue's or function's name."""
        return f"{self.stack}-{thing}"

    def bucket(self, thing: str, region: str) -> str:
        """A bucket's name."""
        return f"{self.stack}-{thing}-{self.account}-{region}"

    def client(self, service: str, region: str | None = None) -> Any:
        """A client, of the home region unless told otherwise."""
        return self.clients(service, region or self.home)

    def rows(
        self, thing: str, region: str | None = None, *, names: Sequence[str] = (), where: str = ""
    ) -> Iterator[Row]:
        """Every item of a table, page after page, read consistently; `where` is a filter without values.

        A small table is read once and remembered, so it may come with more attributes than `names`; what is larger is
        read by each check. Raises: NotDeployedError, OutOfTimeError.
        """
        if where:
            return self._scanned(thing, region, names, where)
        name = f"rows/{thing}/{region or self.home}"
        few = self._seen.get(name) is not _MANY
        return self._remembered(name, self._scanned(thing, region, () if few else names, where))

    def _scanned(self, thing: str, region: str | None, names: Sequence[str], where: str) -> Iterator[Row]:
        request = self._scan(thing, names, where)
        client = self.client("dynamodb", region)
        while True:
            self._go_on()
            answer = self._existing(thing, client.scan, **request)
            yield from (_row(item) for item in answer["Items"])
            if "LastEvaluatedKey" not in answer:
                return
            request["ExclusiveStartKey"] = answer["LastEvaluatedKey"]

    def _scan(self, thing: str, names: Sequence[str], where: str = "") -> dict[str, Any]:
        request: dict[str, Any] = {"TableName": self.name(thing), "ConsistentRead": True}
        if names:
            request["ExpressionAttributeNames"] = {f"#n{number}": name for number, name in enumerate(names)}
            request["ProjectionExpression"] = ", ".join(request["ExpressionAttributeNames"])
        if where:
            request["FilterExpression"] = where
        return request

    def walked_rows(self, thing: str, region: str | None = None) -> Iterator[Row]:
        """The items of a table without bound, from where the last audit stopped, while there is time to walk.

        Raises: NotDeployedError.
        """
        client, request = self.client("dynamodb", region), self._scan(thing, ())

        def ask(token: Token | None) -> tuple[Any, Token | None]:
            start = {"ExclusiveStartKey": token} if token else {}
            answer = self._existing(thing, client.scan, **request, **start)
            return answer["Items"], answer.get("LastEvaluatedKey")

        for items in self._walk(f"{thing} ({region or self.home})").pages(ask, self.may_walk):
            yield from (_row(item) for item in items)

    def walked_versions(self, thing: str, region: str) -> Iterator[Stored]:
        """The versions and delete markers of a bucket without bound, from where the last audit stopped, while there is
        time to walk. Raises: NotDeployedError.
        """
        ask_for = self.client("s3", region).list_object_versions

        def ask(token: Token | None) -> tuple[Any, Token | None]:
            page = self._existing(thing, ask_for, Bucket=self.bucket(thing, region), **(token or {}))
            after = {"KeyMarker": page.get("NextKeyMarker"), "VersionIdMarker": page.get("NextVersionIdMarker")}
            return page, {name: value for name, value in after.items() if value} if page.get("IsTruncated") else None

        for page in self._walk(f"{thing} bucket ({region})").pages(ask, self.may_walk):
            yield from _listed(page)

    def _walk(self, name: str) -> Walk:
        place = self.places.get(name, Place())
        self.walks[name] = Walk(place, int(self.now.timestamp()), place)
        return self.walks[name]

    def _remembered(self, name: str, found: Iterator[Any]) -> Iterator[Any]:
        """What is found, from memory the next time, unless it is much."""
        kept = self._seen.get(name)
        if isinstance(kept, tuple):
            yield from kept
            return
        few: list[Any] | None = [] if kept is None else None
        for one in found:
            if few is not None:
                few.append(one)
                if len(few) > FEW:
                    few, self._seen[name] = None, _MANY
            yield one
        if few is not None:
            self._seen[name] = tuple(few)

    def item(self, thing: str, key: Mapping[str, str]) -> Row:
        """One item, read consistently, or an empty one. Raises: NotDeployedError."""
        typed = {name: {"S": value} for name, value in key.items()}
        get = self.client("dynamodb").get_item
        item = self._existing(thing, get, TableName=self.name(thing), Key=typed, ConsistentRead=True).get("Item", {})
        return _row(item)

    def ids(self, thing: str, key: str) -> frozenset[str]:
        """Every value of a table's key attribute. What refers to one is read before, so that it cannot come after."""
        return frozenset(row[key] for row in self.rows(thing, names=[key]))

    def once(self, what: str, look: Callable[[], Any]) -> Any:
        """What a look finds, which several checks share."""
        if what not in self._seen:
            self._seen[what] = look()
        return self._seen[what]

    def versions(self, thing: str, region: str) -> Iterator[Stored]:
        """Every version and delete marker of a bucket; those of a small one are listed once and remembered.

        Raises: NotDeployedError, OutOfTimeError.
        """
        return self._remembered(f"versions/{thing}/{region}", self._versions(thing, region))

    def _versions(self, thing: str, region: str) -> Iterator[Stored]:
        pages = (
            self.client("s3", region).get_paginator("list_object_versions").paginate(Bucket=self.bucket(thing, region))
        )
        for page in self._pages(thing, pages):
            yield from _listed(page)

    def uploads(self, thing: str, region: str) -> Iterator[tuple[str, datetime]]:
        """The key and beginning of every unfinished multipart upload of a bucket."""
        pages = (
            self.client("s3", region)
            .get_paginator("list_multipart_uploads")
            .paginate(Bucket=self.bucket(thing, region))
        )
        for page in self._pages(thing, pages):
            for entry in page.get("Uploads", []):
                yield entry["Key"], entry["Initiated"].astimezone(UTC)

    def dead_letters(self, queue: str, region: str | None = None) -> int:
        """How many messages a queue gave up. Raises: NotDeployedError."""
        sqs = self.client("sqs", region)
        url = self._existing(queue, sqs.get_queue_url, QueueName=self.name(f"{queue}-dead"))["QueueUrl"]
        found = sqs.get_queue_attributes(QueueUrl=url, AttributeNames=["ApproximateNumberOfMessages"])["Attributes"]
        return int(found["ApproximateNumberOfMessages"])

    def ticks(self, function: str) -> timedelta | None:
        """How often the rules that are deployed and enabled start a function; None where none does."""

        def ask() -> timedelta | None:
            events = self.client("events")
            arn = f"arn:aws:lambda:{self.home}:{self.account}:function:{self.name(function)}"
            rules = [
                events.describe_rule(Name=name) for name in events.list_rule_names_by_target(TargetArn=arn)["RuleNames"]
            ]
            every = [_rate(rule.get("ScheduleExpression", "")) for rule in rules if rule["State"] == "ENABLED"]
            return min((one for one in every if one), default=None)

        found: timedelta | None = self.once(f"ticks/{function}", ask)
        return found

    def may_run(self, function: str) -> bool:
        """Whether a function's concurrency lets it run at all. Raises: NotDeployedError."""

        def ask() -> bool:
            concurrency = self.client("lambda").get_function_concurrency
            answer = self._existing(function, concurrency, FunctionName=self.name(function))
            return bool(answer.get("ReservedConcurrentExecutions", 1))

        found: bool = self.once(f"may run/{function}", ask)
        return found

    def functions(self, region: str) -> list[Function]:
        """The functions of ours in a region, by name."""

        def ask() -> list[Function]:
            pages = self.client("lambda", region).get_paginator("list_functions").paginate()
            listed = [each for page in pages for each in page["Functions"]]
            ours = [each for each in listed if each["FunctionName"].startswith(f"{self.stack}-")]
            return sorted((_function(each, self.stack) for each in ours), key=lambda one: one.thing)

        found: list[Function] = self.once(f"functions/{region}", ask)
        return found

    def lags(self, service: str, store: str) -> list[tuple[datetime, int]]:
        """The greatest lag (seconds) of each hour of the last days in which a sweep of a store said so, by time."""
        answer = self.client("cloudwatch").get_metric_statistics(
            Namespace="Privacy",
            MetricName="RemovalLagSeconds",
            Dimensions=[{"Name": "service", "Value": service}, {"Name": "store", "Value": store}],
            StartTime=self.now - timedelta(days=SHOWN_DAYS),
            EndTime=self.now + timedelta(hours=1),
            Period=_HOUR,
            Statistics=["Maximum"],
        )
        points = [(point["Timestamp"].astimezone(UTC), int(point["Maximum"])) for point in answer["Datapoints"]]
        return sorted(points)

    def logged_at(self, function: str) -> datetime | None:
        """When a function last wrote a log line: that it ran, where there are no figures."""
        group = f"/aws/lambda/{self.name(function)}"
        logs = self.client("logs")
        try:
            found = logs.describe_log_streams(logGroupName=group, orderBy="LastEventTime", descending=True, limit=1)
        except ClientError as error:
            if error.response["Error"]["Code"] == "ResourceNotFoundException":
                return None
            raise
        times = [stream["lastEventTimestamp"] for stream in found["logStreams"] if "lastEventTimestamp" in stream]
        return datetime.fromtimestamp(max(times) / 1000, UTC) if times else None

    def public_keys(self, thing: str) -> bytes:
        """The public half (DER) of a key of ours by its alias."""

        def ask() -> bytes:
            return bytes(self.client("kms").get_public_key(KeyId=f"alias/{self.stack}-{thing}")["PublicKey"])

        found: bytes = self.once(f"key/{thing}", ask)
        return found

    def _pages(self, thing: str, pages: Any) -> Iterator[Any]:
        walk = iter(pages)
        while True:
            self._go_on()
            page = self._existing(thing, functools.partial(next, walk, None))
            if page is None:
                return
            yield page

    def _go_on(self) -> None:
        if not self.has_time():
            raise OutOfTimeError

    def _existing(self, thing: str, call: Callable[..., Any], **arguments: Any) -> Any:
        try:
            return call(**arguments)
        except ClientError as error:
            if error.response["Error"]["Code"] in _ABSENT:
                raise NotDeployedError(thing) from None
            raise


_ABSENT = (
    "ResourceNotFoundException",
    "NoSuchBucket",
    "AWS.SimpleQueueService.NonExistentQueue",
    "QueueDoesNotExist",
)


def _row(item: Mapping[str, Any]) -> Row:
    return {name: _plain(_PLAIN.deserialize(value)) for name, value in item.items()}


def _listed(page: Mapping[str, Any]) -> Iterator[Stored]:
    for kind, is_marker in (("Versions", False), ("DeleteMarkers", True)):
        for entry in page.get(kind, []):
            at = entry["LastModified"].astimezone(UTC)
            yield Stored(entry["Key"], entry["VersionId"], at, int(entry.get("Size", 0)), is_marker)


_RATE = re.compile(r"rate\((\d+) (minute|hour|day)s?\)")


def _rate(expression: str) -> timedelta | None:
    """A schedule's expression as a duration; None where it is no rate."""
    match = _RATE.fullmatch(expression)
    return timedelta(**{f"{match[2]}s": int(match[1])}) if match else None


def _function(answer: Mapping[str, Any], stack: str) -> Function:
    return Function(
        thing=answer["FunctionName"].removeprefix(f"{stack}-"),
        role=answer["Role"].rsplit("/", 1)[-1],
        layers=tuple(layer["Arn"] for layer in answer.get("Layers", ())),
        environment=answer.get("Environment", {}).get("Variables", {}),
    )


def instant(row: Row, name: str) -> datetime:
    """An attribute in epoch seconds as an instant. Raises: KeyError, TypeError, ValueError."""
    return datetime.fromtimestamp(row[name], UTC)


def _plain(value: Any) -> Any:
    """boto3's values as plain ones: whole numbers as int, binary as bytes."""
    if isinstance(value, Decimal):
        return int(value) if value == value.to_integral_value() else float(value)
    if isinstance(value, dict):
        return {name: _plain(entry) for name, entry in value.items()}
    if isinstance(value, list | set):
        return [_plain(entry) for entry in value]
    return bytes(value) if hasattr(value, "value") else value
