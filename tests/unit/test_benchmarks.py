"""The benchmarks run, and what they write has the shape that others read. How fast anything is, no test says."""

import json
from functools import partial
from pathlib import Path

import pytest

from tests.benchmarks.apart import apart
from tests.benchmarks.backup import back_up
from tests.benchmarks.export import fill
from tests.benchmarks.figures import BenchmarkError, Figure, Goal, Say, table
from tests.benchmarks.move import move
from tests.benchmarks.restore import restore
from tests.benchmarks.runner import main


@pytest.mark.parametrize(("benchmark", "count"), [("upload", 1), ("backup", 2), ("move", 1), ("trends", 1)])
def test_a_quick_run_of_one_benchmark_prints_and_writes_figures_of_the_agreed_shape(
    benchmark: str, count: int, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    output = tmp_path / "benchmarks.json"
    assert main(["--quick", "--only", benchmark, "--output", str(output)]) == 0
    figures = json.loads(output.read_text("utf-8"))
    printed = capsys.readouterr().out
    assert len(figures) == count
    for figure in figures:
        assert list(figure) == ["name", "value", "unit", "baseline", "ratio", "goal", "met"]
        assert figure["value"] > 0
        assert figure["baseline"] > 0
        assert isinstance(figure["met"], bool)
        assert figure["name"] in printed


def test_a_backup_its_restore_and_a_move_are_done_with_the_stores_in_another_process() -> None:
    with apart(partial(fill, records=50, files=1)) as (cloud, database):
        back_up(cloud, database)
        restore(cloud, database)
        move(cloud, database)


def one(quick: bool, say: Say) -> list[Figure]:
    """A benchmark that measures nothing."""
    return [Figure("one", 2.0 if quick else 1.0, "pieces", 1.0, Goal(">=", 1))]


def broken(quick: bool, say: Say) -> list[Figure]:
    raise BenchmarkError("nothing was measured")


def interrupted(quick: bool, say: Say) -> list[Figure]:
    raise KeyboardInterrupt


@pytest.mark.parametrize("options", [["--only", "one"], ["--quick"]])
def test_only_a_whole_run_writes_the_kept_figures(tmp_path: Path, options: list[str]) -> None:
    kept = tmp_path / "benchmarks.json"
    assert main(options, {"one": one}, kept) == 0
    assert not kept.exists()
    assert main([], {"one": one}, kept) == 0
    assert [figure["name"] for figure in json.loads(kept.read_text("utf-8"))] == ["one"]


def test_a_benchmark_that_fails_is_told_the_others_are_measured_and_nothing_is_written(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    kept = tmp_path / "benchmarks.json"
    assert main([], {"broken": broken, "one": one}, kept) == 1
    told = capsys.readouterr()
    assert "not measured: broken" in told.err
    assert "pieces" in told.out
    assert not kept.exists()


def test_ctrl_c_shows_what_was_measured_and_writes_nothing(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    kept = tmp_path / "benchmarks.json"
    assert main([], {"one": one, "interrupted": interrupted}, kept) == 130
    assert "pieces" in capsys.readouterr().out
    assert not kept.exists()


def test_a_goal_is_met_by_the_ratio_that_is_shown_and_a_missed_one_stands_out() -> None:
    at_the_edge = Figure("edge", 0.49999, "x", 1.0, Goal(">=", 0.5))
    missed = Figure("missed", 2.51, "x", 1.0, Goal("<=", 2.5))
    assert at_the_edge.plain()["met"] is True
    assert at_the_edge.plain()["ratio"] == 0.5
    assert missed.plain()["met"] is False
    assert table([at_the_edge, missed]).splitlines()[2].endswith("NO")
