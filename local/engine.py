"""The engine's process: one ministack on 127.0.0.1, detached, with its state in a folder of its own."""

import contextlib
import importlib.util
import json
import os
import shutil
import signal
import subprocess
import sys
import time
import urllib.request
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import boto3
from botocore.config import Config

from local.process import is_engine, is_taken

HOST = "127.0.0.1"
DEFAULT_PORT = 4566
ACCOUNT = "000000000000"
"""The account that ministack gives to credentials that name none."""
CREDENTIALS = {"aws_access_key_id": "local", "aws_secret_access_key": "local"}
START_SECONDS = 40.0
STOP_SECONDS = 60.0
KEPT_VARIABLES = ("HOME", "LANG", "LC_ALL", "PATH", "LOG_LEVEL")
"""All that the engine, and so each function, sees of the caller's environment."""


class EngineError(Exception):
    """The engine cannot do what was asked; the text says why and what to do."""


@dataclass(frozen=True)
class Engine:
    """One engine: where its state lies and the port it listens on."""

    folder: Path
    port: int

    @property
    def url(self) -> str:
        """Where AWS clients reach it."""
        return f"http://{HOST}:{self.port}"

    @property
    def log(self) -> Path:
        """What the engine itself says; functions log to CloudWatch (`python -m local logs`)."""
        return self.folder / "engine.log"

    def client(self, service: str, region: str) -> Any:
        """A boto3 client of this engine, whatever the caller's own AWS settings are."""
        config = Config(
            retries={"mode": "standard"},
            read_timeout=120,
            s3={"addressing_style": "path"},
            signature_version="s3v4" if service == "s3" else None,  # links to KMS-encrypted objects need it
        )
        session = boto3.session.Session(region_name=region, **CREDENTIALS)
        return session.client(service, endpoint_url=self.url, config=config)

    def running(self) -> int | None:
        """The process id of the engine that we started here, if it still runs."""
        recorded = _record(self.folder)
        if recorded and recorded["port"] == self.port and is_engine(recorded["pid"]):
            return recorded["pid"]
        return None

    def start(self) -> None:
        """Start the engine and wait until it answers; nothing happens when it runs already.

        Raises: EngineError when a tool is missing, the port is taken or the engine does not come up.
        """
        if self.running():
            return
        for module, package in (("ministack", "ministack"), ("samtranslator", "aws-sam-translator")):
            if importlib.util.find_spec(module) is None:
                raise EngineError(f"{package} is missing: run `make local`, which installs it")
        if is_taken(HOST, self.port):
            anew = "`.venv/bin/python -m local forget`, then " if _record(self.folder) else ""
            raise EngineError(
                f"port {self.port} on {HOST} is taken by another program: stop that program, "
                f"or choose another port: {anew}make local PORT={self.port + 100}"
            )
        scratch = self.folder / "tmp"
        shutil.rmtree(scratch, ignore_errors=True)  # what the workers of the last run unpacked
        scratch.mkdir(parents=True)
        with self.log.open("ab") as log:
            process = subprocess.Popen(
                [sys.executable, "-m", "ministack"],
                env=_environment(self.folder, self.port, os.environ),
                cwd=self.folder,
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                start_new_session=True,  # Ctrl-C in the terminal must not end it before its state is saved
            )
        _record_path(self.folder).write_text(json.dumps({"pid": process.pid, "port": self.port}))
        try:
            self._await_answer(process)
        except BaseException:
            self.stop()
            raise

    def stop(self) -> bool:
        """End the engine and wait until its state is saved; False when none of ours runs.

        Raises: EngineError when it has not ended in time.
        """
        pid = self.running()
        if pid is None:
            return False
        with contextlib.suppress(ProcessLookupError):
            os.kill(pid, signal.SIGTERM)
        deadline = time.monotonic() + STOP_SECONDS
        while is_engine(pid):
            if time.monotonic() > deadline:
                raise EngineError(f"the engine (process {pid}) is still saving its state; see {self.log}")
            time.sleep(0.1)
        return True

    def forget(self) -> None:
        """End the engine and remove all that it kept."""
        self.stop()
        if _record(self.folder):  # a folder that no engine ran in is not ours to remove
            shutil.rmtree(self.folder)

    def _await_answer(self, process: "subprocess.Popen[bytes]") -> None:
        deadline = time.monotonic() + START_SECONDS
        while time.monotonic() < deadline:
            if process.poll() is not None:
                raise EngineError(f"the engine ended at once (exit {process.returncode}); see {self.log}")
            health = f"{self.url}/_ministack/health"
            with contextlib.suppress(OSError), urllib.request.urlopen(health, timeout=2):
                return
            time.sleep(0.1)
        raise EngineError(f"the engine did not answer within {START_SECONDS:.0f} s; see {self.log}")


def find(folder: Path, port: int | None) -> Engine:
    """The engine of a folder, on the port of its last run if none is asked for.

    Raises: EngineError when its state belongs to another port: the queues' addresses in it carry the port, and on
    another one no message would reach its function.
    """
    recorded = _record(folder)
    if recorded and port not in (None, recorded["port"]):
        raise EngineError(
            f"the state in {folder} belongs to port {recorded['port']}: go on there "
            f"(make local PORT={recorded['port']}), or begin anew after `.venv/bin/python -m local forget`"
        )
    return Engine(folder, recorded["port"] if recorded else port or DEFAULT_PORT)


def _environment(folder: Path, port: int, caller: Mapping[str, str]) -> dict[str, str]:
    kept = {name: caller[name] for name in KEPT_VARIABLES if name in caller}
    return {
        "LOG_LEVEL": "WARNING",
        **kept,
        "POWERTOOLS_LOG_LEVEL": "INFO",  # the functions' default, which they would else take from LOG_LEVEL
        "AWS_ACCESS_KEY_ID": CREDENTIALS["aws_access_key_id"],
        "AWS_SECRET_ACCESS_KEY": CREDENTIALS["aws_secret_access_key"],
        "AWS_EC2_METADATA_DISABLED": "true",
        "BIND_HOST": HOST,
        "GATEWAY_PORT": str(port),
        "MINISTACK_HOST": HOST,
        "MINISTACK_ACCOUNT_ID": ACCOUNT,
        "SFTP_ENABLED": "0",
        "IOT_MTLS_ENABLED": "0",
        "PERSIST_STATE": "1",
        "STATE_DIR": str(folder / "state"),
        "S3_PERSIST": "1",
        "S3_DATA_DIR": str(folder / "state" / "s3"),
        "TMPDIR": str(folder / "tmp"),
    }


def _record_path(folder: Path) -> Path:
    return folder / "engine.json"


def _record(folder: Path) -> dict[str, int] | None:
    try:
        recorded = json.loads(_record_path(folder).read_text())
        return {"pid": int(recorded["pid"]), "port": int(recorded["port"])}
    except (OSError, ValueError, KeyError, TypeError):
        return None
