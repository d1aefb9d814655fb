"""What the deployment gives to systemd and to nginx, judged by themselves, and the watchdog."""

import os
import socket
import subprocess
from pathlib import Path

import pytest
from django.core.exceptions import ImproperlyConfigured

from deploy.nginx import render, site_host
from deploy.processes import unanswered
from tests.conftest import ROOT, program
from tests.deploy.conftest import Start

pytestmark = pytest.mark.stack

UNIT = ROOT / "deploy/petsage.service"


@pytest.fixture(scope="module")
def unit(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return the unit with the one path replaced that is not on this machine."""
    unit = tmp_path_factory.mktemp("units") / UNIT.name
    python = "/opt/petsage/current/.venv/bin/python"
    unit.write_text(UNIT.read_text().replace(python, str(ROOT / ".venv/bin/python")))
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
    told = []
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

    policies = {os.sched_getscheduler(pid) for pid in stack.workers()}
    stack.stop_app()

    assert policies == {os.SCHED_BATCH}


def test_a_socket_that_accepts_but_never_answers_is_unanswered(tmp_path: Path) -> None:
    path = tmp_path / "mute.sock"
    with socket.socket(socket.AF_UNIX) as mute:
        mute.bind(str(path))
        mute.listen()

        assert unanswered(path, "localhost", requests=3, seconds=0.2) == 3
    assert unanswered(path, "localhost", requests=3, seconds=0.2) == 3


def test_rendering_without_a_value_fails() -> None:
    with pytest.raises(ImproperlyConfigured, match=r"^site\.conf: got no value for "):
        render("site.conf", {})


@pytest.mark.parametrize("value", ["a b", "a;", "a{", 'a"', "a\n", "$host"])
def test_a_value_that_is_more_than_one_word_to_nginx_is_refused(value: str) -> None:
    with pytest.raises(ImproperlyConfigured, match=r"^socket: got "):
        render("http.conf", {"socket": value})


@pytest.mark.parametrize(
    ("hosts", "host"), [(["a.example", "b.example"], "a.example"), ([".a.example"], "a.example")]
)
def test_the_site_host_is_the_first_allowed_host(hosts: list[str], host: str) -> None:
    assert site_host(hosts) == host


@pytest.mark.parametrize("hosts", [[], ["*"], ["a.example", "*"]])
def test_a_site_that_allows_every_host_has_no_site_host(hosts: list[str]) -> None:
    with pytest.raises(ImproperlyConfigured, match=r"^DJANGO_ALLOWED_HOSTS: got "):
        site_host(hosts)
