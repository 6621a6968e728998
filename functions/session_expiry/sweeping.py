"""The sweeps of every store whose items end a period after an origin: one for each limit."""

from collections.abc import Sequence
from functools import partial

from privacy.removal.sweep import HasTime, Swept, sweep
from privacy.schedules import Sweep
from privacy.tables.expiry import Expiring
from session_expiry.parts import Parts


def sweeps(parts: Parts) -> dict[str, Sequence[Sweep]]:
    """What removes the things that are due, by store.

    What several limits end is removed by the first one that finds it, which also tells its lag: for a session the idle
    limit, so after a pause of the sweep that is longer than the idle period, up to so much less is told.
    """
    return {store: [partial(_sweep, parts, limit) for limit in limits] for store, limits in parts.stores.items()}


def _sweep(parts: Parts, limit: Expiring, has_time: HasTime) -> Swept:
    now = parts.clock()
    return sweep(limit.due(now), partial(limit.remove, now=now), parts.clock, has_time)
