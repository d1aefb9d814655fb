import os
import shutil
import subprocess
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from tests.conftest import ROOT, free_ports, program, unavailable
from tests.container import NAME, RELEASE
from tests.container.running import Container, Podman

# The Dockerfile's base. The tests have no registry, so they build one with Debian's Python.
BASE = "docker.io/library/python:3.13-slim-trixie"

Start = Callable[..., Container]


@pytest.fixture(scope="session")
def podman(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Podman]:
    """Return a podman with the image `petsage`, built with `make image`, and its base."""
    for name in ("podman", "runc", "mmdebstrap"):
        program(name, name)
    if os.geteuid():
        unavailable("got an ordinary user, expected root, to make a base image")
    podman = Podman(tmp_path_factory.mktemp("podman"))
    # Kept for the next session, because it takes half a minute.
    base = ROOT / "var/tests/base.tar"
    if not base.exists():
        base.parent.mkdir(parents=True, exist_ok=True)
        new = base.with_suffix(".new.tar")
        include = "--include=python3,python3-venv,ca-certificates"
        command = ["mmdebstrap", "--quiet", "--variant=minbase", include, "trixie", str(new)]
        subprocess.run(command, check=True)
        new.rename(base)
    podman("import", "--quiet", str(base), BASE)
    make = ["make", "--no-print-directory", "image", f"RELEASE={RELEASE}"]
    subprocess.run(make, cwd=ROOT, env=podman.environ, check=True)
    yield podman
    podman("rmi", "--all", "--force")


@pytest.fixture(scope="session")
def secret(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return a file with the secret, as Docker and Kubernetes mount it."""
    path = tmp_path_factory.mktemp("secrets") / "key"
    path.write_text("0123456789-abcdefghij-klmnopqrst-uvwxyz-0123456789\n")
    return path


@pytest.fixture(scope="module")
def start(podman: Podman, secret: Path) -> Iterator[Start]:
    """Return a function that starts a container; they are removed at the end of the module."""
    started: list[Container] = []

    def start(*options: str, **environ: str) -> Container:
        settings = {
            "DJANGO_ALLOWED_HOSTS": NAME,
            "DJANGO_SECRET_KEY_FILE": "/run/secrets/key",
        } | environ
        volume = f"--volume={secret}:/run/secrets/key:ro"
        started.append(Container(podman, free_ports(1)[0], volume, *options, **settings))
        return started[-1]

    yield start
    for container in started:
        container.remove()


@pytest.fixture(scope="module")
def site(start: Start) -> Container:
    """Return a running container that no test may damage."""
    return start("--no-healthcheck").wait_until_ready()


@pytest.fixture
def holding(start: Start, tmp_path: Path) -> Container:
    """Return a container in which X-Hold makes a request block its worker; see tests/settings."""
    shutil.chown(tmp_path, 10001)
    return start(
        "--no-healthcheck", f"--volume={ROOT}/tests:/app/tests:ro", f"--volume={tmp_path}:/held",
        DJANGO_SETTINGS_MODULE="tests.settings.slow",
    ).wait_until_ready()  # fmt: skip
