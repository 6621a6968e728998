"""Archiving what is deployed, and telling customers of what is material, both derived from state (promise
policy.versions): the archive, and on each account the latest version that it was told of.
"""

import itertools
from collections.abc import Iterator, Sequence
from datetime import UTC, datetime, time, timedelta
from functools import partial

from policy_publishing.parts import Parts
from privacy.policy import Document, changes, material
from privacy.removal.sweep import HasTime, Swept, sweep, together
from privacy.schedules import Sweep
from privacy.telemetry import gauge

LINGERING = timedelta(hours=1)
"""After the beginning of a version, until no account can still be created under the one before: far longer than a
function runs, or an index lags."""


def sweeps(parts: Parts) -> dict[str, Sequence[Sweep]]:
    """What is done at a tick, in this order."""
    return {"policies": [partial(_archive, parts)], "notices": [partial(_tell, parts)]}


def _archive(parts: Parts, has_time: HasTime) -> Swept:
    """Keep each version that is not kept yet. `Edited` counts the versions whose files are not those that were deployed
    first, or that are in this release no more; the archive keeps the first.
    """
    del has_time  # they are few
    known = {each.version for each in parts.policies.archived()}
    new = [each for day, each in parts.versions.items() if day.isoformat() not in known]
    kept = sum(parts.policies.archive(each, parts.clock()) for each in new)
    ours = {day.isoformat(): each.sha256 for day, each in parts.versions.items()}
    edited = sum(ours.get(each.version) != each.sha256 for each in parts.policies.archived())
    gauge("policy_publishing", "policies.edited", Edited=edited)
    return Swept(kept, 0, left=False)


def _tell(parts: Parts, has_time: HasTime) -> Swept:
    """Queue a mail about each material version to each account of an earlier one, the oldest version first: an account
    is marked with the latest that it was told of. The first version ever tells nobody anything.

    A version is done once all were told after nobody could come under the one before; until then each tick looks again.
    """
    told = {each.version: each.told for each in parts.policies.archived()}
    done = [Swept(0, 0, left=False)]
    for old, new in itertools.pairwise(parts.versions.values()):
        version = new.version.isoformat()
        if told.get(version, True) or not material(changes(old, new)):
            continue
        begun = parts.clock()
        done.append(sweep(_untold(parts, new), partial(_tell_one, parts, version), parts.clock, has_time))
        if done[-1].left:
            break
        if begun >= _effective(new) + LINGERING:
            parts.policies.told(version, parts.clock())
    return together(done)


def _untold(parts: Parts, new: Document) -> Iterator[tuple[str, datetime]]:
    """The accounts to be told of a version, and since when they should know."""
    for account_id in parts.accounts.untold(new.version.isoformat()):
        yield account_id, min(_effective(new), parts.clock())  # ahead of its day nobody is late


def _tell_one(parts: Parts, version: str, account_id: str) -> bool:
    """The mail is queued first: a crash in between repeats it, and loses none."""
    parts.tell(account_id, version)
    return parts.accounts.note_told(account_id, version)


def _effective(document: Document) -> datetime:
    return datetime.combine(document.version, time(), UTC)
