"""Names and routes, in namespaces on this machine: real resolvers, real routing tables."""

import json
import os
import shutil
import socket
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from tests.conftest import ROOT
from tests.smoke_test.probe.answers import app, redirecting
from tests.smoke_test.probe.servers import serving

pytestmark = pytest.mark.process

UNSHARE = ["unshare", "--user", "--map-root-user", "--mount"]


@pytest.fixture(autouse=True)
def namespaces() -> None:
    """Skip where namespaces cannot be created, but fail if CI is set."""
    can = shutil.which("unshare") is not None
    can = (
        can
        and subprocess.run([*UNSHARE, "true"], capture_output=True, check=False).returncode == 0
    )
    if not can:
        reason = "no user and mount namespaces here (unshare of util-linux)"
        if os.environ.get("CI"):
            pytest.fail(reason)
        pytest.skip(reason)


def probe_in(etc: dict[str, Path], *arguments: str, network: bool = True) -> tuple[int, Any]:
    """Run the command with files in /etc replaced, or without routes; return status and JSON."""
    result = run_in(etc, "--format", "json", *arguments, network=network)
    assert result.stdout, result.stderr
    return result.returncode, json.loads(result.stdout)


def run_in(
    etc: dict[str, Path], *arguments: str, network: bool = True
) -> subprocess.CompletedProcess[str]:
    """Run the command with files in /etc replaced, or without routes."""
    mounts = [f"mount --bind {path} /etc/{name}" for name, path in etc.items()]
    command = f"exec {sys.executable} manage.py smoke_test {' '.join(arguments)}"
    return subprocess.run(
        [*UNSHARE, *([] if network else ["--net"]), "sh", "-ec", "\n".join([*mounts, command])],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=False,
        timeout=60,
    )


@pytest.fixture
def hosts(tmp_path: Path) -> Path:
    path = tmp_path / "hosts"
    path.write_text("127.0.0.1 petsage.test\n127.0.0.2 petsage.test\n")
    return path


def test_all_addresses_are_probed_and_the_failing_one_is_named(hosts: Path) -> None:
    with serving(app()) as port:
        url = f"http://petsage.test:{port}/smoke-test/"
        status, document = probe_in({"hosts": hosts}, url, "--all-addresses")

    assert status == 1
    codes = {verdict["address"]: verdict["code"] for verdict in document["verdicts"]}
    assert codes == {"127.0.0.1": "ok", "127.0.0.2": "tcp.refused"}


def test_the_text_says_which_address_fails(hosts: Path) -> None:
    with serving(app(Content_Type="text/plain"), host="127.0.0.2") as port:
        url = f"http://petsage.test:{port}/smoke-test/"
        result = run_in({"hosts": hosts}, url, "--all-addresses")

    assert result.returncode == 1
    assert f"\n{url} at 127.0.0.1: (smoke_test.tcp.refused) " in result.stderr
    assert f"\n{url} at 127.0.0.2: (smoke_test.contract.wrong_type) " in result.stderr


def test_all_addresses_pass(hosts: Path) -> None:
    with serving(app(), host="0.0.0.0") as port:  # noqa: S104 - both are loopback addresses
        url = f"http://petsage.test:{port}/smoke-test/"
        status, document = probe_in({"hosts": hosts}, url, "--all-addresses")

    assert status == 0
    assert [verdict["code"] for verdict in document["verdicts"]] == ["ok", "ok"]


def test_without_all_addresses_one_dead_address_is_a_warning(hosts: Path) -> None:
    with serving(app(), host="127.0.0.2") as port:
        url = f"http://petsage.test:{port}/smoke-test/"
        status, document = probe_in({"hosts": hosts}, url, "--slow", "60000")

    assert status == 0
    assert [verdict["code"] for verdict in document["verdicts"]] == ["ok", "tcp.degraded"]
    assert document["verdicts"][0]["address"] == "127.0.0.2"


def test_a_redirect_to_another_port_keeps_each_address(hosts: Path) -> None:
    with serving(app(), host="0.0.0.0") as port:  # noqa: S104 - both are loopback addresses
        moved = redirecting(f"http://petsage.test:{port}/smoke-test/")
        with serving(moved, host="0.0.0.0") as first:  # noqa: S104
            url = f"http://petsage.test:{first}/"
            status, document = probe_in({"hosts": hosts}, url, "--all-addresses")

    assert status == 0
    assert [verdict["address"] for verdict in document["verdicts"]] == ["127.0.0.1", "127.0.0.2"]


@pytest.fixture
def resolver(tmp_path: Path) -> Path:
    """Return a resolv.conf whose resolver is on the loopback interface."""
    path = tmp_path / "resolv.conf"
    path.write_text("nameserver 127.0.0.77\n")
    return path


def test_a_dead_resolver_is_reported(resolver: Path) -> None:
    etc = {"resolv.conf": resolver}

    status, document = probe_in(etc, "http://api.petsage.example/", "--timeout", "2")

    assert (status, document["verdicts"][0]["code"]) == (1, "dns.failed")


def test_a_silent_resolver_does_not_exceed_the_timeout(resolver: Path) -> None:
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as silent:
        try:
            silent.bind(("127.0.0.77", 53))
        except PermissionError:
            pytest.skip("port 53 needs root")
        etc = {"resolv.conf": resolver}
        once = probe_in(etc, "http://api.petsage.example/", "--timeout", "1")

        every = probe_in(etc, "http://a.example/", "--timeout", "1", "--all-addresses")

    for status, document in (once, every):
        assert (status, document["verdicts"][0]["code"]) == (1, "dns.failed")
        # The resolver itself would wait ten seconds.
        assert document["waited_s"] < 3


def test_an_address_without_a_route_is_unreachable() -> None:
    status, document = probe_in({}, "http://192.0.2.1/smoke-test/", network=False)

    assert (status, document["verdicts"][0]["code"]) == (1, "tcp.unreachable")
