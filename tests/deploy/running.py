"""nginx and two granians, as `make stack` starts them; and process states from proc(5)."""

import os
import signal
import socketserver
import subprocess
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from deploy.processes import answers, children
from tests.conftest import ROOT, listens
from tests.deploy.client import request
from tests.polling import wait_until
from tests.smoke_test.probe.servers import Script

OK = 200


class Stack:
    """nginx and the app, with their state in one directory; each can be stopped separately."""

    def __init__(self, var: Path, port: int, **environ: str) -> None:
        self.var = var
        self.port = port
        self.sockets = [var / "app-1.sock", var / "app-2.sock"]
        self.environ = os.environ | {"PETSAGE_RELEASE": "t1", "NGINX_PORT": str(port)} | environ
        self.app: list[subprocess.Popen[bytes]] = []
        self.nginx: subprocess.Popen[bytes] | None = None

    def start_app(self) -> None:
        self.app = [self._start("granian", str(path)) for path in self.sockets]
        wait_until(
            lambda: all(answers(path, "localhost", seconds=1) for path in self.sockets),
            "both instances respond on their sockets",
        )

    def start_nginx(self) -> None:
        self.nginx = self._start("nginx", "--var", str(self.var))
        # The earlier `nginx -t` also listens for a moment, but writes no pid file.
        pid = self.var / "nginx.pid"
        wait_until(
            lambda: pid.exists() and bool(pid.read_text()) and listens(self.port),
            f"nginx listens on {self.port}",
        )

    def stop_app(self) -> None:
        for granian in self.app:
            _end(granian, signal.SIGTERM)
        self.app = []

    def stop_nginx(self) -> None:
        if self.nginx is not None:
            _end(self.nginx, signal.SIGQUIT)
        self.nginx = None

    def wait_until_up(self) -> None:
        wait_until(
            lambda: request(self.port).status == OK, "the smoke test responds through nginx"
        )

    def granian_pids(self) -> list[int]:
        """Return the pids of the main processes."""
        return [granian.pid for granian in self.app]

    def worker_pids(self) -> list[int]:
        """Return the pids of granian's workers."""
        return [worker for pid in self.granian_pids() for worker in workers(pid)]

    def nginx_pid(self) -> int:
        return int((self.var / "nginx.pid").read_text())

    def log(self) -> bytes:
        return (self.var / "access.log").read_bytes()

    def _start(self, part: str, *arguments: str) -> subprocess.Popen[bytes]:
        command = [sys.executable, "-m", f"deploy.{part}", *arguments]
        with (self.var / f"{part}.err").open("ab") as errors:
            return subprocess.Popen(command, cwd=ROOT, env=self.environ, stderr=errors)


@contextmanager
def stand_in(stack: Stack, script: Script) -> Iterator[None]:
    """Run `script` for each connection to either socket, instead of the app."""

    class Handler(socketserver.BaseRequestHandler):
        def handle(self) -> None:
            script(self.request)

    first, second = stack.sockets
    with socketserver.ThreadingUnixStreamServer(str(first), Handler) as server:
        second.symlink_to(first)
        threading.Thread(target=server.serve_forever, args=(0.05,)).start()
        try:
            yield
        finally:
            server.shutdown()
            first.unlink()
            second.unlink()


def workers(pid: int) -> list[int]:
    """Return granian's children that serve requests."""
    return [child for child in children(pid) if not _tracks_resources(child)]


def freeze(*pids: int) -> None:
    """Send SIGSTOP to the processes, and wait until they are stopped."""
    for pid in pids:
        os.kill(pid, signal.SIGSTOP)
    wait_until(lambda: all(state(pid) == "T" for pid in pids), f"{pids} are stopped")


def is_running(pid: int) -> bool:
    """Return whether the process runs. Zombies do not count: some containers never reap them."""
    return state(pid) not in ("", "Z")


def state(pid: int) -> str:
    """Return the process's state, such as "R", "S", "T" (stopped) or "Z"; "" without one."""
    try:
        # After the name, which may contain any character.
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0]
    except OSError:
        return ""


def _tracks_resources(pid: int) -> bool:
    # From Python 3.14 on, multiprocessing starts its own process next to the workers.
    try:
        return b"resource_tracker" in Path(f"/proc/{pid}/cmdline").read_bytes()
    except OSError:
        return False


def _end(process: subprocess.Popen[bytes], with_signal: signal.Signals) -> None:
    # A stopped process handles no other signal until it continues.
    process.send_signal(signal.SIGCONT)
    process.send_signal(with_signal)
    process.wait(timeout=30)
