"""The benchmarks run, and what they write has the shape that others read. How fast anything is, no test says."""

import json
from pathlib import Path

import pytest

from tests.benchmarks.figures import Figure, Goal, table
from tests.benchmarks.runner import BENCHMARKS, main
from tests.template.source import ROOT


def test_a_quick_run_of_one_benchmark_prints_and_writes_figures_of_the_agreed_shape(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    output = tmp_path / "benchmarks.json"
    assert main(["--quick", "--only", "upload", "--output", str(output)]) == 0
    figures = json.loads(output.read_text("utf-8"))
    printed = capsys.readouterr().out
    assert len(figures) == 1
    for figure in figures:
        assert list(figure) == ["name", "value", "unit", "baseline", "ratio", "goal", "met"]
        assert figure["value"] > 0
        assert figure["baseline"] > 0
        assert isinstance(figure["met"], bool)
        assert figure["name"] in printed


def test_a_partial_run_leaves_the_kept_figures_alone(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    kept = ROOT / "benchmarks.json"
    before = kept.read_bytes() if kept.exists() else None
    monkeypatch.setitem(BENCHMARKS, "upload", lambda quick, say: iter([Figure("a", 1, "b", 1, Goal(">=", 1))]))
    assert main(["--only", "upload"]) == 0
    assert (kept.read_bytes() if kept.exists() else None) == before


def test_a_benchmark_that_fails_is_told_and_nothing_is_written(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setitem(BENCHMARKS, "upload", lambda quick, say: iter([1 // 0]))
    output = tmp_path / "benchmarks.json"
    assert main(["--only", "upload", "--output", str(output)]) == 1
    assert "not measured: upload" in capsys.readouterr().err
    assert not output.exists()


def test_ctrl_c_shows_what_was_measured_and_writes_nothing(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    def interrupted(quick: bool, say: object) -> list[Figure]:
        raise KeyboardInterrupt

    monkeypatch.setitem(BENCHMARKS, "upload", lambda quick, say: iter([Figure("a", 1, "b", 1, Goal(">=", 1))]))
    monkeypatch.setitem(BENCHMARKS, "export", interrupted)
    output = tmp_path / "benchmarks.json"
    assert main(["--only", "upload", "export", "--output", str(output)]) == 130
    assert ">= 1" in capsys.readouterr().out
    assert not output.exists()


def test_a_goal_is_met_by_the_ratio_that_is_shown_and_a_missed_one_stands_out() -> None:
    at_the_edge = Figure("edge", 0.49999, "x", 1.0, Goal(">=", 0.5))
    missed = Figure("missed", 2.51, "x", 1.0, Goal("<=", 2.5))
    assert at_the_edge.plain()["met"] is True
    assert at_the_edge.plain()["ratio"] == 0.5
    assert missed.plain()["met"] is False
    assert table([at_the_edge, missed]).splitlines()[2].endswith("NO")
