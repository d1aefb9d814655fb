"""The systemd unit, checked by systemd itself, and the app's notifications to systemd."""

import os
import socket
import subprocess
import sys
from contextlib import suppress
from pathlib import Path

import pytest

from tests.conftest import ROOT, program
from tests.deploy.conftest import Start
from tests.polling import wait_until

pytestmark = pytest.mark.stack

UNIT = ROOT / "deploy/petsage@.service"


@pytest.fixture(scope="module")
def unit(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return the unit with its interpreter replaced by one that this machine has."""
    unit = tmp_path_factory.mktemp("units") / "petsage-0123456789ab@1.service"
    python = "/opt/petsage/releases/%j/.venv/bin/python"
    unit.write_text(UNIT.read_text().replace(python, sys.executable))
    return unit


def _analyze(*arguments: str | Path) -> subprocess.CompletedProcess[str]:
    analyze = program("systemd-analyze", "systemd")
    command = [analyze, "--no-pager", *arguments]
    return subprocess.run(command, capture_output=True, text=True, check=False, timeout=60)


def test_systemd_accepts_the_unit(unit: Path) -> None:
    result = _analyze("verify", "--man=no", unit)

    assert unit.name not in result.stderr
    assert result.returncode == 0


def test_systemd_rates_the_exposure_of_the_unit_below_2(unit: Path) -> None:
    result = _analyze("security", "--offline=true", "--threshold=19", unit)

    assert result.returncode == 0, result.stdout


def test_a_worker_notifies_systemd_that_it_is_ready_and_alive(
    start: Start, tmp_path: Path
) -> None:
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as systemd:
        systemd.bind(str(tmp_path / "notify"))
        systemd.settimeout(20)
        stack = start(NOTIFY_SOCKET=str(tmp_path / "notify"))
        stack.start_app()
        notifications = [systemd.recv(100) for _ in range(3)]
        stack.stop_app()

    assert notifications == [b"READY=1\nWATCHDOG=1"] * 3


def test_a_worker_whose_instance_does_not_respond_is_silent(start: Start, tmp_path: Path) -> None:
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as systemd:
        systemd.bind(str(tmp_path / "notify"))
        systemd.settimeout(4)
        stack = start(
            NOTIFY_SOCKET=str(tmp_path / "notify"), DJANGO_SETTINGS_MODULE="tests.settings.slow"
        )
        stack.start_app()
        for path in stack.sockets:
            with socket.socket(socket.AF_UNIX) as client:
                client.connect(str(path))
                held = tmp_path / path.name
                fields = f"Host: localhost\r\nX-Hold: 3600\r\nX-Hold-Begun: {held}\r\n"
                client.sendall(f"GET / HTTP/1.1\r\n{fields}\r\n".encode())
                wait_until(held.exists, "the worker hangs")
        systemd.setblocking(False)
        with suppress(BlockingIOError):
            while True:
                systemd.recv(100)
        systemd.settimeout(3)

        with pytest.raises(TimeoutError):
            systemd.recv(100)
        stack.stop_app()


def test_workers_are_scheduled_as_batch_processes(start: Start) -> None:
    stack = start()
    stack.start_app()

    policies = {os.sched_getscheduler(pid) for pid in stack.worker_pids()}
    stack.stop_app()

    assert policies == {os.SCHED_BATCH}
