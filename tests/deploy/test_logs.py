"""What nginx writes down: JSON lines, failures always, successes of the smoke test on demand."""

import json
from datetime import datetime, timedelta
from typing import Any

import pytest

from tests.deploy.asking import ask, say
from tests.deploy.conftest import Start
from tests.deploy.running import Stack
from tests.polling import wait_until

pytestmark = pytest.mark.stack


def _entries(stack: Stack) -> list[dict[str, Any]]:
    return [json.loads(line) for line in stack.log().decode().splitlines()]


def _entry(stack: Stack, request_id: str) -> dict[str, Any]:
    wait_until(lambda: request_id.encode() in stack.log(), f"{request_id} is logged", seconds=5)
    return next(entry for entry in _entries(stack) if entry["request_id"] == request_id)


def test_a_line_says_who_asked_what_and_which_build_answered(stack: Stack) -> None:
    reply = ask(stack.port, "/openapi.json?a=b", User_Agent='a "quoted" one')

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


def test_successes_of_the_smoke_test_are_left_out_and_failures_never(stack: Stack) -> None:
    success = ask(stack.port)
    refused = ask(stack.port, method="DELETE")
    stack.stop_app()
    failure = ask(stack.port)
    stack.start_app()

    assert _entry(stack, failure.headers["X-Request-ID"])["status"] == 502
    assert _entry(stack, refused.headers["X-Request-ID"])["status"] == 405
    assert success.headers["X-Request-ID"].encode() not in stack.log()


def test_the_switch_turns_successes_on(start: Start) -> None:
    stack = start(NGINX_LOG_SUCCESSES="true")
    stack.start_app()
    stack.start_front()
    stack.until_up()

    reply = ask(stack.port)

    assert _entry(stack, reply.headers["X-Request-ID"])["uri"] == "/smoke-test/"


def test_whatever_is_sent_the_log_stays_json_in_utf8(stack: Stack) -> None:
    before = len(_entries(stack))
    for target, host, agent in (
        (b"/\xff", b"localhost", b"a"),
        (b"/", b"localhost", b'\xff"\\\t'),
        (b"/", b"\xe9vil", b"a"),
        (b'/"\\', b"localhost", b"a"),
    ):
        say(
            stack.port,
            b"GET %b HTTP/1.1\r\nHost: %b\r\nUser-Agent: %b\r\nConnection: close\r\n\r\n"
            % (target, host, agent),
        )
    say(stack.port, b"\x16\x03\x01\xff nonsense\r\n\r\n")

    wait_until(lambda: len(_entries(stack)) == before + 5, "all five are logged", seconds=5)
