"""gate.sh passes only if a new Job completes, and the Job only if every pod responds."""

import os
import secrets
import shutil
import subprocess
import sys
from collections.abc import Iterator
from contextlib import ExitStack
from functools import partial
from pathlib import Path

import pytest

from deploy.granian import granian_command
from tests.conftest import PROGRAMS, ROOT, program, unavailable
from tests.kubernetes.api import ROLLED_OUT, STUCK, Cluster, serving
from tests.kubernetes.rendering import KUBERNETES, overlay, render
from tests.polling import wait_until


def _gate(cluster: Cluster, folder: Path) -> subprocess.CompletedProcess[str]:
    program("kubectl", "kubernetes-client")
    with serving(cluster) as url:
        return subprocess.run(
            [KUBERNETES / "gate.sh", "--namespace", "petsage", "--server", url],
            # kubectl caches the cluster's API in its home directory.
            env=os.environ | {"PATH": PROGRAMS, "HOME": str(folder), "KUBECONFIG": "/dev/null"},
            capture_output=True, text=True, check=False, timeout=60,
        )  # fmt: skip


@pytest.mark.process
def test_a_gate_that_completes_passes(tmp_path: Path) -> None:
    cluster = Cluster(ROLLED_OUT, "", "Complete")

    result = _gate(cluster, tmp_path)

    assert result.returncode == 0, result.stderr
    assert "job.batch/petsage-gate condition met" in result.stdout
    # Not the former Job, which passed.
    assert cluster.job
    assert cluster.job["metadata"]["uid"] == "new"


@pytest.mark.process
@pytest.mark.parametrize(
    "cluster",
    [
        # The probe failed, or the Job could not start within its activeDeadlineSeconds.
        pytest.param(Cluster(ROLLED_OUT, "", "Failed"), id="failed"),
        pytest.param(Cluster(ROLLED_OUT, forbidden=True), id="not created"),
        pytest.param(Cluster(STUCK, "Complete"), id="not rolled out"),
    ],
)
def test_a_gate_that_does_not_complete_fails(cluster: Cluster, tmp_path: Path) -> None:
    result = _gate(cluster, tmp_path)

    assert result.returncode == 1
    assert "condition met" not in result.stdout


@pytest.mark.process
def test_a_gate_without_a_cluster_fails(tmp_path: Path, free_port: int) -> None:
    program("kubectl", "kubernetes-client")
    url = f"http://127.0.0.1:{free_port}"

    result = subprocess.run(
        [KUBERNETES / "gate.sh", "--server", url],
        env=os.environ | {"PATH": PROGRAMS, "HOME": str(tmp_path), "KUBECONFIG": "/dev/null"},
        capture_output=True, text=True, check=False, timeout=60,
    )  # fmt: skip

    assert result.returncode == 1


class Pods:
    """A network namespace in which the headless Service's name resolves to two pods."""

    ADDRESSES = ("192.0.2.11", "192.0.2.12")

    def __init__(self, name: str, undo: ExitStack) -> None:
        self.name = name
        self._undo = undo

    def start(self, address: str, release: str) -> subprocess.Popen[bytes]:
        """Start the app at the address like its image: on port 8000, with one worker."""
        variables = {"PETSAGE_RELEASE": release, "DJANGO_ALLOWED_HOSTS": "petsage.example"}
        command = granian_command("deploy.worker:application", host=address, port="8000")
        pod = subprocess.Popen(
            ["ip", "netns", "exec", self.name, *command], cwd=ROOT, env=os.environ | variables
        )
        self._undo.callback(pod.wait)
        self._undo.callback(pod.terminate)
        wait_until(partial(self._responds, address), f"{address} responds")
        return pod

    def _responds(self, address: str) -> bool:
        url = f"http://{address}:8000/"
        return not self.run("curl", "-s", "-o", "/dev/null", url).returncode

    def run(self, *command: str) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            ["ip", "netns", "exec", self.name, *command],
            cwd=ROOT, capture_output=True, text=True, check=False,
        )  # fmt: skip


@pytest.fixture
def pods() -> Iterator[Pods]:
    ip = program("ip", "iproute2")
    name = f"petsage-{secrets.token_hex(4)}"
    if subprocess.run([ip, "netns", "add", name], check=False).returncode:
        unavailable("got an ordinary user, expected root, for ip netns add")
    etc = Path("/etc/netns") / name
    with ExitStack() as undo:
        undo.callback(subprocess.run, [ip, "netns", "del", name], check=True)
        undo.callback(shutil.rmtree, etc)
        etc.mkdir(parents=True)
        lines = [f"{address} petsage-pods\n" for address in Pods.ADDRESSES]
        (etc / "hosts").write_text("".join(lines))
        subprocess.run([ip, "-n", name, "link", "set", "lo", "up"], check=True)
        for address in Pods.ADDRESSES:
            subprocess.run([ip, "-n", name, "addr", "add", address, "dev", "lo"], check=True)
        yield Pods(name, undo)


@pytest.mark.server
def test_the_gate_detects_one_pod_of_another_release(pods: Pods, tmp_path: Path) -> None:
    arguments = render(overlay(tmp_path, newTag="new")).gate_arguments()
    # The last value of an option counts; these make the test faster than in a cluster.
    command = [sys.executable, "-m", "smoke_test.probe", *arguments]
    command += ["--wait=0", "--consecutive=1"]
    pods.start(Pods.ADDRESSES[0], "new")
    former = pods.start(Pods.ADDRESSES[1], "former")

    before = pods.run(*command)
    former.terminate()
    former.wait()
    pods.start(Pods.ADDRESSES[1], "new")
    after = pods.run(*command)

    assert before.returncode == 1
    assert "release.mismatch" in before.stderr
    assert after.returncode == 0, after.stderr
    for address in Pods.ADDRESSES:
        assert f"release new answered at {address}" in after.stdout
