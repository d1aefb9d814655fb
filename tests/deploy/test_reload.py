"""Reloading nginx loses no request, and requests in flight finish before the app exits."""

import itertools
import os
import signal
import subprocess
import sys
import threading
from contextlib import suppress
from http import HTTPStatus
from pathlib import Path

import pytest

from deploy.processes import answers, children
from smoke_test.contract import BODY
from tests.conftest import ROOT, free_ports, listens
from tests.deploy.client import Reply, load, request
from tests.deploy.conftest import Start
from tests.deploy.running import Stack
from tests.polling import wait_until

pytestmark = pytest.mark.stack


def test_reloading_nginx_under_load_loses_no_request(stack: Stack) -> None:
    def workers() -> set[int]:
        return set(children(stack.nginx_pid()))

    old = workers()
    with load(stack.port) as result:
        wait_until(lambda: result.count() > 100, "the load has started")
        os.kill(stack.nginx_pid(), signal.SIGHUP)
        wait_until(lambda: len(workers()) == 2 and not old & workers(), "nginx has new workers")
        reached = result.count()
        wait_until(lambda: result.count() > reached + 100, "the load continues")

    assert set(result.outcomes) == {"200"}


def test_requests_in_flight_finish_before_the_app_exits(holding: Stack, tmp_path: Path) -> None:
    replies: list[Reply] = []
    begun = tmp_path / "begun"

    def client() -> None:
        replies.append(request(holding.port, X_Hold="2", X_Hold_Begun=str(begun)))

    thread = threading.Thread(target=client)
    thread.start()
    wait_until(begun.exists, "the request has reached the view")

    holding.stop_app()
    thread.join()

    [reply] = replies
    assert (reply.status, reply.body) == (HTTPStatus.OK, BODY)
    holding.start_app()


def test_make_stack_prints_its_urls_and_exits_on_sigterm(start: Start) -> None:
    start()  # Skips without nginx.
    port = free_ports(1)[0]
    with subprocess.Popen(
        ["make", "stack", f"NGINX_PORT={port}"],
        cwd=ROOT,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    ) as make:
        try:
            assert make.stdout is not None
            printed = "".join(
                itertools.takewhile(lambda line: "openapi.json" not in line, make.stdout)
            )
            wait_until(lambda: _answers(port), "the app responds")
            reply = request(port)
        finally:
            make.terminate()
            printed += make.communicate(timeout=30)[0]

    assert (reply.status, reply.body) == (HTTPStatus.OK, BODY)
    for path in ("/smoke-test/", "/docs/"):
        assert f"http://127.0.0.1:{port}{path}" in printed
    assert "Traceback" not in printed
    assert not listens(port)
    assert not any(answers(ROOT / f"var/app-{i}.sock", "localhost", seconds=1) for i in (1, 2))


def test_make_stack_refuses_a_busy_port_and_leaves_the_running_app_alone(stack: Stack) -> None:
    result = _run("run", "--behind-nginx", "--var", str(stack.var), NGINX_PORT=str(stack.port))

    assert result.returncode == 1
    assert result.stderr == (
        f"make stack: port {stack.port} of 127.0.0.1: Address already in use; stop the program "
        "that uses it, or choose another port: make stack NGINX_PORT=N\n"
    )
    assert request(stack.port).status == HTTPStatus.OK


def test_a_socket_that_is_already_served_is_refused(stack: Stack) -> None:
    result = _run("granian", str(stack.sockets[0]))

    assert result.returncode == 1
    assert result.stderr == (
        f"got {stack.sockets[0]} already served, expected it free; stop the other make stack\n"
    )
    assert request(stack.port).status == HTTPStatus.OK


def test_make_stack_exits_if_one_of_its_processes_does(start: Start, tmp_path: Path) -> None:
    start()  # Skips without nginx.
    port = free_ports(1)[0]
    command = [sys.executable, "-m", "deploy.run", "--behind-nginx"]
    command += ["--var", str(tmp_path)]
    environ = os.environ | {"NGINX_PORT": str(port)}
    with subprocess.Popen(command, cwd=ROOT, env=environ) as stack:
        wait_until(lambda: listens(port), f"nginx listens on {port}")
        granian = children(stack.pid)[0]
        os.kill(granian, signal.SIGKILL)

        assert stack.wait(timeout=20) != 0
    wait_until(lambda: not listens(port), "nginx has exited")


def test_make_stack_refuses_a_directory_that_it_cannot_create() -> None:
    result = _run(
        "run", "--behind-nginx", "--var", "/dev/null/var", NGINX_PORT=str(free_ports(1)[0])
    )

    assert result.returncode == 1
    assert result.stderr == "make stack: [Errno 20] Not a directory: '/dev/null/var'\n"


def _answers(port: int) -> bool:
    # `nginx -t` also listens, and resets connections.
    with suppress(OSError):
        return request(port).status == HTTPStatus.OK
    return False


def _run(part: str, *arguments: str, **environ: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", f"deploy.{part}", *arguments],
        cwd=ROOT,
        env=os.environ | environ,
        capture_output=True,
        text=True,
        check=False,
        timeout=30,
    )
