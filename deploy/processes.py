"""Starts, watches and kills process groups, and checks whether the app responds."""

import contextlib
import os
import signal
import socket
import subprocess
from collections.abc import Sequence
from pathlib import Path

# The signals that the parent of a group blocks and handles one by one.
SIGNALS = {signal.SIGCHLD, signal.SIGHUP, signal.SIGINT, signal.SIGTERM}


def start_group(command: Sequence[str]) -> subprocess.Popen[bytes]:
    """Start a process in its own group, so that Ctrl-C reaches it only through its parent."""
    return subprocess.Popen(  # noqa: S603 - no part of it comes from outside
        command, process_group=0, preexec_fn=_unblock
    )


def attend(groups: Sequence[subprocess.Popen[bytes]]) -> int:
    """Wait for a signal or an exit, then kill all groups; return 0 or the exit status.

    SIGNALS must be blocked. Killing is safe on a developer's machine, and necessary: granian waits
    for unfinished requests, and loses a signal that arrives while a worker starts.
    """
    ended: list[int] = []
    while not ended and signal.sigwait(SIGNALS) == signal.SIGCHLD:
        ended = [group.returncode for group in groups if group.poll() is not None]
    for group in groups:
        with contextlib.suppress(ProcessLookupError):
            os.killpg(group.pid, signal.SIGKILL)
        group.wait()
    return ended[0] if ended else 0


def answers(path: Path, host: str, seconds: float) -> bool:
    """Return whether the app on the unix socket sends any byte within `seconds`."""
    request = f"GET /smoke-test/ HTTP/1.1\r\nHost: {host}\r\nConnection: close\r\n\r\n"
    with contextlib.suppress(OSError), socket.socket(socket.AF_UNIX) as client:
        client.settimeout(seconds)
        client.connect(str(path))
        client.sendall(request.encode())
        return client.recv(1) != b""
    return False


def children(pid: int) -> list[int]:
    """Return the running children of all the process's threads; see proc(5)."""
    pids: list[int] = []
    for path in Path(f"/proc/{pid}/task").glob("*/children"):
        # A thread may have ended.
        with contextlib.suppress(OSError):
            pids += map(int, path.read_text().split())
    return pids


def _unblock() -> None:
    signal.pthread_sigmask(signal.SIG_UNBLOCK, SIGNALS)
