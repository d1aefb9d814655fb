"""Two containers behind HAProxy, replaced like the pods of a Deployment."""

import socket
import subprocess
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.conftest import free_ports, listens, program
from tests.container import RELEASE
from tests.container.conftest import Start
from tests.container.running import Container, load
from tests.polling import wait_until

pytestmark = pytest.mark.container

# Seconds; the Deployment's are longer.
PRE_STOP = 1.0
REQUESTS = 10_000

_HAPROXY = """
global
    stats socket {socket} level admin
defaults
    mode http
    timeout connect 2s
    timeout client 10s
    timeout server 10s
    retries 0
frontend service
    bind 127.0.0.1:{port}
    default_backend pods
backend pods
    server-template pod 8 127.0.0.1:1 disabled
"""


class Service:
    """HAProxy instead of a Service: it has the given endpoints and no health check."""

    def __init__(self, folder: Path) -> None:
        [self.port] = free_ports(1)
        self._socket = folder / "haproxy.sock"
        configuration = folder / "haproxy.cfg"
        configuration.write_text(_HAPROXY.format(socket=self._socket, port=self.port))
        command = [program("haproxy", "haproxy"), "-f", str(configuration)]
        self.process = subprocess.Popen(command)
        self._names: dict[int, str] = {}
        wait_until(lambda: listens(self.port), "HAProxy listens")

    def add(self, pod: Container) -> None:
        name = self._names[pod.port] = f"pods/pod{len(self._names) + 1}"
        self._say(f"set server {name} addr 127.0.0.1 port {pod.port}")
        self._say(f"set server {name} state ready")

    def remove(self, pod: Container) -> None:
        self._say(f"set server {self._names[pod.port]} state drain")

    def _say(self, command: str) -> None:
        with socket.socket(socket.AF_UNIX) as client:
            client.connect(str(self._socket))
            client.sendall(f"{command}\n".encode())
            client.recv(4096)


@pytest.fixture
def service(tmp_path: Path) -> Iterator[Service]:
    service = Service(tmp_path)
    yield service
    service.process.kill()
    service.process.wait()


def _start_pod(start: Start, release: str) -> Container:
    return start("--no-healthcheck", PETSAGE_RELEASE=release)


def _stop_pod(service: Service, pod: Container) -> int:
    """Stop it like the kubelet, while the endpoint is removed; return its exit status."""
    service.remove(pod)
    time.sleep(PRE_STOP)
    pod.terminate()
    return pod.exit_status()


def test_a_rolling_update_loses_no_request(start: Start, service: Service) -> None:
    former = [_start_pod(start, RELEASE).wait_until_ready() for _ in range(2)]
    for pod in former:
        service.add(pod)

    with (
        load(service.port, clients=4, kept_alive=True) as kept,
        load(service.port, clients=4, kept_alive=False) as new,
    ):
        for pod in former:
            service.add(_start_pod(start, "t2").wait_until_ready())
            assert _stop_pod(service, pod) == 0
        wait_until(lambda: (kept + new).total() >= REQUESTS, "enough requests", seconds=120)

    assert set(kept + new) == {f"200 {RELEASE}", "200 t2"}


def test_a_release_that_is_never_ready_gets_no_request(start: Start, service: Service) -> None:
    pod = _start_pod(start, RELEASE).wait_until_ready()
    service.add(pod)

    with load(service.port, clients=2, kept_alive=True) as outcomes:
        wrong = start("--no-healthcheck", PETSAGE_RELEASE="t2", DJANGO_ALLOWED_HOSTS="wrong")
        wait_until(lambda: listens(wrong.port), "the wrong one responds")
        with pytest.raises(TimeoutError):
            wait_until(wrong.is_ready, "it is ready", seconds=3)
        wrong.terminate()
        assert wrong.exit_status() == 0

    assert set(outcomes) == {f"200 {RELEASE}"}
