"""The rooms and their one-way doors (design.md, "Rooms"; docs/decisions.md)."""

import ast
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.template.source import ROOT

LAYER = ROOT / "layers/models/python/privacy"
FUNCTIONS = ROOT / "functions"

MAY_IMPORT: dict[str, frozenset[str]] = {
    "policy": frozenset({"clock"}),
    "clock": frozenset(),
    "models": frozenset({"policy", "clock"}),
    "aws": frozenset(),
    "settings": frozenset(),
    "archive": frozenset({"models", "policy", "clock"}),
    "queues": frozenset({"aws"}),
    "tables": frozenset({"aws", "models", "policy", "clock"}),
    "vault": frozenset({"tables", "models", "policy", "clock"}),
    "hosting": frozenset({"aws", "vault", "tables", "models", "policy", "clock"}),
    "egress": frozenset({"policy"}),
    "removal": frozenset({"aws", "hosting", "vault", "tables", "models", "policy", "clock"}),
    "home": frozenset({"aws", "hosting", "vault", "tables", "policy", "queues", "settings"}),
    "subjects": frozenset({"aws", "home", "hosting", "removal", "vault", "tables", "models", "policy", "clock"}),
    "portability": frozenset(
        {"archive", "aws", "hosting", "work", "removal", "vault", "tables", "models", "policy", "clock"}
    ),
    "trends": frozenset({"removal", "tables", "models", "policy", "clock"}),
    "telemetry": frozenset(),
    "consumer": frozenset({"aws", "queues", "telemetry"}),
    "work": frozenset(
        {"aws", "consumer", "home", "hosting", "queues", "settings", "tables", "models", "policy", "clock"}
    ),
    "schedules": frozenset({"removal", "telemetry"}),
    "web": frozenset({"settings", "telemetry", "vault", "tables", "models", "policy", "clock"}),
}
"""What each room may import; functions may import all of them, and no other function."""

PURE = {"policy", "models", "clock"}
BARRED_FROM_PURE = {"boto3", "botocore", "chalice", "aws_lambda_powertools"}


def _modules(folder: Path) -> Iterator[tuple[str, Path]]:
    for path in sorted(folder.rglob("*.py")):
        first = path.relative_to(folder).parts[0].removesuffix(".py")
        if first != "__init__":
            yield first, path


def _imports(path: Path) -> Iterator[str]:
    for node in ast.walk(ast.parse(path.read_text("utf-8"))):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, f"{path}: import by full name"
            yield from (f"{node.module}.{alias.name}" for alias in node.names)


@pytest.mark.parametrize(
    ("room", "path"), list(_modules(LAYER)), ids=lambda value: str(value).rsplit("privacy/", 1)[-1]
)
def test_a_room_imports_only_the_rooms_below_it(room: str, path: Path) -> None:
    assert room in MAY_IMPORT, f"{room} is a new room: say what it may import"
    for name in _imports(path):
        parts = name.split(".")
        if parts[0] == "privacy" and len(parts) > 1 and parts[1] != room:
            assert parts[1] in MAY_IMPORT[room], f"{room} may not import {parts[1]}"
        if room in PURE:
            assert parts[0] not in BARRED_FROM_PURE, f"{room} is pure: no {parts[0]}"
        if room in {"policy", "models"}:
            assert parts[0] != "os", f"{room} asks the environment nothing"
        assert not (FUNCTIONS / parts[0]).is_dir(), "the layer imports no function"


@pytest.mark.parametrize(
    ("function", "path"), list(_modules(FUNCTIONS)), ids=lambda value: str(value).rsplit("functions/", 1)[-1]
)
def test_a_function_imports_the_layer_and_never_another_function(function: str, path: Path) -> None:
    for name in _imports(path):
        first = name.split(".")[0]
        assert first == function or not (FUNCTIONS / first).is_dir(), f"{function} imports {first}"


@pytest.mark.parametrize(
    "path",
    [path for _, path in [*_modules(LAYER), *_modules(FUNCTIONS)]],
    ids=lambda value: str(value).rsplit("/", 2)[-1],
)
def test_only_the_clock_asks_the_time(path: Path) -> None:
    if path.name == "clock.py":
        return
    for node in ast.walk(ast.parse(path.read_text("utf-8"))):
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute):
            call = ast.unparse(node.func)
            assert not call.endswith((".utcnow", ".today", "time.time")), f"{call}: ask privacy.clock"
            assert call not in ("datetime.now", "datetime.datetime.now", "date.today"), f"{call}: ask privacy.clock"


ONLY_EGRESS = ("urllib.request", "urllib3", "http.client", "socket", "ssl", "requests", "httpx", "smtplib", "ftplib")
"""What opens a connection. boto3 is AWS, which is our own platform."""

CAPTCHA = {FUNCTIONS / "signup/captcha.py", FUNCTIONS / "signup/parts.py"}
"""Asks Google about a token: what it sends has passed the gate as well (tests/unit/signup/test_captcha.py)."""


@pytest.mark.promise("processors.allow-list")
@pytest.mark.parametrize(
    "path",
    [path for _, path in [*_modules(LAYER), *_modules(FUNCTIONS)]],
    ids=lambda value: str(value).rsplit("/", 2)[-1],
)
def test_there_is_one_way_out(path: Path) -> None:
    if path.is_relative_to(LAYER / "egress"):
        return
    for name in _imports(path):
        opens = [module for module in ONLY_EGRESS if name == module or name.startswith(f"{module}.")]
        assert not opens or (opens == ["urllib3"] and path in CAPTCHA), f"{path.name} opens a connection by {name}"
    text = path.read_text("utf-8")
    assert "send_email" not in text, f"{path.name}: mails leave by privacy.egress.letters"
    # The keys of staff tokens: a GET without anything of anybody's.
    assert "PyJWKClient(" not in text or path == LAYER / "web/staff.py"
