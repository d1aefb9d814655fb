"""From an exchange to verdicts: which layer failed, who answered, and what to do.

Pure: no socket, no clock, no output. There is exactly one verdict of level ok or error; warnings
follow an ok.
"""

import ipaddress
from collections.abc import Iterator
from typing import NamedTuple

from smoke_test.contract import ANSWERED_AT_HEADER, RELEASE_HEADER
from smoke_test.probe import freshness
from smoke_test.probe.body import difference, parse
from smoke_test.probe.codes import CODES
from smoke_test.probe.exchange import IN_PROCESS, Exchange
from smoke_test.probe.redirects import redirect
from smoke_test.probe.responder import responder, upstream_connects, upstream_statuses
from smoke_test.probe.verdict import Verdict, verdict

_GATEWAY = {502: "proxy.bad_gateway", 503: "proxy.unavailable", 504: "proxy.gateway_timeout"}


class Expectations(NamedTuple):
    """What a pass needs besides the contract, and the thresholds of warnings."""

    release: str | None = None
    slow_ms: float = 1000
    cert_days: float = 14


def diagnose(exchange: Exchange, expected: Expectations) -> list[Verdict]:
    """Return the verdict on the exchange, and after a pass its warnings."""
    error = _error(exchange, expected)
    if error is not None:
        return [error]
    release = exchange.header(RELEASE_HEADER)
    who = f"release {release} answered" if release else "the right answer, without a release, came"
    where = exchange.address if exchange.address == IN_PROCESS else f"at {exchange.address}"
    answered_by, _ = responder(exchange)
    passed = verdict(exchange, "ok", f"{who} {where}.", answered_by=answered_by, level="ok")
    return [passed, *_warnings(exchange, expected)]


def compare(front: list[Verdict], direct: list[Verdict]) -> list[Verdict]:
    """Return the front's verdicts, refined by what the app server itself answered.

    If the front gets no answer but the app server does answer, the front is misconfigured; if
    neither answers, the app is down.
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


def _error(exchange: Exchange, expected: Expectations) -> Verdict | None:
    exchanges = [exchange] if exchange.repeated is None else [exchange, exchange.repeated]
    for each in exchanges:
        if error := _answer_error(each):
            return error
    if proof := freshness.cached(exchange):
        return _answered(exchange, "contract.cached", f"the answer is from a cache: {proof}.")
    for each in exchanges:
        if error := _release_error(each, expected):
            return error
    return None


def _answered(exchange: Exchange, code: str, message: str) -> Verdict:
    """Return an error about an answer, whoever sent it."""
    return verdict(exchange, code, message, answered_by=responder(exchange)[0])


def _answer_error(exchange: Exchange) -> Verdict | None:
    """Return what is wrong with the answer itself, regardless of its age and release."""
    if exchange.error is not None:
        # Imported only here: a probe that passes starts faster without it.
        from smoke_test.probe.transport_errors import transport_verdict

        return transport_verdict(exchange, exchange.error)
    if exchange.status is None:
        message = f"{exchange.address} sent no status line of HTTP/1 or 2."
        return verdict(exchange, "http.not_http", message)
    if masked := _masked(exchange):
        return masked
    if found := redirect(exchange):
        chain = [*exchange.redirects, exchange.url, exchange.header("Location") or ""]
        # A redirect that can be followed was followed, unless the time was up.
        code = found.code or "http.timeout"
        return _answered(exchange, code, f"{exchange.status}: {' -> '.join(chain)}.")
    if exchange.status != 200:
        return _status_error(exchange, exchange.status)
    return _contract_error(exchange)


def _masked(exchange: Exchange) -> Verdict | None:
    """Judge by what nginx says about its app server, if that is worse than what it shows."""
    upstream = [status for status in upstream_statuses(exchange) if status != "-"]
    if not upstream or int(upstream[-1]) < 500 or exchange.status == int(upstream[-1]):
        return None
    if exchange.status is not None and exchange.status >= 500:
        return None
    message = f"{exchange.status}, but the app server's answer to the proxy was {upstream[-1]}."
    return verdict(exchange, "proxy.masked", message, answered_by="proxy")


def _status_error(exchange: Exchange, status: int) -> Verdict:
    answered_by, name = responder(exchange)
    if status < 400:
        return _answered(exchange, "contract.wrong_status", f"got {status}, expected 200.")
    message = f"{status}, answered by {name}."
    upstream = upstream_statuses(exchange)
    if answered_by == "app" or (upstream[-1:] == [str(status)] and status not in (502, 503, 504)):
        code = {400: "app.disallowed_host", 404: "app.not_found"}.get(status)
        code = code or ("app.error" if status >= 500 else "app.refused")
    elif answered_by == "server":
        code = "server.error"
    elif status in _GATEWAY:
        return _gateway_error(exchange, status)
    elif answered_by == "unknown":
        code, message = "unknown.status", f"{status}, and nothing shows who answered."
    elif b"plain HTTP request was sent to HTTPS port" in exchange.body:
        code = "proxy.plain_http_on_https_port"
    elif status in (403, 404):
        code = "proxy.unrouted"
    else:
        code = "proxy.refused" if status < 500 else "proxy.error"
    return _answered(exchange, code, message)


def _gateway_error(exchange: Exchange, status: int) -> Verdict:
    """Return the verdict on a 502, 503 or 504, with what nginx says about its connection."""
    answered_by, name = responder(exchange)
    # nginx's own account of the upstream counts more than the status it shows.
    told = upstream_statuses(exchange)[-1:]
    if told and told[0].isdecimal() and int(told[0]) in _GATEWAY:
        status = int(told[0])
    connect = upstream_connects(exchange)[-1:]
    detail, hint = "", None
    if connect == ["-"]:
        detail = ": it never connected to the app server"
        hint = "is the app server running? `systemctl status petsage`"
    elif connect and status == 502:
        detail = ": the app server closed the connection without an answer"
        hint = "did a worker crash? `journalctl -u petsage`"
    elif connect and status == 504:
        detail = ": it connected, but the app server did not answer"
        hint = "is a worker stuck or overloaded? `systemctl restart petsage`"
    message = f"{status}, answered by {name}{detail}."
    return verdict(exchange, _GATEWAY[status], message, answered_by=answered_by, hint=hint)


def _contract_error(exchange: Exchange) -> Verdict | None:
    encoding = exchange.header("Content-Encoding")
    if encoding and encoding.lower() != "identity":
        message = f"got Content-Encoding {encoding!r}, expected none."
        return _answered(exchange, "contract.encoded", message)
    content_type = exchange.header("Content-Type")
    try:
        body = parse(exchange.body)
    except ValueError as error:
        page = ", nginx's welcome page" if b"Welcome to nginx!" in exchange.body else ""
        message = f"the body is not JSON ({error}); its Content-Type is {content_type!r}{page}."
        return _answered(exchange, "contract.not_json", message)
    if wrong := difference(body):
        return _answered(exchange, "contract.wrong_body", f"{wrong}.")
    if (content_type or "").lower() != "application/json":
        message = f"got Content-Type {content_type!r}, expected 'application/json'."
        return _answered(exchange, "contract.wrong_type", message)
    if (cookie := exchange.header("Set-Cookie")) is not None:
        message = f"got Set-Cookie for '{cookie.partition('=')[0]}', expected none."
        return _answered(exchange, "contract.cookie", message)
    return None


def _release_error(exchange: Exchange, expected: Expectations) -> Verdict | None:
    found = exchange.header(RELEASE_HEADER)
    if expected.release in (None, found):
        return None
    if found is None:
        message = f"the answer has no {RELEASE_HEADER}, expected {expected.release}."
        return _answered(exchange, "release.missing", message)
    message = f"got release {found}, expected {expected.release}."
    return _answered(exchange, "release.mismatch", message)


def _warnings(exchange: Exchange, expected: Expectations) -> Iterator[Verdict]:
    def warning(code: str, message: str) -> Verdict:
        return _answered(exchange, code, message)._replace(level="warning")

    headers = (RELEASE_HEADER, ANSWERED_AT_HEADER)
    if missing := [name for name in headers if exchange.header(name) is None]:
        yield warning("release.missing", f"the answer has no {' and no '.join(missing)}.")
    if len(upstream := upstream_statuses(exchange)) > 1:
        message = f"the app servers answered {', '.join(upstream)}: one of them is down."
        yield warning("proxy.degraded", message)
    if exchange.certificate is not None:
        left = (exchange.certificate.expires_at - exchange.received_at).total_seconds() / 86400
        if left < expected.cert_days:
            yield warning("tls.expiring", f"the certificate expires in {left:.1f} days.")
    if exchange.url.startswith("http:") and not _is_local(exchange):
        yield warning("tls.plaintext", "the answer came over plain http from another machine.")
    if exchange.timings.total > expected.slow_ms:
        took = f"{exchange.timings.total:.0f} ms"
        yield warning("time.slow", f"took {took}, expected at most {expected.slow_ms:.0f} ms.")
    if abs(skew := freshness.skew(exchange)) > freshness.MAX_SKEW:
        where = "ahead of" if skew.total_seconds() > 0 else "behind"
        message = f"the server's clock is {abs(skew.total_seconds()):.1f} s {where} this one."
        yield warning("time.skew", message)


def _is_local(exchange: Exchange) -> bool:
    """Return whether the server is this machine."""
    try:
        return ipaddress.ip_address(exchange.address or "").is_loopback
    except ValueError:
        # A unix socket, or this process.
        return True
