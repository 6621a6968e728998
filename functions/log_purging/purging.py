"""Removing visits whose period is over, page by page, unless they are held (promise visits.retention)."""

from log_purging.parts import Parts
from privacy.removal.sweep import HasTime, Swept


def purge(parts: Parts, has_time: HasTime) -> Swept:
    """Remove what is due until time is up; the next run goes on from what still lies there."""
    removed, lag, held = 0, 0, 0
    pages = parts.visits.due(parts.clock())
    for page in pages:
        free = [visit for visit in page if not parts.held(visit.visited_at)]
        parts.visits.remove(free)
        removed += len(free)
        held += len(page) - len(free)
        if free:
            oldest = min(visit.visited_at for visit in free)
            lag = max(lag, int((parts.clock() - parts.period.after(oldest)).total_seconds()))
        if not has_time():
            return Swept(removed, lag, left=next(pages, None) is not None, held=held)
    return Swept(removed, lag, left=False, held=held)
