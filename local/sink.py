"""What stands for the processors on the local engine: it takes what they would, and writes it down.

Started as `python -m local.sink FOLDER PORT`.
"""

import contextlib
import json
import os
import signal
import socket
import subprocess
import sys
import time
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

from local.process import is_engine

HOST = "127.0.0.1"
START_SECONDS = 10.0
_LARGEST = 1_000_000
"""Bytes of a message that it takes; ours have a few hundred."""


def port(folder: Path) -> int:
    """The sink's port: chosen once for a folder, since the deployed functions know it."""
    known = _record(folder)
    if known is None:
        with socket.socket() as probe:
            probe.bind((HOST, 0))
            known = {"port": int(probe.getsockname()[1]), "pid": 0}
        _write(folder, known)
    return known["port"]


def start(folder: Path) -> None:
    """Start the sink, unless it runs already, and wait until it listens."""
    if running(folder):
        return
    command = [sys.executable, "-m", "local.sink", str(folder), str(port(folder))]
    process = subprocess.Popen(
        command,
        cwd=Path(__file__).resolve().parent.parent,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
        start_new_session=True,
    )
    _write(folder, {"port": port(folder), "pid": process.pid})
    deadline = time.monotonic() + START_SECONDS
    while time.monotonic() < deadline and process.poll() is None:
        with socket.socket() as probe:
            if probe.connect_ex((HOST, port(folder))) == 0:
                return
        time.sleep(0.05)


def running(folder: Path) -> int | None:
    """The process id of this folder's sink, if it runs."""
    known = _record(folder)
    if known is None or not known["pid"]:
        return None
    return known["pid"] if is_engine(known["pid"], "local.sink") else None


def stop(folder: Path) -> None:
    """End this folder's sink."""
    pid = running(folder)
    if pid:
        with contextlib.suppress(ProcessLookupError):
            os.kill(pid, signal.SIGTERM)


def received(folder: Path) -> list[dict[str, Any]]:
    """What came, oldest first: `{processor, purpose, fields}`."""
    try:
        return [json.loads(line) for line in (folder / "disclosures.jsonl").read_text("utf-8").splitlines()]
    except FileNotFoundError:
        return []


def serve(folder: Path, at: int) -> None:
    """Take POSTs until the end."""

    class Taking(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            """Write down what came."""
            content = self.rfile.read(min(int(self.headers.get("Content-Length", 0)), _LARGEST))
            _, processor, purpose = [*self.path.split("/"), "", ""][:3]
            row = {"processor": processor, "purpose": purpose, "fields": json.loads(content)}
            with (folder / "disclosures.jsonl").open("a", encoding="utf-8") as lines:
                lines.write(json.dumps(row, ensure_ascii=False) + "\n")
            self.send_response(204)
            self.end_headers()

        def log_message(self, *_: Any) -> None:
            """Nothing: what came is written down."""

    ThreadingHTTPServer((HOST, at), Taking).serve_forever()


def _record(folder: Path) -> dict[str, int] | None:
    try:
        known: dict[str, int] = json.loads((folder / "sink.json").read_text("utf-8"))
        return known
    except (OSError, ValueError):
        return None


def _write(folder: Path, known: dict[str, int]) -> None:
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "sink.json").write_text(json.dumps(known), "utf-8")


if __name__ == "__main__":
    serve(Path(sys.argv[1]), int(sys.argv[2]))
