"""A reload loses no request, and requests in flight are answered before the app exits."""

import itertools
import os
import signal
import subprocess
import sys
import threading
from http import HTTPStatus
from pathlib import Path

import pytest

from deploy.processes import children
from smoke_test.contract import BODY
from tests.conftest import ROOT, free_ports, listens
from tests.deploy.client import Reply, load, request
from tests.deploy.conftest import Start
from tests.deploy.running import Stack
from tests.polling import wait_until

pytestmark = pytest.mark.stack


def test_reloading_the_app_under_load_loses_no_request(stack: Stack) -> None:
    assert stack.app is not None
    old = set(stack.worker_pids())
    with load(stack.port) as found:
        wait_until(lambda: found.count() > 100, "the load has started")
        stack.app.send_signal(signal.SIGHUP)
        wait_until(
            lambda: len(stack.worker_pids()) == 2 and not old & set(stack.worker_pids()),
            "both workers are new",
        )
        reached = found.count()
        wait_until(lambda: found.count() > reached + 100, "the load continues")

    assert set(found.outcomes) == {"200"}


def test_reloading_nginx_under_load_loses_no_request(stack: Stack) -> None:
    def workers() -> set[int]:
        return set(children(stack.nginx_pid()))

    old = workers()
    with load(stack.port) as found:
        wait_until(lambda: found.count() > 100, "the load has started")
        os.kill(stack.nginx_pid(), signal.SIGHUP)
        wait_until(lambda: len(workers()) == 2 and not old & workers(), "nginx has new workers")
        reached = found.count()
        wait_until(lambda: found.count() > reached + 100, "the load continues")

    assert set(found.outcomes) == {"200"}


def test_requests_in_flight_are_answered_before_the_app_exits(
    holding: Stack, tmp_path: Path
) -> None:
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
                itertools.takewhile(lambda line: "access.log" not in line, make.stdout)
            )
            reply = request(port)
        finally:
            make.terminate()
            printed += make.communicate(timeout=30)[0]

    assert (reply.status, reply.body) == (HTTPStatus.OK, BODY)
    for path in ("/smoke-test/", "/docs/", "/openapi.json"):
        assert f"http://127.0.0.1:{port}{path}" in printed
    assert "Traceback" not in printed
    assert not listens(port)
    for name in ("petsage.sock", "granian.pid", "nginx.pid"):
        assert not (ROOT / "var" / name).exists()


def test_make_app_refuses_a_socket_that_is_already_served(stack: Stack) -> None:
    result = _app(stack.var)

    assert result.returncode == 1
    assert f"make app: got {stack.var}/petsage.sock already served" in result.stderr
    assert request(stack.port).status == HTTPStatus.OK


@pytest.mark.skipif(os.geteuid() == 0, reason="root may write everywhere")
def test_make_app_refuses_a_read_only_directory(tmp_path: Path) -> None:
    tmp_path.chmod(0o555)

    result = _app(tmp_path)

    assert result.returncode == 1
    assert result.stderr == (
        f"make app: got '{tmp_path}', expected a writable directory; make it writable\n"
    )


def test_make_app_refuses_a_directory_that_it_cannot_create() -> None:
    result = _app(Path("/dev/null/var"))

    assert result.returncode == 1
    assert result.stderr == "make app: [Errno 20] Not a directory: '/dev/null/var'\n"


def _app(var: Path) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", "deploy.app", "--var", var],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=False,
        timeout=30,
    )
