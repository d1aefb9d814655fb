"""From an exchange to verdicts: which layer failed, who wrote the answer, what to do.

Pure: no socket, no clock, no output. Exactly one verdict of the level ok or error, and after an ok
the warnings.
"""

import ipaddress
from collections.abc import Iterator
from typing import NamedTuple

from smoke_test.probe import freshness, redirects
from smoke_test.probe.body import difference, parse
from smoke_test.probe.codes import CODES
from smoke_test.probe.exchange import IN_PROCESS, Exchange
from smoke_test.probe.verdict import Finding, Verdict, Writer, verdict
from smoke_test.probe.writer import ANSWERED_AT, RELEASE, upstream_connects, upstream_statuses
from smoke_test.probe.writer import writer as writer_of

_GATEWAY = {502: "proxy.bad_gateway", 503: "proxy.unavailable", 504: "proxy.gateway_timeout"}


class Expectations(NamedTuple):
    """What a pass needs beside the contract, and from where on it has a warning."""

    release: str | None = None
    slow_ms: float = 1000
    cert_days: float = 14


def diagnose(exchange: Exchange, expected: Expectations) -> list[Verdict]:
    """Return the verdict on the exchange, and behind a pass its warnings."""
    error = _error(exchange, expected)
    if error is not None:
        return [verdict(exchange, error)]
    writer, _ = writer_of(exchange)
    release = exchange.header(RELEASE)
    who = f"release {release} answered" if release else "the right answer, without a release, came"
    where = exchange.address if exchange.address == IN_PROCESS else f"at {exchange.address}"
    passed = Finding("ok", f"{who} {where}.", writer=writer, level="ok")
    found = [passed, *_warnings(exchange, expected)]
    return [verdict(exchange, finding) for finding in found]


def compare(front: list[Verdict], direct: list[Verdict]) -> list[Verdict]:
    """Return the front's verdicts in the light of what the app server itself answered.

    A front that gets no answer from an app server that does answer is set up wrongly; where
    neither answers, it is the app.
    """
    judged, app = front[0], direct[0]
    if judged.code not in _GATEWAY.values():
        return [*front, *direct]
    code = "proxy.upstream" if app.level == "ok" else "app.down"
    message = f"{judged.message} Asked directly, {app.url}: {app.message}"
    explained = judged._replace(
        layer=code.partition(".")[0],
        code=code,
        message=message,
        hint=CODES[code].hint,
    )
    return [explained, *direct]


def _error(exchange: Exchange, expected: Expectations) -> Finding | None:
    asked = [exchange] if exchange.asked_again is None else [exchange, exchange.asked_again]
    for each in asked:
        if error := _wrong(each):
            return error
    if proof := freshness.cached(exchange):
        message = f"the answer is from a cache: {proof}."
        return Finding("contract.cached", message, writer=writer_of(exchange)[0])
    for each in asked:
        if error := _release(each, expected):
            return error
    return None


def _wrong(exchange: Exchange) -> Finding | None:
    """Return what is wrong with the answer itself, whenever it was made and by which release."""
    if exchange.failure is not None:
        # Only for what broke: a probe that passes starts faster without.
        from smoke_test.probe.failures import broken

        return broken(exchange, exchange.failure)
    if exchange.status is None:
        return Finding("http.not_http", f"{exchange.address} sent no status line of HTTP/1 or 2.")
    if masked := _masked(exchange):
        return masked
    if redirects.is_redirect(exchange):
        return _redirect(exchange)
    if exchange.status != 200:
        return _status(exchange, exchange.status)
    return _contract(exchange)


def _masked(exchange: Exchange) -> Finding | None:
    """Judge by what the front says of its app server, where that is worse than what it shows."""
    upstream = [status for status in upstream_statuses(exchange) if status != "-"]
    if not upstream or int(upstream[-1]) < 500 or exchange.status == int(upstream[-1]):
        return None
    if exchange.status is not None and exchange.status >= 500:
        return None
    message = f"{exchange.status}, but the app server's answer to the proxy was {upstream[-1]}."
    return Finding("proxy.masked", message, writer="proxy")


def _redirect(exchange: Exchange) -> Finding:
    chain = " -> ".join([*exchange.redirects, exchange.url, exchange.header("Location") or ""])
    writer, _ = writer_of(exchange)
    try:
        redirects.target(exchange)
    except LookupError as error:
        code = str(error.args[0])
    else:
        # What may be followed was followed, as long as there was time.
        code = "http.timeout"
    return Finding(code, f"{exchange.status}: {chain}.", writer=writer)


def _status(exchange: Exchange, status: int) -> Finding:
    writer, name = writer_of(exchange)
    if status < 400:
        return Finding("contract.wrong_status", f"{status}, wanted 200.", writer=writer)
    upstream = upstream_statuses(exchange)
    if writer == "app" or (upstream[-1:] == [str(status)] and status not in (502, 503, 504)):
        code = {400: "app.bad_host", 404: "app.not_found"}.get(status)
        code = code or ("app.error" if status >= 500 else "app.refused")
        return Finding(code, f"{status}, written by {name}.", writer=writer)
    if writer == "server":
        return Finding("server.error", f"{status}, written by {name}.", writer=writer)
    if status in _GATEWAY:
        # Where the front says what happened, that counts, not what it made of it.
        told = int(upstream[-1]) if upstream[-1:] and upstream[-1].isdecimal() else status
        return _gateway(exchange, told if told in _GATEWAY else status, writer, name)
    if writer == "unknown":
        message = f"{status}, and nothing tells who wrote it."
        return Finding("unknown.status", message, writer=writer)
    if b"plain HTTP request was sent to HTTPS port" in exchange.body:
        code = "proxy.plain_http_on_https_port"
    elif status in (403, 404):
        code = "proxy.unrouted"
    else:
        code = "proxy.refused" if status < 500 else "proxy.error"
    return Finding(code, f"{status}, written by {name}.", writer=writer)


def _gateway(exchange: Exchange, status: int, writer: Writer, name: str) -> Finding:
    """Return the finding on a 502, 503 or 504, with what the front says of its connection."""
    connects = upstream_connects(exchange)
    detail, hint = "", None
    if connects and connects[-1] == "-":
        detail = ": it never connected to the app server"
        hint = "is the app server running? `systemctl status petsage`"
    elif connects and status == 502:
        detail = ": the app server closed the connection without an answer"
        hint = "did a worker crash? `journalctl -u petsage`"
    elif connects and status == 504:
        detail = ": it connected, but the app server did not answer"
        hint = "is a worker frozen or overloaded? `systemctl restart petsage`"
    return Finding(
        _GATEWAY[status], f"{status}, written by {name}{detail}.", writer=writer, hint=hint
    )


def _contract(exchange: Exchange) -> Finding | None:
    writer, _ = writer_of(exchange)

    def finding(code: str, message: str) -> Finding:
        return Finding(f"contract.{code}", message, writer=writer)

    encoding = exchange.header("Content-Encoding")
    if encoding and encoding.lower() != "identity":
        return finding("encoded", f"Content-Encoding is {encoding!r}, wanted none.")
    content_type = exchange.header("Content-Type")
    try:
        body = parse(exchange.body)
    except ValueError as error:
        page = ", nginx's welcome page" if b"Welcome to nginx!" in exchange.body else ""
        message = f"the body is not JSON ({error}); its Content-Type is {content_type!r}{page}."
        return finding("not_json", message)
    if wrong := difference(body):
        return finding("wrong_body", f"{wrong}.")
    if (content_type or "").lower() != "application/json":
        return finding("wrong_type", f"Content-Type is {content_type!r}, wanted application/json.")
    if (cookie := exchange.header("Set-Cookie")) is not None:
        return finding("cookie", f"Set-Cookie for '{cookie.partition('=')[0]}', wanted none.")
    return None


def _release(exchange: Exchange, expected: Expectations) -> Finding | None:
    if expected.release is None:
        return None
    found = exchange.header(RELEASE)
    if found is None:
        message = f"the answer has no {RELEASE}, wanted {expected.release}."
        return Finding("release.missing", message, writer=writer_of(exchange)[0])
    if found != expected.release:
        message = f"release {found} answered, wanted {expected.release}."
        return Finding("release.mismatch", message, writer="app")
    return None


def _warnings(exchange: Exchange, expected: Expectations) -> Iterator[Finding]:
    writer, _ = writer_of(exchange)

    def warning(code: str, message: str) -> Finding:
        return Finding(code, message, writer=writer, level="warning")

    missing = [name for name in (RELEASE, ANSWERED_AT) if exchange.header(name) is None]
    if missing:
        yield warning("release.missing", f"the answer has no {' and no '.join(missing)}.")
    if len(upstream := upstream_statuses(exchange)) > 1:
        message = f"the app servers answered {', '.join(upstream)}: one of them is down."
        yield warning("proxy.half_up", message)
    if exchange.certificate is not None:
        left = (exchange.certificate.expires_at - exchange.received_at).total_seconds() / 86400
        if left < expected.cert_days:
            yield warning("tls.expiring", f"the certificate expires in {left:.1f} days.")
    if exchange.url.startswith("http:") and not _is_local(exchange):
        yield warning("tls.plaintext", "the answer came by plain http from another machine.")
    if exchange.timings.total > expected.slow_ms:
        message = (
            f"it took {exchange.timings.total:.0f} ms, wanted {expected.slow_ms:.0f} at most."
        )
        yield warning("time.slow", message)
    if abs(skew := freshness.skew(exchange)) > freshness.MAX_SKEW:
        where = "ahead of" if skew.total_seconds() > 0 else "behind"
        message = f"the server's clock is {abs(skew.total_seconds()):.1f} s {where} this one."
        yield warning("time.skew", message)


def _is_local(exchange: Exchange) -> bool:
    """Return whether the other side is this machine."""
    try:
        return ipaddress.ip_address(exchange.address or "").is_loopback
    except ValueError:
        # A unix socket, or this very process.
        return True
