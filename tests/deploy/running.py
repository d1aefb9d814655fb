"""nginx and the app server, started as `make nginx` and `make app` start them."""

import os
import signal
import subprocess
import sys
from pathlib import Path

from deploy.processes import children, state, unanswered
from tests.conftest import ROOT, listens
from tests.deploy.asking import ask
from tests.polling import wait_until

OK = 200


class Stack:
    """One nginx and one app over one directory of state; each can be stopped under the other."""

    def __init__(self, var: Path, port: int, **environ: str) -> None:
        self.var = var
        self.port = port
        self.environ = os.environ | {"PETSAGE_RELEASE": "t1", "NGINX_PORT": str(port)} | environ
        self.app: subprocess.Popen[bytes] | None = None
        self.front: subprocess.Popen[bytes] | None = None

    def start_app(self) -> None:
        self.app = self._start("app")
        wait_until(lambda: len(self.workers()) == 2, "granian has two workers")
        wait_until(
            lambda: not unanswered(self.var / "petsage.sock", "localhost", requests=1, seconds=1),
            "the app answers on its socket",
        )

    def start_front(self) -> None:
        self.front = self._start("nginx")
        # The test of the configuration before it listens for a moment too, but writes no pid.
        pid = self.var / "nginx.pid"
        wait_until(
            lambda: pid.exists() and bool(pid.read_text()) and listens(self.port),
            f"nginx listens on {self.port}",
        )

    def stop_app(self) -> None:
        _end(self.app, signal.SIGTERM)
        self.app = None

    def stop_front(self) -> None:
        _end(self.front, signal.SIGQUIT)
        self.front = None

    def until_up(self) -> None:
        wait_until(lambda: ask(self.port).status == OK, "the smoke test answers through nginx")

    def granian(self) -> int:
        """Return the pid of granian's main process; raise OSError where there is none."""
        return int((self.var / "granian.pid").read_text())

    def workers(self) -> list[int]:
        """Return the workers' pids, none where granian is not there."""
        try:
            pids = children(self.granian())
        except (OSError, ValueError):
            return []
        # From Python 3.14 on, multiprocessing starts a process of its own beside the workers.
        return [pid for pid in pids if not _tracks_resources(pid)]

    def nginx(self) -> int:
        return int((self.var / "nginx.pid").read_text())

    def log(self) -> bytes:
        return (self.var / "access.log").read_bytes()

    def _start(self, part: str) -> subprocess.Popen[bytes]:
        command = [sys.executable, "-m", f"deploy.{part}", "--var", str(self.var)]
        with (self.var / f"{part}.err").open("ab") as errors:
            return subprocess.Popen(command, cwd=ROOT, env=self.environ, stderr=errors)


def freeze(*pids: int) -> None:
    """Stop the processes, and return when they are; a running one takes a moment."""
    for pid in pids:
        os.kill(pid, signal.SIGSTOP)
    wait_until(lambda: all(state(pid) == "T" for pid in pids), f"{pids} are stopped")


def runs(pid: int) -> bool:
    """Return whether the process is there and not a zombie, which an init that sleeps leaves."""
    return state(pid) not in ("", "Z")


def _end(process: subprocess.Popen[bytes] | None, with_signal: signal.Signals) -> None:
    if process is not None:
        # A frozen one takes no other signal before it goes on.
        process.send_signal(signal.SIGCONT)
        process.send_signal(with_signal)
        process.wait(timeout=30)


def _tracks_resources(pid: int) -> bool:
    try:
        return b"resource_tracker" in Path(f"/proc/{pid}/cmdline").read_bytes()
    except OSError:
        return False
