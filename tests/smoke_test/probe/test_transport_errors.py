"""The verdicts on libcurl's errors, including those that no server here can cause.

The words are those of OpenSSL 3 (ssl/ssl_err.c) and libcurl 8 (lib/vtls/openssl.c).
"""

import errno
import socket
from typing import Any

import pytest

from smoke_test.probe.codes import CODES
from smoke_test.probe.exchange import CurlCode, Timings, TransportError
from smoke_test.probe.transport_errors import transport_verdict
from tests.smoke_test.probe.test_diagnosis import correct_exchange

OPENSSL = "TLS connect error: error:0A000000:SSL routines::"
UNIX = {"address": "unix:/run/petsage/app.sock"}
NO_STATUS = {"status": None}
WANTS_CERTIFICATE = {"wants_certificate": True}


def handshake(text: str) -> TransportError:
    return TransportError(CurlCode.SSL_CONNECT_ERROR, text)


def connect(os_errno: int) -> TransportError:
    return TransportError(CurlCode.COULDNT_CONNECT, "Could not connect", os_errno)


def unverified(text: str, verify_result: int = 0) -> TransportError:
    return TransportError(CurlCode.PEER_FAILED_VERIFICATION, text, verify_result=verify_result)


def unresolved(resolver_errno: int) -> TransportError:
    text = "Temporary failure in name resolution"
    return TransportError(CurlCode.COULDNT_RESOLVE_HOST, text, resolver_errno=resolver_errno)


def received(text: str, os_errno: int = 0) -> TransportError:
    return TransportError(CurlCode.RECV_ERROR, text, os_errno)


def timed_out(**phases: float) -> dict[str, Any]:
    return {"status": None, "timings": Timings(**phases, total=5000.0)}


TIMEOUT = TransportError(CurlCode.OPERATION_TIMEDOUT, "Operation timed out")
EMPTY = TransportError(CurlCode.GOT_NOTHING, "Empty reply from server")
UNSENT = TransportError(CurlCode.SEND_ERROR, "Send failure: Broken pipe")

# The error, the changes to a correct exchange, and the code.
ERRORS: list[tuple[TransportError, dict[str, Any], str]] = [
    (unresolved(socket.EAI_NONAME), NO_STATUS, "dns.not_found"),
    (unresolved(socket.EAI_NODATA), NO_STATUS, "dns.not_found"),
    (unresolved(socket.EAI_AGAIN), NO_STATUS, "dns.failed"),
    (connect(errno.ECONNREFUSED), NO_STATUS, "tcp.refused"),
    (connect(errno.ETIMEDOUT), NO_STATUS, "tcp.timeout"),
    (connect(errno.EHOSTUNREACH), NO_STATUS, "tcp.unreachable"),
    (connect(0), NO_STATUS, "tcp.unreachable"),
    (connect(errno.ENOENT), UNIX, "tcp.no_socket"),
    (connect(errno.EACCES), UNIX, "tcp.permission"),
    (connect(0), UNIX, "tcp.backlog_full"),
    (unverified("self-signed certificate", 18), NO_STATUS, "tls.self_signed"),
    (unverified("certificate is not yet valid", 9), NO_STATUS, "tls.not_yet_valid"),
    (unverified("certificate has expired", 10), NO_STATUS, "tls.expired"),
    (unverified("hostname mismatch", 62), NO_STATUS, "tls.hostname"),
    (
        unverified("SSL: no alternative certificate subject name matches target host name 'a'"),
        NO_STATUS,
        "tls.hostname",
    ),
    (
        unverified("SSL: unable to obtain common name from peer certificate"),
        NO_STATUS,
        "tls.untrusted",
    ),
    (unverified("unable to get local issuer certificate", 20), NO_STATUS, "tls.untrusted"),
    (TransportError(CurlCode.SSL_INVALIDCERTSTATUS, "revoked"), NO_STATUS, "tls.revoked"),
    (handshake(f"{OPENSSL}tlsv1 unrecognized name"), NO_STATUS, "tls.unrecognized_name"),
    (handshake(f"{OPENSSL}wrong version number"), NO_STATUS, "tls.not_tls"),
    (handshake(f"{OPENSSL}packet length too long"), NO_STATUS, "tls.not_tls"),
    (handshake(f"{OPENSSL}record layer failure"), NO_STATUS, "tls.not_tls"),
    (handshake(f"{OPENSSL}http request"), NO_STATUS, "tls.not_tls"),
    (handshake(f"{OPENSSL}tlsv1 alert protocol version"), NO_STATUS, "tls.protocol"),
    (handshake(f"{OPENSSL}unsupported protocol"), NO_STATUS, "tls.protocol"),
    (handshake(f"{OPENSSL}no protocols available"), NO_STATUS, "tls.protocol"),
    (handshake(f"{OPENSSL}no shared cipher"), NO_STATUS, "tls.protocol"),
    (handshake(f"{OPENSSL}ssl/tls alert handshake failure"), NO_STATUS, "tls.protocol"),
    (handshake(f"{OPENSSL}unexpected eof while reading"), NO_STATUS, "tls.closed"),
    (handshake("Recv failure: Connection reset by peer"), NO_STATUS, "tls.closed"),
    (handshake("OpenSSL SSL_connect: SSL_ERROR_SYSCALL"), NO_STATUS, "tls.closed"),
    (handshake("Send failure: Broken pipe"), NO_STATUS, "tls.closed"),
    (handshake(f"{OPENSSL}tlsv1 alert internal error"), NO_STATUS, "tls.failed"),
    (handshake(f"{OPENSSL}handshake failure"), WANTS_CERTIFICATE, "tls.client_certificate"),
    (EMPTY, WANTS_CERTIFICATE, "tls.client_certificate"),
    (UNSENT, WANTS_CERTIFICATE, "tls.client_certificate"),
    (received("alert certificate required"), WANTS_CERTIFICATE, "tls.client_certificate"),
    (TIMEOUT, WANTS_CERTIFICATE | timed_out(dns=1, tcp=1), "tls.timeout"),
    (unverified("expired", 10), WANTS_CERTIFICATE, "tls.expired"),
    (TIMEOUT, timed_out(), "dns.failed"),
    (TIMEOUT, timed_out(dns=1), "tcp.timeout"),
    (TIMEOUT, timed_out(dns=1, tcp=1), "tls.timeout"),
    (TIMEOUT, timed_out(dns=1, tcp=1) | {"url": "http://a/"}, "http.timeout"),
    (TIMEOUT, timed_out(dns=1, tcp=1, tls=1), "http.timeout"),
    (EMPTY, NO_STATUS, "http.closed"),
    (UNSENT, NO_STATUS, "http.reset"),
    (TransportError(CurlCode.PARTIAL_FILE, "transfer closed"), {}, "http.truncated"),
    (TransportError(CurlCode.HTTP2, "Error in the HTTP2 framing layer"), {}, "http.reset"),
    (TransportError(CurlCode.HTTP2_STREAM, "stream 1: CANCEL"), {}, "http.reset"),
    (TransportError(CurlCode.HTTP2_STREAM, "REFUSED_STREAM"), NO_STATUS, "http.stream_refused"),
    (TransportError(CurlCode.TOO_LARGE, "Too large headers"), {}, "http.too_large"),
    (TransportError(CurlCode.PARTIAL_FILE, "aborted"), {"too_large": True}, "http.too_large"),
    (TransportError(CurlCode.UNSUPPORTED_PROTOCOL, "HTTP/0.9"), NO_STATUS, "http.not_http"),
    (TransportError(CurlCode.WEIRD_SERVER_REPLY, "no colon"), NO_STATUS, "http.not_http"),
    (received("Connection died, tried 5 times before giving up"), NO_STATUS, "http.closed"),
    (received("Recv failure", errno.ECONNRESET), NO_STATUS, "http.reset"),
    (received("Recv failure: Connection reset by peer"), NO_STATUS, "http.reset"),
    (received("unexpected eof while reading"), {}, "http.truncated"),
    (received("unexpected eof while reading"), NO_STATUS, "http.closed"),
    (received("tlsv1 alert internal error"), {}, "tls.failed"),
    (received("invalid chunk size"), {}, "http.not_http"),
    (received("something else"), NO_STATUS, "unknown.error"),
    (TransportError(27, "Out of memory"), NO_STATUS, "unknown.error"),
]


@pytest.mark.parametrize(("error", "changes", "code"), ERRORS)
def test_an_error_of_libcurl_has_its_code(
    error: TransportError, changes: dict[str, Any], code: str
) -> None:
    verdict = transport_verdict(correct_exchange(error=error, **changes), error)

    assert (verdict.level, verdict.code, verdict.hint) == ("error", code, CODES[code].hint)


@pytest.mark.parametrize(
    ("error", "changes", "message"),
    [
        (
            EMPTY,
            {"too_large": True, "body": b"a" * 4095},
            "203.0.113.7 sent more than 3 KiB, expected 70 bytes.",
        ),
        (
            EMPTY,
            {"too_large": True, "body": b"a" * 1023},
            "203.0.113.7 sent endless headers, expected 70 bytes.",
        ),
        (EMPTY, {}, "203.0.113.7 closed the connection without a response."),
        (EMPTY, {"address": None}, "the server closed the connection without a response."),
        (connect(0), {}, "no connection to 203.0.113.7: Could not connect."),
        (connect(0), {"address": None}, "no connection to any address: Could not connect."),
        (connect(errno.EACCES), UNIX, f"no connection to {UNIX['address']}: Permission denied."),
        (received("reset"), {}, "203.0.113.7 reset the connection in mid-response."),
        (received("reset"), NO_STATUS, "203.0.113.7 reset the connection without a response."),
        (TIMEOUT, timed_out(dns=1), "no connection within 5.0 s."),
        (
            TIMEOUT,
            timed_out(dns=1, tcp=1, tls=1),
            "no response from 203.0.113.7 within 5.0 s.",
        ),
        (
            TIMEOUT,
            timed_out(dns=1, tcp=1, tls=1) | {"status": 200, "body": b"{"},
            "status 200 and 1 bytes within 5.0 s, but the response is incomplete.",
        ),
        (
            unverified("SSL certificate OpenSSL verify result: certificate has expired (10)", 10),
            NO_STATUS,
            "the certificate was rejected: certificate has expired (10).",
        ),
        (
            unverified("SSL: subject name 'a' does not match 'b'"),
            NO_STATUS,
            "the certificate is for another name: subject name 'a' does not match 'b'.",
        ),
    ],
)
def test_the_message_of_an_error_has_the_facts(
    error: TransportError, changes: dict[str, Any], message: str
) -> None:
    verdict = transport_verdict(correct_exchange(error=error, **changes), error)

    assert verdict.message == message
