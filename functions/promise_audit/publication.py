"""What the audit found, kept for who asks: the current state of every promise, and its history for a while.

Table `findings`: key `promise`, `entry`. The entry `now` is the current state; `since` moves only when the status does.
An entry that begins with a day is history: the first of each day, and every change. It goes with the period `findings`.
"""

from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from botocore.exceptions import ClientError

from privacy.policy import Period
from promise_audit.looking import Finding

_NOW = "now"


@dataclass(frozen=True, slots=True)
class Findings:
    """The table of findings, through a client of its region."""

    client: Any
    table: str
    period: Period

    def publish(self, finding: Finding, now: datetime) -> None:
        """Write what was found, unless a later audit was faster."""
        before = self._get(finding.promise)
        changed = before.get("status", {}).get("S") != finding.status.value
        since = {"N": str(int(now.timestamp()))} if changed else before["since"]
        item = {"promise": {"S": finding.promise}, **_item(finding, now), "since": since}
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

    def _get(self, promise: str) -> dict[str, Any]:
        key = {"promise": {"S": promise}, "entry": {"S": _NOW}}
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
