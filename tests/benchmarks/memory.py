"""Extra memory of an export: how far the peak of a fresh process rises above what it took before the export began.

Value: with 500 MB of content; baseline: with 50 MB, in another fresh process. Half of it is records, half is pictures;
DynamoDB and S3 give the same few megabytes over and over, and a part of the archive is on its way for a while, so that
as many are on their way as may be. Each process has the environment that the template gives the function.
`python -m tests.benchmarks.memory 50` is one.
"""

import gc
import os
import resource
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

from tests.benchmarks import samples
from tests.benchmarks.export import PICTURES, export, filled
from tests.benchmarks.figures import BenchmarkError, Figure, Goal, Say
from tests.template.source import ROOT
from tests.unit.engine import environment

RECORDS = 8_000
"""Nearly 3 MB, read as often as it takes."""
MEGABYTE = 1_000_000
PART_SECONDS = 0.8
"""How long a part of 8 MiB is on its way."""
PROC = Path("/proc/self")
SIZES, QUICK_SIZES = (50, 500), (50, 100)
ROUNDS, QUICK_ROUNDS = 2, 1
"""The smaller of two is taken: how the allocator cuts its memory up adds some megabytes now and then."""


def figures(quick: bool, say: Say) -> Iterator[Figure]:
    """The figure; in quick runs at other sizes, which its name says."""
    small, large = QUICK_SIZES if quick else SIZES
    taken: dict[int, list[float]] = {small: [], large: []}
    for number in range(1, (QUICK_ROUNDS if quick else ROUNDS) + 1):
        for size, growths in taken.items():
            say(f"an export of {size} MB, round {number}")
            growths.append(_measured(size))
    baseline, value = min(taken[small]), min(taken[large])
    yield Figure(f"export memory, {large} MB to {small} MB", value, "MB", baseline, Goal("<=", 1.2))


def _measured(megabytes: int) -> float:
    command = [sys.executable, "-m", "tests.benchmarks.memory", str(megabytes)]
    places = {"PYTHONPATH": os.pathsep.join(path for path in sys.path if path)}
    variables = os.environ | environment("DatabaseExportFunction") | places
    ended = subprocess.run(command, cwd=ROOT, env=variables, capture_output=True, text=True, check=False)  # noqa: S603  # ourselves
    if ended.returncode != 0:
        raise BenchmarkError(f"the export in a process of its own failed:\n{ended.stderr[-2000:]}")
    return float(ended.stdout)


def growth(megabytes: int) -> float:
    """The extra memory (MB) of an export of that much content, in this process."""
    cloud, database = filled(RECORDS, files=megabytes // 2, kinds=PICTURES)
    stored = sum(len(data) for _, data in samples.stored(RECORDS))
    cloud.repeat_records(max(1, round(megabytes / 2 * MEGABYTE / stored)))
    cloud.s3.part_seconds = PART_SECONDS
    cloud.s3.forgets.add(cloud.host.transfer_bucket)
    gc.collect()
    before = _begin()
    export(cloud, database)
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
    print(growth(int(sys.argv[1])))  # noqa: T201  # the answer to the process that asked
