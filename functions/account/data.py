"""All that is held about a person: shown, and taken out as an archive (promise rights.access)."""

from contextlib import suppress
from functools import partial
from typing import Any

from account.parts import Caller, Parts
from privacy.hosting.transfers import Transfers, export_key
from privacy.models.ids import is_id, new_id
from privacy.models.jobs import Job, JobStatus, Kind, UnknownJobError
from privacy.portability.telling import told
from privacy.tables.store import ConditionFailedError

Ids = dict[str, Any]


def plan() -> Ids:
    """The id of a new export."""
    return {"export_id": new_id("exp")}


def ask(parts: Parts, caller: Caller, ids: Ids) -> Ids:
    """Queue an export of what is held about the caller. Repeated with the same ids it queues what is not over."""
    job = Job(caller.account.id, ids["export_id"], Kind.ACCOUNT, JobStatus.QUEUED, caller.now)
    with suppress(ConditionFailedError):  # made by the request that this one repeats
        parts.jobs.create(job)
    parts.queues.send(job.queue, parts.settings.home_region, job.message)
    return ids


def follow(parts: Parts, caller: Caller, export_id: str) -> dict[str, Any]:
    """How far an export is and, once it is ready, a link to it. Raises: UnknownJobError."""
    job = parts.jobs.get(caller.account.id, export_id) if is_id("exp", export_id) else None
    if job is None or job.kind is not Kind.ACCOUNT:
        raise UnknownJobError
    link = partial(Transfers(parts.host).link, export_key(caller.account.id, job.id))
    return told(job, parts.policy, caller.now, link)
