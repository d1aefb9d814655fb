"""What an exchange that broke off says: the layer that broke, by libcurl's code and its moment."""

import errno
import os
import socket

from smoke_test.probe.codes import CODES
from smoke_test.probe.exchange import CurlCode, Exchange, Failure
from smoke_test.probe.verdict import Finding

# X509_V_ERR_*, https://docs.openssl.org/3.0/man3/X509_STORE_CTX_get_error/
_VERIFY_CODES = {
    9: "tls.not_yet_valid",
    10: "tls.expired",
    18: "tls.self_signed",
    62: "tls.hostname",
}

# OpenSSL's words for what went wrong in a handshake; libcurl has one code for all of them.
_HANDSHAKE_WORDS = (
    ("unrecognized name", "tls.sni_rejected"),
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
}

_HTTP_CODES = {
    CurlCode.GOT_NOTHING: ("http.closed", "closed the connection without an answer"),
    CurlCode.PARTIAL_FILE: ("http.truncated", "ended the answer before its end"),
    CurlCode.HTTP2: ("http.reset", "broke off the HTTP/2 connection"),
    CurlCode.HTTP2_STREAM: ("http.reset", "reset the HTTP/2 stream"),
    CurlCode.SEND_ERROR: ("http.reset", "reset the connection while it was asked"),
    CurlCode.TOO_LARGE: ("http.too_large", "sent headers that do not end"),
}


def broken(exchange: Exchange, failure: Failure) -> Finding:
    """Return the finding on an exchange that broke off with `failure`."""
    node = exchange.address or "the server"
    if exchange.too_large:
        kilobytes = len(exchange.body) // 1024
        what = f"more than {kilobytes} KiB" if kilobytes else "headers that do not end"
        return Finding("http.too_large", f"{node} sent {what}, wanted 70 bytes.")
    if failure.code == CurlCode.OPERATION_TIMEDOUT:
        return _timed_out(exchange)
    if failure.code == CurlCode.COULDNT_RESOLVE_HOST:
        return _unresolved(failure)
    if failure.code == CurlCode.COULDNT_CONNECT:
        code = _CONNECT_ERRNOS.get(failure.os_errno, "tcp.unreachable")
        reason = os.strerror(failure.os_errno) if failure.os_errno else failure.text
        message = f"no connection to {exchange.address or 'any address'}: {reason}."
        # What listens on a socket file is the app server, not nginx.
        hint = CODES["tcp.no_socket"].hint if node.startswith("unix:") else None
        return Finding(code, message, hint=hint)
    if failure.code == CurlCode.PEER_FAILED_VERIFICATION:
        return _unverified(failure)
    if failure.code == CurlCode.SSL_CONNECT_ERROR:
        words = failure.text.lower()
        found = (code for word, code in _HANDSHAKE_WORDS if word in words)
        return Finding(next(found, "tls.failed"), f"no TLS with {node}: {failure.text}.")
    return _http(node, exchange, failure)


def _timed_out(exchange: Exchange) -> Finding:
    timings = exchange.timings
    seconds = f"{timings.total / 1000:.1f} s"
    if timings.dns is None:
        return Finding("dns.failed", f"the name was not resolved within {seconds}.")
    if timings.tcp is None:
        return Finding("tcp.timeout", f"no connection within {seconds}.")
    if timings.tls is None and exchange.url.startswith("https:"):
        return Finding("tls.timeout", f"no end of the TLS handshake within {seconds}.")
    if exchange.status is None:
        return Finding("http.timeout", f"no answer from {exchange.address} within {seconds}.")
    got = f"status {exchange.status} and {len(exchange.body)} bytes"
    return Finding("http.timeout", f"{got} within {seconds}, but not the end of the answer.")


def _unresolved(failure: Failure) -> Finding:
    if failure.resolver_errno in (socket.EAI_NONAME, getattr(socket, "EAI_NODATA", None)):
        return Finding("dns.not_found", "the name does not exist, or has no address.")
    return Finding("dns.failed", f"the name was not resolved: {failure.text}.")


def _unverified(failure: Failure) -> Finding:
    reason = failure.text.removeprefix("SSL certificate OpenSSL verify result: ")
    reason = reason.removeprefix("SSL: ")
    if "subject name" in failure.text and "match" in failure.text:
        return Finding("tls.hostname", f"the certificate is for another name: {reason}.")
    code = _VERIFY_CODES.get(failure.verify_result, "tls.untrusted")
    return Finding(code, f"the certificate was refused: {reason}.")


def _http(node: str, exchange: Exchange, failure: Failure) -> Finding:
    if failure.code in (CurlCode.UNSUPPORTED_PROTOCOL, CurlCode.WEIRD_SERVER_REPLY):
        return Finding("http.not_http", f"{node} sent what is not HTTP: {failure.text}.")
    if failure.code == CurlCode.RECV_ERROR:
        if failure.os_errno or "reset" in failure.text.lower():
            after = " in mid-answer" if exchange.status else " without an answer"
            return Finding("http.reset", f"{node} reset the connection{after}.")
        if "eof" in failure.text.lower():
            code = "http.truncated" if exchange.status else "http.closed"
            return Finding(code, f"{node} closed the connection without ending TLS.")
        if "alert" in failure.text.lower():
            return Finding("tls.failed", f"{node} ended TLS: {failure.text}.")
        if exchange.status:
            return Finding("http.not_http", f"{node} sent a malformed answer: {failure.text}.")
    if failure.code in _HTTP_CODES:
        code, what = _HTTP_CODES[CurlCode(failure.code)]
        return Finding(code, f"{node} {what}.")
    return Finding("unknown.failure", f"libcurl error {failure.code}: {failure.text}.")
