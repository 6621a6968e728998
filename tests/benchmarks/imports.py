"""What a cold start pays before the first request is looked at: each function against one that does nothing.

`import`: the handler's module. `start`: that, and its settings and parts put together as its first event does (clients
of the home region; a database's host comes later, when it is known). Both in fresh processes, by turns, over warm
files: CPU seconds, the median of several. The baseline of both is `import boto3` and a DynamoDB client, which every
function of this kind pays.
"""

import os
import statistics
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass

from tests.benchmarks.figures import BenchmarkError, Figure, Goal, Say
from tests.conftest import FAKE
from tests.template.source import ROOT, resources
from tests.unit.engine import environment

ROUNDS, QUICK_ROUNDS = 5, 1

BARE = "import boto3; boto3.client('dynamodb', region_name='ap-southeast-1')"

_TIMED = """
import time
started = time.process_time()
{imports}
imported = time.process_time()
{assembles}
print(imported - started, time.process_time() - started)
"""

_ASSEMBLES = """
from {function}.app import assemble
from privacy.settings import load
assemble(load(next(iter(assemble.__annotations__.values()))))
"""


@dataclass(frozen=True)
class Process:
    """A process to time: what it imports, what it puts together, and in which environment."""

    name: str
    imports: str
    assembles: str
    environment: dict[str, str]


def figures(quick: bool, say: Say) -> Iterator[Figure]:
    """Two figures for each function of the template."""
    bare = Process("bare", BARE, "", {})
    processes = [bare, *_functions()]
    taken: dict[str, list[tuple[float, float]]] = {process.name: [] for process in processes}
    for process in processes:
        _seconds(process)  # writes the byte code, which is not measured
    rounds = QUICK_ROUNDS if quick else ROUNDS
    for number in range(1, rounds + 1):
        say(f"{len(processes)} processes, round {number} of {rounds}")
        for process in processes:
            taken[process.name].append(_seconds(process))
    baseline = statistics.median(imported for imported, _ in taken.pop(bare.name)) * 1000
    for what, place in (("import", 0), ("start", 1)):
        for name, times in taken.items():
            value = statistics.median(pair[place] for pair in times) * 1000
            yield Figure(f"{what} of {name}", value, "ms", baseline, Goal("<=", 2.5))


def _functions() -> Iterator[Process]:
    for logical_id, function in resources("AWS::Serverless::Function").items():
        module = function["Properties"]["Handler"].rsplit(".", 1)[0]
        name = module.split(".")[0]
        yield Process(name, f"import {module}", _ASSEMBLES.format(function=name), environment(logical_id))


def _seconds(process: Process) -> tuple[float, float]:
    places = [str(ROOT / place) for place in ("layers/models/python", "functions")]
    variables = process.environment | FAKE | {"PATH": os.defpath, "PYTHONPATH": os.pathsep.join(places)}
    text = _TIMED.format(imports=process.imports, assembles=process.assembles)
    command = [sys.executable, "-c", text]
    ended = subprocess.run(command, cwd=ROOT, env=variables, capture_output=True, text=True, check=False)  # noqa: S603  # ourselves
    if ended.returncode != 0:
        raise BenchmarkError(f"{process.name} cannot be started:\n{ended.stderr[-2000:]}")
    imported, started = ended.stdout.split()[-2:]
    return float(imported), float(started)
