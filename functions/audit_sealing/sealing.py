"""Sealing: what waits is put into blocks, each signed and naming the one before, so that writers never wait for each
other (promise security.measures).
"""

from audit_sealing.parts import Parts
from privacy.models.audit import block, head_of
from privacy.models.certificates import canonical
from privacy.removal.sweep import HasTime, Swept


def seal(parts: Parts, has_time: HasTime) -> Swept:
    """Seal what waits until there is nothing or time is up. Here `removed` counts what was sealed, and the lag is how
    long the oldest of it had waited, in seconds.

    A crash leaves a whole block or none. The witness is written after each block, and for the latest one at every
    tick: a run that died in between is made good by the next.
    """
    sealed, lag, left = 0, 0, False
    while entries := parts.trail.pending():
        now = parts.clock()
        lag = max(lag, int((now - entries[0].at).total_seconds()))
        if not has_time():
            left = True
            break
        head = parts.trail.head()
        content = block(head, entries, now)
        document = canonical(content | {"signature": parts.signer.sign(canonical(content))})
        if parts.trail.seal(head, entries, document):
            sealed += len(entries)
            parts.witness.note(head_of(head.sequence + 1, document))
    head = parts.trail.head()
    if head.sequence:
        parts.witness.note(head)
    return Swept(sealed, lag, left=left)
