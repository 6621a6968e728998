"""Emptying one store, so that it may be killed after any call and go on, and still count each thing once."""

import hashlib
from collections.abc import Callable
from dataclasses import replace
from datetime import datetime, timedelta

from privacy.models.removals import UNCOUNTED, Progress
from privacy.removal.stores import Store, Thing
from privacy.tables.removals import Removals

_DIGEST = 8
"""Bytes of a thing's digest in the journal: a batch of 1,000 takes 8 KB."""

_SIGN_OF_LIFE = timedelta(seconds=60)
"""How often the progress of a segment is noted on the whole removal, too."""


def fresh(store: Store, subject: str) -> Progress:
    """The journal of a segment that nobody has begun."""
    return Progress(subject, store.name, store.segment, store.region)


def reclaim(
    store: Store, progress: Progress, journal: Removals, now: Callable[[], datetime], has_time: Callable[[], bool]
) -> Progress | None:
    """Remove batch after batch until the store lists nothing, or time is up; the progress so far.

    A batch is journalled before it is removed. After a crash its things are recognised by their digests: they are
    removed again, and counted only once; those of a store in `UNCOUNTED` never are. None when another worker has taken
    this segment over.
    """
    current: Progress | None = progress
    noted = now()
    while current is not None and has_time():
        things = store.left()
        if not things:
            return journal.save(replace(_counted(current), done_at=now()))
        pending = _digests(current.pending)
        again = [thing for thing in things if _digest(thing) in pending]
        if again:
            store.remove(again)
            continue
        batch = b"" if store.name in UNCOUNTED else b"".join(_digest(thing) for thing in things)
        current = journal.save(replace(_counted(current), pending=batch, done_at=None))
        if current is None:
            break
        store.remove(things)
        if now() - noted >= _SIGN_OF_LIFE:
            noted = now()
            journal.note(current.subject, noted)
    return current


def _counted(progress: Progress) -> Progress:
    return replace(progress, removed=progress.removed + len(progress.pending) // _DIGEST, pending=b"")


def _digest(thing: Thing) -> bytes:
    return hashlib.blake2b("\0".join(thing).encode("utf-8"), digest_size=_DIGEST).digest()


def _digests(pending: bytes) -> frozenset[bytes]:
    return frozenset(pending[start : start + _DIGEST] for start in range(0, len(pending), _DIGEST))
