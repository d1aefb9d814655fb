"""Fixtures for every pipeline: a clone of PetSage, its packages, and a deployment."""

import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.conftest import ROOT, free_ports, serve
from tests.pipelines.step import PYTHON, Step, git, make_tools

VERSION = "v1.0.0"


@pytest.fixture(scope="session")
def checkout(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return a repository with this clone's probe, including uncommitted changes."""
    directory = tmp_path_factory.mktemp("checkout")
    for name in ("action.yml", "deploy/probe.sh", "requirements-probe.txt"):
        (directory / name).parent.mkdir(exist_ok=True)
        shutil.copy2(ROOT / name, directory / name)
    shutil.copytree(
        ROOT / "smoke_test", directory / "smoke_test", ignore=shutil.ignore_patterns("__pycache__")
    )
    git(directory, "init", "--quiet")
    git(directory, "add", ".")
    git(directory, "commit", "--quiet", "--message", "Release it")
    git(directory, "tag", VERSION)
    return directory


@pytest.fixture(scope="session")
def commit(checkout: Path) -> str:
    return git(checkout, "rev-parse", "HEAD")


@pytest.fixture(scope="session")
def deployed(commit: str) -> Iterator[str]:
    """Serve the commit under install.sh's name for it, and yield the smoke test's URL."""
    [port] = free_ports(1)
    with serve(port, PETSAGE_RELEASE=commit[:12]):
        yield f"http://127.0.0.1:{port}/smoke-test/"


@pytest.fixture(scope="session")
def wheels(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Download the probe's packages once; pip installs them from there instead of PyPI."""
    directory = tmp_path_factory.mktemp("wheels")
    pip = [sys.executable, "-m", "pip", "--quiet", "--disable-pip-version-check", "download"]
    options = ["--require-hashes", "--only-binary", ":all:", "--dest", str(directory)]
    subprocess.run([*pip, *options, "-r", ROOT / "requirements-probe.txt"], check=True)
    return directory


@pytest.fixture(scope="session")
def tools(tmp_path_factory: pytest.TempPathFactory) -> Path:
    directory = tmp_path_factory.mktemp("bin") / "tools"
    make_tools(directory, PYTHON)
    return directory


@pytest.fixture(scope="session")
def installed(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return a directory that keeps the probe's packages between tests."""
    return tmp_path_factory.mktemp("installed")


@pytest.fixture
def step(
    tmp_path: Path, deployed: str, commit: str, checkout: Path, wheels: Path, tools: Path,
    installed: Path,
) -> Step:  # fmt: skip
    """Return a step that passes."""
    directory = tmp_path / "work"
    directory.mkdir()
    environ = {
        "HOME": str(tmp_path),
        "PIP_CONFIG_FILE": "/dev/null",
        "PIP_NO_INDEX": "1",
        "PIP_FIND_LINKS": str(wheels),
        # Only GitHub sets this, but it makes every test faster.
        "RUNNER_TEMP": str(installed),
    }
    return Step(deployed, commit, checkout, directory, tools, environ)
