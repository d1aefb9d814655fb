"""One request and its response: the facts behind a diagnosis."""

from datetime import datetime
from enum import IntEnum
from typing import NamedTuple

# The address of a request that never left the process.
IN_PROCESS = "in process"


class CurlCode(IntEnum):
    """The CURLcodes that a diagnosis uses, https://curl.se/libcurl/c/libcurl-errors.html."""

    UNSUPPORTED_PROTOCOL = 1
    COULDNT_RESOLVE_HOST = 6
    COULDNT_CONNECT = 7
    WEIRD_SERVER_REPLY = 8
    HTTP2 = 16
    PARTIAL_FILE = 18
    OPERATION_TIMEDOUT = 28
    SSL_CONNECT_ERROR = 35
    GOT_NOTHING = 52
    SEND_ERROR = 55
    RECV_ERROR = 56
    PEER_FAILED_VERIFICATION = 60
    SSL_CACERT_BADFILE = 77
    SSL_INVALIDCERTSTATUS = 91
    HTTP2_STREAM = 92
    TOO_LARGE = 100


class TransportError(NamedTuple):
    """Why an exchange failed.

    `code` is libcurl's CURLcode and `text` its message. `os_errno` is the system's reason for a
    failed connection, `verify_result` is OpenSSL's for a rejected certificate (X509_V_ERR_*),
    `resolver_errno` is the resolver's (EAI_*); each is 0 if it does not apply.
    """

    code: int
    text: str
    os_errno: int = 0
    verify_result: int = 0
    resolver_errno: int = 0


class Timings(NamedTuple):
    """The duration of each phase in milliseconds; None if it did not complete or was not needed.

    `answer` runs from the end of the request to the last byte of the response, `total` from the
    start of the exchange.
    """

    dns: float | None = None
    tcp: float | None = None
    tls: float | None = None
    answer: float | None = None
    total: float = 0.0

    @property
    def known(self) -> dict[str, float]:
        """Return the phases that there were, in order, by their names."""
        return {name: ms for name, ms in self._asdict().items() if ms is not None}


class Certificate(NamedTuple):
    """The server's verified certificate.

    `expires_at` is the earliest expiry in the chain that the server sent. `has_names` is whether
    it has a subjectAltName; browsers ignore the common name.
    """

    subject: str
    issuer: str
    expires_at: datetime
    has_names: bool = True


class Exchange(NamedTuple):
    """One request and its response.

    `url` has no credentials. `nonce` is the one in the request. `address` is the IP address,
    `unix:/path` or `in process` that the probe connected to, None without a connection. Header
    names are in lower case, values are unchanged. `too_large` means that the response was cut off
    at the size limit. `wants_certificate` means that the server asked for a client certificate.
    `failed_address` is why the connection to another address of the name failed. `redirects` are
    the earlier URLs of the chain, the first request first.
    """

    url: str
    sent_at: datetime
    received_at: datetime
    nonce: str = ""
    address: str | None = None
    error: TransportError | None = None
    status: int | None = None
    headers: tuple[tuple[str, str], ...] = ()
    body: bytes = b""
    too_large: bool = False
    timings: Timings = Timings()
    certificate: Certificate | None = None
    failed_address: str | None = None
    wants_certificate: bool = False
    redirects: tuple[str, ...] = ()

    def header(self, name: str) -> str | None:
        """Return the header's value, with repeated lines joined by commas (RFC 9110 5.3)."""
        values = [value for header, value in self.headers if header == name.lower()]
        return ", ".join(values) if values else None
