"""What several test modules start: the real app server and a real browser."""

import os
import shutil
import signal
import socket
import subprocess
import sys
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path

import pytest
from hypothesis import HealthCheck, settings

from tests.polling import wait_until

# A busy machine is slow, and that is no fault of what is tested.
settings.register_profile(
    "petsage", deadline=None, suppress_health_check=[HealthCheck.too_slow], print_blob=True
)
settings.load_profile("petsage")

ROOT = Path(__file__).resolve().parents[1]


@pytest.fixture
def free_port() -> int:
    return free_ports(1)[0]


@pytest.fixture(scope="session")
def site() -> Iterator[str]:
    """Serve the clone as `make run` does, and return the base URL without a final slash."""
    [port] = free_ports(1)
    with serve(port, PETSAGE_RELEASE="t1"):
        yield f"http://127.0.0.1:{port}"


@contextmanager
def serve(port: int, **environ: str) -> Iterator[subprocess.Popen[bytes]]:
    """Serve the clone on the port; with other environment variables, another release of it."""
    command = [sys.executable, "-m", "deploy.run", "--port", str(port)]
    with subprocess.Popen(command, cwd=ROOT, env=os.environ | environ, process_group=0) as server:
        try:
            wait_until(lambda: listens(port), f"port {port} listens")
            yield server
        finally:
            server.send_signal(signal.SIGINT)


@pytest.fixture(scope="session")
def chromium() -> str:
    return program("chromium", "chromium")


@pytest.fixture(scope="session")
def nginx() -> str:
    return program("nginx", "nginx-light")


def program(name: str, package: str) -> str:
    """Return the path of the program; skip without it, but fail where CI is set."""
    # A user's PATH on Debian has no sbin.
    path = shutil.which(name, path=f"{os.environ['PATH']}:/usr/sbin")
    if path is None:
        reason = f"{name} is not installed: apt-get install {package}"
        if os.environ.get("CI"):
            pytest.fail(reason)
        pytest.skip(reason)
    return path


def free_ports(count: int) -> list[int]:
    """Return ports of the loopback interface that nobody has, all different."""
    with ExitStack() as stack:
        listeners = [stack.enter_context(socket.socket()) for _ in range(count)]
        for listener in listeners:
            listener.bind(("127.0.0.1", 0))
        return [int(listener.getsockname()[1]) for listener in listeners]


def listens(port: int) -> bool:
    with socket.socket() as client:
        return client.connect_ex(("127.0.0.1", port)) == 0
