"""Holds and TTL never race (promise visits.retention).

TTL asks nobody: it removes what has a `ttl` of now or earlier. So what is held must have none before its time comes.

- A hold is recorded as *being prepared* at `created_at`. Then what it covers, has not expired and ends within `AHEAD`
  is freed: its `ttl` is taken away by a conditional write that holds only while `ttl` lies after the clock's second.
  Then the clock is read, at `t`, and the hold is in force since `t + 1 s`. Whatever ends at `t + 1 s` or later ends
  after every one of those writes, so none was refused and TTL was not faster; whatever ended before is not held.
  Nothing that had expired was touched: nothing is brought back.
- What ends later than `AHEAD` is freed by the hourly ticks of the sweeps, each going on from where the last one came
  to. So only eight days without any tick could cost a visit; three cost nothing.
- A sweep takes the time `T` of what is due first and asks for the holds, consistently, after that. One that it does not
  see is recorded later than `T`, so it is in force since a second after `T` at the earliest, and keeps nothing that is
  due at `T`. One that is being prepared keeps what ends from `created_at` on. So no sweep is faster, either.
- Who finishes a hold does not matter: all of it follows from the hold's record. When a request is out of time, the next
  tick goes on.

A session's use writes its `ttl` anew, a week ahead, and a new session has one, too: the next tick frees them, and only
a week without any could cost one.
"""

from collections.abc import Callable, Iterable, Mapping, Sequence
from datetime import datetime, timedelta

from privacy.clock import Clock
from privacy.models.holds import Hold, kept_until
from privacy.policy import Period
from privacy.removal.sweep import HasTime
from privacy.tables.holds import AccountItems, Holds
from privacy.tables.store import Table
from privacy.tables.visits import StoredVisit, Visits

AHEAD = timedelta(days=8)
"""How long before its end something held is freed from TTL: a week without a tick, and a day to notice."""

_DAY, _SECOND = timedelta(days=1), timedelta(seconds=1)


def account_items(table: Callable[[str], Table]) -> Mapping[str, AccountItems]:
    """The stores that know their account: what a hold on an account reaches."""
    return {
        "sessions": AccountItems(table("sessions"), "token_hash"),
        "billing": AccountItems(table("billing"), "id"),
    }


def hold_visits(hold: Hold, holds: Holds, visits: Visits, clock: Clock, has_time: HasTime) -> tuple[Hold, bool]:
    """Free what a hold on visits covers and ends within `AHEAD`, and put the hold in force when it is not yet; the hold
    as it is then, and whether time sufficed.

    A day of visits at a time, each noted: whoever comes next goes on from there.
    """
    if hold.scope.visits is None:
        raise ValueError("this hold is not about visits")
    period = visits.policy.retention["visits"]
    target = period.latest_origin_over(clock() + AHEAD)
    done = hold.freed_to or period.earliest_origin_alive(hold.created_at) - _SECOND
    while done < target:
        if not has_time():
            return hold, False
        upper = min(done + _DAY, target)
        visits.free(hold.scope.visits, done + _SECOND, upper, clock)
        hold, done = holds.freed(hold, upper), upper
    return _in_force(hold, holds, clock), True


def hold_account(hold: Hold, holds: Holds, stores: Mapping[str, AccountItems], clock: Clock) -> Hold:
    """Free what a hold on an account covers and TTL would remove within `AHEAD`, and put it in force when it is not
    yet. An account has few things, so each tick looks at all of them.
    """
    if hold.scope.account_id is None:
        raise ValueError("this hold is not about an account")
    for items in stores.values():
        items.free(hold.scope.account_id, clock() + AHEAD, clock)
    return _in_force(hold, holds, clock)


def _in_force(hold: Hold, holds: Holds, clock: Clock) -> Hold:
    return hold if hold.since else holds.put_in_force(hold, clock() + _SECOND)


def visit_kept_until(visit: StoredVisit, period: Period, holds: Sequence[Hold]) -> datetime:
    """When a visit goes: at its period's end, or when the holds that keep it have ended."""
    covering = [hold for hold in holds if hold.scope.visits and visit.is_of(hold.scope.visits)]
    return kept_until(period.after(visit.visited_at), covering)


def held_items(items: AccountItems, holds: Iterable[Hold]) -> dict[str, list[Hold]]:
    """The keys of a store's items that holds on accounts cover, each with those holds."""
    of_account: dict[str, list[Hold]] = {}
    for hold in holds:
        if hold.scope.account_id:
            of_account.setdefault(hold.scope.account_id, []).append(hold)
    return {key: covering for account_id, covering in of_account.items() for key in items.keys(account_id)}
