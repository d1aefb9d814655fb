"""The image's size and metadata, and the commands that build and run it."""

import os
import signal
import subprocess

import pytest

from tests.conftest import ROOT, listens, program
from tests.container import RELEASE
from tests.container.conftest import BASE
from tests.container.running import Podman
from tests.polling import wait_until

pytestmark = pytest.mark.container


def test_it_adds_at_most_80_mb_to_its_base(podman: Podman) -> None:
    size, base = (podman.inspect(image)["Size"] for image in ("petsage", BASE))

    assert size - base <= 80_000_000


def test_it_has_the_metadata_for_schedulers(podman: Podman) -> None:
    config = podman.inspect("petsage")["Config"]

    assert config["User"] == "10001:10001"
    assert config["ExposedPorts"] == {"8000/tcp": {}}
    assert config["StopSignal"] == "SIGTERM"
    assert "Entrypoint" not in config
    assert config["Labels"]["org.opencontainers.image.revision"] == RELEASE
    assert f"PETSAGE_RELEASE={RELEASE}" in config["Env"]
    assert podman.inspect("petsage")["Healthcheck"]["Test"] == [
        "CMD", "python", "-m", "deploy.healthcheck",
    ]  # fmt: skip


def test_it_contains_no_key_and_every_user_can_read_it(podman: Podman) -> None:
    # docs/kubernetes.md has users write their key to a file in deploy/kubernetes/.
    assert "kubernetes" not in podman("run", "--rm", "petsage", "ls", "deploy").stdout.split()

    # Even if the clone was made under a strict umask.
    find = ["find", "/app", "!", "-type", "l", "!", "-perm", "-o=r"]
    assert podman("run", "--rm", "--user=0", "petsage", *find).stdout == ""


def test_an_invalid_release_is_not_built(podman: Podman) -> None:
    result = _make(podman, "image", "RELEASE=a b")

    assert result.returncode != 0
    assert "PETSAGE_RELEASE: got 'a b', expected " in result.stderr


def test_make_container_serves_until_ctrl_c(podman: Podman) -> None:
    # In a separate network namespace, because podman ignores --publish in this one.
    serve = f"ip link set lo up && exec make container RELEASE={RELEASE}"
    unshare = ["unshare", "--net", "sh", "-c", serve]
    with subprocess.Popen(
        unshare, cwd=ROOT, env=podman.environ, stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL, text=True, process_group=0,
    ) as make:  # fmt: skip
        try:
            url = "http://127.0.0.1:8000/smoke-test/"
            curl = ["nsenter", "-t", str(make.pid), "-n", "curl", "-sf", "-o", "/dev/null", url]
            wait_until(lambda: subprocess.run(curl, check=False).returncode == 0, "it serves", 90)
        finally:
            os.killpg(make.pid, signal.SIGINT)
            printed, _ = make.communicate(timeout=30)

    assert f"PetSage serves {url} until Ctrl-C" in printed
    assert not listens(8000)


def test_make_image_without_docker_and_podman_says_how_to_install_one(podman: Podman) -> None:
    result = _make(podman, "image", PATH="/nowhere")

    assert result.returncode != 0
    assert "got no working docker or podman, expected one; apt-get install " in result.stderr


def _make(podman: Podman, *arguments: str, **environ: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [program("make", "make"), *arguments],
        cwd=ROOT, env=podman.environ | environ, capture_output=True, text=True, check=False,
        timeout=120,
    )  # fmt: skip
