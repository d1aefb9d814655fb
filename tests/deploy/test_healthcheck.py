"""deploy/healthcheck.py sends an allowed Host, and fails without the app."""

import os
import re
import socket
import subprocess
import sys

import pytest

from tests.conftest import ROOT
from tests.smoke_test.probe.answers import app
from tests.smoke_test.probe.servers import serving

pytestmark = pytest.mark.process


@pytest.mark.parametrize(
    ("hosts", "host"),
    [
        ("a.example,b.example", "a.example"),
        (" .a.example , b.example", "a.example"),
        ("*", "localhost"),
        ("[::1]", "[::1]"),
    ],
)
def test_the_first_allowed_host_is_sent(hosts: str, host: str) -> None:
    sent: list[str] = []

    def script(connection: socket.socket) -> None:
        head = connection.recv(65536, socket.MSG_PEEK).decode()
        sent.extend(re.findall(r"^Host: (.*)\r$", head, re.MULTILINE))
        app()(connection)

    with serving(script) as port:
        status = _healthcheck(port, DJANGO_ALLOWED_HOSTS=hosts)

    assert (status, sent) == (0, [host])


def test_without_the_app_it_fails(free_port: int) -> None:
    assert _healthcheck(free_port) == 1


def _healthcheck(port: int, **environ: str) -> int:
    """Return the exit status of the health check for this port."""
    return subprocess.run(
        [sys.executable, "-m", "deploy.healthcheck"],
        cwd=ROOT, env=os.environ | {"GRANIAN_PORT": str(port)} | environ, capture_output=True,
        check=False,
    ).returncode  # fmt: skip
