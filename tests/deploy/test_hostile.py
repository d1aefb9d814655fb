"""Requests that two servers might parse differently: nginx forwards none as another request."""

from http import HTTPStatus

import pytest

from smoke_test.contract import BODY
from tests.deploy.client import request, send_raw
from tests.deploy.running import Stack

pytestmark = pytest.mark.stack

SMUGGLED = b"GET /smuggled HTTP/1.1\r\nHost: localhost\r\n\r\n"
CHUNKED_END = b"0\r\n\r\n"

LENGTHS = [b"Content-Length: 5", b"Content-Length: 0", b"Content-Length: 44"]
CODINGS = [
    b"Transfer-Encoding: chunked",
    b"Transfer-Encoding : chunked",
    b"Transfer-Encoding:\tchunked",
    b"Transfer-Encoding: xchunked",
    b"Transfer-Encoding: chunked, identity",
    b"Transfer-Encoding: identity, chunked",
    b"Transfer-Encoding: chunked\r\nTransfer-Encoding: identity",
    b"Transfer-Encoding:\r\n chunked",
    b"Transfer-Encoding: \x0bchunked",
    b"Transfer-Encoding: chunked\x00",
    b"Transfer_Encoding: chunked",
    b"X: y\nTransfer-Encoding: chunked",
]
BAD_LENGTHS = [
    b"Content-Length: 5\r\nContent-Length: 44",
    b"Content-Length: 5\r\nContent-Length: 5",
    b"Content-Length: 5, 5",
    b"Content-Length: +5",
    b"Content-Length: -1",
    b"Content-Length: 0x5",
    b"Content-Length: 5 5",
    b"Content-Length: 99999999999999999999",
    b"Content-Length:",
    b"Content-Length\x00: 5",
    b"Content-Length:\r\n 5",
]
FRAMINGS = [
    *LENGTHS,
    *CODINGS,
    *BAD_LENGTHS,
    *(length + b"\r\n" + coding for length in LENGTHS for coding in CODINGS),
    *(coding + b"\r\n" + length for length in LENGTHS for coding in CODINGS),
]
BAD_CHUNKS = [
    b"5\r\nabc\r\n0\r\n\r\n",
    b"-5\r\nabcde\r\n0\r\n\r\n",
    b"0x5\r\nabcde\r\n0\r\n\r\n",
    b"5;a=\x00\r\nabcde\r\n0\r\n\r\n",
    b"5\nabcde\n0\n\n",
    b"ffffffffffffffff\r\nabcde\r\n0\r\n\r\n",
    b"10000000000000005\r\nabcde\r\n0\r\n\r\n",
    b"5\r\nabcdeXX0\r\n\r\n",
    b"0\r\nX: y\r\nHost: evil.example\r\n\r\n",
    b"\r\n\r\n",
    b"zz\r\n\r\n",
]
BAD_HEADS = [
    b"GET / HTTP/1.1\r\nHost: localhost\r\nX: a\r\n b\r\n\r\n",
    b"GET / HTTP/1.1\r\nHost: localhost\r\n X: a\r\n\r\n",
    b"GET / HTTP/1.1\r\nHost: localhost\r\nX\x00: a\r\n\r\n",
    b"GET / HTTP/1.1\r\nHost: localhost\r\nX: a\x00b\r\n\r\n",
    b"GET /\x00 HTTP/1.1\r\nHost: localhost\r\n\r\n",
    b"GET /%00 HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n",
    b"GET / HTTP/1.1\nHost: localhost\nConnection: close\n\n",
    b"GET / HTTP/1.1\r\nHost: localhost\r\nX: a\rY: b\r\nConnection: close\r\n\r\n",
    b"GET / HTTP/1.1\r\nHost: localhost\r\nHost: evil.example\r\n\r\n",
    b"GET / HTTP/1.1\r\n\r\n",
    b"GET / HTTP/1.1\r\nHost: \r\n\r\n",
    b"GET / HTTP/1.1\r\nHost: local host\r\n\r\n",
    b"GET / HTTP/1.1\r\nHost: localhost/../x\r\n\r\n",
    b"GET  / HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n",
    b"GET / HTTP/9.9\r\nHost: localhost\r\n\r\n",
    b"GET / HTTP/2.0\r\nHost: localhost\r\n\r\n",
    b"GET / HTTP/1.1 HTTP/1.1\r\nHost: localhost\r\n\r\n",
    b"GET\r\n\r\n",
    b"get / HTTP/1.1\r\nHost: localhost\r\n\r\n",
    b"G\xcbT / HTTP/1.1\r\nHost: localhost\r\n\r\n",
    b"GET http://localhost@evil.example/ HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n",
    b"GET /../../etc/passwd HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n",
    b"GET /%2e%2e/%2e%2e/etc/passwd HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n",
    b"GET /?" + b"a" * 7000 + b" HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n",
    b"GET /" + b"%ff" * 2000 + b" HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n",
    b"GET /" + b"a" * 100_000 + b" HTTP/1.1\r\nHost: localhost\r\n\r\n",
    b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n",
    b"OPTIONS * HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n",
    b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03",
]


def _statuses(received: bytes) -> list[int]:
    """Return the status of each response, in order."""
    parts = received.split(b"HTTP/1.1 ")[1:]
    return [int(part[:3]) for part in parts]


def _assert_other_clients_get_their_own_responses(stack: Stack) -> None:
    # On more connections than nginx keeps to the app: an extra response would arrive here.
    for _ in range(6):
        assert request(stack.port).body == BODY
        assert request(stack.port, "/missing/").status == HTTPStatus.NOT_FOUND


@pytest.mark.parametrize("framing", FRAMINGS)
def test_ambiguous_framing_smuggles_no_request_past_nginx(stack: Stack, framing: bytes) -> None:
    # Content-Length and Transfer-Encoding disagree about the body, and the rest is a request.
    head = b"POST /smoke-test/ HTTP/1.1\r\nHost: localhost\r\n" + framing + b"\r\n\r\n"
    seen = stack.log().count(b"/smuggled")

    received = send_raw(stack.port, head + CHUNKED_END + SMUGGLED, seconds=0.3)

    # nginx logs each request that it sees, so there must be one response for each line.
    answered = _statuses(received)
    logged = stack.log().count(b"/smuggled") - seen
    assert answered.count(HTTPStatus.NOT_FOUND) == logged
    assert all(status < 500 for status in set(answered) - {HTTPStatus.NOT_IMPLEMENTED})
    _assert_other_clients_get_their_own_responses(stack)


@pytest.mark.parametrize("chunks", BAD_CHUNKS)
def test_malformed_chunks_cause_no_server_error(stack: Stack, chunks: bytes) -> None:
    head = b"POST /smoke-test/ HTTP/1.1\r\nHost: localhost\r\nTransfer-Encoding: chunked\r\n\r\n"

    received = send_raw(stack.port, head + chunks + SMUGGLED, seconds=0.3)

    assert all(status < 500 for status in _statuses(received))
    _assert_other_clients_get_their_own_responses(stack)


@pytest.mark.parametrize("request_bytes", BAD_HEADS)
def test_malformed_request_heads_cause_no_server_error(stack: Stack, request_bytes: bytes) -> None:
    received = send_raw(stack.port, request_bytes, seconds=0.3)

    answered = set(_statuses(received)) - {HTTPStatus.HTTP_VERSION_NOT_SUPPORTED}
    assert all(status < 500 for status in answered)
    _assert_other_clients_get_their_own_responses(stack)
