"""Floods, stalled clients and oversized requests do not affect other clients."""

import resource
import socket
import time
from collections import Counter
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from http import HTTPStatus
from pathlib import Path

import pytest

from tests.deploy.client import Reply, request, send_raw
from tests.deploy.conftest import Start
from tests.deploy.running import Stack
from tests.polling import wait_until

pytestmark = pytest.mark.stack


@pytest.fixture
def many_files() -> Iterator[None]:
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (min(hard, 8192), hard))
    yield
    resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))


@pytest.fixture(scope="module")
def limited(start: Start) -> Stack:
    """Return a running stack with both limits, where X-Hold blocks a worker."""
    slow = "tests.settings.slow"
    stack = start(NGINX_RATE="20", NGINX_CONNECTIONS="1", DJANGO_SETTINGS_MODULE=slow)
    stack.start_app()
    stack.start_nginx()
    stack.wait_until_up()
    return stack


def test_without_settings_nothing_is_limited(stack: Stack) -> None:
    checks = Counter(request(stack.port).status for _ in range(500))
    others = Counter(request(stack.port, "/missing/").status for _ in range(500))

    assert checks == {HTTPStatus.OK: 500}
    assert others == {HTTPStatus.NOT_FOUND: 500}


@pytest.mark.parametrize("host", ["localhost", "10.0.0.7", "elsewhere.example"])
@pytest.mark.parametrize("target", ["/smoke-test/", "///smoke-test/"])
def test_a_health_checker_is_never_limited(limited: Stack, host: str, target: str) -> None:
    checks = Counter(request(limited.port, target, Host=host).status for _ in range(300))

    assert checks == {HTTPStatus.OK: 300}


def test_connections_per_client_can_be_limited(limited: Stack, tmp_path: Path) -> None:
    begun = tmp_path / "begun"

    def hold() -> Reply:
        return request(limited.port, "/missing/", X_Hold="2", X_Hold_Begun=str(begun))

    with ThreadPoolExecutor() as pool:
        held = pool.submit(hold)
        wait_until(begun.exists, "a worker is held")
        second = request(limited.port, "/missing/")
        check = request(limited.port)

    assert held.result().status == HTTPStatus.NOT_FOUND
    assert second.status == HTTPStatus.TOO_MANY_REQUESTS
    assert check.status == HTTPStatus.OK


def test_requests_per_client_can_be_limited(limited: Stack) -> None:
    stack = limited
    replies = [request(stack.port, "/missing/") for _ in range(200)]

    refused = [reply for reply in replies if reply.status == HTTPStatus.TOO_MANY_REQUESTS]
    assert len(refused) > 50
    assert refused[-1].json() == {"detail": "Too many requests."}
    assert refused[-1].headers["Proxy-Status"] == "nginx; error=http_request_error"
    assert refused[-1].headers["Retry-After"] == "1"
    # The limit applies neither to health checks nor to static files.
    assert request(stack.port).status == HTTPStatus.OK
    assert request(stack.port, "/static/petsage/icon.svg").status == HTTPStatus.OK


@pytest.mark.parametrize(
    ("request_bytes", "status", "detail"),
    [
        (
            b"POST / HTTP/1.1\r\nHost: localhost\r\nContent-Length: 16385\r\n\r\n",
            b"413 Request Entity Too Large",
            b"The request is too large.",
        ),
        (
            b"GET /" + b"a" * 8192 + b" HTTP/1.1\r\nHost: localhost\r\n\r\n",
            b"414 Request-URI Too Large",
            b"The address is too long.",
        ),
        (
            b"GET / HTTP/1.1\r\nHost: localhost\r\nX-A: " + b"a" * 8192 + b"\r\n\r\n",
            b"400 Bad Request",
            b"Bad request.",
        ),
        (
            b"GET / HTTP/1.1\r\nHost: localhost\r\n" + b"X-A: b\r\n" * 6000 + b"\r\n",
            b"400 Bad Request",
            b"Bad request.",
        ),
    ],
    ids=["body", "target", "header", "headers"],
)
def test_oversized_requests_get_json_errors(
    stack: Stack, request_bytes: bytes, status: bytes, detail: bytes
) -> None:
    head, _, body = send_raw(stack.port, request_bytes).partition(b"\r\n\r\n")

    assert head.startswith(b"HTTP/1.1 " + status + b"\r\n")
    assert b"\r\nProxy-Status: nginx; error=http_request_error\r\n" in head
    assert body == b'{"detail":"%s"}' % detail


def test_hundreds_of_stalled_clients_are_dropped_and_delay_no_one(stack: Stack) -> None:
    with ExitStack() as clients:
        slow = [
            clients.enter_context(socket.create_connection(("127.0.0.1", stack.port), timeout=15))
            for _ in range(300)
        ]
        for client in slow:
            client.sendall(b"GET /smoke-test/ HTTP/1.1\r\nHost: local")
        began = time.monotonic()
        meanwhile = [request(stack.port) for _ in range(20)]
        ends = [_end(client) for client in slow]
        waited = time.monotonic() - began

    assert {reply.status for reply in meanwhile} == {HTTPStatus.OK}
    assert max(reply.seconds for reply in meanwhile) < 5
    assert set(ends) == {"closed"}
    assert waited < 12


def test_a_client_that_stops_sending_its_body_is_dropped(stack: Stack) -> None:
    with socket.create_connection(("127.0.0.1", stack.port), timeout=15) as client:
        client.sendall(b"POST / HTTP/1.1\r\nHost: localhost\r\nContent-Length: 10\r\n\r\nabc")
        assert _end(client) == "closed"


@pytest.mark.usefixtures("many_files")
def test_two_thousand_idle_connections_delay_no_one(stack: Stack) -> None:
    with ExitStack() as clients:
        for _ in range(2000):
            clients.enter_context(socket.create_connection(("127.0.0.1", stack.port), timeout=10))
        meanwhile = [request(stack.port) for _ in range(20)]

    assert {reply.status for reply in meanwhile} == {HTTPStatus.OK}
    assert max(reply.seconds for reply in meanwhile) < 5


def _end(client: socket.socket) -> str:
    try:
        return "open" if client.recv(1) else "closed"
    except ConnectionResetError:
        return "closed"
