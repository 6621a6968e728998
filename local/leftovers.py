"""What the engine itself still holds: every table, bucket, queue and log of every region, whatever we call them.

It asks the engine for its lists and reads all that it finds, so it would also find what the project's own code forgot.
"""

import hashlib
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any, Protocol


class Clients(Protocol):
    """Gives a client of the engine for a service and a region."""

    def __call__(self, service: str, region: str) -> Any:
        """The client."""
        ...


@dataclass(frozen=True)
class Place:
    """One thing that the engine holds: where it lies, and everything readable in it."""

    where: str
    content: bytes

    @property
    def store(self) -> str:
        """The table, bucket, queue or log that it is in."""
        words = self.where.split()
        return " ".join(words[:3] if words[0] != "bucket" else words[:2])

    @property
    def mark(self) -> bytes:
        """Tells it from every other one, without keeping its content."""
        return hashlib.sha256(self.where.encode() + b"\0" + self.content).digest()


def everything(client: Clients, regions: Sequence[str]) -> Iterator[Place]:
    """All items, object versions, delete markers, unfinished uploads, queue messages and log lines of the engine."""
    for region in regions:
        yield from _tables(client("dynamodb", region), region)
        yield from _queues(client("sqs", region), region)
        yield from _logs(client("logs", region), region)
    yield from _buckets(client("s3", regions[0]))


def found(places: Iterator[Place], needles: Sequence[bytes]) -> list[str]:
    """Where any of the needles still lies, in a name or in a content."""
    return [
        place.where
        for place in places
        if any(needle in place.content or needle in place.where.encode() for needle in needles)
    ]


def _tables(dynamodb: Any, region: str) -> Iterator[Place]:
    for page in dynamodb.get_paginator("list_tables").paginate():
        for table in page["TableNames"]:
            for items in dynamodb.get_paginator("scan").paginate(TableName=table, ConsistentRead=True):
                for item in items["Items"]:
                    yield Place(f"{region} table {table}", _readable(item))


def _queues(sqs: Any, region: str) -> Iterator[Place]:
    for page in sqs.get_paginator("list_queues").paginate():
        for url in page.get("QueueUrls", []):
            name = url.rsplit("/", 1)[-1]
            answer = sqs.receive_message(QueueUrl=url, MaxNumberOfMessages=10, VisibilityTimeout=0, WaitTimeSeconds=0)
            for message in answer.get("Messages", []):
                yield Place(f"{region} queue {name}", message["Body"].encode())


def _logs(logs: Any, region: str) -> Iterator[Place]:
    for page in logs.get_paginator("describe_log_groups").paginate():
        for group in page["logGroups"]:
            for lines in logs.get_paginator("filter_log_events").paginate(logGroupName=group["logGroupName"]):
                for event in lines["events"]:
                    yield Place(f"{region} log {group['logGroupName']}", event["message"].encode())


def _buckets(s3: Any) -> Iterator[Place]:
    for bucket in (entry["Name"] for entry in s3.list_buckets()["Buckets"]):
        for page in s3.get_paginator("list_object_versions").paginate(Bucket=bucket):
            for version in page.get("Versions", []):
                kept = s3.get_object(Bucket=bucket, Key=version["Key"], VersionId=version["VersionId"])["Body"].read()
                yield Place(f"bucket {bucket} object {version['Key']} version {version['VersionId']}", kept)
            for marker in page.get("DeleteMarkers", []):
                yield Place(f"bucket {bucket} delete marker {marker['Key']}", b"")
        for page in s3.get_paginator("list_multipart_uploads").paginate(Bucket=bucket):
            for upload in page.get("Uploads", []):
                yield Place(f"bucket {bucket} unfinished upload {upload['Key']}", b"")


def _readable(value: Any) -> bytes:
    """Every text and byte in an item, attribute names included."""
    if isinstance(value, dict):
        return b"\0".join(_readable(part) for pair in value.items() for part in pair)
    if isinstance(value, (list, tuple, set)):
        return b"\0".join(_readable(part) for part in value)
    if isinstance(value, bytes):
        return value
    return str(getattr(value, "value", value)).encode()
