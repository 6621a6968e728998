"""What the machine says of a process and of a port."""

import contextlib
import os
import socket
import subprocess
from pathlib import Path


def is_engine(pid: int, command: str = "ministack") -> bool:
    """Whether a process lives and is an engine, or of another command: ids are used again after a restart."""
    with contextlib.suppress(ChildProcessError):
        os.waitpid(pid, os.WNOHANG)  # a child of this very process stays a zombie until it is waited for
    processes = Path("/proc")
    if processes.joinpath("self").exists():
        try:
            return command.encode() in processes.joinpath(str(pid), "cmdline").read_bytes()  # a zombie's is empty
        except OSError:
            return False
    shown = subprocess.run(  # without /proc: macOS
        ["/bin/ps", "-o", "stat=,command=", "-p", str(pid)], capture_output=True, text=True, check=False
    ).stdout
    return command in shown and not shown.startswith("Z")


def is_taken(host: str, port: int) -> bool:
    """Whether somebody listens there."""
    with socket.socket() as probe:
        return probe.connect_ex((host, port)) == 0
