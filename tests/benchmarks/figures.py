"""A figure: what was measured beside its baseline, and how figures are printed and kept."""

import json
import os
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

COLUMNS = ("name", "value", "unit", "baseline", "ratio", "goal", "met")

Say = Callable[[str], None]
"""Tells whoever waits what is being measured."""


class BenchmarkError(Exception):
    """What was to be measured did not do its work, so its speed says nothing."""


@dataclass(frozen=True)
class Goal:
    """What a ratio should be: at least, or at most, some number."""

    sign: Literal[">=", "<="]
    number: float

    def met(self, ratio: float) -> bool:
        """Whether a ratio reaches the goal."""
        return ratio >= self.number if self.sign == ">=" else ratio <= self.number

    def __str__(self) -> str:
        return f"{self.sign} {self.number:g}"


@dataclass(frozen=True)
class Figure:
    """A value and its baseline in one unit, from the same run; the goal is for their ratio."""

    name: str
    value: float
    unit: str
    baseline: float
    goal: Goal

    def plain(self) -> dict[str, Any]:
        """As an entry of benchmarks.json: numbers to four digits, and `met` by the ratio that is shown."""
        ratio = _rounded(self.value / self.baseline)
        return {
            "name": self.name,
            "value": _rounded(self.value),
            "unit": self.unit,
            "baseline": _rounded(self.baseline),
            "ratio": ratio,
            "goal": str(self.goal),
            "met": self.goal.met(ratio),
        }


def table(figures: Sequence[Figure]) -> str:
    """The figures as lines of text, numbers to the right."""
    rows = [COLUMNS, *(tuple(_text(figure.plain()[name]) for name in COLUMNS) for figure in figures)]
    widths = [max(len(row[place]) for row in rows) for place in range(len(COLUMNS))]
    right = {COLUMNS.index(name) for name in ("value", "baseline", "ratio")}
    return "\n".join(
        "  ".join(
            cell.rjust(widths[place]) if place in right else cell.ljust(widths[place]) for place, cell in enumerate(row)
        ).rstrip()
        for row in rows
    )


def keep(figures: Sequence[Figure], path: Path) -> None:
    """Write the figures as JSON, in one step: an interrupted run leaves the file as it was."""
    lines = ",\n".join("  " + json.dumps(figure.plain()) for figure in figures)
    unfinished = path.with_name(path.name + ".new")
    unfinished.write_text(f"[\n{lines}\n]\n", "utf-8")
    os.replace(unfinished, path)


def _rounded(number: float) -> float:
    return float(f"{number:.4g}")


def _text(value: Any) -> str:
    if isinstance(value, bool):
        return "yes" if value else "NO"
    return f"{value:,.4g}" if isinstance(value, float) and abs(value) < 10_000 else _thousands(value)


def _thousands(value: Any) -> str:
    return f"{value:,.0f}" if isinstance(value, float) else str(value)
