"""One request and its answer: the facts that a diagnosis rests on."""

from datetime import datetime
from enum import IntEnum
from typing import NamedTuple

# The address of a request that never left the process.
IN_PROCESS = "in process"


class CurlCode(IntEnum):
    """The CURLcodes that a diagnosis tells apart, https://curl.se/libcurl/c/libcurl-errors.html."""

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
    """Why an exchange broke off.

    `code` is libcurl's CURLcode and `text` its message. `os_errno` is the system's reason for a
    failed connection, `verify_result` OpenSSL's for a rejected certificate (X509_V_ERR_*),
    `resolver_errno` the resolver's (EAI_*); each is 0 if there is none.
    """

    code: int
    text: str
    os_errno: int = 0
    verify_result: int = 0
    resolver_errno: int = 0


class Timings(NamedTuple):
    """The duration of each phase in milliseconds; None if it was not completed or not needed.

    `answer` runs from the request sent to the last byte, `total` from the first step.
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
    """The server's certificate, once verified.

    `expires_at` is the earliest end in the chain that the server sent. `has_names` says whether it
    has a subjectAltName; browsers ignore the common name.
    """

    subject: str
    issuer: str
    expires_at: datetime
    has_names: bool = True


class Exchange(NamedTuple):
    """One request and its answer.

    `url` has no credentials. `nonce` is the one that was sent. `address` is the IP address,
    `unix:/path` or `in process` that was connected to, None if there was none. Header names are in
    lower case, values as they were sent. `too_large` says that the answer was cut off because of
    its size. `wants_certificate` says that the server asked for a client certificate.
    `failed_address` is the reason why another address of the name could not be connected
    to. `redirects` are the URLs that led here, the first request first.
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
        """Return the field's value, its lines joined by commas (RFC 9110 5.3), or None."""
        values = [value for found, value in self.headers if found == name.lower()]
        return ", ".join(values) if values else None
