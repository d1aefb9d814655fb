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

# What starts processes or waits has a marker; all other tests are the unit suite.
_SLOW = {"process", "server", "stack"}

# The test that runs now, if it may start no process.
_unit_test: list[str] = []


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    for item in items:
        if _SLOW.isdisjoint(mark.name for mark in item.iter_markers()):
            item.add_marker("unit")


def _refuse_processes(event: str, _arguments: tuple[object, ...]) -> None:
    if event in ("subprocess.Popen", "os.posix_spawn", "os.exec", "os.fork") and _unit_test:
        raise AssertionError(f"{_unit_test[0]} starts a process; mark it 'process'")


# An audit hook cannot be removed, so it is added once.
sys.addaudithook(_refuse_processes)


@pytest.fixture(autouse=True)
def _start_no_process_in_a_unit_test(request: pytest.FixtureRequest) -> Iterator[None]:
    if request.node.get_closest_marker("unit"):
        _unit_test.append(request.node.name)
    yield
    _unit_test.clear()


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
