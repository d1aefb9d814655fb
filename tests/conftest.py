"""The markers, and the programs that several test modules start: app server, nginx, browser."""

import os
import shutil
import signal
import socket
import subprocess
import sys
from collections.abc import Generator, Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import NoReturn

import pytest
from hypothesis import HealthCheck, settings

from tests.polling import wait_until

# A slow machine is not a bug in the code under test.
settings.register_profile(
    "petsage", deadline=None, suppress_health_check=[HealthCheck.too_slow], print_blob=True
)
settings.load_profile("petsage")

ROOT = Path(__file__).resolve().parents[1]

# A Debian user's PATH has no sbin, and some programs are in the virtual environment.
PROGRAMS = ":".join(
    (str(Path(sys.executable).parent), os.environ["PATH"], "/usr/sbin", "/usr/lib/nagios/plugins")
)

# Tests without one of these markers are the unit suite: they start no process and do not wait.
SLOW = {"checkers", "container", "process", "server", "stack", "systemd"}
STARTS_A_PROCESS = {
    "os.exec",
    "os.fork",
    "os.forkpty",
    "os.posix_spawn",
    "os.system",
    "subprocess.Popen",
}

_running_unit_test = False


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    for item in items:
        if SLOW.isdisjoint(mark.name for mark in item.iter_markers()):
            item.add_marker("unit")


@pytest.hookimpl(wrapper=True)
def pytest_runtest_protocol(item: pytest.Item) -> Generator[None, object, object]:
    global _running_unit_test
    _running_unit_test = item.get_closest_marker("unit") is not None
    try:
        return (yield)
    finally:
        _running_unit_test = False


def _refuse_processes(event: str, _arguments: tuple[object, ...]) -> None:
    if _running_unit_test and event in STARTS_A_PROCESS:
        raise AssertionError(f"got {event} in a unit test, expected none; mark it 'process'")


# Added once, because an audit hook cannot be removed.
sys.addaudithook(_refuse_processes)


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
    """Serve the clone on the port as `make run` does, with these environment variables."""
    command = [sys.executable, "-m", "deploy.run", "--port", str(port)]
    with subprocess.Popen(command, cwd=ROOT, env=os.environ | environ, process_group=0) as server:
        try:
            wait_until(lambda: listens(port), f"something listens on port {port}")
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
    """Return the path of the program; without it skip the test, or fail it if CI is set."""
    path = shutil.which(name, path=PROGRAMS)
    if path is None:
        unavailable(f"{name} is not installed: apt-get install {package}")
    return path


def unavailable(reason: str) -> NoReturn:
    """Skip the test, or fail it if CI is set."""
    if os.environ.get("CI"):
        pytest.fail(reason)
    pytest.skip(reason)


def free_ports(count: int) -> list[int]:
    """Return different free ports of the loopback interface."""
    with ExitStack() as stack:
        listeners = [stack.enter_context(socket.socket()) for _ in range(count)]
        for listener in listeners:
            listener.bind(("127.0.0.1", 0))
        return [int(listener.getsockname()[1]) for listener in listeners]


def listens(port: int) -> bool:
    with socket.socket() as client:
        return client.connect_ex(("127.0.0.1", port)) == 0
