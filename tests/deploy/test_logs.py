"""What nginx logs: JSON lines, every failure, passed smoke tests on demand."""

import json
import re
from datetime import datetime, timedelta
from typing import Any

import pytest

from tests.deploy.client import request, send_raw
from tests.deploy.conftest import Start
from tests.deploy.running import Stack
from tests.polling import wait_until

pytestmark = pytest.mark.stack


def _entries(stack: Stack) -> list[dict[str, Any]]:
    return [json.loads(line) for line in stack.log().decode().splitlines()]


def _entry(stack: Stack, request_id: str) -> dict[str, Any]:
    wait_until(lambda: request_id.encode() in stack.log(), f"{request_id} is logged", seconds=5)
    return next(entry for entry in _entries(stack) if entry["request_id"] == request_id)


def test_a_log_line_names_client_request_and_release(stack: Stack) -> None:
    reply = request(stack.port, "/openapi.json?a=b", User_Agent='a "quoted" one')

    entry = _entry(stack, reply.headers["X-Request-ID"])
    assert datetime.fromisoformat(entry.pop("time")).utcoffset() == timedelta(0)
    assert entry.pop("seconds") >= 0
    assert float(entry.pop("upstream_seconds")) >= 0
    assert entry == {
        "request_id": reply.headers["X-Request-ID"],
        "client": "127.0.0.1",
        "method": "GET",
        "host": f"127.0.0.1:{stack.port}",
        "uri": "/openapi.json?a=b",
        "protocol": "HTTP/1.1",
        "status": 200,
        "bytes": len(reply.body),
        "upstream_status": "200",
        "release": "t1",
        "agent": 'a "quoted" one',
    }


def test_failed_smoke_tests_are_logged_and_passed_ones_are_not(stack: Stack) -> None:
    success = request(stack.port)
    refused = request(stack.port, method="DELETE")
    stack.stop_app()
    failure = request(stack.port)
    stack.start_app()

    assert _entry(stack, failure.headers["X-Request-ID"])["status"] == 502
    assert _entry(stack, refused.headers["X-Request-ID"])["status"] == 405
    assert success.headers["X-Request-ID"].encode() not in stack.log()


@pytest.mark.parametrize(
    ("line", "method"),
    [
        ("TRACE /smoke-test/ HTTP/1.1", "TRACE"),
        ("POST /static/petsage/icon.svg HTTP/1.1", "POST"),
        ("POST /docs/ HTTP/1.1", "POST"),
        ("OPTIONS *x HTTP/1.1", "OPTIONS"),
        ("nonsense", ""),
    ],
)
def test_the_log_has_the_method_that_the_client_sent(stack: Stack, line: str, method: str) -> None:
    # 17 KiB, which nginx refuses.
    lines = "Host: 10.0.0.7\r\nConnection: close\r\nContent-Length: 17408\r\n"
    received = send_raw(stack.port, f"{line}\r\n{lines}\r\n".encode())

    [request_id] = re.findall(r"^X-Request-ID: (\w+)", received.decode(), re.MULTILINE)
    assert _entry(stack, request_id)["method"] == method


def test_failed_smoke_tests_do_not_fill_the_error_log(start: Start) -> None:
    stack = start()
    stack.start_nginx()

    failures = [request(stack.port, Host=host) for host in ("localhost", "10.0.0.7")]
    other = request(stack.port, "/docs/")

    for reply in (*failures, other):
        assert _entry(stack, reply.headers["X-Request-ID"])["status"] == 502
    errors = (stack.var / "nginx.err").read_text()
    assert '"GET /docs/ HTTP/1.1"' in errors
    assert "smoke-test" not in errors


def test_passed_smoke_tests_can_be_logged_too(start: Start) -> None:
    stack = start(NGINX_LOG_SUCCESSES="true")
    stack.start_app()
    stack.start_nginx()
    stack.wait_until_up()

    reply = request(stack.port)

    assert _entry(stack, reply.headers["X-Request-ID"])["uri"] == "/smoke-test/"


def test_the_log_stays_valid_utf8_json_for_any_request(stack: Stack) -> None:
    before = len(_entries(stack))
    for target, host, agent in (
        (b"/\xff", b"localhost", b"a"),
        (b"/", b"localhost", b'\xff"\\\t'),
        (b"/", b"\xe9vil", b"a"),
        (b'/"\\', b"localhost", b"a"),
    ):
        send_raw(
            stack.port,
            b"GET %b HTTP/1.1\r\nHost: %b\r\nUser-Agent: %b\r\nConnection: close\r\n\r\n"
            % (target, host, agent),
        )
    send_raw(stack.port, b"\x16\x03\x01\xff nonsense\r\n\r\n")

    wait_until(lambda: len(_entries(stack)) == before + 5, "all five are logged", seconds=5)
