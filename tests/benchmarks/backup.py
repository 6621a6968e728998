"""Megabytes backed up a second: the backup function, from its message to the backup that is ready in both regions.

Ours: records are read and opened, all is written as an export is (deflated, hashed), sealed in frames, stored, copied
into the other region; each copy is read back, hashed and opened with the key as its own region holds it. Baseline, over
the same items and the same stores, with `cryptography` and the standard library, one step after the other: read and
open all, seal it in frames of 1 MiB, store two copies, read both back, SHA-256 and open every frame. One baseline
deflates nothing; the other deflates what ours does, at the same level. DynamoDB and S3 answer at once.
"""

import hashlib
import io
import os
import zipfile
import zlib
from collections.abc import Iterator
from functools import partial
from typing import Any

from cryptography.hazmat.primitives.ciphers.aead import AESGCM

from database_backup.app import build
from privacy.archive.names import FILES, is_compressible
from privacy.archive.writer import LEVEL
from privacy.hosting.files import Files
from privacy.hosting.partitions import RECORD, place
from privacy.models.backups import PREFIX
from privacy.models.databases import Database
from privacy.models.ids import new_id_within
from privacy.models.jobs import Job, JobStatus, Kind
from privacy.portability.copies import backup_key
from privacy.portability.sealed import SealedReader, Seals
from privacy.settings import Deployment, load
from privacy.tables.jobs import Jobs
from privacy.tables.store import SHARDS
from privacy.work import assemble
from tests.benchmarks.cloud import POLICY, Cloud, standing_clock
from tests.benchmarks.export import filled
from tests.benchmarks.figures import BenchmarkError, Figure, Goal, Say
from tests.benchmarks.timing import best_of, seconds
from tests.unit.engine import NAMES, NOON, environment

RECORDS, REPEAT, FILES_OF_A_MEBIBYTE, ROUNDS = 32_000, 3, 44, 3
"""About 40 MB of lines, read `REPEAT` times over, and 46 MB of files."""
QUICK_RECORDS, QUICK_REPEAT, QUICK_FILES, QUICK_ROUNDS = 4_000, 2, 4, 1

FRAME_BYTES = 1 << 20


def figures(quick: bool, say: Say) -> Iterator[Figure]:
    """The same backup beside both baselines."""
    count, repeat, files, rounds = (
        (QUICK_RECORDS, QUICK_REPEAT, QUICK_FILES, QUICK_ROUNDS)
        if quick
        else (RECORDS, REPEAT, FILES_OF_A_MEBIBYTE, ROUNDS)
    )
    cloud, database = filled(count, files)
    cloud.repeat_records(repeat)
    megabytes = _held(cloud, back_up(cloud, database)) / 1e6
    say(f"{megabytes:.0f} MB: {files} files, the rest records; {rounds} times")

    def ours() -> float:
        _forget(cloud)
        return seconds(partial(back_up, cloud, database))

    def plainly(*, deflates: bool) -> float:
        _forget(cloud)
        return seconds(partial(_plainly, cloud, database, deflates=deflates))

    taken, sealing, deflating = best_of(rounds, ours, partial(plainly, deflates=False), partial(plainly, deflates=True))
    yield Figure("backed up, to sealing", megabytes / taken, "MB/s", megabytes / sealing, Goal(">=", 1.0))
    yield Figure("backed up, to deflating too", megabytes / taken, "MB/s", megabytes / deflating, Goal(">=", 1.0))


def back_up(cloud: Cloud, database: Database) -> Job:
    """Back a database up; the job that did it. Raises: BenchmarkError."""
    parts = assemble(load(Deployment, environment("DatabaseBackupFunction")), standing_clock, cloud.client)
    jobs = Jobs(cloud.table("jobs"))
    job = Job(database.id, new_id_within(PREFIX, database.id), Kind.BACKUP, JobStatus.QUEUED, NOON)
    jobs.create(job)
    cloud.work(build(lambda: parts), job.message)
    found = jobs.get(database.id, job.id)
    if found is None or found.status is not JobStatus.READY or len(found.detail["copies"]) != len(POLICY.regions):
        raise BenchmarkError("the backup is not ready in both regions")
    return found


def _held(cloud: Cloud, backup: Job) -> int:
    """The bytes of the members that each copy of a backup holds. Raises: BenchmarkError."""
    sizes = {_held_in(cloud, region, backup) for region in POLICY.regions}
    if len(sizes) != 1:
        raise BenchmarkError("the copies of the backup are not the same")
    return sizes.pop()


def _held_in(cloud: Cloud, region: str, backup: Job) -> int:
    host = cloud.hosts(region)
    sealed = io.BytesIO(cloud.s3.body(host.backup_bucket, backup_key(backup.database_id, backup.id)))
    plain = SealedReader(sealed, Seals(host.keyring.key(backup.database_id), backup.id))
    with zipfile.ZipFile(plain) as archive:
        if archive.testzip() is not None:
            raise BenchmarkError("the backup is damaged")
        members = [member for member in archive.infolist() if member.filename.startswith(("records/", FILES))]
    return sum(member.file_size for member in members)


def _forget(cloud: Cloud) -> None:
    """Remove all backups."""
    for region in POLICY.regions:
        cloud.s3.objects.pop(cloud.hosts(region).backup_bucket, None)


def _plainly(cloud: Cloud, database: Database, *, deflates: bool) -> None:
    sealer = AESGCM(cloud.host.keyring.key(database.id).sealing)
    buckets = [cloud.hosts(region).backup_bucket for region in POLICY.regions]
    frames, rest = list[bytes](), bytearray()

    def seal(content: bytes) -> None:
        nonce = os.urandom(12)
        frames.append(nonce + sealer.encrypt(nonce, content, str(len(frames)).encode("ascii")))

    for piece in _content(cloud, database, sealer, deflates=deflates):
        rest += piece
        while len(rest) >= FRAME_BYTES:
            seal(bytes(rest[:FRAME_BYTES]))
            del rest[:FRAME_BYTES]
    seal(bytes(rest))
    for bucket in buckets:
        cloud.s3.put_object(Bucket=bucket, Key="plain", Body=b"".join(frames))
    digests = set[bytes]()
    for bucket in buckets:
        copy = cloud.s3.get_object(Bucket=bucket, Key="plain")["Body"]
        digest = hashlib.sha256()
        for number, frame in enumerate(frames):
            sealed = copy.read(len(frame))
            digest.update(sealed)
            sealer.decrypt(sealed[:12], sealed[12:], str(number).encode("ascii"))
        digests.add(digest.digest())
    if len(digests) != 1:
        raise BenchmarkError("the plain copies are not the same")


def _content(cloud: Cloud, database: Database, opener: AESGCM, *, deflates: bool) -> Iterator[bytes]:
    """The records as lines, then the files, as a plain backup holds them."""
    deflater = zlib.compressobj(LEVEL)
    for page in _pages(cloud, database):
        lines = []
        for item in page:
            sealed, context = item["sealed"]["B"], f"{database.id}|{item['id']['S']}"
            names, data = opener.decrypt(sealed[:12], sealed[12:], context.encode("ascii")).split(b"\n", 1)
            lines.append(b'{"names":%b,"data":%b}\n' % (names, data))
        yield deflater.compress(b"".join(lines)) if deflates else b"".join(lines)
    yield deflater.flush()
    files = Files(cloud.host, database.id)
    for _, file in files.every():
        content = files.open(file).read()
        yield zlib.compress(content, LEVEL) if deflates and is_compressible(file.path, file.content_type) else content


def _pages(cloud: Cloud, database: Database) -> Iterator[list[dict[str, Any]]]:
    """The items of all records, Query after Query."""
    for shard in SHARDS:
        request: dict[str, Any] = {
            "TableName": NAMES.table("content"),
            "KeyConditionExpression": "(#n0 = :v0 AND begins_with(#n1, :v1))",
            "ExpressionAttributeNames": {"#n0": "place", "#n1": "id"},
            "ExpressionAttributeValues": {":v0": {"S": place(database.id, shard)}, ":v1": {"S": RECORD}},
        }
        while True:
            answer = cloud.dynamodb.query(**request)
            yield answer["Items"]
            if "LastEvaluatedKey" not in answer:
                break
            request["ExclusiveStartKey"] = answer["LastEvaluatedKey"]
