"""Exchanges by libcurl: several at a time, each on a new connection, all within one deadline."""

import re
import time
from collections.abc import Callable, Sequence
from datetime import UTC, datetime
from typing import NamedTuple
from urllib.parse import urlsplit

import pycurl

from smoke_test.probe.exchange import Certificate, Exchange, Failure, Timings
from smoke_test.probe.resolver import Resolution, is_address, resolve

USER_AGENT = "petsage-smoke-test/1.0.0"

# Asks our front to say what its app servers did; see deploy/nginx.
PROBE_HEADER = "X-PetSage-Probe: 1"

MAX_BODY_BYTES = 1024 * 1024
MAX_HEADER_BYTES = 64 * 1024

# How long a wait may last before signals and the deadline are looked at again.
_TICK_S = 0.1

_STATUS_LINE = re.compile(rb"HTTP/\d(?:\.\d)? (\d{3})(?: .*)?\r?\n", re.DOTALL)


class Ask(NamedTuple):
    """One request to make.

    `connect_to` is `HOST`, `HOST:PORT` or `unix:/path` to connect to in place of the URL's own;
    Host and SNI stay the URL's. `credentials` are `user:password` for Basic authentication, and
    `ca_file` a file of authorities in PEM to trust in place of the system's. `headers` are added.
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


def exchange(asks: Sequence[Ask], timeout_s: float, tick: Callable[[], None]) -> list[Exchange]:
    """Ask all at once and return one exchange for each, in order, after `timeout_s` at the latest.

    `tick` is called several times a second; what it raises ends the waiting.
    """
    deadline = time.monotonic() + timeout_s
    started_at = datetime.now(UTC)
    names = {host for ask in asks if (host := ask.node[0])}
    resolved = resolve(names, timeout_s, tick)
    resolved[""] = Resolution()
    transfers: dict[pycurl.Curl, _Transfer] = {}
    exchanges: dict[int, Exchange] = {}
    for index, ask in enumerate(asks):
        resolution = resolved[ask.node[0]]
        if resolution.failure is not None:
            exchanges[index] = _unresolved(ask, resolution, started_at)
        else:
            transfer = _Transfer(index, ask, resolution, deadline - time.monotonic())
            transfers[transfer.handle] = transfer
    _perform(transfers, tick)
    for transfer in transfers.values():
        exchanges[transfer.index] = transfer.exchange()
    return [exchanges[index] for index in range(len(asks))]


def _perform(transfers: "dict[pycurl.Curl, _Transfer]", tick: Callable[[], None]) -> None:
    multi = pycurl.CurlMulti()
    try:
        for handle in transfers:
            multi.add_handle(handle)
        running = len(transfers)
        while running:
            tick()
            _, running = multi.perform()
            _, done, failed = multi.info_read()
            for handle in done:
                transfers[handle].finish(None)
            for handle, code, text in failed:
                transfers[handle].finish(Failure(code, text))
            if running and multi.select(_TICK_S) == -1:
                time.sleep(_TICK_S / 10)
    finally:
        for handle in transfers:
            multi.remove_handle(handle)
        multi.close()


def _unresolved(ask: Ask, resolution: Resolution, started_at: datetime) -> Exchange:
    return Exchange(
        url=ask.url,
        sent_at=started_at,
        received_at=datetime.now(UTC),
        failure=resolution.failure,
        timings=Timings(total=resolution.took_ms),
    )


class _Transfer:
    """A request under way, and what has come back of it."""

    def __init__(self, index: int, ask: Ask, resolution: Resolution, timeout_s: float) -> None:
        self.index = index
        self.ask = ask
        self.resolution = resolution
        self.timeout_s = timeout_s
        self.failure: Failure | None = None
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
        handle, ask = self.handle, self.ask
        handle.setopt(pycurl.URL, ask.url)
        handle.setopt(pycurl.PROTOCOLS, pycurl.PROTO_HTTP | pycurl.PROTO_HTTPS)
        handle.setopt(pycurl.HTTP_VERSION, pycurl.CURL_HTTP_VERSION_2TLS)
        handle.setopt(pycurl.HTTPHEADER, ["Accept: application/json", PROBE_HEADER, *ask.headers])
        handle.setopt(pycurl.USERAGENT, USER_AGENT)
        handle.setopt(pycurl.TIMEOUT_MS, max(1, round(self.timeout_s * 1000)))
        handle.setopt(pycurl.NOSIGNAL, 1)
        handle.setopt(pycurl.PATH_AS_IS, 1)
        # Nothing of the environment's proxies, and no connection of before.
        handle.setopt(pycurl.PROXY, "")
        handle.setopt(pycurl.FRESH_CONNECT, 1)
        handle.setopt(pycurl.FORBID_REUSE, 1)
        handle.setopt(pycurl.SSL_VERIFYPEER, 1)
        handle.setopt(pycurl.SSL_VERIFYHOST, 2)
        handle.setopt(pycurl.OPT_CERTINFO, 1)
        if ask.ca_file is not None:
            handle.setopt(pycurl.CAINFO, ask.ca_file)
        if ask.credentials is not None:
            handle.setopt(pycurl.USERPWD, ask.credentials)
        self._set_node()
        handle.setopt(pycurl.HEADERFUNCTION, self._on_header)
        handle.setopt(pycurl.WRITEFUNCTION, self._on_body)

    def _set_node(self) -> None:
        if self.ask.connect_to is not None and self.ask.connect_to.startswith("unix:"):
            self.handle.setopt(pycurl.UNIX_SOCKET_PATH, self.ask.connect_to.removeprefix("unix:"))
            return
        host, port = self.ask.node
        addresses = [f"[{a}]" if ":" in a else a for a in self.resolution.addresses]
        if self.ask.connect_to is not None:
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
            # A new answer: what came before was an interim one (RFC 9110 15.2).
            match = _STATUS_LINE.fullmatch(line)
            self.status = int(match[1]) if match else None
            self.headers.clear()
            self.in_headers = True
        elif not line.strip():
            self.in_headers = False
        elif self.in_headers:
            # Trailers come here too, and are passed over: they prove nothing of the answer.
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

    def finish(self, failure: Failure | None) -> None:
        self.received_at = datetime.now(UTC)
        if failure is not None:
            # libcurl keeps the reasons beside its code.
            self.failure = Failure(
                code=failure.code,
                text=failure.text,
                os_errno=self.handle.getinfo(pycurl.OS_ERRNO),
                verify_result=self.handle.getinfo(pycurl.SSL_VERIFYRESULT),
            )

    def exchange(self) -> Exchange:
        exchange = Exchange(
            url=self.ask.url,
            sent_at=self.sent_at,
            received_at=self.received_at,
            address=self._address(),
            failure=self.failure,
            # An interim answer alone is none.
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
        if self.ask.connect_to is not None and self.ask.connect_to.startswith("unix:"):
            return self.ask.connect_to
        return self.handle.getinfo(pycurl.PRIMARY_IP) or ", ".join(self.resolution.addresses)

    def _timings(self) -> Timings:
        """Turn libcurl's moments (microseconds since the start, 0 for never) into lengths."""
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
