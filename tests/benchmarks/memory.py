"""Extra memory of a worker: how far the peak of a fresh process rises above what it took before its work began.

Value: with much content; baseline: with little, in another fresh process. Each process has the environment that the
template gives the function. `python -m tests.benchmarks.memory export 50` is one.

An export: half of it is records, half is pictures; DynamoDB and S3 give the same few megabytes over and over, and a
part of the archive is on its way for a while, so that as many are on their way as may be. A backup and its restore are
of the same content; what they write and read back lies in another process. A restore overwrites all that there is, so
that it writes as much as the backup holds. A move is of records alone, of 1 KB each, and both its regions lie in
another process. The little content is as much as it takes to fill what each of them holds at once: answers of 1 MB,
parts, ranges, batches.
"""

import gc
import os
import resource
import subprocess
import sys
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import partial
from pathlib import Path

from privacy.models.databases import Database
from tests.benchmarks import backup, move, samples
from tests.benchmarks.apart import apart
from tests.benchmarks.cloud import Cloud
from tests.benchmarks.export import PICTURES, export, fill, filled
from tests.benchmarks.figures import BenchmarkError, Figure, Goal, Say
from tests.benchmarks.restore import restore
from tests.template.source import ROOT
from tests.unit.engine import environment

RECORDS = 8_000
"""Nearly 3 MB, read as often as it takes."""
MEGABYTE = 1_000_000
MOVED = b'"%b"' % (b"x" * 1000)
"""A record that is moved: 20,000 of them are more than one answer of 1 MB in each of the sixteen partitions."""
PART_SECONDS = 0.8
"""How long a part of 8 MiB is on its way."""
PROC = Path("/proc/self")
ROUNDS, QUICK_ROUNDS = 2, 1
"""The smaller of two is taken: how the allocator cuts its memory up adds some megabytes now and then."""


@dataclass(frozen=True)
class Work:
    """Work whose memory is taken, by the function (logical id) that does it: two sizes, and two for quick runs."""

    function: str
    unit: str
    sizes: tuple[int, int]
    quick_sizes: tuple[int, int]
    growth: Callable[[int], float]


def figures(quick: bool, say: Say) -> Iterator[Figure]:
    """A figure for each work; in quick runs at other sizes, which its name says."""
    for name, work in WORKS.items():
        small, large = work.quick_sizes if quick else work.sizes
        taken: dict[int, list[float]] = {small: [], large: []}
        for number in range(1, (QUICK_ROUNDS if quick else ROUNDS) + 1):
            for size, growths in taken.items():
                say(f"{name} of {size} {work.unit}, round {number}")
                growths.append(_measured(name, size))
        baseline, value = min(taken[small]), min(taken[large])
        title = f"{name} memory, {large} {work.unit} to {small} {work.unit}"
        yield Figure(title, value, "MB", baseline, Goal("<=", 1.2))


def _measured(name: str, size: int) -> float:
    command = [sys.executable, "-m", "tests.benchmarks.memory", name, str(size)]
    places = {"PYTHONPATH": os.pathsep.join(path for path in sys.path if path)}
    variables = os.environ | environment(WORKS[name].function) | places
    ended = subprocess.run(command, cwd=ROOT, env=variables, capture_output=True, text=True, check=False)  # noqa: S603  # ourselves
    if ended.returncode != 0:
        raise BenchmarkError(f"the {name} in a process of its own failed:\n{ended.stderr[-2000:]}")
    return float(ended.stdout)


def _of_export(megabytes: int) -> float:
    cloud, database = filled(RECORDS, files=megabytes // 2, kinds=PICTURES)
    cloud.repeat_records(_times(megabytes))
    cloud.s3.part_seconds = PART_SECONDS
    cloud.s3.forgets.add(cloud.host.transfer_bucket)
    return _growth(partial(export, cloud, database))


def _of_backup(megabytes: int) -> float:
    with apart(partial(_fill, megabytes)) as (cloud, database):
        return _growth(partial(backup.back_up, cloud, database))


def _of_restore(megabytes: int) -> float:
    with apart(partial(_fill_and_back_up, megabytes)) as (cloud, database):
        return _growth(partial(restore, cloud, database))


def _of_move(records: int) -> float:
    with apart(partial(move.filled, count=records, data=MOVED)) as (cloud, database):
        return _growth(partial(move.move, cloud, database))


WORKS = {
    "export": Work("DatabaseExportFunction", "MB", (50, 500), (50, 100), _of_export),
    "backup": Work("DatabaseBackupFunction", "MB", (50, 250), (50, 80), _of_backup),
    "restore": Work("DatabaseRestoreFunction", "MB", (50, 150), (50, 80), _of_restore),
    "move": Work("DatabaseMoveFunction", "records", (20_000, 100_000), (2_000, 4_000), _of_move),
}


def _fill(megabytes: int, cloud: Cloud) -> Database:
    database = fill(cloud, RECORDS, megabytes // 2, PICTURES)
    cloud.repeat_records(_times(megabytes))
    cloud.s3.part_seconds = PART_SECONDS
    return database


def _fill_and_back_up(megabytes: int, cloud: Cloud) -> Database:
    database = _fill(megabytes, cloud)
    cloud.s3.part_seconds = 0
    backup.back_up(cloud, database)
    return database


def _times(megabytes: int) -> int:
    """How often the records are read to make half of so much content."""
    stored = sum(len(data) for _, data in samples.stored(RECORDS))
    return max(1, round(megabytes / 2 * MEGABYTE / stored))


def _growth(work: Callable[[], object]) -> float:
    """The extra memory (MB) of some work in this process."""
    gc.collect()
    before = _begin()
    work()
    return (_peak() - before) / MEGABYTE


def _begin() -> int:
    """What this process takes now (bytes), from where on the peak is measured."""
    if not PROC.exists():
        return _peak()
    (PROC / "clear_refs").write_text("5")  # the peak so far is forgotten (Linux, proc_pid_clear_refs(5))
    return _status("VmRSS")


def _peak() -> int:
    """The most memory (bytes) that this process took."""
    if PROC.exists():  # what getrusage says there includes the process that started this one
        return _status("VmHWM")
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return peak if sys.platform == "darwin" else peak * 1024


def _status(name: str) -> int:
    (line,) = [line for line in (PROC / "status").read_text("ascii").splitlines() if line.startswith(name)]
    return int(line.split()[1]) * 1024


if __name__ == "__main__":
    print(WORKS[sys.argv[1]].growth(int(sys.argv[2])))  # noqa: T201  # the answer to the process that asked
