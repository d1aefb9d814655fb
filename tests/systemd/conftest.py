import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
import trustme

from tests.conftest import ROOT, program, unavailable
from tests.systemd.machine import BASE, HOST, LIVE, Machine

# The Python of the booted machine, not of this one.
PYTHON = ["chroot", BASE, "/usr/bin/python3", "-c"]


@pytest.fixture(scope="session")
def wheels(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return a directory with the wheels in requirements.txt, for the machine's Python."""
    folder = tmp_path_factory.mktemp("wheels")
    download_wheels(folder)
    return folder


@pytest.fixture(scope="module")
def bare(
    tmp_path_factory: pytest.TempPathFactory, request: pytest.FixtureRequest
) -> Iterator[Machine]:
    """Return a machine with nothing installed and no certificate."""
    program("systemd-nspawn", "systemd-container")
    program("nginx", "nginx-light")
    if os.geteuid():
        unavailable("got an ordinary user, expected root, which can boot a machine")
    if subprocess.run([*PYTHON, "import ensurepip"], check=False).returncode:
        unavailable("python3-venv is not installed: apt-get install python3-venv")
    wheels: Path = request.getfixturevalue("wheels")
    machine = Machine(tmp_path_factory.mktemp("machine"), wheels)
    yield machine
    machine.close()


@pytest.fixture(scope="module")
def machine(bare: Machine) -> Machine:
    """Return a machine where the first release serves."""
    set_up(bare)
    return bare


def download_wheels(folder: Path) -> None:
    command = [*PYTHON, "import sys; print('%d.%d' % sys.version_info[:2])"]
    version = subprocess.check_output(command, text=True).strip()
    pip = [sys.executable, "-m", "pip", "download", "--quiet", "--dest", str(folder)]
    requirements = ["--require-hashes", "--no-deps", "-r", str(ROOT / "requirements.txt")]
    subprocess.run(
        [*pip, "--only-binary", ":all:", "--python-version", version, *requirements], check=True
    )


def set_up(machine: Machine) -> None:
    """Install the first release, without a rate limit."""
    give_certificate(machine)
    assert machine.install(HOST).exit_status == 0
    with (machine.root / "etc/petsage/petsage.env").open("a") as settings:
        # All clients have the same address.
        settings.write("NGINX_RATE=1000000\n")
    assert machine.install().exit_status == 0


def give_certificate(machine: Machine) -> None:
    """Give the machine a certificate from a CA that it trusts."""
    authority = trustme.CA()
    leaf = authority.issue_cert(HOST)
    folder = machine.root / LIVE
    folder.mkdir(parents=True, exist_ok=True)
    chain = b"".join(blob.bytes() for blob in leaf.cert_chain_pems)
    (folder / "fullchain.pem").write_bytes(chain)
    (folder / "privkey.pem").write_bytes(leaf.private_key_pem.bytes())
    with (machine.root / "etc/ssl/certs/ca-certificates.crt").open("ab") as authorities:
        authorities.write(authority.cert_pem.bytes())
