"""Deletions past their deadline, told store by store: how long the oldest one that a store has kept is over."""

from collections.abc import Callable
from datetime import timedelta
from functools import cache, partial

from database_expiry.parts import Parts
from privacy.models.databases import Status
from privacy.models.removals import AT_HOME, CERTIFICATE, EVERYWHERE, KEYS, opened, unfinished
from privacy.removal.sweep import HasTime, Swept
from privacy.schedules import Sweep

STORES = (KEYS, *AT_HOME, *EVERYWHERE, CERTIFICATE)
"""What a deletion goes through; the figures of each are published as `deletion.<store>`."""


def sweeps(parts: Parts) -> dict[str, list[Sweep]]:
    """What tells, for each store, how late it is (promise databases.deletion). Nothing is removed here: the queue's
    workers do that, and `databases` wakes those that stalled.
    """
    ages = cache(partial(_ages, parts))  # looked up once a tick, by whichever comes first
    return {f"deletion.{store}": [partial(_told, ages, store)] for store in STORES}


def _told(ages: Callable[[], dict[str, timedelta]], store: str, has_time: HasTime) -> Swept:
    del has_time
    return Swept(removed=0, lag_seconds=int(ages()[store].total_seconds()), left=False)


def _ages(parts: Parts) -> dict[str, timedelta]:
    """The age past its deadline of the oldest deletion that has still something to do in a store."""
    now, period = parts.clock(), parts.policy.retention["databases.deletion"]
    oldest = dict.fromkeys(STORES, timedelta())
    for database in parts.databases.waiting(Status.DELETING, period.latest_origin_over(now)):
        if not period.over(database.since, now):
            continue
        removal = parts.removals.get(database.id) or opened(database, database.since)
        journal = parts.removals.progress(database.id).values()
        age = now - period.after(database.since)
        for store in unfinished(removal, journal, parts.policy.regions, parts.home):
            oldest[store] = max(oldest[store], age)
    return oldest
