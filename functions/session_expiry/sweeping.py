"""The sweeps of every store whose items end a period after an origin: one for each limit. What a hold on an account
covers is spared, and kept from TTL (`privacy.removal.holds`).
"""

from collections.abc import Iterator, Sequence
from dataclasses import replace
from datetime import datetime
from functools import partial

from privacy.models.holds import kept_until
from privacy.removal.holds import held_items, hold_account
from privacy.removal.sweep import HasTime, SweepError, Swept, sweep
from privacy.schedules import Sweep
from privacy.tables.expiry import Expiring
from privacy.telemetry import logger
from session_expiry.parts import Parts

_LOG = logger("session_expiry")


def sweeps(parts: Parts) -> dict[str, Sequence[Sweep]]:
    """What removes the things that are due, by store; first what keeps TTL from those that are held.

    What several limits end is removed by the first one that finds it, which also tells its lag: for a session the idle
    limit, so after a pause of the sweep that is longer than the idle period, up to so much less is told.
    """
    found: dict[str, Sequence[Sweep]] = {"holds": [partial(_free, parts), partial(_forget, parts)]}
    for store, limits in parts.stores.items():
        held: set[str] = set()  # what both limits of a store spare is counted once
        sparing = store in parts.of_accounts
        found[store] = [
            partial(_sweep_sparing, parts, store, limit, held) if sparing else partial(_sweep, parts, limit)
            for limit in limits
        ]
    return found


def _free(parts: Parts, has_time: HasTime) -> Swept:
    """Free from TTL what holds on accounts cover and ends soon; and tell of holds that nobody can read."""
    now = parts.clock()
    holds, unreadable = parts.holds.read()
    if unreadable:
        _LOG.error("holds cannot be read", extra={"hold_ids": [hold.id for hold in unreadable]})
    told = len(unreadable) or None
    for hold in holds:
        if hold.scope.account_id and not hold.has_ended(now):
            if not has_time():
                return Swept(removed=0, lag_seconds=0, left=True, unreadable=told)
            hold_account(hold, parts.holds, parts.of_accounts, parts.clock)
    return Swept(removed=0, lag_seconds=0, left=False, unreadable=told)


def _forget(parts: Parts, has_time: HasTime) -> Swept:
    """The holds that ended so long ago that nothing is known of them any more."""
    return sweep(parts.holds.due(parts.clock()), parts.holds.remove, parts.clock, has_time)


def _sweep(parts: Parts, limit: Expiring, has_time: HasTime) -> Swept:
    now = parts.clock()
    return sweep(limit.due(now), partial(limit.remove, now=now), parts.clock, has_time)


def _sweep_sparing(parts: Parts, store: str, limit: Expiring, held: set[str], has_time: HasTime) -> Swept:
    """As `_sweep`, but for what holds keep. A thing that several limits end is kept only if each of them spares it:
    if none had ended it before the hold.
    """
    now = parts.clock()
    every, unreadable = parts.holds.read()  # asked for after `now` was taken
    holds = held_items(parts.of_accounts[store], every)
    # What was freed from TTL may be what an unreadable hold keeps: it waits until somebody has seen to that one.
    remove = partial(limit.remove, now=now, unless_freed=bool(unreadable))
    before = len(held)

    def free() -> Iterator[tuple[str, datetime]]:
        for key, over in limit.due(now):
            goes = kept_until(over, holds.get(key, ()))
            if goes > now:
                held.add(key)
            else:
                yield key, goes

    try:
        swept = sweep(free(), remove, parts.clock, has_time)
    except SweepError as error:
        raise SweepError(replace(error.swept, held=len(held) - before)) from error.__cause__
    return replace(swept, held=len(held) - before)
