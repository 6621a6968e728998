"""How far an export is, as its owner is told, with a link once it is ready (promise exports.retention)."""

from collections.abc import Callable
from datetime import datetime, timedelta
from typing import Any

from privacy.clock import rfc3339
from privacy.models.jobs import Job, JobStatus
from privacy.policy import Policy

EXPIRED = "expired"
"""What an export is called from the second on at which its file's period ends, be the file still there or not."""


def told(job: Job, policy: Policy, now: datetime, link: Callable[[str, int], str]) -> dict[str, Any]:
    """An export's state. `link` gives a link under a file name that lives for some seconds: it is asked for when the
    export is ready, and lives for minutes and never longer than the file.
    """
    expires_at = job.file_expires_at(policy) if job.status is JobStatus.READY else None
    expired = job.is_expired(policy, now)
    shown: dict[str, Any] = {
        "status": EXPIRED if expired else job.status.value,
        "progress": job.progress,
        "bytes": job.detail.get("bytes"),
        "sha256": job.detail.get("sha256"),
        "url": None,
        "url_expires_at": None,
        "expires_at": rfc3339(expires_at) if expires_at else None,
    }
    if job.error:
        shown["error"] = job.error
    if expires_at and not expired:
        ends = min(policy.retention["exports.link"].after(now), expires_at)
        seconds = (ends - now) // timedelta(seconds=1)
        url = link(f"perfectwork-export-{job.created_at:%Y-%m-%d}.zip", seconds)
        shown |= {"url": url, "url_expires_at": rfc3339(ends)}
    return shown
