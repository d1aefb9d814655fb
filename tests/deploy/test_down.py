"""What clients get while the app is stopped, frozen or killed, and how it recovers."""

import os
import signal
import socket
from contextlib import ExitStack
from http import HTTPStatus
from pathlib import Path

import pytest

from smoke_test.contract import BODY
from tests.deploy.client import Reply, load, request
from tests.deploy.conftest import Start
from tests.deploy.running import Stack, freeze, stand_in
from tests.polling import wait_until
from tests.smoke_test.probe.answers import closed, silent
from tests.smoke_test.probe.servers import Script, sends

pytestmark = pytest.mark.stack

BROWSER = "text/html,application/xhtml+xml,application/xml;q=0.9,*/*;q=0.8"


def _is_from_nginx(reply: Reply) -> bool:
    return (
        (reply.headers["Proxy-Status"] or "").startswith("nginx; error=")
        and reply.headers["Cache-Control"] == "no-store"
        and reply.headers["X-PetSage-Release"] is None
        and int(reply.headers["Retry-After"]) > 0
    )


@pytest.fixture(scope="module")
def without_app(start: Start) -> Stack:
    stack = start()
    stack.start_nginx()
    return stack


def test_without_the_app_nginx_responds_502_as_json(without_app: Stack) -> None:
    reply = request(without_app.port)

    assert reply.status == HTTPStatus.BAD_GATEWAY
    assert reply.json() == {"detail": "PetSage is not responding."}
    assert reply.headers["Content-Type"] == "application/json"
    assert _is_from_nginx(reply)


def test_without_the_app_browsers_get_a_502_page(without_app: Stack) -> None:
    reply = request(without_app.port, "/docs/", Accept=BROWSER)

    assert reply.status == HTTPStatus.BAD_GATEWAY
    assert reply.headers["Content-Type"] == "text/html; charset=utf-8"
    assert "<title>502 - PetSage</title>" in reply.body.decode()
    assert "frame-ancestors 'none'" in reply.headers["Content-Security-Policy"]
    assert _is_from_nginx(reply)


def test_without_the_app_head_gets_502_without_a_body(without_app: Stack) -> None:
    reply = request(without_app.port, method="HEAD")

    assert (reply.status, reply.body) == (HTTPStatus.BAD_GATEWAY, b"")
    assert _is_from_nginx(reply)


def test_only_the_probe_sees_that_nginx_could_not_connect(without_app: Stack) -> None:
    probe = request(without_app.port, X_PetSage_Probe="1")
    other = request(without_app.port)

    # Both instances, and maybe one of them twice.
    assert set(probe.headers["X-Upstream-Status"].split(", ")) == {"502"}
    assert set(probe.headers["X-Upstream-Connect"].split(", ")) == {"-"}
    assert other.headers["X-Upstream-Status"] is None
    assert other.headers["X-Upstream-Connect"] is None


INVALID = sends(b"HTTP/1.1 200 OK\r\nno colon\r\n\r\n")


@pytest.mark.parametrize(
    ("method", "target", "script", "tries", "error"),
    [
        ("GET", "/smoke-test/", closed, 3, "connection_terminated"),
        ("GET", "/smoke-test/", INVALID, 3, "connection_terminated"),
        ("GET", "/smoke-test/", silent, 2, "connection_read_timeout"),
        ("GET", "/", closed, 3, "connection_terminated"),
        ("GET", "/", INVALID, 3, "connection_terminated"),
        # Another try would occupy the second worker too.
        ("GET", "/", silent, 1, "connection_read_timeout"),
        # The app may have acted on it.
        ("POST", "/smoke-test/", closed, 1, "connection_terminated"),
        ("POST", "/", closed, 1, "connection_terminated"),
    ],
)
def test_nginx_retries_only_what_is_safe_to_repeat(
    start: Start, method: str, target: str, script: Script, tries: int, error: str
) -> None:
    tried: list[socket.socket] = []

    def recording(connection: socket.socket) -> None:
        tried.append(connection)
        script(connection)

    # A new nginx, which does not avoid an instance yet.
    stack = start()
    with stand_in(stack, recording):
        stack.start_nginx()
        reply = request(stack.port, target, method)

    assert len(tried) == tries
    assert reply.headers["Proxy-Status"] == f"nginx; error={error}"
    assert _is_from_nginx(reply)


def test_each_request_tries_both_instances_even_if_both_have_just_failed(start: Start) -> None:
    tried: list[socket.socket] = []
    stack = start()

    with stand_in(stack, tried.append):
        stack.start_nginx()
        statuses = {request(stack.port).status for _ in range(20)}

    assert statuses == {HTTPStatus.BAD_GATEWAY}
    assert len(tried) >= 2 * 20


def test_nginx_finds_a_restarted_app_without_a_reload(stack: Stack) -> None:
    stack.stop_app()
    down = [request(stack.port) for _ in range(10)][-1]
    stack.start_app()
    back = [request(stack.port).status for _ in range(10)]

    assert back == [HTTPStatus.OK] * 10
    assert down.status == HTTPStatus.BAD_GATEWAY
    assert _is_from_nginx(down)


def test_a_frozen_app_gets_504_within_five_seconds(stack: Stack) -> None:
    frozen = stack.worker_pids()
    freeze(*frozen)

    try:
        smoke_test, root = request(stack.port, X_PetSage_Probe="1"), request(stack.port, "/")
    finally:
        for pid in frozen:
            os.kill(pid, signal.SIGCONT)

    for reply in (smoke_test, root):
        assert reply.status == HTTPStatus.GATEWAY_TIMEOUT
        assert reply.json() == {"detail": "PetSage did not respond in time."}
        assert _is_from_nginx(reply)
        assert reply.seconds < 5
    assert smoke_test.headers["X-Upstream-Status"] == "504, 504"
    stack.wait_until_up()


def test_killing_a_worker_under_load_loses_no_request(stack: Stack) -> None:
    with load(stack.port) as result:
        wait_until(lambda: result.count() > 100, "the load has started")
        victim = stack.worker_pids()[0]
        os.kill(victim, signal.SIGKILL)
        wait_until(lambda: victim not in stack.worker_pids(), "the dead worker is gone")
        wait_until(lambda: len(stack.worker_pids()) == 2, "the worker has been replaced")
        reached = result.count()
        wait_until(lambda: result.count() > reached + 100, "the load continues")

    assert set(result.outcomes) == {"200"}


def test_a_worker_that_hangs_under_load_logs_its_stack_and_is_replaced(
    holding: Stack, tmp_path: Path
) -> None:
    before = set(holding.worker_pids())
    with load(holding.port) as result:
        # Not the smoke test: nginx would retry it with the other worker.
        hung = request(holding.port, "/", X_Hold="3600", X_Hold_Begun=str(tmp_path / "begun"))
        wait_until(
            lambda: (
                len(holding.worker_pids()) == 2 and len(before & set(holding.worker_pids())) == 1
            ),
            "the worker that hangs has been replaced",
        )
    holding.wait_until_up()

    assert hung.status == HTTPStatus.GATEWAY_TIMEOUT
    # Until it is replaced, it accepts connections but does not respond.
    assert set(result.outcomes) <= {"200", "502", "504"}
    assert result.slowest < 5
    assert 'settings/hold.py", line' in (holding.var / "granian.err").read_text()


def test_all_workers_are_replaced_if_all_hang(holding: Stack, tmp_path: Path) -> None:
    before = set(holding.worker_pids())
    with ExitStack() as clients:
        for path in holding.sockets:
            client = clients.enter_context(socket.socket(socket.AF_UNIX))
            client.connect(str(path))
            fields = f"Host: localhost\r\nX-Hold: 3600\r\nX-Hold-Begun: {tmp_path / path.name}\r\n"
            client.sendall(f"GET / HTTP/1.1\r\n{fields}\r\n".encode())
        wait_until(lambda: len(list(tmp_path.iterdir())) == 2, "both workers hang")

    wait_until(
        lambda: len(holding.worker_pids()) == 2 and not before & set(holding.worker_pids()),
        "both workers have been replaced",
        seconds=30,
    )
    holding.wait_until_up()


def test_the_app_sends_each_response_in_one_write(stack: Stack) -> None:
    # With two writes, a worker that dies in between would leave half a response, which nginx
    # cannot retry.
    for _ in range(100):
        with socket.socket(socket.AF_UNIX) as client:
            client.connect(str(stack.sockets[0]))
            client.sendall(b"GET /smoke-test/ HTTP/1.1\r\nHost: localhost\r\n\r\n")
            received = client.recv(65536)

        assert received.endswith(BODY)
