"""Out and in again: the same content, whatever it is, and the same export once more."""

import random
import time

import pytest

from privacy.models.jobs import JobStatus
from tests.unit.database_export.world import (
    SMALL,
    Content,
    asked_import,
    content_of,
    database,
    exported,
    fill,
    finished,
    in_transfer,
    job_of,
    manifest_of,
    staged,
)
from tests.unit.engine import SetClock

pytestmark = pytest.mark.usefixtures("stores")


@pytest.mark.promise("databases.export")
def test_an_import_of_an_export_gives_the_same_content(clock: SetClock) -> None:
    first, second = database(clock()), database(clock())
    fill(first)
    t = time.time()
    zipped = exported(first, clock)
    print("export", time.time() - t); t = time.time()
    job = finished(asked_import(second, staged(second, zipped), clock()), clock)
    print("import", time.time() - t); t = time.time()
    assert (job.status, job.progress, job.error) == (JobStatus.DONE, 100, None)
    assert content_of(second) == content_of(first) == SMALL
    assert in_transfer(second) == []
