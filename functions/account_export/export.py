"""One export: everything that is held about a person, gathered anew, as one ZIP (promise rights.access).

What is held about a person is small (their databases' content is not in it), so the archive is made in memory, in one
go: a worker that died leaves nothing, and the next one begins anew.
"""

import hashlib

from account_export.archive import archive
from account_export.parts import Parts
from privacy.consumer import HasTime
from privacy.hosting.transfers import export_key, export_prefix
from privacy.models.jobs import JobStatus
from privacy.removal.stores import Objects, empty
from privacy.subjects.person import person_of
from privacy.work import JobFailedError, take

GONE = "the account is being erased; there is nothing left to export"


def export(parts: Parts, account_id: str, export_id: str, has_time: HasTime) -> None:
    """Make an export, unless it is over, or another worker's."""
    turn = take(parts.jobs, parts.clock, has_time, account_id, export_id)
    if turn is None:
        return
    job = turn.job

    def work() -> None:
        account = parts.accounts.get(account_id)
        if account is None or account.closed:
            raise JobFailedError(GONE)
        now = parts.clock()
        held = parts.registry.everything(person_of(account, parts.pseudonyms()), now)
        content = archive(account_id, held, parts.policy.version.isoformat(), now)
        turn.keep(50)
        parts.host.s3.put_object(
            Bucket=parts.host.transfer_bucket,
            Key=export_key(account_id, export_id),
            Body=content,
            ContentType="application/zip",
        )
        turn.end(JobStatus.READY, {"bytes": len(content), "sha256": hashlib.sha256(content).hexdigest()})

    def tidy() -> None:
        host, prefix = parts.host, export_prefix(account_id, export_id)
        empty(Objects("exports", "0", host.region, host.s3, host.transfer_bucket, (prefix,)))

    def send_on() -> None:
        parts.queues.send(job.queue, parts.settings.home_region, job.message)

    turn.run(work, tidy=tidy, send_on=send_on)
