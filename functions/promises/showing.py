"""A promise as anybody may see it: its status and evidence in words and counts, no id of anything."""

from datetime import UTC, datetime, timedelta
from typing import Any

from privacy.clock import rfc3339
from privacy.policy import Promise
from privacy.tables.store import Item

STALE = timedelta(hours=3)
"""The audit runs every hour: what it found longer ago says nothing any more."""

_AT_RISK = "at-risk"


def shown(promise: Promise, found: Item | None, now: datetime) -> dict[str, Any]:
    """The promise with what was found last; without a finding that is fresh it is at risk, and says so (promise
    audit.proof). What was found broken stays broken until a check says otherwise.
    """
    if found is None:
        evidence = ["no check of this promise has run yet"]
        return _item(promise, _AT_RISK, None, None, evidence, 0, None)
    status, evidence = found["status"], list(found["evidence"])
    checked_at = datetime.fromtimestamp(found["checked_at"], UTC)
    if now - checked_at > STALE:
        status = _AT_RISK if status == "kept" else status
        evidence = ["the last check was more than three hours ago; it said:", *evidence]
    since = datetime.fromtimestamp(found["since"], UTC)
    lags = {name: found[f"lag_{name}"] for name in ("p50", "p99", "max")} if "lag_max" in found else None
    return _item(promise, status, since, checked_at, evidence, found["overdue"], lags)


def _item(
    promise: Promise,
    status: str,
    since: datetime | None,
    checked_at: datetime | None,
    evidence: list[str],
    overdue: int,
    lags: dict[str, int] | None,
) -> dict[str, Any]:
    return {
        "id": promise.id,
        "text": promise.text,
        "status": status,
        "since": rfc3339(since) if since else None,
        "checked_at": rfc3339(checked_at) if checked_at else None,
        "latest_removal_lag": lags,
        "overdue": overdue,
        "evidence": evidence,
    }
