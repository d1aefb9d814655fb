"""One attempt: the requests that the options name, followed across redirects and judged."""

import time
from collections.abc import Callable, Sequence
from dataclasses import replace
from email.utils import parsedate_to_datetime
from typing import NamedTuple
from urllib.parse import urlsplit

from smoke_test.contract import PATH
from smoke_test.probe import freshness
from smoke_test.probe.authorities import ca_file
from smoke_test.probe.diagnosis import Expectations, compare, diagnose
from smoke_test.probe.exchange import CurlCode, Exchange
from smoke_test.probe.gate import Attempt
from smoke_test.probe.options import split_credentials
from smoke_test.probe.redirects import redirect
from smoke_test.probe.resolver import resolve
from smoke_test.probe.transport import Request, exchange

# So that the stamps of two fresh answers differ: they have milliseconds.
_REPEAT_AFTER_S = 0.005


class Undecided(Exception):
    """The probe itself cannot judge, whatever the server does."""


class Probe(NamedTuple):
    """Makes the requests that the options name, once per attempt.

    `check_cancelled` is called several times a second; an exception from it ends the attempt.
    """

    urls: Sequence[str]
    expected: Expectations
    all_addresses: bool
    connect_to: str | None
    direct: str | None
    ca_file: str | None
    check_cancelled: Callable[[], None]

    def attempt(self, timeout_s: float) -> Attempt:
        """Return the verdicts of one attempt that takes at most `timeout_s` seconds."""
        requests = [each for url in self.urls for each in self._requests(url, timeout_s)]
        if self.direct is not None:
            requests.append(self._direct_request(requests[0], self.direct))
        exchanges = self._exchanges(requests, timeout_s)
        _raise_for_bad_ca_file(exchanges)
        judged = [diagnose(exchange, self.expected) for exchange in exchanges]
        if self.direct is not None:
            direct = [verdict._replace(url=self.direct) for verdict in judged.pop()]
            judged = [compare(verdicts, direct) for verdicts in judged]
        verdicts = [verdict for found in judged for verdict in found]
        return Attempt(verdicts, max(map(_retry_after_s, exchanges)))

    def _exchanges(self, requests: Sequence[Request], timeout_s: float) -> list[Exchange]:
        """Return each request's last exchange, after its redirects.

        If an answer's stamp lies outside of its exchange, the request is repeated once, which
        tells a cache from a clock that is off.
        """
        deadline = time.monotonic() + timeout_s

        def send(pending: Sequence[Request]) -> list[Exchange]:
            left_s = max(0.001, deadline - time.monotonic())
            return exchange(pending, left_s, self.check_cancelled)

        latest = send(requests)
        while time.monotonic() < deadline:
            next_urls = {i: r.url for i, e in enumerate(latest) if (r := redirect(e)) and r.url}
            if not next_urls:
                break
            followed = send([requests[i]._replace(url=url) for i, url in next_urls.items()])
            for i, found in zip(next_urls, followed, strict=True):
                latest[i] = replace(found, redirects=(*latest[i].redirects, latest[i].url))
        doubtful = [
            i for i, e in enumerate(latest) if e.status == 200 and freshness.is_doubtful(e)
        ]
        if doubtful:
            time.sleep(_REPEAT_AFTER_S)
            repeated = send([requests[i]._replace(url=latest[i].url) for i in doubtful])
            for i, found in zip(doubtful, repeated, strict=True):
                latest[i] = replace(latest[i], repeated=found)
        return latest

    def _requests(self, url: str, timeout_s: float) -> list[Request]:
        plain, credentials = split_credentials(url)
        request = Request(plain, self.connect_to, credentials, self._ca_file(plain))
        if not self.all_addresses:
            return [request]
        host, port = request.node
        addresses = resolve([host], timeout_s, self.check_cancelled)[host].addresses
        nodes = [f"[{a}]:{port}" if ":" in a else f"{a}:{port}" for a in addresses]
        # Without an address, the request itself finds out why.
        return [request._replace(connect_to=node) for node in nodes] or [request]

    def _direct_request(self, front: Request, direct: str) -> Request:
        """Return the request that the front makes to the app server: same Host, same scheme."""
        parts = urlsplit(front.url)
        node, path = direct, parts.path
        if not direct.startswith("unix:"):
            own = urlsplit(direct)
            node, path = own.netloc.rpartition("@")[2], own.path or PATH
            if own.port is None:
                node = f"{node}:80"
        return Request(
            url=parts._replace(scheme="http", path=path).geturl(),
            connect_to=node,
            headers=(f"X-Forwarded-Proto: {parts.scheme}",),
        )

    def _ca_file(self, url: str) -> str | None:
        try:
            found = ca_file(self.ca_file)
        except (OSError, ValueError) as error:
            raise Undecided(f"cannot use the CA file: {error}") from None
        if found is None and url.startswith("https:"):
            raise Undecided(
                "this machine has no CA certificates; install ca-certificates, or pass a PEM file "
                "with --ca-file or SSL_CERT_FILE"
            )
        return found


def _raise_for_bad_ca_file(exchanges: Sequence[Exchange]) -> None:
    for found in exchanges:
        if found.error is not None and found.error.code == CurlCode.SSL_CACERT_BADFILE:
            raise Undecided(f"cannot use the CA file: {found.error.text}")


def _retry_after_s(found: Exchange) -> float:
    """Return the seconds that Retry-After asks for (RFC 9110 10.2.3), 0 if it is unreadable."""
    value = found.header("Retry-After") or ""
    if value.isascii() and value.isdecimal():
        return float(value[:9])
    try:
        moment = parsedate_to_datetime(value)
        return max(0.0, (moment - found.received_at).total_seconds())
    except (TypeError, ValueError, OverflowError):
        return 0.0
