"""What a cold start pays for our imports: each handler's module against a handler that does nothing.

Both in fresh processes, by turns, over warm files: CPU seconds of the import, the median of several. The baseline is
`import boto3` and a DynamoDB client, which every function of this kind pays.
"""

import os
import statistics
import subprocess
import sys
from collections.abc import Iterator

from tests.benchmarks.figures import BenchmarkError, Figure, Goal, Say
from tests.template.source import ROOT, resources

ROUNDS, QUICK_ROUNDS = 5, 1

BARE = "import boto3; boto3.client('dynamodb', region_name='ap-southeast-1')"

_TIMED = """
import time
started = time.process_time()
{statement}
print(time.process_time() - started)
"""


def figures(quick: bool, say: Say) -> Iterator[Figure]:
    """A figure for each function of the template."""
    statements = {"bare": BARE} | {module.split(".")[0]: f"import {module}" for module in _handlers()}
    taken: dict[str, list[float]] = {name: [] for name in statements}
    for name, statement in statements.items():
        _seconds(name, statement)  # writes the byte code, which is not measured
    rounds = QUICK_ROUNDS if quick else ROUNDS
    for number in range(1, rounds + 1):
        say(f"{len(statements)} processes, round {number} of {rounds}")
        for name, statement in statements.items():
            taken[name].append(_seconds(name, statement))
    baseline = statistics.median(taken.pop("bare")) * 1000
    for name, times in taken.items():
        yield Figure(f"import of {name}", statistics.median(times) * 1000, "ms", baseline, Goal("<=", 2.5))


def _handlers() -> list[str]:
    functions = resources("AWS::Serverless::Function").values()
    return [function["Properties"]["Handler"].rsplit(".", 1)[0] for function in functions]


def _seconds(name: str, statement: str) -> float:
    environment = {
        "PATH": os.defpath,
        "PYTHONPATH": os.pathsep.join(str(ROOT / place) for place in ("layers/models/python", "functions")),
        "AWS_REGION": "ap-southeast-1",
        "AWS_CONFIG_FILE": os.devnull,
        "AWS_SHARED_CREDENTIALS_FILE": os.devnull,
    }
    command = [sys.executable, "-c", _TIMED.format(statement=statement)]
    ended = subprocess.run(command, cwd=ROOT, env=environment, capture_output=True, text=True, check=False)  # noqa: S603  # ourselves
    if ended.returncode != 0:
        raise BenchmarkError(f"{name} cannot be imported:\n{ended.stderr[-2000:]}")
    return float(ended.stdout.splitlines()[-1])
