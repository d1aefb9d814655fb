"""The measured servers: starts them on one processor, and reads their use of it."""

import http.client
import os
import signal
import socket
import subprocess
import time
from collections.abc import Mapping, Sequence
from pathlib import Path

from deploy.processes import children

ROOT = Path(__file__).resolve().parents[1]

# The load generator uses the other one.
PROCESSOR = "0"


class Server:
    """A server and its children, from its start to `stop()`."""

    def __init__(
        self, command: Sequence[str], environ: Mapping[str, str], processors: str = PROCESSOR
    ) -> None:
        self.process = subprocess.Popen(  # noqa: S603 - no part of it comes from outside
            ["taskset", "--cpu-list", processors, *command],  # noqa: S607 - by PATH
            cwd=ROOT,
            env=os.environ | environ,
            process_group=0,
        )

    def stop(self) -> None:
        self.process.terminate()
        try:
            self.process.wait(timeout=10)
        except subprocess.TimeoutExpired:
            os.killpg(self.process.pid, signal.SIGKILL)
            self.process.wait()

    def cpu_seconds(self) -> float:
        """Return the processor time of all its processes so far, in seconds."""
        return sum(cpu_seconds_of(pid) for pid in self._pids())

    def worker_mib(self) -> float:
        """Return the memory of one worker, in MiB."""
        return _proportional_mib(self._pids()[-1])

    def _pids(self) -> list[int]:
        pids = [self.process.pid]
        for pid in pids:
            pids += children(pid)
        return pids


def until_answered(port: int, target: str, seconds: float = 30) -> float:
    """Repeat the request until it gets 200; return the seconds that this took.

    Raises TimeoutError with the last status or error.
    """
    began = time.monotonic()
    last = ""
    while (passed := time.monotonic() - began) < seconds:
        try:
            status, _ = get(port, target)
        except (OSError, http.client.HTTPException) as error:
            last = repr(error)
        else:
            if status == http.HTTPStatus.OK:
                return time.monotonic() - began
            last = str(status)
        # A trade-off: shorter is more precise, but requests without a pause slow down the start.
        time.sleep(0.005)
    raise TimeoutError(f"no 200 for {target} on port {port} in {passed:.0f} s, last: {last}")


def get(port: int, target: str) -> tuple[int, bytes]:
    """Return the status and the body."""
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=5)
    try:
        connection.request("GET", target)
        response = connection.getresponse()
        return response.status, response.read()
    finally:
        connection.close()


def free_port() -> int:
    """Return a free port of the loopback interface."""
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        return int(listener.getsockname()[1])


def cpu_seconds_of(pid: int) -> float:
    """Return the processor time of the process so far, in seconds; see proc(5)."""
    try:
        # After the name, which may contain any character.
        fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    except OSError:
        return 0.0
    utime, stime = fields[11:13]
    return (int(utime) + int(stime)) / os.sysconf("SC_CLK_TCK")


def _proportional_mib(pid: int) -> float:
    """Return the process's proportional set size, in MiB."""
    lines = Path(f"/proc/{pid}/smaps_rollup").read_text().splitlines()
    return sum(int(line.split()[1]) for line in lines if line.startswith("Pss:")) / 1024
