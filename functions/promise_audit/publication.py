"""What the audit found, kept for who asks: the current state of every promise, and its history for a while.

Table `findings`: key `promise`, `entry`. The entry `now` is the current state; `since` moves only when the status does.
An entry that begins with a day is history: the first of each day, and every change. It goes with the period `findings`.
"""

import json
from collections.abc import Collection, Mapping
from dataclasses import asdict, dataclass, replace
from datetime import UTC, datetime
from typing import Any

from botocore.exceptions import ClientError

from privacy.policy import Period
from promise_audit.looking import Finding, Status
from promise_audit.walking import Place

_NOW = "now"
_WALKS = "walks"
"""The entry that tells where the walks through big stores go on; it is no promise."""

STILL = "was broken when it was seen last, and not all was looked at since"


@dataclass(frozen=True, slots=True)
class Findings:
    """The table of findings, through a client of its region."""

    client: Any
    table: str
    period: Period

    def publish(self, finding: Finding, now: datetime) -> None:
        """Write what was found, unless a later audit was faster."""
        before = self._get(finding.promise, _NOW)
        finding, broken_at = _as_it_stands(finding, before, now)
        changed = before.get("status", {}).get("S") != finding.status.value
        since = {"N": str(int(now.timestamp()))} if changed else before["since"]
        item = {"promise": {"S": finding.promise}, **_item(finding, now), "since": since, **broken_at}
        read = before.get("checked_at")
        condition = "checked_at = :read" if read else "attribute_not_exists(checked_at)"
        values = {"ExpressionAttributeValues": {":read": read}} if read else {}
        if not self._put({**item, "entry": {"S": _NOW}}, condition, values):
            return
        ends = {"ttl": {"N": str(int(self.period.after(now).timestamp()))}}
        first = f"{now:%Y-%m-%d}"
        entries = [first, f"{now:%Y-%m-%dT%H:%M:%SZ}"] if changed else [first]
        for entry in entries:
            self._put({**item, **ends, "entry": {"S": entry}}, "attribute_not_exists(promise)", {})
        self._forget(finding.promise, now)

    def places(self) -> tuple[Mapping[str, Place], Collection[str]]:
        """Where the walks of the last audit stopped, by store, and the promises that it had no time for."""
        row = self._get(_WALKS, _WALKS)
        places = json.loads(row["places"]["S"]) if row else {}
        return {name: Place(**place) for name, place in places.items()}, set(row["left"]["SS"]) if "left" in row else ()

    def keep_places(self, places: Mapping[str, Place], left: Collection[str]) -> None:
        """Note where the next audit goes on. Of two at once one notes it: the other's part is looked at again."""
        key = {"promise": {"S": _WALKS}, "entry": {"S": _WALKS}}
        told = {"places": {"S": json.dumps({name: asdict(place) for name, place in places.items()})}}
        missed = {"left": {"SS": sorted(left)}} if left else {}
        self.client.put_item(TableName=self.table, Item={**key, **told, **missed})

    def _get(self, promise: str, entry: str) -> dict[str, Any]:
        key = {"promise": {"S": promise}, "entry": {"S": entry}}
        found: dict[str, Any] = self.client.get_item(TableName=self.table, Key=key, ConsistentRead=True).get("Item", {})
        return found

    def _put(self, item: dict[str, Any], condition: str, values: dict[str, Any]) -> bool:
        try:
            self.client.put_item(TableName=self.table, Item=item, ConditionExpression=condition, **values)
        except ClientError as error:
            if error.response["Error"]["Code"] != "ConditionalCheckFailedException":
                raise
            return False
        return True

    def _forget(self, promise: str, now: datetime) -> None:
        """Remove what TTL has not: history whose period is over."""
        last = self.period.latest_origin_over(now).astimezone(UTC)
        pages = self.client.get_paginator("query").paginate(
            TableName=self.table,
            KeyConditionExpression="promise = :promise AND entry < :last",
            ExpressionAttributeValues={":promise": {"S": promise}, ":last": {"S": f"{last:%Y-%m-%dT%H:%M:%SZ}"}},
            ProjectionExpression="promise, entry",
        )
        for page in pages:
            for key in page["Items"]:
                self.client.delete_item(TableName=self.table, Key=key)


def _as_it_stands(finding: Finding, before: Mapping[str, Any], now: datetime) -> tuple[Finding, dict[str, Any]]:
    """What is to be said, and when a violation was seen last: an audit that did not see all takes nothing back of what
    was seen broken, until all was seen since.
    """
    if finding.status is Status.BROKEN:
        return finding, {"broken_at": {"N": str(int(now.timestamp()))}}
    seen, was = before.get("broken_at"), before.get("status", {}).get("S")
    since = finding.whole_since.timestamp() if finding.whole_since else 0
    if finding.is_partial and was == Status.BROKEN.value and seen and since <= int(seen["N"]):
        return replace(finding, status=Status.BROKEN, evidence=(*finding.evidence, STILL)), {"broken_at": seen}
    return finding, {}


def _item(finding: Finding, now: datetime) -> dict[str, Any]:
    p50, p99, latest = finding.lags or (None, None, None)
    lags = {"lag_p50": p50, "lag_p99": p99, "lag_max": latest}
    numbers = {"checked": finding.checked, "violations": finding.violations, "overdue": finding.overdue, **lags}
    return {
        "status": {"S": finding.status.value},
        "checked_at": {"N": str(int(now.timestamp()))},
        "evidence": {"L": [{"S": line} for line in finding.evidence]},
        "examples": {"L": [{"S": example} for example in finding.examples]},
        **{name: {"N": str(value)} for name, value in numbers.items() if value is not None},
    }
