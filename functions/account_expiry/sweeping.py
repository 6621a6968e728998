"""What has ended, derived from state: unused accounts, leads, consents to marketing, decided requests; and the erasures
that stand still (promises accounts.necessity, rights.erase).
"""

from collections.abc import Sequence
from datetime import timedelta
from functools import partial

from account_expiry.parts import Parts
from privacy.models.accounts import Account, Consent
from privacy.models.erasures import Databases, Erasure, ErasureStatus
from privacy.models.ids import new_id
from privacy.removal.sweep import HasTime, Swept, sweep
from privacy.schedules import Sweep
from privacy.subjects.erasing import approved
from privacy.subjects.person import person_of
from privacy.tables.accounts import LEAD_SHARDS
from privacy.tables.store import SHARDS, TransactionRefusedError

BY_POLICY = "the purpose that it was kept for has ended"
"""The reason that is noted when nobody asked."""


ON_ITS_WAY = timedelta(hours=1)
"""How long a message and its five tries take, with time to spare (privacy.consumer)."""

AT_WORK = timedelta(minutes=2)
"""A worker of an erasure that waits for something looks again every half minute, by a message of its own, and notes it:
one more message would be one more worker that does so.
"""


def sweeps(parts: Parts) -> dict[str, Sequence[Sweep]]:
    """What ends what is due, by store."""
    return {
        "erasures": [partial(_go_on, parts)],
        "accounts": [partial(_end, parts, "accounts.unused", SHARDS)],
        "leads": [partial(_end, parts, "accounts.leads", LEAD_SHARDS)],
        "marketing": [partial(_end_consents, parts)],
        "requests": [partial(_end_requests, parts)],
        "disclosures": [partial(_end_disclosures, parts), partial(_disclose, parts)],
    }


def _go_on(parts: Parts, has_time: HasTime) -> Swept:
    """Queue again what is approved and not finished, unless a worker is at it. The lag is how long the oldest request
    that is open, be it undecided, is past its due date.
    """
    del has_time  # they are few
    now, lag, open_ones = parts.clock(), 0, 0
    for status in (ErasureStatus.REQUESTED, ErasureStatus.APPROVED, ErasureStatus.ERASED):
        for erasure in parts.erasures.waiting(status):
            if status is not ErasureStatus.REQUESTED:
                open_ones += 1
                # Without the address its account is open still: who waits for a grace period to end sends no message.
                by_itself = status is ErasureStatus.APPROVED and erasure.address is not None
                removal = parts.removals.get(erasure.id) if by_itself else None
                if removal is None or removal.active_at + AT_WORK <= now:
                    parts.carry_out(erasure.id)
            lag = max(lag, int((now - erasure.due_at(parts.policy)).total_seconds()))
    return Swept(0, lag, left=False, stalled=open_ones)


def _end(parts: Parts, period: str, shards: tuple[str, ...], has_time: HasTime) -> Swept:
    """Accounts that nobody was heard of from for a period, and that have no database: they are erased like one whose
    person asked for it.
    """
    now, retention = parts.clock(), parts.policy.retention[period]

    def end(account: Account) -> bool:
        person = person_of(account, parts.pseudonyms())
        if any(True for _ in parts.databases.living(person.owner)):
            return False  # it is in use: its purpose lasts
        if account.erasing:
            return False  # its erasure is approved already
        if parts.holds.of_account(account.id, now):
            return False  # it is kept for another purpose, until the hold ends
        erasure = Erasure(
            id=new_id("ers"),
            created_at=now,
            status=ErasureStatus.APPROVED,
            databases=Databases.DELETE,
            account_id=account.id,
            origin=period,
            decided_at=now,
            decided_by="account_expiry",
            reason=BY_POLICY,
        )
        noted = approved(erasure, account, parts.registry.notices(person, now), parts.registry.kept(person, now))
        unheard = parts.accounts.close_unheard_operation(account)
        try:
            parts.transact([parts.erasures.create_operation(noted), unheard])
        except TransactionRefusedError:
            return False  # somebody signed in at this moment, or it is closed already
        parts.carry_out(erasure.id)
        return True

    return sweep(parts.accounts.due(shards, retention, now), end, parts.clock, has_time)


def _end_consents(parts: Parts, has_time: HasTime) -> Swept:
    """Consents to marketing of people who were not heard of for their period: nothing is sent to them any more."""
    now, period = parts.clock(), parts.policy.retention["accounts.marketing"]

    def end(account: Account) -> bool:
        over = Consent(False, now, parts.policy.version.isoformat(), account.marketing.wording)
        return parts.accounts.end_marketing(account, over, period, now)

    return sweep(parts.accounts.marketing_due(period, now), end, parts.clock, has_time)


def _end_requests(parts: Parts, has_time: HasTime) -> Swept:
    """Requests whose own period is over."""
    now, expiring = parts.clock(), parts.erasures.expiring()
    return sweep(expiring.due(now), partial(expiring.remove, now=now), parts.clock, has_time)


def _end_disclosures(parts: Parts, has_time: HasTime) -> Swept:
    """Disclosures whose own period is over."""
    now, expiring = parts.clock(), parts.disclosures.expiring()
    return sweep(expiring.due(now), partial(expiring.remove, now=now), parts.clock, has_time)


def _disclose(parts: Parts, has_time: HasTime) -> Swept:
    """Queue what was recorded and has not arrived, once in the time that a message and its tries take: its message got
    lost, or the processor could not be reached. `stalled` counts all that waits as long.
    """
    stalled, latest = 0, parts.clock() - ON_ITS_WAY
    for disclosure, queued_at in parts.disclosures.queued(latest):
        if not has_time():
            break  # the next tick goes on
        if queued_at <= latest:
            parts.disclose(disclosure.id)
            parts.disclosures.queued_again(disclosure.id, parts.clock())
        stalled += 1
    return Swept(0, 0, left=False, stalled=stalled)
