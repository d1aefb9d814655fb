"""One attempt: the requests that the options name, followed across redirects and judged."""

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
    """The probe itself cannot judge, whatever the server does; `code` says why."""

    def __init__(self, code: str, message: str) -> None:
        super().__init__(message)
        self.code = code


class Also(NamedTuple):
    """Another path of the same site, and the status that it must have."""

    path: str
    status: int = 200


class Probe(NamedTuple):
    """Makes the requests that the options name, once per attempt.

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
        """Return the verdicts of one attempt that takes at most `timeout_s` seconds."""
        deadline = Deadline(time.monotonic() + timeout_s, self.check_cancelled)
        requests = [each for url in self.urls for each in self._requests(url, deadline)]
        sent = list(requests)
        if self.direct is not None:
            sent.append(self._direct_request(requests[0], self.direct))
        with Session(deadline) as session:
            exchanges = _unless_revoked(session, sent, _followed(session, sent))
            judged = [diagnose(exchange, self.expected) for exchange in exchanges]
            if self.direct is not None:
                direct = [found._replace(url=self.direct) for found in judged.pop()]
                judged = [compare(verdicts, direct) for verdicts in judged]
            for request, exchange, verdicts in zip(requests, exchanges, judged, strict=False):
                if exchange.error is None:
                    verdicts += self._also_verdicts(session, request, exchange)
                    verdicts += self._page_verdicts(session, request, exchange)
        return Attempt(
            [each for found in judged for each in found], max(map(_retry_after_s, exchanges))
        )

    def _also_verdicts(self, session: Session, request: Request, front: Exchange) -> list[Verdict]:
        """Request the other paths at the site that the smoke test's redirects led to.

        One after the other, over the connection that is open.
        """
        base = request if front.url == request.url else request.redirected(front.url)
        root = urlsplit(front.url)._replace(path="", query="").geturl()
        found = []
        for path, status in self.also:
            target = base._replace(url=f"{root}{path}")
            follows = not 300 <= status < 400
            [exchange] = _followed(session, [target]) if follows else session.exchange([target])
            found.append(
                answer_error(exchange, status)
                or proof_error(exchange, self._same_release(front))
                or _passed(exchange, f"{exchange.status}, from the same release.")
            )
        return found

    def _page_verdicts(self, session: Session, request: Request, front: Exchange) -> list[Verdict]:
        """Request the page as a browser does, and what it loads."""
        if not self.page:
            return []
        from smoke_test.probe import page

        base = request if front.url == request.url else request.redirected(front.url)
        base = base._replace(accept=page.ACCEPT)
        [exchange] = session.exchange([base])
        error = (
            answer_error(exchange)
            or page.page_error(exchange)
            or proof_error(exchange, self._same_release(front))
        )
        if error is not None:
            return [error]
        urls = page.asset_urls(exchange)
        assets = session.exchange([base._replace(url=url, accept="*/*") for url in urls])
        errors = [answer_error(asset) or page.asset_error(asset) for asset in assets]
        message = f"the page and its {len(urls)} style sheets and scripts load."
        return [error for error in errors if error] or [_passed(exchange, message)]

    def _same_release(self, front: Exchange) -> Expectations:
        return self.expected._replace(
            release=self.expected.release or front.header(RELEASE_HEADER)
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
            raise Undecided("probe.ca_file", f"cannot use the CA file: {error}.") from None
        if found is None and url.startswith("https:"):
            raise Undecided("probe.ca_file", "this machine has no CA certificates.")
        return found


def split_credentials(url: str) -> tuple[str, str | None]:
    """Return the URL without its `user:password@`, and these, or None."""
    parts = urlsplit(url)
    credentials, found, host = parts.netloc.rpartition("@")
    return parts._replace(netloc=host).geturl(), credentials if found else None


def _followed(session: Session, requests: Sequence[Request]) -> list[Exchange]:
    """Return each request's last exchange, after its redirects."""
    pending = dict(enumerate(requests))
    latest: dict[int, Exchange] = {}
    while pending:
        found = session.exchange(list(pending.values()))
        _raise_for_bad_ca_file(found)
        followed: dict[int, Request] = {}
        for (i, request), exchange in zip(pending.items(), found, strict=True):
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
    """Return the exchanges, those with a revoked certificate as failed ones."""
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
    for found in exchanges:
        if found.error is not None and found.error.code == CurlCode.SSL_CACERT_BADFILE:
            raise Undecided("probe.ca_file", f"cannot use the CA file: {found.error.text}.")


def _retry_after_s(found: Exchange) -> float:
    """Return the seconds that Retry-After asks for (RFC 9110 10.2.3), 0 if it is unreadable."""
    value = found.header("Retry-After")
    if not value:
        return 0.0
    if value.isascii() and value.isdecimal():
        return float(value[:9])
    # Imported only here: a probe that passes starts faster without it.
    from email.utils import parsedate_to_datetime

    try:
        moment = parsedate_to_datetime(value)
        return max(0.0, (moment - found.received_at).total_seconds())
    except (TypeError, ValueError, OverflowError):
        return 0.0
