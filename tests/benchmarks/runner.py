"""Runs the benchmarks that are asked for, prints their table and keeps them.

benchmarks.json is written by a whole run only: a quick or a partial one prints, and writes where it is told to. No call
goes to AWS.
"""

import argparse
import os
import sys
import traceback
from collections.abc import Callable, Iterable, Mapping, Sequence
from functools import partial
from pathlib import Path

from tests.benchmarks import backup, deletion, export, imports, memory, move, trends, upload
from tests.benchmarks.figures import Figure, Say, keep, table
from tests.conftest import FAKE
from tests.template.source import ROOT

Benchmark = Callable[[bool, Say], Iterable[Figure]]

BENCHMARKS: dict[str, Benchmark] = {
    "upload": upload.figures,
    "export": export.figures,
    "memory": memory.figures,
    "backup": backup.figures,
    "move": move.figures,
    "deletion": deletion.figures,
    "imports": imports.figures,
    "trends": trends.figures,
}

KEPT = ROOT / "benchmarks.json"

INTERRUPTED = 130
"""What a shell expects of what ctrl-C ended (128 + SIGINT)."""


def main(arguments: Sequence[str], benchmarks: Mapping[str, Benchmark] = BENCHMARKS, kept: Path = KEPT) -> int:
    """The command: 0 when all was measured, whether or not the goals are met."""
    options = _options(arguments, benchmarks, kept)
    os.environ.update(FAKE)
    figures: list[Figure] = []
    failed: list[str] = []
    try:
        for name in options.only or benchmarks:
            try:
                figures.extend(benchmarks[name](options.quick, partial(_say_of, name)))
            except Exception:  # the others are still worth measuring; this one is shown, and makes the command fail
                traceback.print_exc()
                failed.append(name)
    except KeyboardInterrupt:
        _print(table(figures))
        _say("interrupted; nothing was written")
        return INTERRUPTED
    _print(table(figures))
    if failed:
        _say(f"not measured: {', '.join(failed)}; nothing was written")
        return 1
    output = options.output or (None if options.only or options.quick else kept)
    if output:
        keep(figures, output)
        _say(f"written to {output}")
    return 0


def _options(arguments: Sequence[str], benchmarks: Mapping[str, Benchmark], kept: Path) -> argparse.Namespace:
    names = ", ".join(benchmarks)
    parser = argparse.ArgumentParser(prog="python -m tests.benchmarks", description=__doc__)
    parser.add_argument("--only", nargs="+", metavar="NAME", choices=list(benchmarks), help=f"some of {names}")
    parser.add_argument("--quick", action="store_true", help="less of everything: about a minute, less exact")
    parser.add_argument("--output", type=Path, metavar="FILE", help=f"default: {kept.name}, for a whole run")
    return parser.parse_args(arguments)


def _say_of(name: str, text: str) -> None:
    _say(f"{name}: {text} …")


def _say(text: str) -> None:
    print(text, file=sys.stderr, flush=True)  # noqa: T201  # progress of a command


def _print(text: str) -> None:
    print(text, flush=True)  # noqa: T201  # the answer of a command
