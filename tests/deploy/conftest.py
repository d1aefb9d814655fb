import os
import signal
import subprocess
import sys
from collections.abc import Callable, Iterator

import pytest

from tests.conftest import ROOT, free_ports, program
from tests.deploy.running import Stack

Start = Callable[..., Stack]


@pytest.fixture(scope="session")
def openssl() -> str:
    return program("openssl", "openssl")


@pytest.fixture(scope="session")
def collected() -> None:
    command = [sys.executable, "manage.py", "collectstatic", "--no-input", "--verbosity", "0"]
    subprocess.run(command, cwd=ROOT, check=True)


@pytest.fixture(scope="module")
def start(
    request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Start]:
    """Return a function that creates a stack; all stacks stop at the end of the module."""
    request.getfixturevalue("nginx")
    request.getfixturevalue("collected")
    stacks: list[Stack] = []

    def create(**environ: str) -> Stack:
        stacks.append(Stack(tmp_path_factory.mktemp("var"), free_ports(1)[0], **environ))
        return stacks[-1]

    yield create
    for stack in stacks:
        for pid in stack.worker_pids():
            os.kill(pid, signal.SIGCONT)
        stack.stop_nginx()
        stack.stop_app()


@pytest.fixture(scope="module")
def stack(start: Start) -> Stack:
    """Return a running stack."""
    return _up(start())


@pytest.fixture(scope="module")
def holding(start: Start) -> Stack:
    """Return a running stack where the X-Hold header makes a request block its worker."""
    slow = "tests.settings.slow"
    return _up(start(DJANGO_SETTINGS_MODULE=slow))


def _up(stack: Stack) -> Stack:
    stack.start_app()
    stack.start_nginx()
    stack.wait_until_up()
    return stack
