"""Reading processes from /proc, and asking an app on its socket."""

import os
import socket
import subprocess
import time
from pathlib import Path

import pytest

from deploy.processes import children, cpu_seconds, proportional_mib, state, unanswered
from tests.polling import wait_until

# Linux gives it to no process: pid_max is at most 2 to the power of 22.
NO_PID = 2**22 + 1


def test_a_socket_that_accepts_but_never_answers_is_unanswered(tmp_path: Path) -> None:
    path = tmp_path / "mute.sock"
    with socket.socket(socket.AF_UNIX) as mute:
        mute.bind(str(path))
        mute.listen()

        assert unanswered(path, "localhost", requests=3, seconds=0.1) == 3


def test_a_socket_that_nobody_listens_on_is_unanswered(tmp_path: Path) -> None:
    path = tmp_path / "dead.sock"
    with socket.socket(socket.AF_UNIX) as dead:
        dead.bind(str(path))

    assert unanswered(path, "localhost", requests=3, seconds=0.1) == 3


def test_a_missing_socket_is_unanswered(tmp_path: Path) -> None:
    assert unanswered(tmp_path / "none.sock", "localhost", requests=3, seconds=0.1) == 3


def test_this_process_has_a_state_processor_time_and_memory() -> None:
    pid = os.getpid()

    assert state(pid) == "R"
    assert 0 < cpu_seconds(pid) < time.monotonic()
    assert proportional_mib(pid) > 1


def test_a_missing_process_has_no_state_processor_time_or_children() -> None:
    assert state(NO_PID) == ""
    assert cpu_seconds(NO_PID) == 0
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
