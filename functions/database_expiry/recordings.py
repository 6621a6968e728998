"""Recordings that are over: all of their bytes, then the row that tells of them (promise recordings.retention)."""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace
from datetime import datetime
from functools import partial

from database_expiry.parts import Parts
from privacy.hosting.recordings import recording_key
from privacy.hosting.transfers import staging_key
from privacy.models.recordings import Recording, RecordingStatus, upload_of
from privacy.removal.stores import Objects, empty
from privacy.removal.sweep import HasTime, SweepError, Swept, sweep
from privacy.schedules import Sweep

Held = Callable[[Recording], bool]
"""Whether a recorded hold keeps a recording that is over: nobody sees it all the same."""


def none_held(recording: Recording) -> bool:
    """No hold reaches recordings."""
    del recording
    return False


def sweeps(parts: Parts, held: Held = none_held) -> dict[str, Sequence[Sweep]]:
    """What removes recordings at their end: their period's, the person's or the staff's. One that was never wholly
    stored goes in the same way.
    """
    return {"recordings": [partial(_remove, parts, held)]}


def _remove(parts: Parts, held: Held, has_time: HasTime) -> Swept:
    now = parts.clock()
    kept: set[str] = set()

    def due() -> Iterator[tuple[Recording, datetime]]:
        for recording in parts.recordings.due(now):
            if held(recording):
                kept.add(recording.id)
            else:
                yield recording, recording.ends_at(parts.policy)

    def remove(listed: Recording) -> bool:
        recording = parts.recordings.get(listed.database_id, listed.id)
        if recording is None or not recording.is_due(parts.policy, now):
            return False  # removed, or stored, after the index was read
        _empty(parts, recording)
        return parts.recordings.remove(recording)

    try:
        return replace(sweep(due(), remove, parts.clock, has_time), held=len(kept))
    except SweepError as error:
        raise SweepError(replace(error.swept, held=len(kept))) from error.__cause__


def _empty(parts: Parts, recording: Recording) -> None:
    """Remove every version, marker and unfinished upload of a recording; and, should it never have been stored, what
    waits in the transfer bucket, be it that the database moved in the meantime.
    """
    host = parts.host(recording.region)
    key = recording_key(recording.database_id, recording.id)
    empty(Objects("recordings", recording.id, host.region, host.s3, host.recordings_bucket, (key,)))
    if recording.status is not RecordingStatus.STORING:
        return
    staged = staging_key(recording.database_id, upload_of(recording.id))
    for region in parts.policy.regions:
        host = parts.host(region)
        empty(Objects("uploads", recording.id, region, host.s3, host.transfer_bucket, (staged,)))
