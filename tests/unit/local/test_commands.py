"""The command line says what is wrong and what to do, and touches only what is its own."""

import argparse
import json
import os
import socket
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from io import BytesIO
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from local import commands, deployment, functions, outbox, travel
from local.__main__ import main
from local.engine import HOST, Engine, EngineError, _environment, find

JANUARY = datetime(2026, 1, 31, tzinfo=UTC)


def test_a_taken_port_is_named_with_a_way_out(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    with socket.socket() as other:
        other.bind((HOST, 0))
        other.listen()
        port = other.getsockname()[1]
        assert main(["--folder", str(tmp_path), "--port", str(port), "start"]) == 1
    said = capsys.readouterr().err
    assert f"port {port}" in said
    assert f"PORT={port + 100}" in said


@pytest.mark.parametrize("pid", [os.getpid(), 2**22 + 1], ids=["another program", "nobody"])
def test_a_process_that_is_no_engine_is_never_ended(tmp_path: Path, pid: int) -> None:
    (tmp_path / "engine.json").write_text(json.dumps({"pid": pid, "port": 4566}))
    assert Engine(tmp_path, 4566).stop() is False


def test_state_is_not_taken_to_another_port(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (tmp_path / "engine.json").write_text(json.dumps({"pid": 2**22 + 1, "port": 4600}))
    assert find(tmp_path, None).port == 4600
    assert main(["--folder", str(tmp_path), "--port", "4700", "start"]) == 1
    assert "PORT=4600" in capsys.readouterr().err


def test_forgetting_removes_only_what_an_engine_kept(tmp_path: Path) -> None:
    (tmp_path / "work.txt").write_text("mine")
    assert main(["--folder", str(tmp_path), "forget"]) == 0
    assert (tmp_path / "work.txt").exists()
    (tmp_path / "engine.json").write_text(json.dumps({"pid": 2**22 + 1, "port": 4600}))
    assert main(["--folder", str(tmp_path), "forget"]) == 0
    assert not tmp_path.exists()


def test_a_spoilt_record_counts_as_no_engine(tmp_path: Path) -> None:
    (tmp_path / "engine.json").write_text("{")
    assert find(tmp_path, None) == Engine(tmp_path, 4566)


def test_stopping_what_does_not_run_says_so(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["--folder", str(tmp_path), "--port", "1", "stop"]) == 0
    assert "nothing to stop" in capsys.readouterr().out


@pytest.mark.parametrize(
    "command",
    ["mail", "endpoints", "travel P1D", "tour", "sweep log_purging", "sweep --all", "logs mail", "restore db_a bak_a"],
)
def test_without_an_engine_a_command_says_how_to_start_it(
    tmp_path: Path, command: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["--folder", str(tmp_path), "--port", "1", *command.split()]) == 1
    assert "make local" in capsys.readouterr().err


@pytest.mark.parametrize("command", ["sweep", "sweep log_purging --all"])
def test_a_sweep_is_of_one_or_of_all(tmp_path: Path, command: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["--folder", str(tmp_path), "--port", "1", *command.split()]) == 1
    assert "sweep --all" in capsys.readouterr().err


@dataclass(frozen=True)
class Scheduled(Engine):
    """An engine with these functions, each with its answer (None: it fails), and these rules, by their target."""

    answers: dict[str, Any]
    rules: dict[str, dict[str, str]]

    def client(self, service: str, region: str) -> Any:
        return self

    def get_paginator(self, operation: str) -> Any:
        here = [{**rule, "Name": name} for name, rule in self.rules.items()]
        resources = [
            {
                "LogicalResourceId": functions.logical_id(name),
                "PhysicalResourceId": f"perfectwork-{name.replace('_', '-')}",
                "ResourceType": "AWS::Lambda::Function",
            }
            for name in self.answers
        ]
        page = {"list_rules": {"Rules": here}, "list_stack_resources": {"StackResourceSummaries": resources}}[operation]
        return SimpleNamespace(paginate=lambda **_: [page])

    def list_targets_by_rule(self, **request: str) -> Any:
        return {"Targets": [{"Arn": f"arn:aws:lambda:ap-southeast-1:000000000000:function:{request['Rule']}"}]}

    def invoke(self, **request: Any) -> Any:
        assert json.loads(request["Payload"])["detail-type"] == "Scheduled Event"
        answer = self.answers[request["FunctionName"].removeprefix("perfectwork-").replace("-", "_")]
        failed = {"FunctionError": "Unhandled"} if answer is None else {}
        return {"Payload": BytesIO(json.dumps(answer).encode()), **failed}


@pytest.fixture
def scheduled(tmp_path: Path) -> Scheduled:
    hourly = {"ScheduleExpression": "rate(1 hour)"}
    answers = {
        "promise_audit": {"kept": 1, "promises": {"sessions.idle": "kept"}},
        "mail": {},
        "log_purging": {"visits": {"removed": 0, "lag_seconds": 0, "left": False}},
        "session_expiry": {"sessions": {"removed": 3, "left": False}, "signups": {"removed": 0, "left": True}},
    }
    rules = {
        "perfectwork-promise-audit": hourly,
        "perfectwork-session-expiry": hourly,
        "perfectwork-log-purging": hourly,
        "perfectwork-mail": {"EventPattern": "{}"},
        "somebody-elses": hourly,
    }
    return Scheduled(tmp_path, 1, answers, rules)


def asked(name: str | None = None) -> argparse.Namespace:
    return argparse.Namespace(name=name, all=name is None, region=None)


def test_one_tick_of_each_schedule_says_a_line_each_and_audits_last(
    scheduled: Engine, capsys: pytest.CaptureFixture[str]
) -> None:
    assert commands.sweep(scheduled, asked()) == 0
    assert capsys.readouterr().out.splitlines() == [
        "log_purging        nothing was due",
        "session_expiry     sessions 3; not finished, run it again: signups",
        "promise_audit      kept 1",
    ]


def test_a_schedule_that_fails_stops_no_other_and_is_told(
    scheduled: Scheduled, capsys: pytest.CaptureFixture[str]
) -> None:
    scheduled.answers["log_purging"] = None
    assert commands.sweep(scheduled, asked()) == 1
    said = capsys.readouterr().out.splitlines()
    assert said[0].startswith("log_purging        failed: ")
    assert "local logs log_purging" in said[0]
    assert len(said) == 3


def test_what_no_schedule_starts_is_not_called_and_the_others_are_named(scheduled: Engine) -> None:
    for name in ("mail", "nothing"):
        with pytest.raises(functions.FunctionError, match=f"no schedule starts {name} .*log_purging, session_expiry"):
            commands.sweep(scheduled, asked(name))


def test_a_region_without_schedules_says_so(scheduled: Scheduled) -> None:
    scheduled.rules.clear()
    with pytest.raises(functions.FunctionError, match="no schedule starts anything in ap-southeast-1"):
        commands.sweep(scheduled, asked())


def test_the_engine_sees_nothing_of_the_caller_s_aws_settings(tmp_path: Path) -> None:
    caller = {"AWS_PROFILE": "real", "AWS_SECRET_ACCESS_KEY": "real", "PATH": "/bin", "PYTHONPATH": "/x"}
    seen = _environment(tmp_path, 4600, caller)
    assert "real" not in seen.values()
    assert "PYTHONPATH" not in seen
    assert (seen["BIND_HOST"], seen["SFTP_ENABLED"], seen["IOT_MTLS_ENABLED"]) == (HOST, "0", "0")


def test_a_month_is_counted_from_the_functions_day() -> None:
    assert travel.further(timedelta(), "P1M", JANUARY) == timedelta(days=28)
    assert travel.further(timedelta(days=3), "P22D", JANUARY) == timedelta(days=25)


@pytest.mark.parametrize("wrong", ["", "22 days", "P", "22D"])
def test_what_is_no_duration_is_told_to_be_none(wrong: str) -> None:
    with pytest.raises(travel.TravelError, match="ISO 8601"):
        travel.further(timedelta(), wrong, JANUARY)


@pytest.mark.parametrize("wrong", ["P99999Y", "P9999999999D", "P11Y", "P999999999999999999999D"])
def test_the_clock_goes_no_further_than_ten_years(wrong: str) -> None:
    with pytest.raises(travel.TravelError):
        travel.further(timedelta(), wrong, JANUARY)


def test_the_clock_goes_ahead_only() -> None:
    with pytest.raises(travel.TravelError, match="ahead only"):
        travel.further(timedelta(hours=1), "-P1D", JANUARY)
    assert travel.further(timedelta(days=2), "-P1D", JANUARY) == timedelta(days=1)


def test_a_folder_that_never_was_has_no_engine_to_stop(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["--folder", str(tmp_path / "none"), "--port", "1", "stop"]) == 0
    assert "nothing to stop" in capsys.readouterr().out


def test_a_folder_that_cannot_be_made_is_named(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (tmp_path / "file").touch()
    assert main(["--folder", str(tmp_path / "file" / "state"), "start"]) == 1
    assert "cannot make the folder" in capsys.readouterr().err


def test_a_function_is_called_by_its_folder_s_name() -> None:
    assert functions.logical_id("session_expiry") == "SessionExpiryFunction"
    assert functions.logical_id("session-expiry") == "SessionExpiryFunction"
    assert functions.folder_name("SessionExpiryFunction") == "session_expiry"


def test_an_outbox_that_does_not_answer_says_how_to_start_it() -> None:
    with pytest.raises(EngineError, match="make local"):
        outbox.read(f"http://{HOST}:1/")


def test_the_home_region_is_the_policy_s() -> None:
    where = deployment.places()
    assert where.regions == {"americas": "us-east-1", "asia": "ap-southeast-1"}
    assert where.home_region == "ap-southeast-1"
