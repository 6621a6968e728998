"""A promise as anybody may see it: its status and evidence in words and counts, no id of anything."""

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

from privacy.clock import rfc3339
from privacy.policy import Promise
from privacy.tables.store import Item

STALE = timedelta(hours=3)
"""The audit runs every hour: what it found longer ago says nothing any more."""

AHEAD = timedelta(minutes=5)
"""How far its clock may be ahead of ours: a later finding would seem fresh for as long as it likes."""

_KEPT, _AT_RISK, _BROKEN = "kept", "at-risk", "broken"

_LAGS = ("p50", "p99", "max")


@dataclass(frozen=True, slots=True)
class _Found:
    """What an audit found of a promise; `lags` in seconds."""

    status: str
    since: datetime
    checked_at: datetime
    evidence: list[str]
    overdue: int
    lags: dict[str, int] | None


def shown(promise: Promise, item: Item | None, now: datetime) -> dict[str, Any]:
    """The promise with what was found last; without a finding that is fresh, and can be read, it is at risk, and says
    so (promise audit.proof). What was found broken stays broken until a check says otherwise.
    """
    if item is None:
        return _item(promise, _AT_RISK, None, None, ["no check of this promise has run yet"], 0, None)
    try:
        found = _read(item)
    except (KeyError, TypeError, ValueError, OverflowError, OSError):
        return _item(promise, _AT_RISK, None, None, ["what the last check found cannot be read"], 0, None)
    status, evidence = found.status, found.evidence
    if reason := _worthless(found.checked_at, now):
        status = _AT_RISK if status == _KEPT else status
        evidence = [f"the last check {reason}; it said:", *evidence]
    return _item(promise, status, found.since, found.checked_at, evidence, found.overdue, found.lags)


def _worthless(checked_at: datetime, now: datetime) -> str | None:
    """Why a check of that time says nothing of now, or None when it does."""
    if now - checked_at > STALE:
        return "was more than three hours ago"
    return "is of a time that has not come" if checked_at - now > AHEAD else None


def _read(item: Item) -> _Found:
    """A row as the audit writes it. Raises: KeyError, TypeError, ValueError, OverflowError or OSError for any other."""
    status, evidence = item["status"], item["evidence"]
    if status not in (_KEPT, _AT_RISK, _BROKEN):
        raise ValueError("there is no such status")
    if not isinstance(evidence, list) or not all(isinstance(line, str) for line in evidence):
        raise TypeError("evidence is a list of texts")
    lags = {name: _whole(item[f"lag_{name}"]) for name in _LAGS} if "lag_max" in item else None
    since, checked_at = (datetime.fromtimestamp(_whole(item[name]), UTC) for name in ("since", "checked_at"))
    return _Found(status, since, checked_at, evidence, _whole(item["overdue"]), lags)


def _whole(value: Any) -> int:
    if not isinstance(value, int):
        raise TypeError("a whole number was expected")
    return value


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
