"""Processes: started in a group, read from /proc (proc(5)), and asked on their socket."""

import contextlib
import os
import signal
import socket
import subprocess
import time
from collections.abc import Sequence
from pathlib import Path

# The signals that the parent of a group blocks, and takes one by one.
SIGNALS = {signal.SIGCHLD, signal.SIGHUP, signal.SIGINT, signal.SIGTERM}


def start_group(command: Sequence[str]) -> subprocess.Popen[bytes]:
    """Start a process in a group of its own: Ctrl-C reaches it only through its parent."""
    return subprocess.Popen(  # noqa: S603 - no part of it comes from outside
        command, process_group=0, preexec_fn=_unblock
    )


def kill_group(process: subprocess.Popen[bytes]) -> None:
    """Kill the process and its children, and wait for its end."""
    with contextlib.suppress(ProcessLookupError):
        os.killpg(process.pid, signal.SIGKILL)
    process.wait()


def children(pid: int) -> list[int]:
    """Return the running children of any of the process's threads."""
    found: list[int] = []
    for path in Path(f"/proc/{pid}/task").glob("*/children"):
        # Threads come and go.
        with contextlib.suppress(OSError):
            found += map(int, path.read_text().split())
    return found


def workers(pid: int) -> list[int]:
    """Return the children of a granian that serve requests."""
    return [child for child in children(pid) if not _tracks_resources(child)]


def state(pid: int) -> str:
    """Return the process's state, such as "R", "S", "T" (stopped) or "Z"; "" without one."""
    return (_stat(pid) or [""])[0]


def cpu_seconds(pid: int) -> float:
    """Return the processor time of the process so far, in seconds."""
    utime, stime = (_stat(pid) or ["0"] * 13)[11:13]
    return (int(utime) + int(stime)) / os.sysconf("SC_CLK_TCK")


def proportional_mib(pid: int) -> float:
    """Return the process's proportional set size, in MiB."""
    lines = Path(f"/proc/{pid}/smaps_rollup").read_text().splitlines()
    return sum(int(line.split()[1]) for line in lines if line.startswith("Pss:")) / 1024


def unanswered(path: Path, host: str, *, requests: int, seconds: float) -> int:
    """Send `requests` requests at once; return how many got no byte within `seconds`.

    The workers share the socket, so a single request might meet the one that is alive.
    """
    deadline = time.monotonic() + seconds
    request = f"GET /smoke-test/ HTTP/1.1\r\nHost: {host}\r\nConnection: close\r\n\r\n"
    answered = 0
    with contextlib.ExitStack() as stack:
        clients = [stack.enter_context(socket.socket(socket.AF_UNIX)) for _ in range(requests)]
        for client in clients:
            # 0 would mean not to wait at all. A client that fails here receives nothing below.
            client.settimeout(max(deadline - time.monotonic(), 0.001))
            with contextlib.suppress(OSError):
                client.connect(str(path))
                client.sendall(request.encode())
        for client in clients:
            client.settimeout(max(deadline - time.monotonic(), 0.001))
            with contextlib.suppress(OSError):
                answered += client.recv(1) != b""
    return requests - answered


def _tracks_resources(pid: int) -> bool:
    # From Python 3.14 on, multiprocessing starts a process of its own beside the workers.
    try:
        return b"resource_tracker" in Path(f"/proc/{pid}/cmdline").read_bytes()
    except OSError:
        return False


def _unblock() -> None:
    signal.pthread_sigmask(signal.SIG_UNBLOCK, SIGNALS)


def _stat(pid: int) -> list[str]:
    """Return the fields of /proc/PID/stat after the name, which may contain any character."""
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    except OSError:
        return []
