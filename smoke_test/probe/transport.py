"""Runs exchanges through libcurl: several at once, within one deadline."""

import os
import re
import time
from collections.abc import Sequence
from datetime import UTC, datetime
from typing import NamedTuple
from urllib.parse import urlsplit

import pycurl

from smoke_test import __version__
from smoke_test.contract import NONCE_HEADER, PROBE_HEADER
from smoke_test.probe.deadline import Deadline
from smoke_test.probe.exchange import Certificate, CurlCode, Exchange, Timings, TransportError
from smoke_test.probe.resolver import Resolution, is_address, resolve

USER_AGENT = f"petsage-smoke-test/{__version__}"
JSON = "application/json"

MAX_BODY_BYTES = 1024 * 1024
MAX_HEADER_BYTES = 64 * 1024

# libcurl accepts a status of more than three digits, but reads only three.
_STATUS_LINE = re.compile(rb"HTTP/\d(?:\.\d)? (\d{3})(?: .*)?\r?\n", re.DOTALL)

# How often to check for signals and the deadline, in seconds.
_POLL_S = 0.1


class Request(NamedTuple):
    """One request to send.

    `connect_to` is the `HOST`, `HOST:PORT` or `unix:/path` to connect to instead of the URL's
    host; Host and SNI stay the URL's. `credentials` are `user:password` for Basic authentication.
    `ca_file` is a PEM file of CAs to trust instead of the system's. `headers` are extra headers.
    """

    url: str
    connect_to: str | None = None
    credentials: str | None = None
    ca_file: str | None = None
    headers: tuple[str, ...] = ()
    accept: str = JSON

    @property
    def socket_path(self) -> str | None:
        """Return the path of the unix socket to connect to, None for a TCP connection."""
        if self.connect_to is None or not self.connect_to.startswith("unix:"):
            return None
        return self.connect_to.removeprefix("unix:")

    @property
    def node(self) -> tuple[str, int]:
        """Return the host and port to connect to; the host is empty for a unix socket."""
        if self.socket_path is not None:
            return "", 0
        parts = urlsplit(self.url)
        port = parts.port or (443 if parts.scheme == "https" else 80)
        if self.connect_to is None:
            return parts.hostname or "", port
        node = urlsplit(f"//{self.connect_to}")
        return node.hostname or "", node.port or port

    def redirected(self, url: str) -> "Request":
        """Return the request for `url`, to which this request's response refers.

        If the port changes, it drops the credentials and extra headers, and connects to the new
        port of the same node. If the host changes, it drops them and connects to the new host.
        """
        followed = self._replace(url=url)
        if _origin(url) == _origin(self.url):
            return followed
        if _origin(url)[0] != _origin(self.url)[0]:
            followed = followed._replace(connect_to=None)
        elif self.connect_to is not None and self.socket_path is None:
            host = self.node[0]
            followed = followed._replace(connect_to=f"[{host}]" if ":" in host else host)
        return followed._replace(credentials=None, headers=())


class Session:
    """The connections of one attempt: always new, and reused by its later requests."""

    def __init__(self, deadline: Deadline) -> None:
        self._deadline = deadline
        self._multi = pycurl.CurlMulti()

    def __enter__(self) -> "Session":
        return self

    def __exit__(self, *_: object) -> None:
        self._multi.close()

    def exchange(self, requests: Sequence[Request]) -> list[Exchange]:
        """Send all requests at once; return their exchanges in order, by the deadline."""
        started_at = datetime.now(UTC)
        resolved = resolve({r.node[0] for r in requests if r.node[0]}, self._deadline)
        resolved[""] = Resolution()
        transfers: dict[pycurl.Curl, _Transfer] = {}
        exchanges: dict[int, Exchange] = {}
        for index, request in enumerate(requests):
            resolution = resolved[request.node[0]]
            if resolution.error is not None:
                exchanges[index] = _unresolved(request, resolution, started_at)
            else:
                transfer = _Transfer(index, request, resolution, self._deadline.left_s)
                transfers[transfer.handle] = transfer
        self._perform(transfers)
        for transfer in transfers.values():
            exchanges[transfer.index] = transfer.exchange()
            transfer.handle.close()
        return [exchanges[index] for index in range(len(requests))]

    def revocations(self, requests: Sequence[Request]) -> list[TransportError | None]:
        """Return an error for each https request whose stapled OCSP response says "revoked".

        This takes a second handshake, because libcurl can only require a stapled response
        (RFC 6066, section 8), not accept one if present.
        """
        resolved = resolve({r.node[0] for r in requests if r.node[0]}, self._deadline)
        resolved[""] = Resolution()
        transfers: dict[pycurl.Curl, _Transfer] = {}
        for index, request in enumerate(requests):
            transfer = _Transfer(index, request, resolved[request.node[0]], self._deadline.left_s)
            transfer.handle.setopt(pycurl.CONNECT_ONLY, 1)
            transfer.handle.setopt(pycurl.SSL_VERIFYSTATUS, 1)
            transfers[transfer.handle] = transfer
        self._perform(transfers)
        errors = []
        for transfer in transfers.values():
            revoked = transfer.error is not None and "revocation" in transfer.error.text
            errors.append(transfer.error if revoked else None)
            transfer.handle.close()
        return errors

    def _perform(self, transfers: "dict[pycurl.Curl, _Transfer]") -> None:
        try:
            for handle in transfers:
                self._multi.add_handle(handle)
            running = len(transfers)
            while running:
                self._deadline.check_cancelled()
                _, running = self._multi.perform()
                _, done, failed = self._multi.info_read(len(transfers))
                for handle in done:
                    transfers[handle].finish(None)
                for handle, code, text in failed:
                    transfers[handle].finish(TransportError(code, text))
                if running and self._multi.select(_POLL_S) == -1:
                    time.sleep(_POLL_S / 10)
        finally:
            for handle in transfers:
                self._multi.remove_handle(handle)


def _origin(url: str) -> tuple[str, str, int | None]:
    parts = urlsplit(url)
    host = (parts.hostname or "").rstrip(".")
    return host, parts.scheme, parts.port or {"http": 80, "https": 443}.get(parts.scheme)


def _unresolved(request: Request, resolution: Resolution, started_at: datetime) -> Exchange:
    return Exchange(
        url=request.url,
        sent_at=started_at,
        received_at=datetime.now(UTC),
        error=resolution.error,
        timings=Timings(total=resolution.took_ms),
    )


class _Transfer:
    """A request in flight, and the part of its response received so far."""

    def __init__(
        self, index: int, request: Request, resolution: Resolution, timeout_s: float
    ) -> None:
        self.index = index
        self.request = request
        self.resolution = resolution
        self.nonce = os.urandom(16).hex()
        self.error: TransportError | None = None
        self.headers: list[tuple[str, str]] = []
        self.header_bytes = 0
        self.in_headers = self.is_interim = self.is_final = self.is_malformed = False
        self.body = bytearray()
        self.too_large = False
        self.wants_certificate = self.refuses_stream = False
        self.handle = pycurl.Curl()
        self.sent_at = self.received_at = datetime.now(UTC)
        self._set_options(timeout_s)

    def _set_options(self, timeout_s: float) -> None:
        handle, request = self.handle, self.request
        handle.setopt(pycurl.URL, request.url)
        handle.setopt(pycurl.PROTOCOLS, pycurl.PROTO_HTTP | pycurl.PROTO_HTTPS)
        handle.setopt(pycurl.HTTP_VERSION, pycurl.CURL_HTTP_VERSION_2TLS)
        own = [f"Accept: {request.accept}", f"{PROBE_HEADER}: 1", f"{NONCE_HEADER}: {self.nonce}"]
        handle.setopt(pycurl.HTTPHEADER, [*own, *request.headers])
        handle.setopt(pycurl.USERAGENT, USER_AGENT)
        handle.setopt(pycurl.TIMEOUT_MS, max(1, round(timeout_s * 1000)))
        handle.setopt(pycurl.NOSIGNAL, 1)
        handle.setopt(pycurl.PATH_AS_IS, 1)
        # Ignore http_proxy and the like from the environment.
        handle.setopt(pycurl.PROXY, "")
        handle.setopt(pycurl.SSL_VERIFYPEER, 1)
        handle.setopt(pycurl.SSL_VERIFYHOST, 2)
        handle.setopt(pycurl.OPT_CERTINFO, 1)
        if request.ca_file is not None:
            handle.setopt(pycurl.CAINFO, request.ca_file)
        if request.credentials is not None:
            handle.setopt(pycurl.USERPWD, request.credentials)
        self._set_node()
        handle.setopt(pycurl.VERBOSE, 1)
        handle.setopt(pycurl.DEBUGFUNCTION, self._on_debug)
        handle.setopt(pycurl.HEADERFUNCTION, self._on_header)
        handle.setopt(pycurl.WRITEFUNCTION, self._on_body)

    def _set_node(self) -> None:
        if self.request.socket_path is not None:
            self.handle.setopt(pycurl.UNIX_SOCKET_PATH, self.request.socket_path)
            return
        host, port = self.request.node
        addresses = [f"[{a}]" if ":" in a else a for a in self.resolution.addresses]
        if self.request.connect_to is not None:
            name = f"[{host}]" if ":" in host else host
            self.handle.setopt(pycurl.CONNECT_TO, [f"::{name}:{port}"])
        if not is_address(host):
            self.handle.setopt(pycurl.RESOLVE, [f"{host}:{port}:{','.join(addresses)}"])

    def _on_debug(self, kind: int, message: bytes) -> None:
        # Only libcurl's trace shows these two: TLS 1.3 rejects a client only after the handshake,
        # and libcurl retries a refused stream until the connection has failed five times.
        if kind == pycurl.INFOTYPE_TEXT:
            self.wants_certificate |= b"Request CERT" in message
            self.refuses_stream |= b"REFUSED_STREAM" in message

    def _on_header(self, line: bytes) -> int:
        self.header_bytes += len(line)
        if self.header_bytes > MAX_HEADER_BYTES:
            self.too_large = True
            return 0
        if self.is_final:
            # A trailer: it proves nothing about the response.
            return len(line)
        if not line.strip():
            self.in_headers = False
            self.is_final = not self.is_interim
        elif not self.in_headers:
            # A status line. Anything before it was an interim response (RFC 9110 15.2).
            match = _STATUS_LINE.fullmatch(line)
            self.is_interim = match is not None and match[1].startswith(b"1")
            self.is_malformed = match is None
            self.headers.clear()
            self.in_headers = True
        else:
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
        if error is not None and self.refuses_stream:
            error = TransportError(CurlCode.HTTP2_STREAM, "REFUSED_STREAM")
        if error is not None:
            # libcurl reports the reasons separately from its error code.
            self.error = error._replace(
                os_errno=self.handle.getinfo(pycurl.OS_ERRNO),
                verify_result=self.handle.getinfo(pycurl.SSL_VERIFYRESULT),
            )

    def exchange(self) -> Exchange:
        # An interim response alone is not a response.
        status = self.handle.getinfo(pycurl.RESPONSE_CODE)
        return Exchange(
            url=self.request.url,
            nonce=self.nonce,
            sent_at=self.sent_at,
            received_at=self.received_at,
            address=self._address(),
            error=self.error,
            status=status if status >= 200 and not self.is_malformed else None,
            headers=tuple(self.headers),
            body=bytes(self.body),
            too_large=self.too_large,
            timings=self._timings(),
            certificate=self._certificate(),
            failed_address=self._failed_address(),
            wants_certificate=self.wants_certificate,
        )

    def _address(self) -> str | None:
        if self.request.socket_path is not None:
            return self.request.connect_to
        return self.handle.getinfo(pycurl.PRIMARY_IP) or ", ".join(self.resolution.addresses)

    def _failed_address(self) -> str | None:
        """Return why an address of the name failed, if libcurl then connected to another."""
        errno = self.handle.getinfo(pycurl.OS_ERRNO)
        if self.error is not None or len(self.resolution.addresses) < 2 or not errno:
            return None
        if self.request.node[0] == "localhost":
            # Few servers listen on both addresses of localhost.
            return None
        return os.strerror(errno)

    def _timings(self) -> Timings:
        """Convert libcurl's times (microseconds since the start, 0 for never) to durations."""
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
        chain = [dict(certificate) for certificate in self.handle.getinfo(pycurl.INFO_CERTINFO)]
        if not chain:
            return None
        # OpenSSL writes `Nov 23 03:05:00 2026 GMT`.
        ends = [
            datetime.strptime(c["Expire date"].replace("GMT", "+0000"), "%b %d %H:%M:%S %Y %z")
            for c in chain
        ]
        return Certificate(
            subject=chain[0]["Subject"],
            issuer=chain[0]["Issuer"],
            expires_at=min(ends),
            has_names="X509v3 Subject Alternative Name" in chain[0],
        )
