"""Exchanges by libcurl: several at once, each over a new connection, all within one deadline."""

import re
import time
from collections.abc import Callable, Sequence
from datetime import UTC, datetime
from typing import NamedTuple
from urllib.parse import urlsplit

import pycurl

from smoke_test.contract import PROBE_HEADER
from smoke_test.probe.exchange import Certificate, Exchange, Timings, TransportError
from smoke_test.probe.resolver import Resolution, is_address, resolve

USER_AGENT = "petsage-smoke-test/1.0.0"

MAX_BODY_BYTES = 1024 * 1024
MAX_HEADER_BYTES = 64 * 1024

# How often signals and the deadline are checked, in seconds.
_POLL_S = 0.1

_STATUS_LINE = re.compile(rb"HTTP/\d(?:\.\d)? (\d{3})(?: .*)?\r?\n", re.DOTALL)


class Request(NamedTuple):
    """One request to make.

    `connect_to` is the `HOST`, `HOST:PORT` or `unix:/path` to connect to instead of the URL's own;
    Host and SNI stay the URL's. `credentials` are `user:password` for Basic authentication.
    `ca_file` is a PEM file of CAs to trust instead of the system's. `headers` are added.
    """

    url: str
    connect_to: str | None = None
    credentials: str | None = None
    ca_file: str | None = None
    headers: tuple[str, ...] = ()

    @property
    def node(self) -> tuple[str, int]:
        """Return the host and port to connect to; an empty host for a unix socket."""
        parts = urlsplit(self.url)
        port = parts.port or (443 if parts.scheme == "https" else 80)
        if self.connect_to is None:
            return parts.hostname or "", port
        if self.connect_to.startswith("unix:"):
            return "", 0
        node = urlsplit(f"//{self.connect_to}")
        return node.hostname or "", node.port or port


def exchange(
    requests: Sequence[Request], timeout_s: float, check_cancelled: Callable[[], None]
) -> list[Exchange]:
    """Send all requests at once; return their exchanges, in order, within `timeout_s` seconds.

    `check_cancelled` is called several times a second; an exception from it ends the waiting.
    """
    deadline = time.monotonic() + timeout_s
    started_at = datetime.now(UTC)
    names = {host for request in requests if (host := request.node[0])}
    resolved = resolve(names, timeout_s, check_cancelled)
    resolved[""] = Resolution()
    transfers: dict[pycurl.Curl, _Transfer] = {}
    exchanges: dict[int, Exchange] = {}
    for index, request in enumerate(requests):
        resolution = resolved[request.node[0]]
        if resolution.error is not None:
            exchanges[index] = _unresolved(request, resolution, started_at)
        else:
            transfer = _Transfer(index, request, resolution, deadline - time.monotonic())
            transfers[transfer.handle] = transfer
    _perform(transfers, check_cancelled)
    for transfer in transfers.values():
        exchanges[transfer.index] = transfer.exchange()
    return [exchanges[index] for index in range(len(requests))]


def _perform(
    transfers: "dict[pycurl.Curl, _Transfer]", check_cancelled: Callable[[], None]
) -> None:
    multi = pycurl.CurlMulti()
    try:
        for handle in transfers:
            multi.add_handle(handle)
        running = len(transfers)
        while running:
            check_cancelled()
            _, running = multi.perform()
            _, done, failed = multi.info_read()
            for handle in done:
                transfers[handle].finish(None)
            for handle, code, text in failed:
                transfers[handle].finish(TransportError(code, text))
            if running and multi.select(_POLL_S) == -1:
                time.sleep(_POLL_S / 10)
    finally:
        for handle in transfers:
            multi.remove_handle(handle)
        multi.close()


def _unresolved(request: Request, resolution: Resolution, started_at: datetime) -> Exchange:
    return Exchange(
        url=request.url,
        sent_at=started_at,
        received_at=datetime.now(UTC),
        error=resolution.error,
        timings=Timings(total=resolution.took_ms),
    )


class _Transfer:
    """A request in flight, and what has come back so far."""

    def __init__(
        self, index: int, request: Request, resolution: Resolution, timeout_s: float
    ) -> None:
        self.index = index
        self.request = request
        self.resolution = resolution
        self.timeout_s = timeout_s
        self.error: TransportError | None = None
        self.status: int | None = None
        self.headers: list[tuple[str, str]] = []
        self.header_bytes = 0
        self.in_headers = True
        self.body = bytearray()
        self.too_large = False
        self.handle = pycurl.Curl()
        self.sent_at = self.received_at = datetime.now(UTC)
        self._set_options()

    def _set_options(self) -> None:
        handle, request = self.handle, self.request
        handle.setopt(pycurl.URL, request.url)
        handle.setopt(pycurl.PROTOCOLS, pycurl.PROTO_HTTP | pycurl.PROTO_HTTPS)
        handle.setopt(pycurl.HTTP_VERSION, pycurl.CURL_HTTP_VERSION_2TLS)
        handle.setopt(
            pycurl.HTTPHEADER, ["Accept: application/json", f"{PROBE_HEADER}: 1", *request.headers]
        )
        handle.setopt(pycurl.USERAGENT, USER_AGENT)
        handle.setopt(pycurl.TIMEOUT_MS, max(1, round(self.timeout_s * 1000)))
        handle.setopt(pycurl.NOSIGNAL, 1)
        handle.setopt(pycurl.PATH_AS_IS, 1)
        # No proxy from the environment, and no earlier connection.
        handle.setopt(pycurl.PROXY, "")
        handle.setopt(pycurl.FRESH_CONNECT, 1)
        handle.setopt(pycurl.FORBID_REUSE, 1)
        handle.setopt(pycurl.SSL_VERIFYPEER, 1)
        handle.setopt(pycurl.SSL_VERIFYHOST, 2)
        handle.setopt(pycurl.OPT_CERTINFO, 1)
        if request.ca_file is not None:
            handle.setopt(pycurl.CAINFO, request.ca_file)
        if request.credentials is not None:
            handle.setopt(pycurl.USERPWD, request.credentials)
        self._set_node()
        handle.setopt(pycurl.HEADERFUNCTION, self._on_header)
        handle.setopt(pycurl.WRITEFUNCTION, self._on_body)

    def _set_node(self) -> None:
        if self.request.connect_to is not None and self.request.connect_to.startswith("unix:"):
            self.handle.setopt(
                pycurl.UNIX_SOCKET_PATH, self.request.connect_to.removeprefix("unix:")
            )
            return
        host, port = self.request.node
        addresses = [f"[{a}]" if ":" in a else a for a in self.resolution.addresses]
        if self.request.connect_to is not None:
            name = f"[{host}]" if ":" in host else host
            self.handle.setopt(pycurl.CONNECT_TO, [f"::{name}:{port}"])
        if not is_address(host):
            self.handle.setopt(pycurl.RESOLVE, [f"{host}:{port}:{','.join(addresses)}"])

    def _on_header(self, line: bytes) -> int:
        self.header_bytes += len(line)
        if self.header_bytes > MAX_HEADER_BYTES:
            self.too_large = True
            return 0
        if line.startswith(b"HTTP/"):
            # A new answer: the one before was interim (RFC 9110 15.2).
            match = _STATUS_LINE.fullmatch(line)
            self.status = int(match[1]) if match else None
            self.headers.clear()
            self.in_headers = True
        elif not line.strip():
            self.in_headers = False
        elif self.in_headers:
            # Trailers arrive here too and are ignored: they prove nothing about the answer.
            name, _, value = line.decode("latin-1").partition(":")
            self.headers.append((name.strip().lower(), value.strip()))
        return len(line)

    def _on_body(self, chunk: bytes) -> int:
        room = MAX_BODY_BYTES - len(self.body)
        self.body += chunk[:room]
        if len(chunk) > room:
            self.too_large = True
            return 0
        return len(chunk)

    def finish(self, error: TransportError | None) -> None:
        self.received_at = datetime.now(UTC)
        if error is not None:
            # libcurl keeps the reasons apart from its code.
            self.error = TransportError(
                code=error.code,
                text=error.text,
                os_errno=self.handle.getinfo(pycurl.OS_ERRNO),
                verify_result=self.handle.getinfo(pycurl.SSL_VERIFYRESULT),
            )

    def exchange(self) -> Exchange:
        exchange = Exchange(
            url=self.request.url,
            sent_at=self.sent_at,
            received_at=self.received_at,
            address=self._address(),
            error=self.error,
            # An interim answer alone is not an answer.
            status=self.status if self.status and self.status >= 200 else None,
            headers=tuple(self.headers),
            body=bytes(self.body),
            too_large=self.too_large,
            timings=self._timings(),
            certificate=self._certificate(),
        )
        self.handle.close()
        return exchange

    def _address(self) -> str | None:
        if self.request.connect_to is not None and self.request.connect_to.startswith("unix:"):
            return self.request.connect_to
        return self.handle.getinfo(pycurl.PRIMARY_IP) or ", ".join(self.resolution.addresses)

    def _timings(self) -> Timings:
        """Turn libcurl's times (microseconds since the start, 0 for never) into durations."""
        connected, secured, requested, total = (
            self.handle.getinfo(moment) / 1000
            for moment in (
                pycurl.CONNECT_TIME_T,
                pycurl.APPCONNECT_TIME_T,
                pycurl.PRETRANSFER_TIME_T,
                pycurl.TOTAL_TIME_T,
            )
        )
        return Timings(
            dns=self.resolution.took_ms,
            tcp=connected or None,
            tls=secured - connected if secured else None,
            answer=total - requested if requested else None,
            total=self.resolution.took_ms + total,
        )

    def _certificate(self) -> Certificate | None:
        chain = self.handle.getinfo(pycurl.INFO_CERTINFO)
        if not chain:
            return None
        leaf = dict(chain[0])
        # OpenSSL writes `Nov 23 03:05:00 2026 GMT`.
        moment = leaf["Expire date"].replace("GMT", "+0000")
        return Certificate(
            subject=leaf["Subject"],
            issuer=leaf["Issuer"],
            expires_at=datetime.strptime(moment, "%b %d %H:%M:%S %Y %z"),
        )
