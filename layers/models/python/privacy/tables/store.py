"""One DynamoDB table behind a small typed door: conditions, transactions, queries and batches in one place each."""

import secrets
import time
import zlib
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any, TypeVar

from boto3.dynamodb.conditions import ConditionBase, ConditionExpressionBuilder
from boto3.dynamodb.types import TypeDeserializer, TypeSerializer
from botocore.exceptions import ClientError

from privacy.aws import overlapped
from privacy.models.fields import YEARS

Item = dict[str, Any]
Operation = dict[str, dict[str, Any]]
T = TypeVar("T")

BATCH = 25
"""Writes in one BatchWriteItem
(https://docs.aws.amazon.com/amazondynamodb/latest/APIReference/API_BatchWriteItem.html)."""

READS = 100
"""Items that one BatchGetItem is asked for
(https://docs.aws.amazon.com/amazondynamodb/latest/APIReference/API_BatchGetItem.html)."""

_PATIENCE = 8
"""Rounds for what a batch leaves unprocessed, each twice as long as the last, before it is an error."""

_TO_AWS = TypeSerializer()
_FROM_AWS = TypeDeserializer()
_WHOLE = 10**38
"""DynamoDB's numbers have 38 digits; boto3 refuses the others."""


class ConditionFailedError(Exception):
    """The condition of a write does not hold: nothing was written."""


class TransactionRefusedError(Exception):
    """A transaction's condition does not hold: nothing was written. `failed` lists the operations by position."""

    def __init__(self, failed: tuple[int, ...]) -> None:
        super().__init__("a condition of the transaction does not hold")
        self.failed = failed


class StoreBusyError(Exception):
    """The store did not take a write after several tries; the same call may be repeated."""


def readable(read: Callable[[Item], T], item: Item) -> T | None:
    """An item as it reads, or None when it cannot be read: altered by hand, or written by another version of ours. One
    such item must not hide all others.
    """
    try:
        return read(item)
    except (LookupError, TypeError, ValueError, AttributeError, ArithmeticError, OSError):
        return None


def epoch(instant: datetime) -> int:
    """Whole epoch seconds, as TTL and sort keys want them. They exist only in this room."""
    return int(instant.timestamp())


def instant(seconds: int) -> datetime:
    """The aware UTC instant of epoch seconds."""
    return datetime.fromtimestamp(seconds, UTC)


def read_instant(value: Any) -> datetime:
    """The instant of epoch seconds that a row holds, whoever wrote them. Raises: ValueError, TypeError and the like
    for what is none, or one that nothing here can be about, so that no end can be reckoned from it.
    """
    at = instant(value)
    if at.year not in YEARS:
        raise ValueError("nothing of ours is about that year")
    return at


def of_type(kind: type[T], value: Any) -> T:
    """A value that a row holds, whoever wrote it. Raises: TypeError."""
    if not isinstance(value, kind):
        raise TypeError("this is of another type")
    return value


def shard_of(text: str, count: int = 16) -> str:
    """One of `count` shards (`"00"`…`"0f"`), spread evenly and always the same for the same id."""
    return format(zlib.crc32(text.encode("utf-8")) % count, "02x")


SHARDS = tuple(format(number, "02x") for number in range(16))


def to_aws(item: Mapping[str, Any]) -> dict[str, Any]:
    """A plain item in DynamoDB's typed JSON; what is None is left out."""
    return {name: _typed(value) for name, value in item.items() if value is not None}


def from_aws(item: Mapping[str, Any]) -> Item:
    """DynamoDB's typed JSON as plain values: whole numbers as int, binary as bytes."""
    return {
        name: value["S"] if "S" in value else bytes(value["B"]) if "B" in value else _plain(value)
        for name, value in item.items()
    }


def _typed(value: Any) -> Any:
    """boto3's serializer for the few types that nearly everything is of; it does the rest (a quarter of an export)."""
    kind = type(value)
    if kind is str:
        return {"S": value}
    if kind is bytes:
        return {"B": value}
    if kind is int and -_WHOLE < value < _WHOLE:
        return {"N": str(value)}
    return _TO_AWS.serialize(value)


def _plain(typed: Mapping[str, Any]) -> Any:
    ((kind, value),) = typed.items()
    if kind in ("S", "BOOL"):
        return value
    if kind == "B":
        return bytes(value)
    if kind == "N":
        return int(value) if value.lstrip("-").isdigit() else _FROM_AWS.deserialize(typed)
    if kind == "M":
        return {name: _plain(entry) for name, entry in value.items()}
    if kind == "L":
        return [_plain(entry) for entry in value]
    return _FROM_AWS.deserialize(typed)


@dataclass(frozen=True, slots=True)
class Table:
    """A table by name, through a low-level client of its region."""

    client: Any
    name: str

    def get(self, key: Item, *, consistent: bool = True) -> Item | None:
        """The item under a key, read consistently unless told otherwise."""
        answer = self.client.get_item(TableName=self.name, Key=to_aws(key), ConsistentRead=consistent)
        return from_aws(answer["Item"]) if "Item" in answer else None

    def get_all(self, keys: Iterable[Item], *, names: Sequence[str] = ()) -> Iterator[Item]:
        """The items that there are under some distinct keys, in no order, read consistently; `names` limits what comes
        back. Up to 16 calls at a time. Raises: StoreBusyError.
        """
        wanted = [to_aws(key) for key in keys]
        batches = [wanted[start : start + READS] for start in range(0, len(wanted), READS)]
        for found in overlapped(lambda batch: self._get_batch(batch, names), batches):
            yield from found

    def put_operation(self, item: Item, when: ConditionBase | None = None) -> Operation:
        """A put, for `write` or `transact`."""
        return {"Put": {"TableName": self.name, "Item": to_aws(item), **_conditions(when)}}

    def delete_operation(self, key: Item, when: ConditionBase | None = None) -> Operation:
        """A delete, for `write` or `transact`."""
        return {"Delete": {"TableName": self.name, "Key": to_aws(key), **_conditions(when)}}

    def check_operation(self, key: Item, when: ConditionBase) -> Operation:
        """A condition on an item that the transaction does not write."""
        return {"ConditionCheck": {"TableName": self.name, "Key": to_aws(key), **_conditions(when)}}

    def update_operation(self, key: Item, changes: Item, when: ConditionBase) -> Operation:
        """An update that sets each attribute, or removes the one whose new value is None.

        It always carries a condition, for UpdateItem creates what is missing (aws-facts.md).
        """
        names = {f"#u{number}": name for number, name in enumerate(changes)}
        values = {f":u{number}": value for number, value in enumerate(changes.values()) if value is not None}
        sets = [f"{name} = :{name[1:]}" for name in names if f":{name[1:]}" in values]
        gone = [name for name in names if f":{name[1:]}" not in values]
        update = (f"SET {', '.join(sets)} " if sets else "") + (f"REMOVE {', '.join(gone)}" if gone else "")
        conditions = _conditions(when)
        return {
            "Update": {
                "TableName": self.name,
                "Key": to_aws(key),
                "UpdateExpression": update.strip(),
                "ConditionExpression": conditions["ConditionExpression"],
                "ExpressionAttributeNames": conditions["ExpressionAttributeNames"] | names,
                "ExpressionAttributeValues": conditions.get("ExpressionAttributeValues", {}) | to_aws(values),
            }
        }

    def put(self, item: Item, when: ConditionBase | None = None) -> None:
        """Write an item. Raises: ConditionFailedError."""
        self._one(self.client.put_item, self.put_operation(item, when)["Put"])

    def replace(self, item: Item, when: ConditionBase | None = None) -> Item | None:
        """Write an item and give back the one that it replaced. Raises: ConditionFailedError."""
        return self._one(self.client.put_item, self.put_operation(item, when)["Put"] | {"ReturnValues": "ALL_OLD"})

    def delete(self, key: Item, when: ConditionBase | None = None) -> Item | None:
        """Delete an item and give it back, when there was one. Raises: ConditionFailedError."""
        operation = self.delete_operation(key, when)["Delete"] | {"ReturnValues": "ALL_OLD"}
        return self._one(self.client.delete_item, operation)

    def update(self, key: Item, changes: Item, when: ConditionBase, *, blind: bool = False) -> Item:
        """Change an item and give it back as it is now, or nothing of it when `blind`, for a role that may not read it.

        Raises: ConditionFailedError.
        """
        operation = self.update_operation(key, changes, when)["Update"]
        operation["ReturnValues"] = "NONE" if blind else "ALL_NEW"
        if not operation["ExpressionAttributeValues"]:
            del operation["ExpressionAttributeValues"]
        return self._one(self.client.update_item, operation) or {}

    def _one(self, call: Any, arguments: dict[str, Any]) -> Item | None:
        try:
            answer = call(**arguments)
        except ClientError as error:
            if error.response["Error"]["Code"] == "ConditionalCheckFailedException":
                raise ConditionFailedError from None
            raise
        return from_aws(answer["Attributes"]) if answer.get("Attributes") else None

    def query(
        self,
        condition: ConditionBase,
        *,
        index: str | None = None,
        after: Item | None = None,
        names: Sequence[str] = (),
        page: int | None = None,
        newest_first: bool = False,
    ) -> Iterator[Item]:
        """Every item that a key condition selects, page after page until there is none left: a Query ends at 1 MB,
        and what it leaves out is not gone.

        A table is read consistently; an index cannot be. `names` limits what comes back, `after` is the key to go on
        from, `page` the items that one call looks at.
        """
        pages = self.pages(condition, index=index, after=after, names=names, page=page, newest_first=newest_first)
        for items in pages:
            yield from items

    def pages(
        self,
        condition: ConditionBase,
        *,
        index: str | None = None,
        after: Item | None = None,
        names: Sequence[str] = (),
        page: int | None = None,
        newest_first: bool = False,
        where: ConditionBase | None = None,
    ) -> Iterator[list[Item]]:
        """As `query`, a list for each call: empty ones are passed over, unless `where` leaves items out; then who asks
        can look at the time between two calls that find nothing.
        """
        start = to_aws(after) if after else None
        order = {"ScanIndexForward": False} if newest_first else {}
        while True:
            request = _filtered(self._query(condition, index, names, page, start), where)
            answer = self.client.query(**request, **order)
            if answer["Items"] or where is not None:
                yield [from_aws(item) for item in answer["Items"]]
            start = answer.get("LastEvaluatedKey")
            if not start:
                return

    def count(self, condition: ConditionBase) -> int:
        """How many items a key condition selects, read consistently, without transferring them."""
        total, start = 0, None
        while True:
            answer = self.client.query(**self._query(condition, None, (), None, start), Select="COUNT")
            total += int(answer["Count"])
            start = answer.get("LastEvaluatedKey")
            if not start:
                return total

    def _query(
        self, condition: ConditionBase, index: str | None, names: Sequence[str], page: int | None, start: Any
    ) -> dict[str, Any]:
        built = ConditionExpressionBuilder().build_expression(condition, is_key_condition=True)
        request: dict[str, Any] = {
            "TableName": self.name,
            "KeyConditionExpression": built.condition_expression,
            "ExpressionAttributeNames": dict(built.attribute_name_placeholders),
            "ExpressionAttributeValues": to_aws(built.attribute_value_placeholders),
        }
        if index:
            request["IndexName"] = index
        else:
            request["ConsistentRead"] = True
        if names:
            request["ProjectionExpression"], placeholders = _projection(names)
            request["ExpressionAttributeNames"] |= placeholders
        if page:
            request["Limit"] = page
        if start:
            request["ExclusiveStartKey"] = start
        return request

    def _get_batch(self, keys: Sequence[Item], names: Sequence[str]) -> list[Item]:
        left: Any = {"Keys": keys, "ConsistentRead": True}
        if names:
            left["ProjectionExpression"], left["ExpressionAttributeNames"] = _projection(names)
        found: list[Item] = []
        attempt = 0
        while attempt < _PATIENCE:
            answer = self.client.batch_get_item(RequestItems={self.name: left})
            got = answer["Responses"].get(self.name, [])
            found += [from_aws(item) for item in got]
            left = answer.get("UnprocessedKeys", {}).get(self.name)
            if not left:
                return found
            if got:
                attempt = 0  # an answer ends at 16 MB: what it leaves out is simply the next one's
            else:
                _pause(attempt)
                attempt += 1
        raise StoreBusyError("the table is busy")

    def put_all(self, items: Iterable[Item]) -> None:
        """Write many items, up to 16 calls at a time. Raises: StoreBusyError."""
        self._batches([{"PutRequest": {"Item": to_aws(item)}} for item in items])

    def delete_all(self, keys: Iterable[Item]) -> None:
        """Delete many items, up to 16 calls at a time. Raises: StoreBusyError."""
        self._batches([{"DeleteRequest": {"Key": to_aws(key)}} for key in keys])

    def _batches(self, requests: Sequence[dict[str, Any]]) -> None:
        overlapped(self._batch, [requests[start : start + BATCH] for start in range(0, len(requests), BATCH)])

    def _batch(self, requests: Sequence[dict[str, Any]]) -> None:
        left: Any = requests
        for attempt in range(_PATIENCE):
            answer = self.client.batch_write_item(RequestItems={self.name: left})
            left = answer.get("UnprocessedItems", {}).get(self.name)
            if not left:
                return
            _pause(attempt)
        raise StoreBusyError("the table is busy")


def transact(client: Any, operations: Sequence[Operation]) -> None:
    """Apply all operations or none of them; a conflict with another transaction is tried again.

    Raises: TransactionRefusedError when a condition does not hold, StoreBusyError after too many conflicts.
    """
    for attempt in range(_PATIENCE):
        try:
            client.transact_write_items(TransactItems=[_without_empty_values(operation) for operation in operations])
            return
        except ClientError as error:
            if error.response["Error"]["Code"] != "TransactionCanceledException":
                raise
            codes = [reason.get("Code", "None") for reason in error.response.get("CancellationReasons", [])]
        failed = tuple(place for place, code in enumerate(codes) if code == "ConditionalCheckFailed")
        if failed:
            raise TransactionRefusedError(failed)
        _pause(attempt)
    raise StoreBusyError("the transaction met others too often")


def _without_empty_values(operation: Operation) -> Operation:
    ((verb, arguments),) = operation.items()
    return {verb: {name: value for name, value in arguments.items() if value != {}}}


def _projection(names: Sequence[str]) -> tuple[str, dict[str, str]]:
    """The expression that limits what comes back, and its placeholders; `a.b` is the entry `b` of the map `a`."""
    steps = dict.fromkeys(step for name in names for step in name.split("."))
    placeholders = {step: f"#p{number}" for number, step in enumerate(steps)}
    wanted = ", ".join(".".join(placeholders[step] for step in name.split(".")) for name in names)
    return wanted, {placeholder: step for step, placeholder in placeholders.items()}


def _conditions(when: ConditionBase | None) -> dict[str, Any]:
    if when is None:
        return {}
    built = ConditionExpressionBuilder().build_expression(when)
    parts: dict[str, Any] = {
        "ConditionExpression": built.condition_expression,
        "ExpressionAttributeNames": dict(built.attribute_name_placeholders),
    }
    if built.attribute_value_placeholders:
        parts["ExpressionAttributeValues"] = to_aws(built.attribute_value_placeholders)
    return parts


def _filtered(request: dict[str, Any], where: ConditionBase | None) -> dict[str, Any]:
    """A Query that answers only with what meets a condition, beside the one on its keys; it reads no less."""
    if where is None:
        return request
    # Names of its own: both conditions count theirs from 0.
    built = ConditionExpressionBuilder().build_expression(where)
    names = {name.replace("#n", "#w"): value for name, value in built.attribute_name_placeholders.items()}
    values = {name.replace(":v", ":w"): value for name, value in built.attribute_value_placeholders.items()}
    return request | {
        "FilterExpression": built.condition_expression.replace("#n", "#w").replace(":v", ":w"),
        "ExpressionAttributeNames": request["ExpressionAttributeNames"] | names,
        "ExpressionAttributeValues": request["ExpressionAttributeValues"] | to_aws(values),
    }


def _pause(attempt: int) -> None:
    """Wait a random while, longer each time, so that those who met do not meet again (full jitter)."""
    time.sleep(secrets.randbelow(50 * 2**attempt) / 1000)
