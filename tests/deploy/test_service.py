"""The systemd unit, judged by systemd itself, and what the app tells systemd."""

import os
import socket
import subprocess
import sys
from pathlib import Path

import pytest

from tests.conftest import ROOT, program
from tests.deploy.conftest import Start

pytestmark = pytest.mark.stack

UNIT = ROOT / "deploy/petsage.service"


@pytest.fixture(scope="module")
def unit(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return the unit with its interpreter replaced by one that this machine has."""
    unit = tmp_path_factory.mktemp("units") / UNIT.name
    python = "/opt/petsage/current/.venv/bin/python"
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


def test_the_app_notifies_systemd_that_it_is_ready_and_alive(start: Start, tmp_path: Path) -> None:
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as systemd:
        systemd.bind(str(tmp_path / "notify"))
        systemd.settimeout(20)
        stack = start(NOTIFY_SOCKET=str(tmp_path / "notify"))
        stack.start_app()
        told = [systemd.recv(100) for _ in range(2)]
        stack.stop_app()

    assert told == [b"READY=1\nWATCHDOG=1"] * 2


def test_workers_are_scheduled_as_batch_processes(start: Start) -> None:
    stack = start()
    stack.start_app()

    policies = {os.sched_getscheduler(pid) for pid in stack.worker_pids()}
    stack.stop_app()

    assert policies == {os.SCHED_BATCH}
