"""Turns an exchange into verdicts: which layer failed, who responded, and what to do.

Pure: no socket, no clock, no output. Each exchange gets exactly one verdict of level ok or error;
warnings only follow an ok.
"""

import re
from typing import NamedTuple
from urllib.parse import urlsplit

from smoke_test.contract import (
    NONCE,
    NONCE_HEADER,
    PATH,
    RELEASE,
    RELEASE_HEADER,
)
from smoke_test.probe.body import difference, parse
from smoke_test.probe.codes import CODES
from smoke_test.probe.exchange import IN_PROCESS, Exchange
from smoke_test.probe.redirects import redirect
from smoke_test.probe.responder import (
    failed_proxy,
    responder,
    upstream_connects,
    upstream_statuses,
)
from smoke_test.probe.verdict import Verdict, verdict
from smoke_test.probe.warnings import cookie_names, warnings

# Caches add these words to a stored response (RFC 9111 5.1, RFC 9211, and products' own headers).
_HIT = re.compile(r"(?<![a-z])(?:hit|stale|updating|revalidated)(?![a-z=])", re.IGNORECASE)
_RFC_9211_HIT = re.compile(r";\s*hit\s*(?:;|,|$|=\?1)")

# Django's own cookies. Others come from a load balancer in front of it.
_APP_COOKIES = ("sessionid", "csrftoken", "messages")

# nginx sends 403 for a missing index or location. Other proxies use it to refuse clients.
_NGINX = ("nginx", "openresty", "tengine", "angie")

# How nginx, Apache and Go respond to plain http on a TLS port.
_PLAIN_HTTP = (
    b"plain HTTP request was sent to HTTPS port",
    b"speaking plain HTTP to an SSL-enabled server port",
    b"Client sent an HTTP request to an HTTPS server",
)

# A wrong path causes these.
_WRONG_PATH = {"app.not_found", "contract.not_json", "contract.wrong_body", "proxy.unrouted"}

_GATEWAY = {502: "proxy.bad_gateway", 503: "proxy.unavailable", 504: "proxy.gateway_timeout"}


class Expectations(NamedTuple):
    """The requirements for a pass besides the contract, and the thresholds for warnings."""

    release: str | None = None
    slow_ms: float = 1000
    cert_days: float = 14


def diagnose(exchange: Exchange, expected: Expectations) -> list[Verdict]:
    """Return the verdict on the exchange, followed by its warnings if it passed."""
    error = _error(exchange, expected)
    if error is not None:
        return [error]
    release = exchange.header(RELEASE_HEADER)
    who = "the app" if release is None else f"release {release}"
    where = exchange.address if exchange.address == IN_PROCESS else f"at {exchange.address}"
    message = f"{who} answered {where}."
    passed = verdict(exchange, "ok", message, answered_by=responder(exchange), level="ok")
    return [
        passed,
        *(
            _answered(exchange, code, text)._replace(level="warning")
            for code, text in warnings(exchange, expected.slow_ms, expected.cert_days)
        ),
    ]


def proof_error(exchange: Exchange, expected: Expectations) -> Verdict | None:
    """Return an error unless the app itself made the response for this very request."""
    if (echoed := exchange.header(NONCE_HEADER)) == exchange.nonce:
        return _release_error(exchange, expected)
    cache = _cache_evidence(exchange)
    if echoed is not None and NONCE.fullmatch(echoed):
        explanation = f" ({cache})" if cache else ""
        message = f"the response was made for another request{explanation}."
        return _answered(exchange, "contract.cached", message)
    if echoed is not None:
        message = f"got {NONCE_HEADER} {echoed!r}, expected {exchange.nonce}."
        return _answered(exchange, "contract.unproven", message)
    if cache:
        return _answered(exchange, "contract.cached", f"the response is from a cache: {cache}.")
    message = f"the response has no {NONCE_HEADER}, expected {exchange.nonce}."
    hint = None
    if exchange.header(RELEASE_HEADER) is None:
        hint = "nothing shows that PetSage responded: does a proxy drop the X-PetSage headers?"
    return _answered(exchange, "contract.unproven", message, hint)


def compare(proxied: list[Verdict], direct: list[Verdict]) -> list[Verdict]:
    """Return the verdicts on the URL, refined by those on the direct request.

    If the proxy gets no response but the direct request does, the proxy is misconfigured; if
    neither does, the app is down.
    """
    judged, app = proxied[0], direct[0]
    if judged.level == "ok" and app.level == "ok" and judged.release != app.release:
        message = f"got release {judged.release} by the URL, {app.release} from the app server."
        return [_recoded(judged, "release.mismatch", message), *direct]
    if judged.code not in _GATEWAY.values():
        return [*proxied, *direct]
    # An app server that sends any response is up.
    code = "app.down" if app.status is None else "proxy.upstream"
    message = f"{judged.message} Direct request to {app.url}: {app.message}"
    return [_recoded(judged, code, message), *direct]


def _recoded(judged: Verdict, code: str, message: str) -> Verdict:
    layer = code.partition(".")[0]
    hint = CODES[code].hint
    return judged._replace(level="error", layer=layer, code=code, message=message, hint=hint)


def _error(exchange: Exchange, expected: Expectations) -> Verdict | None:
    return answer_error(exchange) or contract_error(exchange) or proof_error(exchange, expected)


def _answered(exchange: Exchange, code: str, message: str, hint: str | None = None) -> Verdict:
    """Return an error about a response, and who sent it."""
    if code in _WRONG_PATH and urlsplit(exchange.url).path != PATH:
        hint = f"is the path right? The smoke test's path is {PATH}"
    return verdict(exchange, code, message, answered_by=responder(exchange), hint=hint)


def answer_error(exchange: Exchange, status: int = 200) -> Verdict | None:
    """Return what is wrong with the transport, the redirects or the status of a response."""
    if exchange.error is not None:
        # Imported here because a probe that passes starts faster without it.
        from smoke_test.probe.transport_errors import transport_verdict

        return transport_verdict(exchange, exchange.error)
    if exchange.status is None:
        message = f"{exchange.address} sent no HTTP/1 or HTTP/2 status line."
        return verdict(exchange, "http.not_http", message)
    if exchange.certificate is not None and not exchange.certificate.has_names:
        message = "the certificate has no subjectAltName, and browsers ignore its common name."
        return verdict(exchange, "tls.hostname", message)
    if masked := _masked(exchange, exchange.status):
        return verdict(exchange, "proxy.masked", masked, answered_by=("proxy", "a proxy"))
    if exchange.status == status:
        return None
    if found := redirect(exchange):
        chain = [*exchange.redirects, exchange.url, exchange.header("Location") or ""]
        # The probe follows every redirect that it may, unless the time is up.
        code = found.code or "http.timeout"
        return _answered(exchange, code, f"{exchange.status}: {' -> '.join(chain)}.")
    return _status_error(exchange, exchange.status, status)


def _masked(exchange: Exchange, status: int) -> str | None:
    """Return how the proxy's headers contradict the status."""
    upstream = [reported for reported in upstream_statuses(exchange) if reported != "-"]
    if upstream and upstream[-1] != str(status) and not (status >= 500 <= int(upstream[-1])):
        return f"{status}, but the app server sent {upstream[-1]} to the proxy."
    if status < 400 and (name := failed_proxy(exchange.header("Proxy-Status") or "")):
        return f"{status}, but Proxy-Status says that {name} sent an error of its own."
    return None


def _status_error(exchange: Exchange, status: int, expected: int) -> Verdict:
    answered_by, name = responder(exchange)
    if status < 400 or (expected != 200 and answered_by == "app"):
        message = f"got {status}, expected {expected}."
        return _answered(exchange, "contract.wrong_status", message)
    message = f"{status}, answered by {name}."
    is_upstream = upstream_statuses(exchange)[-1:] == [str(status)] and status not in _GATEWAY
    if answered_by == "server" or (is_upstream and answered_by == "unknown" and not exchange.body):
        # Django always sends a body.
        code = "server.error"
    elif answered_by == "app" or is_upstream:
        other = "app.error" if status >= 500 else "app.refused"
        by_status = {400: "app.disallowed_host", 404: "app.not_found", 412: "release.mismatch"}
        code = by_status.get(status, other)
    elif any(words in exchange.body for words in _PLAIN_HTTP):
        code = "proxy.plain_http_on_https_port"
    elif status in _GATEWAY:
        return _gateway_error(exchange, status)
    elif answered_by == "unknown":
        code, message = "unknown.status", f"{status}, and nothing shows who responded."
    elif b"No required SSL certificate was sent" in exchange.body:
        code = "tls.client_certificate"
    elif status == 404 or (status == 403 and name in _NGINX):
        code = "proxy.unrouted"
    else:
        code = "proxy.refused" if status < 500 else "proxy.error"
    return _answered(exchange, code, message)


def _gateway_error(exchange: Exchange, status: int) -> Verdict:
    """Return the verdict on a 502, 503 or 504, with nginx's report about its connection."""
    _, name = responder(exchange)
    # nginx's upstream status is more accurate than the status it sends.
    reported = upstream_statuses(exchange)[-1:]
    if reported and reported[0].isdecimal() and int(reported[0]) in _GATEWAY:
        status = int(reported[0])
    connect = upstream_connects(exchange)[-1:]
    detail, hint = "", None
    if connect == ["-"]:
        detail = ": it never connected to the app server"
        hint = "is the app server running? `systemctl status petsage.slice`"
    elif connect and status == 502:
        detail = ": the app server closed the connection without a response"
        hint = "did a worker crash? `journalctl -u petsage.slice`"
    elif connect and status == 504:
        detail = ": it connected, but the app server did not respond"
        hint = "is a worker stuck or overloaded? `systemctl restart 'petsage-*'`"
    message = f"{status}, answered by {name}{detail}."
    return _answered(exchange, _GATEWAY[status], message, hint)


def contract_error(exchange: Exchange) -> Verdict | None:
    """Return how the headers or the body differ from the contract."""
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
    if cookies := [name for name in cookie_names(exchange) if name in _APP_COOKIES]:
        message = f"got a cookie '{cookies[0]}', expected none."
        return _answered(exchange, "contract.cookie", message)
    return None


def _cache_evidence(exchange: Exchange) -> str | None:
    """Return the header that shows a cached response. It explains a failure, never causes one."""
    age = exchange.header("Age") or ""
    if age.isdecimal() and age.strip("0"):
        return f"Age is {age}"
    for name, value in exchange.headers:
        hit = _RFC_9211_HIT if name == "cache-status" else _HIT
        if "cache" in name and "control" not in name and hit.search(value):
            return f"{name} is {value!r}"
    return None


def _release_error(exchange: Exchange, expected: Expectations) -> Verdict | None:
    release = exchange.header(RELEASE_HEADER)
    if release is None:
        if expected.release is None:
            return None
        message = f"the response has no {RELEASE_HEADER}, expected {expected.release}."
        return _answered(exchange, "release.missing", message)
    if not RELEASE.fullmatch(release):
        message = f"got {RELEASE_HEADER} {release!r}, expected a single release."
        return _answered(exchange, "release.malformed", message)
    if expected.release not in (None, release):
        message = f"got release {release}, expected {expected.release}."
        return _answered(exchange, "release.mismatch", message)
    return None
