"""Recording a hold, bringing it into force, showing and releasing it (promise visits.retention)."""

from datetime import datetime
from typing import Any

from holds.parts import Parts
from privacy.clock import rfc3339
from privacy.models.holds import PREFIX, Hold, NewHold, UnreadableHold, UnreadableHoldError
from privacy.models.ids import is_id, new_id
from privacy.models.paging import CursorError, first_page
from privacy.removal.holds import hold_account, hold_visits
from privacy.tables.audit import new_entry
from privacy.web.problems import ProblemError, invalid, unavailable

Ids = dict[str, Any]

SECONDS = 20.0
"""How long a request frees visits from TTL before it leaves the rest to the next tick (API Gateway ends it after
29 s)."""


class UnknownHoldError(Exception):
    """There is no such hold, or it ended so long ago that nothing is known of it."""


def plan() -> Ids:
    """The id of a new hold."""
    return {"hold_id": new_id(PREFIX)}


def make(parts: Parts, owner: str, form: NewHold, ids: Ids, now: datetime) -> Ids:
    """Record a hold and bring it into force; one that is recorded already is brought into force.

    Raises: ProblemError 422 for an end that a hold cannot have, 503 when there was no time to prepare all of it: then
    the next tick does.
    """
    hold = _got(parts, ids["hold_id"]) or _recorded(parts, owner, form, ids["hold_id"], now)
    until = parts.monotonic() + SECONDS
    if hold.scope.visits:
        hold, whole = hold_visits(hold, parts.holds, parts.visits, parts.clock, lambda: parts.monotonic() < until)
    else:
        hold, whole = hold_account(hold, parts.holds, parts.of_accounts, parts.clock), True
    if not whole:
        raise unavailable("the hold is recorded, and in force once all it covers is safe: within the hour", 60)
    return ids


def _recorded(parts: Parts, owner: str, form: NewHold, hold_id: str, now: datetime) -> Hold:
    if form.until <= now:
        raise invalid("until", "must be in the future")
    longest = parts.policy.retention["holds.longest"]
    if form.until > longest.after(now):
        raise invalid("until", f"must be at most {longest.text} from now; hold anew when it is needed longer")
    hold = Hold(hold_id, owner, form.ground, form.reason, form.scope, now, form.until)
    _audit(parts, "hold.created", owner, hold, now)
    parts.holds.create(hold)
    return hold


def made(parts: Parts, ids: Ids, now: datetime) -> dict[str, Any]:
    """A hold that was made, as it is now. Raises: UnknownHoldError."""
    return shown(_existing(parts, ids["hold_id"], now), now)


def page(parts: Parts, limit: int, after: str | None, now: datetime) -> tuple[list[dict[str, Any]], str | None]:
    """Some holds, the newest first, and where to go on. They are few: all are read. Raises: CursorError."""
    found = parts.holds.shown(now)
    start = 0
    if after:
        places = [place for place, hold in enumerate(found) if hold.id == after]
        if not places:
            raise CursorError("this hold is not in the list")
        start = places[0] + 1
    items, more = first_page((shown(hold, now) for hold in found[start:]), limit)
    return items, items[-1]["hold_id"] if more else None


def release(parts: Parts, releaser: str, hold_id: str, now: datetime) -> None:
    """End a hold: what is overdue goes at the next sweep. One that has ended stays as it is.

    Raises: UnknownHoldError, ProblemError 409 for one that cannot be read.
    """
    hold = _existing(parts, hold_id, now)
    if not hold.has_ended(now):
        _audit(parts, "hold.released", releaser, hold, now)
        parts.holds.release(hold, now)


def shown(hold: Hold | UnreadableHold, now: datetime) -> dict[str, Any]:
    """A hold as staff see it. What ended before `in_force_since` is not held."""
    if isinstance(hold, UnreadableHold):
        return {"hold_id": hold.id, "unreadable": True}
    return {
        "hold_id": hold.id,
        "scope": hold.scope.document(),
        "ground": hold.ground.value,
        "reason": hold.reason,
        "owner": hold.owner,
        "created_at": rfc3339(hold.created_at),
        "until": rfc3339(hold.until),
        "released_at": rfc3339(hold.released_at) if hold.released_at else None,
        "in_force": hold.is_in_force(now),
        "in_force_since": rfc3339(hold.since) if hold.since else None,
    }


def _existing(parts: Parts, hold_id: str, now: datetime) -> Hold:
    hold = _got(parts, hold_id) if is_id(PREFIX, hold_id) else None
    if hold is None or parts.policy.retention["holds.kept"].over(hold.ended_at, now):
        raise UnknownHoldError
    return hold


def _got(parts: Parts, hold_id: str) -> Hold | None:
    try:
        return parts.holds.get(hold_id)
    except UnreadableHoldError:
        raise ProblemError(409, "this hold cannot be read; it has to be repaired or removed by hand") from None


def _audit(parts: Parts, action: str, actor: str, hold: Hold, now: datetime) -> None:
    facts = {"ground": hold.ground.value, "scope": hold.scope.kind}
    parts.trail.add(new_entry(action, actor, now, subject=hold.id, facts=facts))
