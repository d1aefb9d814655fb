"""Reading processes from /proc, checking an app on its socket, and the time limit of a request."""

import os
import socket
import subprocess
import sys
from pathlib import Path

import pytest

from deploy.processes import answers, children
from tests.conftest import ROOT
from tests.deploy.running import state
from tests.polling import wait_until

# No Linux process has this pid: pid_max is at most 2 to the power of 22.
NO_PID = 2**22 + 1


def test_a_socket_that_accepts_but_never_responds_does_not_answer(tmp_path: Path) -> None:
    path = tmp_path / "mute.sock"
    with socket.socket(socket.AF_UNIX) as mute:
        mute.bind(str(path))
        mute.listen()

        assert not answers(path, "localhost", seconds=0.1)


def test_a_socket_without_a_listener_does_not_answer(tmp_path: Path) -> None:
    path = tmp_path / "dead.sock"
    with socket.socket(socket.AF_UNIX) as dead:
        dead.bind(str(path))

    assert not answers(path, "localhost", seconds=0.1)


def test_a_missing_socket_does_not_answer(tmp_path: Path) -> None:
    assert not answers(tmp_path / "none.sock", "localhost", seconds=0.1)


def test_a_missing_process_has_no_children() -> None:
    assert children(NO_PID) == []


@pytest.mark.process
def test_a_child_is_listed_until_it_has_been_waited_for() -> None:
    with subprocess.Popen(["cat"], stdin=subprocess.PIPE) as child:
        running = children(os.getpid())
        assert child.stdin is not None
        child.stdin.close()
        wait_until(lambda: state(child.pid) == "Z", "the child is a zombie")

    assert child.pid in running
    assert child.pid not in children(os.getpid())


@pytest.mark.process
def test_the_time_limit_of_a_request_ends_with_its_response() -> None:
    code = (
        "import signal, wsgiref.util\n"
        "from deploy.worker import application\n"
        "environ = {}\n"
        "wsgiref.util.setup_testing_defaults(environ)\n"
        "application(environ, lambda *_: None)\n"
        "print(*signal.getitimer(signal.ITIMER_REAL))"
    )

    result = subprocess.run(
        [sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, check=False
    )

    assert result.stdout == "0.0 0.0\n", result.stderr
