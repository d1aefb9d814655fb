"""The verdict on a broken exchange, from libcurl's error code and the phase that failed."""

import errno
import os
import socket

from smoke_test.probe.codes import CODES
from smoke_test.probe.exchange import CurlCode, Exchange, TransportError
from smoke_test.probe.verdict import Verdict, verdict

# X509_V_ERR_*, https://docs.openssl.org/3.0/man3/X509_STORE_CTX_get_error/
_VERIFY_CODES = {
    9: "tls.not_yet_valid",
    10: "tls.expired",
    18: "tls.self_signed",
    62: "tls.hostname",
}

# OpenSSL's messages for a failed handshake; libcurl reports all of them with the same code.
_HANDSHAKE_WORDS = (
    ("unrecognized name", "tls.unrecognized_name"),
    ("wrong version number", "tls.not_tls"),
    ("packet length too long", "tls.not_tls"),
    ("record layer failure", "tls.not_tls"),
    ("http request", "tls.not_tls"),
    ("protocol version", "tls.protocol"),
    ("unsupported protocol", "tls.protocol"),
    ("no protocols available", "tls.protocol"),
    ("no shared cipher", "tls.protocol"),
    ("handshake failure", "tls.protocol"),
    ("reset by peer", "tls.closed"),
    ("unexpected eof", "tls.closed"),
    ("ssl_error_syscall", "tls.closed"),
    ("broken pipe", "tls.closed"),
)

_CONNECT_ERRNOS = {
    errno.ECONNREFUSED: "tcp.refused",
    errno.ETIMEDOUT: "tcp.timeout",
    errno.ENOENT: "tcp.no_socket",
    errno.EACCES: "tcp.permission",
}

# How a server that requires a client certificate ends the connection.
_CLOSED = {
    CurlCode.SSL_CONNECT_ERROR,
    CurlCode.GOT_NOTHING,
    CurlCode.SEND_ERROR,
    CurlCode.RECV_ERROR,
}

_HTTP_CODES = {
    CurlCode.GOT_NOTHING: ("http.closed", "closed the connection without a response"),
    CurlCode.PARTIAL_FILE: ("http.truncated", "closed the connection in mid-response"),
    CurlCode.HTTP2: ("http.reset", "aborted the HTTP/2 connection"),
    CurlCode.HTTP2_STREAM: ("http.reset", "reset the HTTP/2 stream"),
    CurlCode.SEND_ERROR: ("http.reset", "reset the connection during the request"),
    CurlCode.TOO_LARGE: ("http.too_large", "sent endless headers"),
}


def transport_verdict(exchange: Exchange, error: TransportError) -> Verdict:
    """Return the verdict on an exchange that failed with `error`."""
    node = exchange.address or "the server"
    if exchange.too_large:
        kilobytes = len(exchange.body) // 1024
        size = f"more than {kilobytes} KiB" if kilobytes else "endless headers"
        return verdict(exchange, "http.too_large", f"{node} sent {size}, expected 70 bytes.")
    if error.code == CurlCode.OPERATION_TIMEDOUT:
        return _timed_out(exchange)
    if exchange.wants_certificate and error.code in _CLOSED:
        message = f"{node} asked for a client certificate, and then closed the connection."
        return verdict(exchange, "tls.client_certificate", message)
    if error.code == CurlCode.COULDNT_RESOLVE_HOST:
        return _unresolved(exchange, error)
    if error.code == CurlCode.COULDNT_CONNECT:
        code = _CONNECT_ERRNOS.get(error.os_errno, "tcp.unreachable")
        if node.startswith("unix:") and not error.os_errno:
            # For a socket file, libcurl reports every errno except EAGAIN.
            code = "tcp.backlog_full"
        reason = os.strerror(error.os_errno) if error.os_errno else error.text
        message = f"no connection to {exchange.address or 'any address'}: {reason}."
        # The app server listens on a socket file, not nginx.
        on_socket = code == "tcp.refused" and node.startswith("unix:")
        hint = CODES["tcp.no_socket"].hint if on_socket else None
        return verdict(exchange, code, message, hint=hint)
    if error.code == CurlCode.SSL_INVALIDCERTSTATUS:
        return verdict(exchange, "tls.revoked", f"the certificate is revoked: {error.text}.")
    if error.code == CurlCode.PEER_FAILED_VERIFICATION:
        return _unverified(exchange, error)
    if error.code == CurlCode.SSL_CONNECT_ERROR:
        words = error.text.lower()
        code = next((code for word, code in _HANDSHAKE_WORDS if word in words), "tls.failed")
        return verdict(exchange, code, f"no TLS with {node}: {error.text}.")
    return _http_verdict(node, exchange, error)


def _timed_out(exchange: Exchange) -> Verdict:
    timings = exchange.timings
    seconds = f"{timings.total / 1000:.1f} s"
    if timings.dns is None:
        return verdict(exchange, "dns.failed", f"the name was not resolved within {seconds}.")
    if timings.tcp is None:
        return verdict(exchange, "tcp.timeout", f"no connection within {seconds}.")
    if timings.tls is None and exchange.url.startswith("https:"):
        return verdict(
            exchange, "tls.timeout", f"the TLS handshake did not finish within {seconds}."
        )
    if exchange.status is None:
        return verdict(
            exchange, "http.timeout", f"no response from {exchange.address} within {seconds}."
        )
    got = f"status {exchange.status} and {len(exchange.body)} bytes"
    return verdict(
        exchange, "http.timeout", f"{got} within {seconds}, but the response is incomplete."
    )


def _unresolved(exchange: Exchange, error: TransportError) -> Verdict:
    if error.resolver_errno in (socket.EAI_NONAME, getattr(socket, "EAI_NODATA", None)):
        return verdict(exchange, "dns.not_found", "the name does not exist, or has no address.")
    return verdict(exchange, "dns.failed", f"the name was not resolved: {error.text}.")


def _unverified(exchange: Exchange, error: TransportError) -> Verdict:
    reason = error.text.removeprefix("SSL certificate OpenSSL verify result: ")
    reason = reason.removeprefix("SSL: ")
    if "subject name" in error.text and "match" in error.text:
        return verdict(exchange, "tls.hostname", f"the certificate is for another name: {reason}.")
    code = _VERIFY_CODES.get(error.verify_result, "tls.untrusted")
    return verdict(exchange, code, f"the certificate was rejected: {reason}.")


def _http_verdict(node: str, exchange: Exchange, error: TransportError) -> Verdict:
    if error.code in (CurlCode.UNSUPPORTED_PROTOCOL, CurlCode.WEIRD_SERVER_REPLY):
        return verdict(
            exchange, "http.not_http", f"{node} sent something that is not HTTP: {error.text}."
        )
    if error.code == CurlCode.RECV_ERROR:
        if "connection died" in error.text.lower():
            return verdict(exchange, "http.closed", f"{node} closed every connection.")
        if error.os_errno or "reset" in error.text.lower():
            when = " in mid-response" if exchange.status else " without a response"
            return verdict(exchange, "http.reset", f"{node} reset the connection{when}.")
        if "eof" in error.text.lower():
            code = "http.truncated" if exchange.status else "http.closed"
            return verdict(exchange, code, f"{node} closed the connection without ending TLS.")
        if "alert" in error.text.lower():
            return verdict(exchange, "tls.failed", f"{node} ended TLS: {error.text}.")
        if exchange.status:
            return verdict(
                exchange, "http.not_http", f"{node} sent a malformed response: {error.text}."
            )
    if error.code == CurlCode.HTTP2_STREAM and "REFUSED_STREAM" in error.text:
        return verdict(exchange, "http.stream_refused", f"{node} refused the HTTP/2 stream.")
    if error.code in _HTTP_CODES:
        code, event = _HTTP_CODES[CurlCode(error.code)]
        return verdict(exchange, code, f"{node} {event}.")
    return verdict(exchange, "unknown.error", f"libcurl error {error.code}: {error.text}.")
