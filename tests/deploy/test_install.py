"""deploy/install.sh on real files, without systemd, nginx and PyPI."""

import os
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path

import pytest

from tests.conftest import ROOT, program

pytestmark = pytest.mark.process

# Stand-ins for what would change this machine. Each records its arguments; the probe fails for a
# release that contains a file named BROKEN.
OUTSIDE = """
require_what_is_needed() { :; }
systemctl() { echo "systemctl $*" >> "$root/recorded"; }
nginx() { echo "nginx $*" >> "$root/recorded"; }
probe() { echo "probe $1" >> "$root/recorded"; [ ! -e "$home/releases/$1/BROKEN" ]; }
install_requirements() { ln -s "$VENV" "$1/.venv"; }
"""


@dataclass(frozen=True)
class Machine:
    """A clone, and the directory that stands for / of the machine."""

    clone: Path
    root: Path

    def install(self, *hosts: str) -> subprocess.CompletedProcess[str]:
        script = f'. "{self.clone}/deploy/install.sh"\n{OUTSIDE}\nmain "$@"'
        return subprocess.run(
            ["bash", "-c", script, "install.sh", *hosts],
            env=os.environ | {"DESTDIR": str(self.root), "VENV": sys.prefix},
            capture_output=True,
            text=True,
            check=False,
            timeout=60,
        )

    def commit(self, subject: str) -> str:
        self.git("add", "--all")
        self.git("-c", "user.name=t", "-c", "user.email=t@t.example", "commit", "-qm", subject)
        return self.git("rev-parse", "--short=12", "HEAD")

    def git(self, *arguments: str) -> str:
        command = ["git", "-C", str(self.clone), *arguments]
        return subprocess.run(command, check=True, capture_output=True, text=True).stdout.strip()

    def current(self) -> str:
        return (self.root / "opt/petsage/current").resolve().name

    def settings(self) -> str:
        return (self.root / "etc/petsage/petsage.env").read_text()

    def recorded(self) -> list[str]:
        return (self.root / "recorded").read_text().splitlines()


@pytest.fixture
def machine(tmp_path: Path) -> Machine:
    program("git", "git")
    machine = Machine(tmp_path / "clone", tmp_path / "root")
    machine.clone.mkdir()
    machine.root.mkdir()
    machine.git("init", "-q")
    # The files of this clone, committed or not.
    files = subprocess.run(
        ["git", "-C", ROOT, "ls-files", "-z", "--cached", "--others", "--exclude-standard"],
        check=True, capture_output=True, text=True,
    ).stdout.split("\0")  # fmt: skip
    for name in filter(None, files):
        if (ROOT / name).exists():
            target = machine.clone / name
            target.parent.mkdir(parents=True, exist_ok=True)
            target.write_bytes((ROOT / name).read_bytes())
    return machine


def test_a_first_installation_configures_systemd_and_nginx(machine: Machine) -> None:
    release = machine.commit("first")

    result = machine.install("petsage.example", "www.petsage.example")

    assert result.returncode == 0, result.stderr
    assert machine.current() == release
    assert "DJANGO_ALLOWED_HOSTS=petsage.example,www.petsage.example\n" in machine.settings()
    assert (machine.root / "etc/petsage/petsage.env").stat().st_mode & 0o077 == 0
    current = machine.root / "opt/petsage/current"
    assert (current / "release.env").read_text() == (
        f"PETSAGE_RELEASE={release}\nPETSAGE_HOST=petsage.example\n"
    )
    assert (current / "var/static/staticfiles.json").exists()
    unit = machine.root / "etc/systemd/system/petsage.service"
    assert unit.read_text() == (ROOT / "deploy/petsage.service").read_text()
    site = (machine.root / "etc/nginx/sites-enabled/petsage").read_text()
    assert "server_name petsage.example www.petsage.example;" in site
    assert "server unix:/run/petsage/petsage.sock max_fails=0;" in site
    assert "{%" not in site
    assert machine.recorded() == [
        "nginx -t -q",
        "systemctl daemon-reload",
        "systemctl enable --quiet petsage nginx",
        "systemctl restart petsage",
        "systemctl reload-or-restart nginx",
        f"probe {release}",
    ]


def test_installing_the_same_release_again_changes_nothing(machine: Machine) -> None:
    release = machine.commit("first")
    machine.install("petsage.example")
    settings = machine.settings()

    result = machine.install()

    assert result.returncode == 0, result.stderr
    assert machine.current() == release
    assert machine.settings() == settings


def test_the_same_command_upgrades_to_a_new_release(machine: Machine) -> None:
    machine.commit("first")
    machine.install("petsage.example")
    (machine.clone / "NEW").touch()
    second = machine.commit("second")

    result = machine.install()

    assert result.returncode == 0, result.stderr
    assert machine.current() == second


def test_a_release_that_fails_the_probe_is_rolled_back(machine: Machine) -> None:
    first = machine.commit("first")
    machine.install("petsage.example")
    (machine.clone / "BROKEN").touch()
    second = machine.commit("second")

    result = machine.install()

    assert result.returncode == 1
    assert f"release {second} was refused, {first} serves again" in result.stderr
    assert machine.current() == first
    assert machine.recorded()[-3:] == [
        "systemctl restart petsage",
        "systemctl reload-or-restart nginx",
        f"probe {first}",
    ]


def test_a_release_that_fails_its_checks_is_never_activated(
    machine: Machine,
) -> None:
    first = machine.commit("first")
    machine.install("petsage.example")
    urls = machine.clone / "petsage_project/urls.py"
    urls.write_text(urls.read_text().replace('path("smoke-test/"', 'path("elsewhere/"'))
    machine.commit("second")

    result = machine.install()

    assert result.returncode == 1
    assert "(smoke_test.E001)" in result.stderr
    assert machine.current() == first
    assert machine.recorded().count("systemctl restart petsage") == 1


def test_the_first_installation_needs_host_names(machine: Machine) -> None:
    machine.commit("first")

    result = machine.install()

    assert result.returncode == 1
    assert "got no hosts, expected the names that clients use" in result.stderr


def test_uncommitted_changes_are_not_installed(machine: Machine) -> None:
    machine.commit("first")
    (machine.clone / "NEW").touch()

    result = machine.install("petsage.example")

    assert result.returncode == 1
    assert "got uncommitted changes" in result.stderr
    assert not (machine.root / "opt/petsage/current").exists()
