"""One attempt: sends the requests that the options name, follows redirects, judges responses."""

import time
from collections.abc import Callable, Sequence
from typing import NamedTuple
from urllib.parse import urlsplit

from smoke_test.contract import PATH, RELEASE_HEADER
from smoke_test.probe.authorities import ca_file
from smoke_test.probe.deadline import Deadline
from smoke_test.probe.diagnosis import (
    Expectations,
    answer_error,
    compare,
    diagnose,
    proof_error,
)
from smoke_test.probe.exchange import CurlCode, Exchange
from smoke_test.probe.gate import Attempt
from smoke_test.probe.redirects import redirect
from smoke_test.probe.resolver import resolve
from smoke_test.probe.responder import responder
from smoke_test.probe.transport import Request, Session
from smoke_test.probe.verdict import Verdict, verdict


class Undecided(Exception):
    """The probe itself cannot judge, no matter what the server does; `code` says why."""

    def __init__(self, code: str, message: str) -> None:
        super().__init__(message)
        self.code = code


class Also(NamedTuple):
    """Another path of the same site, and the status it must return."""

    path: str
    status: int = 200


class Probe(NamedTuple):
    """Sends the requests that the options name, once per attempt.

    `headers` are lines such as `Name: value`. `check_cancelled` is called several times a second;
    an exception from it ends the attempt.
    """

    urls: Sequence[str]
    expected: Expectations
    also: Sequence[Also]
    page: bool
    headers: tuple[str, ...]
    all_addresses: bool
    connect_to: str | None
    direct: str | None
    ca_file: str | None
    check_cancelled: Callable[[], None]

    def attempt(self, timeout_s: float) -> Attempt:
        """Make one attempt of at most `timeout_s` seconds; return its verdicts."""
        deadline = Deadline(time.monotonic() + timeout_s, self.check_cancelled)
        requests = [each for url in self.urls for each in self._requests(url, deadline)]
        sent = list(requests)
        if self.direct is not None:
            sent.append(self._direct_request(requests[0], self.direct))
        with Session(deadline) as session:
            exchanges = _unless_revoked(session, sent, _followed(session, sent))
            judged = [diagnose(exchange, self.expected) for exchange in exchanges]
            if self.direct is not None:
                direct = [verdict._replace(url=self.direct) for verdict in judged.pop()]
                judged = [compare(verdicts, direct) for verdicts in judged]
            for request, exchange, verdicts in zip(requests, exchanges, judged, strict=False):
                if exchange.error is None:
                    verdicts += self._also_verdicts(session, request, exchange)
                    verdicts += self._page_verdicts(session, request, exchange)
        return Attempt(
            [verdict for verdicts in judged for verdict in verdicts],
            max(map(_retry_after_s, exchanges)),
        )

    def _also_verdicts(self, session: Session, request: Request, first: Exchange) -> list[Verdict]:
        """Request the other paths from the site where the first request ended up.

        Requests go one by one over the open connection.
        """
        base = request if first.url == request.url else request.redirected(first.url)
        root = urlsplit(first.url)._replace(path="", query="").geturl()
        verdicts = []
        for path, status in self.also:
            target = base._replace(url=f"{root}{path}")
            follows = not 300 <= status < 400
            [exchange] = _followed(session, [target]) if follows else session.exchange([target])
            verdicts.append(
                answer_error(exchange, status)
                or proof_error(exchange, self._same_release(first))
                or _passed(exchange, f"{exchange.status}, from the same release.")
            )
        return verdicts

    def _page_verdicts(self, session: Session, request: Request, first: Exchange) -> list[Verdict]:
        """Request the page as a browser does, with its style sheets and scripts."""
        if not self.page:
            return []
        from smoke_test.probe import page

        base = request if first.url == request.url else request.redirected(first.url)
        base = base._replace(accept=page.ACCEPT)
        [exchange] = session.exchange([base])
        error = (
            answer_error(exchange)
            or page.page_error(exchange)
            or proof_error(exchange, self._same_release(first))
        )
        if error is not None:
            return [error]
        urls = page.asset_urls(exchange)
        assets = session.exchange([base.redirected(url)._replace(accept="*/*") for url in urls])
        errors = [answer_error(asset) or page.asset_error(asset) for asset in assets]
        message = f"the page and its {len(urls)} style sheets and scripts load."
        return [error for error in errors if error] or [_passed(exchange, message)]

    def _same_release(self, first: Exchange) -> Expectations:
        return self.expected._replace(
            release=self.expected.release or first.header(RELEASE_HEADER)
        )

    def _requests(self, url: str, deadline: Deadline) -> list[Request]:
        plain, credentials = split_credentials(url)
        request = Request(
            url=plain,
            connect_to=self.connect_to,
            credentials=credentials,
            ca_file=self._ca_file(plain),
            headers=self.headers,
        )
        if not self.all_addresses:
            return [request]
        host, port = request.node
        nodes = [
            f"[{address}]" if ":" in address else address
            for address in resolve([host], deadline)[host].addresses
        ]
        if self.connect_to is not None:
            nodes = [f"{node}:{port}" for node in nodes]
        # If no address was found, the request itself reports why.
        return [request._replace(connect_to=node) for node in nodes] or [request]

    def _direct_request(self, request: Request, direct: str) -> Request:
        """Return the request that the proxy sends to the app server: same Host, same scheme."""
        parts = urlsplit(request.url)
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
            file = ca_file(self.ca_file)
        except (OSError, ValueError) as error:
            raise Undecided("probe.ca_file", f"cannot use the CA file: {error}.") from None
        if file is None and url.startswith("https:"):
            raise Undecided("probe.ca_file", "this machine has no CA certificates.")
        return file


def split_credentials(url: str) -> tuple[str, str | None]:
    """Return the URL without credentials, and its `user:password` or None."""
    parts = urlsplit(url)
    credentials, at, host = parts.netloc.rpartition("@")
    return parts._replace(netloc=host).geturl(), credentials if at else None


def _followed(session: Session, requests: Sequence[Request]) -> list[Exchange]:
    """Send the requests, follow their redirects, and return the last exchange of each."""
    pending = dict(enumerate(requests))
    latest: dict[int, Exchange] = {}
    while pending:
        exchanges = session.exchange(list(pending.values()))
        _raise_for_bad_ca_file(exchanges)
        followed: dict[int, Request] = {}
        for (i, request), exchange in zip(pending.items(), exchanges, strict=True):
            before = latest.get(i)
            chain = (*before.redirects, before.url) if before else ()
            latest[i] = exchange._replace(redirects=chain)
            target = redirect(latest[i])
            if target is not None and target.url is not None:
                followed[i] = request.redirected(target.url)
        pending = followed
    return [latest[i] for i in range(len(requests))]


def _unless_revoked(
    session: Session, requests: Sequence[Request], exchanges: list[Exchange]
) -> list[Exchange]:
    """Return the exchanges, with an error in each whose certificate is revoked."""
    verified = {
        i: request.redirected(exchange.url) if exchange.url != request.url else request
        for i, (request, exchange) in enumerate(zip(requests, exchanges, strict=True))
        if exchange.certificate is not None and exchange.error is None
    }
    for i, revoked in zip(verified, session.revocations(list(verified.values())), strict=True):
        exchanges[i] = exchanges[i]._replace(error=revoked)
    return exchanges


def _passed(exchange: Exchange, message: str) -> Verdict:
    return verdict(exchange, "ok", message, answered_by=responder(exchange), level="ok")


def _raise_for_bad_ca_file(exchanges: Sequence[Exchange]) -> None:
    for exchange in exchanges:
        if exchange.error is not None and exchange.error.code == CurlCode.SSL_CACERT_BADFILE:
            raise Undecided("probe.ca_file", f"cannot use the CA file: {exchange.error.text}.")


def _retry_after_s(exchange: Exchange) -> float:
    """Return Retry-After in seconds (RFC 9110 10.2.3), 0 if it is missing or malformed."""
    value = exchange.header("Retry-After")
    if not value:
        return 0.0
    if value.isascii() and value.isdecimal():
        return float(value[:9])
    # Imported here because a probe that passes starts faster without it.
    from email.utils import parsedate_to_datetime

    try:
        moment = parsedate_to_datetime(value)
        return max(0.0, (moment - exchange.received_at).total_seconds())
    except (TypeError, ValueError, OverflowError):
        return 0.0
