"""The restore of a database's only backup, as an operator asks for it: `tests.benchmarks.memory` takes its memory."""

import json

from database_restore.app import build
from database_restore.parts import RestoreSettings, assemble
from privacy.models.backups import PREFIX
from privacy.models.databases import Database
from privacy.models.jobs import JobStatus
from privacy.settings import load
from privacy.tables.jobs import Jobs
from tests.benchmarks.cloud import Cloud, standing_clock
from tests.benchmarks.figures import BenchmarkError
from tests.unit.engine import Context, environment


def restore(cloud: Cloud, database: Database) -> None:
    """Write all of a database's backup back, over what is there. Raises: BenchmarkError."""
    settings = load(RestoreSettings, environment("DatabaseRestoreFunction") | {"DRAIN_SECONDS": "0"})
    worker = assemble(settings, standing_clock, cloud.client)
    handler = build(lambda: worker)
    jobs = Jobs(cloud.table("jobs"))
    (backup,) = jobs.of_database(database.id, PREFIX)
    asked = handler({"database_id": database.id, "backup_id": backup.id, "overwrite": True}, Context(seconds=900))
    if "job_id" not in asked:
        raise BenchmarkError(f"the restore was refused: {asked['error']}")
    cloud.work(handler, json.loads(cloud.sqs.waiting.pop()))
    ended = jobs.get(database.id, asked["job_id"])
    if ended is None or ended.status is not JobStatus.DONE or not ended.detail["records"]:
        raise BenchmarkError("the restore is not done")
