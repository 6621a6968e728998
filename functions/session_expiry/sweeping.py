"""One sweep over all stores: each by itself, so that one that fails keeps no other from being swept."""

from collections.abc import Callable, Sequence
from functools import partial

from privacy.removal.sweep import SweepError, Swept, sweep
from privacy.tables.expiry import Expiring
from session_expiry.parts import Parts


def sweep_all(parts: Parts, has_time: Callable[[], bool], failed: Callable[[str, Exception], None]) -> list[Swept]:
    """Remove what is due in every store until time is up; `failed` hears of whatever could not be removed.

    A store that could not be looked into has no result: nothing is known of how late it is, and its alarm takes that
    for a breach.
    """
    done: list[Swept] = []
    for store, limits in parts.stores.items():
        swept = _sweep_store(parts, store, limits, has_time, partial(failed, store))
        if len(swept) == len(limits):
            done.append(_together(store, swept))
    return done


def _sweep_store(
    parts: Parts,
    store: str,
    limits: Sequence[Expiring],
    has_time: Callable[[], bool],
    failed: Callable[[Exception], None],
) -> list[Swept]:
    """What several limits end is removed by the first one that finds it, which also tells its lag: for a session the
    idle limit, so after a pause of the sweep that is longer than the idle period, up to so much less is told.
    """
    now = parts.clock()
    done: list[Swept] = []
    for limit in limits:
        try:
            done.append(sweep(store, limit.due(now), partial(limit.remove, now=now), parts.clock, has_time))
        except SweepError as error:
            failed(error)
            done.append(error.swept)
        except Exception as error:  # the handler raises in the end
            failed(error)
    return done


def _together(store: str, swept: Sequence[Swept]) -> Swept:
    return Swept(
        store,
        removed=sum(one.removed for one in swept),
        lag_seconds=max(one.lag_seconds for one in swept),
        left=any(one.left for one in swept),
        failed=sum(one.failed for one in swept),
    )
