"""Megabytes exported a second: the export function, from its message to the archive that is ready in S3.

Ours: records are read page by page, opened, written as lines and deflated; files are read and stored or deflated;
every byte is hashed and goes to S3 in parts. Baseline: `zlib.compress` at level 6 over the same bytes, in memory. The
bytes are those that the archive holds, as Python's zipfile unpacks them. DynamoDB and S3 answer at once.
"""

import io
import zipfile
import zlib
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from functools import partial

from database_export.app import build
from privacy.hosting.transfers import export_key
from privacy.models.databases import Database
from privacy.models.ids import new_id_within
from privacy.models.jobs import Job, JobStatus, Kind
from privacy.settings import Deployment, load
from privacy.tables.jobs import Jobs
from privacy.work import assemble
from tests.benchmarks import samples
from tests.benchmarks.cloud import Cloud, standing_clock
from tests.benchmarks.figures import BenchmarkError, Figure, Goal, Say
from tests.benchmarks.samples import FILE_BYTES
from tests.benchmarks.timing import best_of, seconds
from tests.unit.engine import NOON, environment

RECORDS = 32_000
"""About 11 MB of lines: an export reads them `REPEAT` times."""
REPEAT, FILES, ROUNDS = 5, 44, 3
QUICK_RECORDS, QUICK_REPEAT, QUICK_FILES, QUICK_ROUNDS = 8_000, 2, 8, 1


@dataclass(frozen=True)
class FileKind:
    """A kind of file."""

    ending: str
    content_type: str
    content: Callable[[], bytes]


PICTURES = (FileKind("png", "image/png", samples.picture),)
MIXED = (*PICTURES, FileKind("csv", "text/csv", samples.spreadsheet))


def figures(quick: bool, say: Say) -> Iterator[Figure]:
    """Records and files together, and records alone."""
    count, repeat, files, rounds = (
        (QUICK_RECORDS, QUICK_REPEAT, QUICK_FILES, QUICK_ROUNDS) if quick else (RECORDS, REPEAT, FILES, ROUNDS)
    )
    yield _figure("exported, records and files", count, repeat, files, rounds, say)
    yield _figure("exported, records alone", count, max(2, repeat // 2), 0, rounds, say)


def _figure(name: str, records: int, repeat: int, files: int, rounds: int, say: Say) -> Figure:
    cloud, database = filled(records, files)
    lines, others = unpacked(cloud, database)
    same = lines * repeat + others
    megabytes = sum(map(len, same)) / 1e6
    say(f"{megabytes:.0f} MB: {len(others)} files, the rest records; {rounds} times")
    cloud.repeat_records(repeat)
    cloud.s3.forgets.add(cloud.host.transfer_bucket)

    def by_zlib() -> None:
        for member in same:
            zlib.compress(member, 6)

    ours, theirs = best_of(rounds, lambda: seconds(partial(export, cloud, database)), lambda: seconds(by_zlib))
    return Figure(name, megabytes / ours, "MB/s", megabytes / theirs, Goal(">=", 1.0))


def filled(records: int, files: int, kinds: Sequence[FileKind] = MIXED) -> tuple[Cloud, Database]:
    """A database with some records, and files of 1 MiB of some kinds, by turns."""
    cloud = Cloud()
    return cloud, fill(cloud, records, files, kinds)


def fill(cloud: Cloud, records: int, files: int, kinds: Sequence[FileKind] = MIXED) -> Database:
    """Put such a database into a cloud."""
    database = cloud.database()
    cloud.put_records(database, samples.stored(records))
    contents = [kind.content() for kind in kinds]
    for number in range(files):
        kind, content = kinds[number % len(kinds)], contents[number % len(kinds)]
        cloud.put_file(database, f"{number:05d}.{kind.ending}", kind.content_type, content)
    return database


def export(cloud: Cloud, database: Database) -> str:
    """Export a database; the archive's key. Raises: BenchmarkError."""
    parts = assemble(load(Deployment, environment("DatabaseExportFunction")), standing_clock, cloud.client)
    jobs = Jobs(cloud.table("jobs"))
    job = Job(database.id, new_id_within("exp", database.id), Kind.EXPORT, JobStatus.QUEUED, NOON)
    jobs.create(job)
    cloud.work(build(lambda: parts), {"database_id": database.id, "export_id": job.id})
    found = jobs.get(database.id, job.id)
    if found is None or found.status is not JobStatus.READY:
        raise BenchmarkError("the export is not ready")
    return export_key(database.id, job.id)


def unpacked(cloud: Cloud, database: Database) -> tuple[list[bytes], list[bytes]]:
    """What an archive of the database holds: the members with records, and the files. Raises: BenchmarkError."""
    body = cloud.s3.body(cloud.host.transfer_bucket, export(cloud, database))
    with zipfile.ZipFile(io.BytesIO(body)) as archive:
        if archive.testzip() is not None:
            raise BenchmarkError("the archive is damaged")
        names = archive.namelist()
        lines = [archive.read(name) for name in names if name.startswith("records/")]
        files = [archive.read(name) for name in names if name.startswith("files/")]
    if not lines or any(len(content) != FILE_BYTES for content in files):
        raise BenchmarkError("the archive is not what the database holds")
    return lines, files
