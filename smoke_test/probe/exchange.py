"""What was asked, and what came back or broke: the facts that a diagnosis rests on."""

from dataclasses import dataclass
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
    WRITE_ERROR = 23
    OPERATION_TIMEDOUT = 28
    SSL_CONNECT_ERROR = 35
    GOT_NOTHING = 52
    SEND_ERROR = 55
    RECV_ERROR = 56
    PEER_FAILED_VERIFICATION = 60
    HTTP2_STREAM = 92
    TOO_LARGE = 100


class Failure(NamedTuple):
    """How an exchange broke off.

    `code` is libcurl's CURLcode and `text` its words. `os_errno` is the system's reason for a
    failed connection, `verify_result` OpenSSL's for a refused certificate (X509_V_ERR_*),
    `resolver_errno` the resolver's (EAI_*); each is 0 where there is none.
    """

    code: int
    text: str
    os_errno: int = 0
    verify_result: int = 0
    resolver_errno: int = 0


class Timings(NamedTuple):
    """How long each phase took, in milliseconds; None for one that was not finished or needed.

    `answer` runs from the request sent to the last byte, `total` from the first step.
    """

    dns: float | None = None
    tcp: float | None = None
    tls: float | None = None
    answer: float | None = None
    total: float = 0.0


class Certificate(NamedTuple):
    """The server's certificate, once verified."""

    subject: str
    issuer: str
    expires_at: datetime


@dataclass(frozen=True, slots=True)
class Exchange:
    """One request and its answer.

    `url` is without credentials. `address` is the IP, `unix:/path` or `in process` that was
    connected to, None where none was known. Header names are in lower case, values as they were
    sent. `too_large` says that the answer was cut off for its size. `redirects` are the URLs that
    led here, the first one asked first. `asked_again` is the same request once more, where the
    first answer could be a cached one.
    """

    url: str
    sent_at: datetime
    received_at: datetime
    address: str | None = None
    failure: Failure | None = None
    status: int | None = None
    headers: tuple[tuple[str, str], ...] = ()
    body: bytes = b""
    too_large: bool = False
    timings: Timings = Timings()  # noqa: RUF009 - it is immutable
    certificate: Certificate | None = None
    redirects: tuple[str, ...] = ()
    asked_again: "Exchange | None" = None

    def header(self, name: str) -> str | None:
        """Return the field's value, its lines joined by commas (RFC 9110 5.3), or None."""
        values = [value for found, value in self.headers if found == name.lower()]
        return ", ".join(values) if values else None
