"""nginx and the app server, started as `make nginx` and `make app` start them."""

import os
import signal
import subprocess
import sys
from pathlib import Path

from deploy.processes import state, unanswered, workers
from tests.conftest import ROOT, listens
from tests.deploy.client import request
from tests.polling import wait_until

OK = 200


class Stack:
    """nginx and the app with their state in one directory; each can be stopped by itself."""

    def __init__(self, var: Path, port: int, **environ: str) -> None:
        self.var = var
        self.port = port
        self.environ = os.environ | {"PETSAGE_RELEASE": "t1", "NGINX_PORT": str(port)} | environ
        self.app: subprocess.Popen[bytes] | None = None
        self.nginx: subprocess.Popen[bytes] | None = None

    def start_app(self) -> None:
        self.app = self._start("app")
        wait_until(lambda: len(self.worker_pids()) == 2, "granian has two workers")
        wait_until(
            lambda: not unanswered(self.var / "petsage.sock", "localhost", requests=1, seconds=1),
            "the app answers on its socket",
        )

    def start_nginx(self) -> None:
        self.nginx = self._start("nginx")
        # `nginx -t` before it listens for a moment as well, but writes no pid.
        pid = self.var / "nginx.pid"
        wait_until(
            lambda: pid.exists() and bool(pid.read_text()) and listens(self.port),
            f"nginx listens on {self.port}",
        )

    def stop_app(self) -> None:
        _end(self.app, signal.SIGTERM)
        self.app = None

    def stop_nginx(self) -> None:
        _end(self.nginx, signal.SIGQUIT)
        self.nginx = None

    def wait_until_up(self) -> None:
        wait_until(lambda: request(self.port).status == OK, "the smoke test answers through nginx")

    def granian_pid(self) -> int:
        """Return the pid of granian's main process; raise OSError if it is not running."""
        return int((self.var / "granian.pid").read_text())

    def worker_pids(self) -> list[int]:
        """Return the pids of granian's workers, none if it is not running."""
        try:
            return workers(self.granian_pid())
        except (OSError, ValueError):
            return []

    def nginx_pid(self) -> int:
        return int((self.var / "nginx.pid").read_text())

    def log(self) -> bytes:
        return (self.var / "access.log").read_bytes()

    def _start(self, part: str) -> subprocess.Popen[bytes]:
        command = [sys.executable, "-m", f"deploy.{part}", "--var", str(self.var)]
        with (self.var / f"{part}.err").open("ab") as errors:
            return subprocess.Popen(command, cwd=ROOT, env=self.environ, stderr=errors)


def freeze(*pids: int) -> None:
    """Stop the processes as SIGSTOP does, and wait until they are stopped."""
    for pid in pids:
        os.kill(pid, signal.SIGSTOP)
    wait_until(lambda: all(state(pid) == "T" for pid in pids), f"{pids} are stopped")


def is_running(pid: int) -> bool:
    """Return whether the process runs. A zombie does not; some containers never reap them."""
    return state(pid) not in ("", "Z")


def _end(process: subprocess.Popen[bytes] | None, with_signal: signal.Signals) -> None:
    if process is not None:
        # A stopped process handles no other signal until it continues.
        process.send_signal(signal.SIGCONT)
        process.send_signal(with_signal)
        process.wait(timeout=30)
