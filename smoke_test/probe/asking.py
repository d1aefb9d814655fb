"""What one attempt asks, and the verdicts on what it gets."""

from collections.abc import Callable, Sequence
from email.utils import parsedate_to_datetime
from typing import NamedTuple
from urllib.parse import urlsplit

from smoke_test.contract import PATH
from smoke_test.probe.attempt import attempt
from smoke_test.probe.authorities import ca_file
from smoke_test.probe.curl import Ask
from smoke_test.probe.diagnosis import Expectations, compare, diagnose
from smoke_test.probe.exchange import Exchange
from smoke_test.probe.gate import Attempt
from smoke_test.probe.options import split_credentials
from smoke_test.probe.resolver import resolve
from smoke_test.probe.verdict import Verdict


class Undecided(Exception):
    """The probe itself cannot judge, whatever the other side does."""


class Asker(NamedTuple):
    """Asks what the options say, once for each call of `ask`.

    Without URLs it is the project itself that is asked, in process. `tick` is called several times
    a second; what it raises ends the asking.
    """

    urls: Sequence[str]
    expected: Expectations
    all_addresses: bool
    connect_to: str | None
    direct: str | None
    ca_file: str | None
    tick: Callable[[], None]

    def ask(self, timeout_s: float) -> Attempt:
        """Return the verdicts of one attempt that takes `timeout_s` at most."""
        if not self.urls:
            return Attempt(_ask_in_process(self.expected))
        asks = [ask for url in self.urls for ask in self._fronts(url, timeout_s)]
        if self.direct is not None:
            asks.append(self._direct(asks[0], self.direct))
        exchanges = attempt(asks, timeout_s, self.tick)
        self._refuse_bad_authorities(exchanges)
        judged = [diagnose(exchange, self.expected) for exchange in exchanges]
        if self.direct is not None:
            shown = [verdict._replace(url=self.direct) for verdict in judged.pop()]
            judged = [compare(verdicts, shown) for verdicts in judged]
        verdicts = [verdict for found in judged for verdict in found]
        return Attempt(verdicts, max(map(_retry_after_s, exchanges)))

    def _fronts(self, url: str, timeout_s: float) -> list[Ask]:
        plain, credentials = split_credentials(url)
        ask = Ask(plain, self.connect_to, credentials, self._authorities(plain))
        if not self.all_addresses:
            return [ask]
        host, port = ask.node
        addresses = resolve([host], timeout_s, self.tick)[host].addresses
        nodes = [f"[{a}]:{port}" if ":" in a else f"{a}:{port}" for a in addresses]
        # Without an address, the request itself finds out why.
        return [ask._replace(connect_to=node) for node in nodes] or [ask]

    def _direct(self, front: Ask, direct: str) -> Ask:
        """Ask the app server as its front does: by the front's Host, and by its scheme."""
        parts = urlsplit(front.url)
        node, path = direct, parts.path
        if not direct.startswith("unix:"):
            own = urlsplit(direct)
            node, path = f"{own.netloc.rpartition('@')[2]}", own.path or PATH
            if own.port is None:
                node = f"{node}:80"
        return Ask(
            url=parts._replace(scheme="http", path=path).geturl(),
            connect_to=node,
            headers=(f"X-Forwarded-Proto: {parts.scheme}",),
        )

    def _authorities(self, url: str) -> str | None:
        try:
            found = ca_file(self.ca_file)
        except (OSError, ValueError) as error:
            raise Undecided(f"the file of authorities cannot be used: {error}") from None
        if found is None and url.startswith("https:"):
            raise Undecided(
                "no certificate authorities on this machine: install ca-certificates, or name a "
                "file of them with --ca-file or SSL_CERT_FILE"
            )
        return found

    def _refuse_bad_authorities(self, exchanges: Sequence[Exchange]) -> None:
        for exchange in exchanges:
            # CURLE_SSL_CACERT_BADFILE
            if exchange.failure is not None and exchange.failure.code == 77:
                text = exchange.failure.text
                raise Undecided(f"the file of authorities cannot be used: {text}")


def _ask_in_process(expected: Expectations) -> list[Verdict]:
    # The only asking that needs the whole project; the probe of a URL starts faster without it.
    from smoke_test.wiring import verdicts

    return verdicts(expected)


def _retry_after_s(exchange: Exchange) -> float:
    """Return the seconds that Retry-After asks for (RFC 9110 10.2.3), 0 without a legible one."""
    value = exchange.header("Retry-After") or ""
    if value.isascii() and value.isdecimal():
        return float(value[:9])
    try:
        moment = parsedate_to_datetime(value)
        return max(0.0, (moment - exchange.received_at).total_seconds())
    except (TypeError, ValueError):
        return 0.0
