"""Bringing both sides together: the addresses that a person signed in from, and the visits from there."""

import time
from collections.abc import Callable, Collection, Sequence
from dataclasses import dataclass
from datetime import datetime
from functools import partial
from typing import Any

from correlation.parts import Parts
from privacy.aws import overlapped
from privacy.clock import rfc3339
from privacy.models.correlations import Ground, Question
from privacy.models.holds import Hold, kept_until
from privacy.models.sessions import Session
from privacy.models.visits import canonical_address
from privacy.tables.store import SHARDS
from privacy.tables.visits import ADDRESSES, StoredVisit
from privacy.vault.addresses import SealBrokenError

SECONDS = 20.0
"""How long the looking may take within a request of 29 s; what is left is said to be missing."""

MOST_VISITS = 1000
"""Visits of one result: who has more asks about a shorter time."""

MOST_SESSIONS = ADDRESSES
"""Sessions of one result: one Query takes all their addresses."""

_FIELDS = ("browser", "browser_version", "platform", "referrer", "language", "country")


@dataclass(frozen=True, slots=True)
class Result:
    """Both sides. It is answered once, and is in no store, log or entry.

    `complete` is false when there was more than fits, or more than there was time for. `broken` counts the sessions
    whose sealed address did not open.
    """

    sessions: list[dict[str, Any]]
    visits: list[dict[str, Any]]
    complete: bool
    broken: int

    def shown(self) -> dict[str, Any]:
        """The result as the approver gets it."""
        return {"sessions": self.sessions, "visits": self.visits, "complete": self.complete}


def correlate(
    parts: Parts, asked: Question, ground: Ground, now: datetime, monotonic: Callable[[], float] = time.monotonic
) -> Result:
    """The account's sessions that were in use in the time asked about, and the visits of that time from the addresses
    of their sign-ins. What has expired at `now` is on neither side, but for what a hold of the same ground keeps, which
    may be read for that ground alone (promise visits.retention).
    """
    until = monotonic() + SECONDS
    holds = [hold for hold in parts.holds.all() if hold.ground.value == ground.value]
    on_account = [hold for hold in holds if hold.scope.account_id == asked.account_id]
    sessions = [
        session
        for session in parts.sessions.of_account(asked.account_id)
        if session.created_at <= asked.last
        and asked.first <= session.last_used_at
        and kept_until(session.expires_at(parts.policy), on_account) > now
    ]
    shown = overlapped(partial(_opened, parts), sessions[:MOST_SESSIONS])
    addresses = {address for entry in shown if (address := canonical_address(entry["address"]))}
    looks = overlapped(
        lambda shard: _look(parts, shard, asked, addresses, now, lambda: monotonic() < until),
        SHARDS if addresses else (),
    )
    looks.append(_held(parts, asked, holds, addresses, now, lambda: monotonic() < until))
    found = sorted((visit for visits, _ in looks for visit in visits), key=lambda visit: visit.at)
    whole = all(had_time for _, had_time in looks) and len(found) <= MOST_VISITS and len(sessions) <= MOST_SESSIONS
    broken = sum(entry["seal"] == "broken" for entry in shown)
    return Result(shown, [_visit(visit) for visit in found[:MOST_VISITS]], whole, broken)


def _opened(parts: Parts, session: Session) -> dict[str, Any]:
    """A session with the address of its sign-in; `seal` is opened, none (the address was not known) or broken."""
    address, seal = None, "none"
    if session.sealed_address is not None:
        try:
            address, seal = parts.addresses.open(session.sealed_address, session.token_hash), "opened"
        except SealBrokenError:
            seal = "broken"
    return {
        "created_at": rfc3339(session.created_at),
        "last_used_at": rfc3339(session.last_used_at),
        "address": address,
        "seal": seal,
    }


def _look(
    parts: Parts,
    shard: str,
    asked: Question,
    addresses: Collection[str],
    now: datetime,
    has_time: Callable[[], bool],
) -> tuple[list[StoredVisit], bool]:
    """A shard's visits, one more than a result holds at most, and whether there was time for all."""
    found: list[StoredVisit] = []
    for page in parts.visits.between(shard, asked.first, asked.last, addresses, now):
        found += page
        if len(found) > MOST_VISITS:
            return found, True
        if not has_time():
            return found, False
    return found, True


def _held(
    parts: Parts,
    asked: Question,
    holds: Sequence[Hold],
    addresses: Collection[str],
    now: datetime,
    has_time: Callable[[], bool],
) -> tuple[list[StoredVisit], bool]:
    """The visits past their date that some holds keep, and whether there was time for all."""
    period, found = parts.policy.retention["visits"], dict[str, StoredVisit]()
    if not addresses or asked.first >= period.earliest_origin_alive(now):
        return [], True
    for hold in holds:
        for visit in parts.visits.of_hold(hold, now, holds):
            asked_for = asked.first <= visit.visited_at <= asked.last and visit.fields.get("ip") in addresses
            if asked_for and period.over(visit.visited_at, now):
                found[visit.id] = visit
            if len(found) > MOST_VISITS or not has_time():
                return list(found.values()), False
    return list(found.values()), True


def _visit(visit: StoredVisit) -> dict[str, Any]:
    told = {name: visit.fields.get(name) for name in _FIELDS}
    return {"visited_at": rfc3339(visit.visited_at), "address": visit.fields["ip"], **told}
