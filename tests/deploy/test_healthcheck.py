"""deploy/healthcheck.py sends a Host that DJANGO_ALLOWED_HOSTS allows."""

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
        environ = {"DJANGO_ALLOWED_HOSTS": hosts, "GRANIAN_PORT": str(port)}
        result = subprocess.run(
            [sys.executable, "-m", "deploy.healthcheck"],
            cwd=ROOT, env=os.environ | environ, capture_output=True, check=False,
        )  # fmt: skip

    assert (result.returncode, sent) == (0, [host])
