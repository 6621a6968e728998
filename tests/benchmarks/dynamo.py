"""A DynamoDB that costs next to nothing, so that what is measured is our code; or that costs a set time a call.

It takes every condition as holding: in a benchmark one worker is alone. It keeps and gives typed values as they come.
"""

import re
import threading
import time
from bisect import bisect_left, bisect_right
from collections import Counter
from collections.abc import Mapping
from typing import Any

PAGE_BYTES = 1 << 20
"""What a Query gives at most (https://docs.aws.amazon.com/amazondynamodb/latest/APIReference/API_Query.html)."""

_GREATEST = "\U0010ffff"
_BEGINS = re.compile(r"begins_with\(#\w+, (:\w+)\)")
_FROM, _BELOW = re.compile(r" >= (:\w+)"), re.compile(r" < (:\w+)")
_BETWEEN = re.compile(r"BETWEEN (:\w+) AND (:\w+)")
_SET = re.compile(r"(#\w+) = (:\w+)")

Item = dict[str, Any]


class Partition:
    """The items under one hash key, in the order of their range keys."""

    def __init__(self) -> None:
        self.items: dict[str, Item] = {}
        self._order: list[str] | None = None

    def put(self, name: str, item: Item) -> None:
        if name not in self.items:
            self._order = None
        self.items[name] = item

    def delete(self, name: str) -> Item | None:
        self._order = None
        return self.items.pop(name, None)

    @property
    def order(self) -> list[str]:
        if self._order is None:
            self._order = sorted(self.items)
        return self._order


class Dynamo:
    """The calls of a boto3 client that our code makes.

    `keys` names each table's hash and, where it has one, range key. `latency` is what a call takes, in seconds.
    `repeat` makes a table larger than memory: whoever reads the range keys that begin with a prefix to their end is
    given them that many times over.
    """

    def __init__(self, keys: Mapping[str, tuple[str, ...]]) -> None:
        self.keys = keys
        self.latency = 0.0
        self.repeat: dict[str, int] = {}
        self.calls: Counter[str] = Counter()
        self.tables: dict[str, dict[str, Partition]] = {name: {} for name in keys}
        self._lock = threading.Lock()

    def get_item(self, **call: Any) -> dict[str, Any]:
        self._called("get_item")
        hashed, ranged = self._place(call["TableName"], call["Key"])
        item = self._partition(call["TableName"], hashed).items.get(ranged)
        return {} if item is None else {"Item": item}

    def put_item(self, **call: Any) -> dict[str, Any]:
        self._called("put_item")
        self._put(call["TableName"], call["Item"])
        return {}

    def delete_item(self, **call: Any) -> dict[str, Any]:
        self._called("delete_item")
        old = self._delete(call["TableName"], call["Key"])
        return {} if old is None else {"Attributes": old}

    def update_item(self, **call: Any) -> dict[str, Any]:
        self._called("update_item")
        return {"Attributes": self._update(call)}

    def transact_write_items(self, **call: Any) -> dict[str, Any]:
        self._called("transact_write_items")
        for operation in call["TransactItems"]:
            match operation:
                case {"Put": arguments}:
                    self._put(arguments["TableName"], arguments["Item"])
                case {"Delete": arguments}:
                    self._delete(arguments["TableName"], arguments["Key"])
                case {"Update": arguments}:
                    self._update(arguments)
        return {}

    def batch_write_item(self, **call: Any) -> dict[str, Any]:
        self._called("batch_write_item")
        for table, requests in call["RequestItems"].items():
            for request in requests:
                if "PutRequest" in request:
                    self._put(table, request["PutRequest"]["Item"])
                else:
                    self._delete(table, request["DeleteRequest"]["Key"])
        return {"UnprocessedItems": {}}

    def batch_get_item(self, **call: Any) -> dict[str, Any]:
        self._called("batch_get_item")
        found: dict[str, list[Item]] = {}
        for table, asked in call["RequestItems"].items():
            names = _projected(asked)
            places = [self._place(table, key) for key in asked["Keys"]]
            items = [self._partition(table, hashed).items.get(ranged) for hashed, ranged in places]
            found[table] = [_part(item, names) for item in items if item is not None]
        return {"Responses": found, "UnprocessedKeys": {}}

    def query(self, **call: Any) -> dict[str, Any]:
        self._called("query")
        table, values = call["TableName"], call["ExpressionAttributeValues"]
        hashed, low, high = _asked(call["KeyConditionExpression"], values)
        partition = self._partition(table, hashed)
        order = partition.order
        start = call.get("ExclusiveStartKey", {})
        turn = int(start.get("turn", {}).get("N", 1))
        last = self._place(table, start)[1] if len(start) > 1 else None
        first = bisect_left(order, low) if last is None else bisect_right(order, last)
        end = bisect_right(order, high)
        stop = min(end, first + call["Limit"]) if "Limit" in call else end
        names = _projected(call)
        items: list[Item] = []
        size = 0
        for name in order[first:stop]:
            item = partition.items[name]
            size += _size(item)
            if size > PAGE_BYTES and items:
                break
            items.append(_part(item, names))
        answer: dict[str, Any] = {"Items": items, "Count": len(items)}
        if first + len(items) < end:
            answer["LastEvaluatedKey"] = self._key(table, partition.items[order[first + len(items) - 1]], turn)
        elif items and "Limit" not in call and turn < self._turns(low):
            answer["LastEvaluatedKey"] = {"turn": {"N": str(turn + 1)}}
        return answer

    def _called(self, name: str) -> None:
        with self._lock:
            self.calls[name] += 1
        if self.latency:
            time.sleep(self.latency)

    def _turns(self, low: str) -> int:
        return next((turns for prefix, turns in self.repeat.items() if low.startswith(prefix)), 1)

    def _partition(self, table: str, hashed: str) -> Partition:
        return self.tables[table].setdefault(hashed, Partition())

    def _place(self, table: str, item: Item) -> tuple[str, str]:
        hashed, *ranged = self.keys[table]
        return item[hashed]["S"], item[ranged[0]]["S"] if ranged else ""

    def _key(self, table: str, item: Item, turn: int) -> Item:
        key = {name: item[name] for name in self.keys[table]}
        return key if turn == 1 else key | {"turn": {"N": str(turn)}}

    def _put(self, table: str, item: Item) -> None:
        hashed, ranged = self._place(table, item)
        self._partition(table, hashed).put(ranged, item)

    def _delete(self, table: str, key: Item) -> Item | None:
        hashed, ranged = self._place(table, key)
        return self._partition(table, hashed).delete(ranged)

    def _update(self, call: dict[str, Any]) -> Item:
        hashed, ranged = self._place(call["TableName"], call["Key"])
        item = dict(self._partition(call["TableName"], hashed).items.get(ranged, call["Key"]))
        changes, _, gone = call["UpdateExpression"].partition("REMOVE ")
        for name, value in _SET.findall(changes):
            item[call["ExpressionAttributeNames"][name]] = call["ExpressionAttributeValues"][value]
        for name in filter(None, gone.split(", ")):
            item.pop(call["ExpressionAttributeNames"][name], None)
        self._put(call["TableName"], item)
        return item


def _asked(condition: str, values: Mapping[str, Any]) -> tuple[str, str, str]:
    """The hash key that a condition selects, and the least and greatest range key."""
    hashed = values[":v0"]["S"]
    if begins := _BEGINS.search(condition):
        prefix = values[begins[1]]["S"]
        return hashed, prefix, prefix + _GREATEST
    if start := _FROM.search(condition):
        return hashed, values[start[1]]["S"], _GREATEST
    if below := _BELOW.search(condition):
        return hashed, "", values[below[1]]["S"]  # that one text itself is no id
    if between := _BETWEEN.search(condition):
        return hashed, values[between[1]]["S"], values[between[2]]["S"]
    if condition.count(":") > 1:
        raise NotImplementedError("no benchmark asked with such a key condition so far")
    return hashed, "", _GREATEST


def _projected(call: Mapping[str, Any]) -> list[str] | None:
    if "ProjectionExpression" not in call:
        return None
    return [call["ExpressionAttributeNames"][name] for name in call["ProjectionExpression"].split(", ")]


def _part(item: Item, names: list[str] | None) -> Item:
    return item if names is None else {name: item[name] for name in names if name in item}


def _size(item: Item) -> int:
    """An item's bytes, about: what is not in its seal is little."""
    return 150 + len(item["sealed"]["B"]) if "sealed" in item else 150
