"""Removing visits whose period is over, page by page, unless they are held, and keeping TTL from those that are
(promise visits.retention). Why neither is ever faster than a hold is told in `privacy.removal.holds`.
"""

from log_purging.parts import Parts
from privacy.removal.holds import hold_visits, visit_kept_until
from privacy.removal.sweep import HasTime, Swept


def free(parts: Parts, has_time: HasTime) -> Swept:
    """Free from TTL what holds on visits cover and ends soon. It comes before the purge: what is purged late is late,
    what TTL takes is lost.
    """
    now = parts.clock()
    holds = [hold for hold in parts.holds.all() if hold.scope.visits and not hold.has_ended(now)]
    whole = [hold_visits(hold, parts.holds, parts.visits, parts.clock, has_time)[1] for hold in holds]
    return Swept(removed=0, lag_seconds=0, left=not all(whole))


def purge(parts: Parts, has_time: HasTime) -> Swept:
    """Remove what is due until time is up; the next run goes on from what still lies there.

    What a hold kept counts as late only from the end of the hold.
    """
    removed, lag, held = 0, 0, 0
    now = parts.clock()
    every, unreadable = parts.holds.read()  # asked for after `now` was taken
    holds = [hold for hold in every if hold.scope.visits]
    pages = parts.visits.due(now)
    for page in pages:
        ends = [(visit, visit_kept_until(visit, parts.period, holds)) for visit in page]
        # What was freed from TTL may be what an unreadable hold keeps: it waits until somebody has seen to that one.
        over = [(visit, end) for visit, end in ends if end <= now and not (unreadable and visit.freed)]
        parts.visits.remove([visit for visit, _ in over])
        removed += len(over)
        held += len(page) - len(over)
        if over:
            lag = max(lag, int((parts.clock() - min(end for _, end in over)).total_seconds()))
        if not has_time():
            return Swept(removed, lag, left=next(pages, None) is not None, held=held)
    return Swept(removed, lag, left=False, held=held)
