"""Containers of the image, and clients that load them."""

import http.client
import json
import os
import signal
import subprocess
import threading
from collections import Counter
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path
from typing import Any

from deploy.processes import children
from tests.container import NAME
from tests.deploy.client import Reply, request
from tests.polling import wait_until

# As in docs/deployment.md.
HARDENED = [
    "--read-only", "--read-only-tmpfs=false", "--cap-drop=ALL",
    "--security-opt=no-new-privileges",
]  # fmt: skip


class Podman:
    """podman with its images, containers and configuration in one directory."""

    def __init__(self, folder: Path) -> None:
        containers, storage = folder / "containers.conf", folder / "storage.conf"
        certificates = "/etc/ssl/certs/ca-certificates.crt"
        # For machines without systemd and CAP_SYS_RESOURCE. The build uses this machine's CAs.
        containers.write_text(
            '[engine]\nruntime = "runc"\ncgroup_manager = "cgroupfs"\nevents_logger = "none"\n'
            '[containers]\nnetns = "host"\n'
            'default_ulimits = ["nofile=1024:4096", "nproc=1024:4096"]\n'
            f'volumes = ["{certificates}:{certificates}:ro"]\n'
        )
        storage.write_text(
            '[storage]\ndriver = "overlay"\n'
            f'graphroot = "{folder}/root"\nrunroot = "{folder}/run"\n'
        )
        self.environ = os.environ | {
            "CONTAINERS_CONF": str(containers),
            "CONTAINERS_STORAGE_CONF": str(storage),
            # Otherwise make image uses docker if it works.
            "DOCKER_HOST": "unix:///nowhere",
        }

    def __call__(self, *arguments: str, check: bool = True) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            ["podman", *arguments],
            env=self.environ, stdin=subprocess.DEVNULL, capture_output=True, text=True,
            check=check, timeout=60,
        )  # fmt: skip

    def inspect(self, name: str) -> Any:
        return json.loads(self("inspect", name).stdout)[0]


class Container:
    """A container of the image, on a port of the loopback interface."""

    def __init__(self, podman: Podman, port: int, *options: str, **environ: str) -> None:
        self.podman, self.port = podman, port
        self.name = f"petsage-{port}"
        variables = {"GRANIAN_HOST": "127.0.0.1", "GRANIAN_PORT": str(port)} | environ
        settings = [f"--env={name}={value}" for name, value in variables.items()]
        # Without systemd, podman runs no HEALTHCHECK, and prints an error.
        podman("run", "--detach", "--name", self.name, *HARDENED, *settings, *options, "petsage")
        self.pid = int(podman.inspect(self.name)["State"]["Pid"])

    def wait_until_ready(self) -> "Container":
        process = Path(f"/proc/{self.pid}")
        wait_until(lambda: self.is_ready() or not process.exists(), f"{self.name} is ready", 60)
        assert process.exists(), self.logs()
        return self

    def is_ready(self) -> bool:
        """Return whether the kubelet's readiness probe would pass."""
        try:
            return 200 <= self.get().status < 400
        except OSError:
            return False

    def get(self, target: str = "/smoke-test/", method: str = "GET", **headers: str) -> Reply:
        return request(self.port, target, method, None, **{"Host": NAME} | headers)

    def workers(self) -> list[int]:
        return children(self.pid)

    def terminate(self) -> None:
        os.kill(self.pid, signal.SIGTERM)

    def exit_status(self, seconds: float = 30) -> int:
        """Wait until the container has exited, and return its status."""
        process = Path(f"/proc/{self.pid}")
        wait_until(lambda: not process.exists(), f"{self.name} has exited", seconds)
        wait_until(self._has_exited, "podman has its exit status")
        return int(self.podman.inspect(self.name)["State"]["ExitCode"])

    def logs(self) -> tuple[list[str], str]:
        """Return the lines of standard output, and standard error."""
        logs = self.podman("logs", self.name)
        return logs.stdout.splitlines(), logs.stderr

    def remove(self) -> None:
        self.podman("rm", "--force", "--time", "0", self.name)

    def _has_exited(self) -> bool:
        return bool(self.podman.inspect(self.name)["State"]["Status"] == "exited")


@contextmanager
def load(
    port: int, clients: int, *, kept_alive: bool, reconnect: bool = True
) -> Iterator[Counter[str]]:
    """Send requests until the block ends; count the outcomes.

    An outcome is "200 RELEASE", or the error of a request without a response. Without `reconnect`,
    a client ends with its connection.
    """
    outcomes: Counter[str] = Counter()
    lock, over = threading.Lock(), threading.Event()

    def client() -> None:
        with closing(http.client.HTTPConnection("127.0.0.1", port, timeout=10)) as connection:
            while not over.is_set():
                outcome = _outcome(connection)
                if not kept_alive:
                    connection.close()
                with lock:
                    outcomes[outcome] += 1
                if not (reconnect or connection.sock):
                    break

    threads = [threading.Thread(target=client) for _ in range(clients)]
    for thread in threads:
        thread.start()
    try:
        yield outcomes
    finally:
        over.set()
        for thread in threads:
            thread.join()


def _outcome(connection: http.client.HTTPConnection) -> str:
    try:
        connection.request("GET", "/smoke-test/", headers={"Host": NAME})
        response = connection.getresponse()
        response.read()
    except (OSError, http.client.HTTPException) as error:
        connection.close()
        return repr(error)
    return f"{response.status} {response.getheader('X-PetSage-Release')}"
