"""From an exchange to verdicts: which layer failed, who answered, and what to do.

Pure: no socket, no clock, no output. There is exactly one verdict of level ok or error; warnings
follow an ok.
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

# What a cache adds to an answer from its store (RFC 9111 5.1, RFC 9211, and what products send).
_HIT = re.compile(r"(?<![a-z])(?:hit|stale|updating|revalidated)(?![a-z=])", re.IGNORECASE)
_RFC_9211_HIT = re.compile(r";\s*hit\s*(?:;|,|$|=\?1)")

# Cookies of Django itself. Others come from a load balancer in front of it.
_APP_COOKIES = ("sessionid", "csrftoken", "messages")

# A missing index or location is a 403 to nginx. Other proxies refuse clients by it.
_NGINX = ("nginx", "openresty", "tengine", "angie")

# What nginx, Apache and Go say to plain http on a TLS port.
_PLAIN_HTTP = (
    b"plain HTTP request was sent to HTTPS port",
    b"speaking plain HTTP to an SSL-enabled server port",
    b"Client sent an HTTP request to an HTTPS server",
)

# What a wrong path looks like.
_WRONG_PATH = {"app.not_found", "contract.not_json", "contract.wrong_body", "proxy.unrouted"}

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
    who = "the app" if release is None else f"release {release}"
    where = exchange.address if exchange.address == IN_PROCESS else f"at {exchange.address}"
    message = f"{who} answered {where}."
    passed = verdict(exchange, "ok", message, answered_by=responder(exchange), level="ok")
    found = warnings(exchange, expected.slow_ms, expected.cert_days)
    return [
        passed,
        *(_answered(exchange, code, text)._replace(level="warning") for code, text in found),
    ]


def proof_error(exchange: Exchange, expected: Expectations) -> Verdict | None:
    """Return what keeps the answer from being the app's own answer to this very request."""
    if (echoed := exchange.header(NONCE_HEADER)) == exchange.nonce:
        return _release_error(exchange, expected)
    cache = _cache_evidence(exchange)
    if echoed is not None and NONCE.fullmatch(echoed):
        explained = f" ({cache})" if cache else ""
        message = f"the answer was made for another request{explained}."
        return _answered(exchange, "contract.cached", message)
    if echoed is not None:
        message = f"got {NONCE_HEADER} {echoed!r}, expected {exchange.nonce}."
        return _answered(exchange, "contract.unproven", message)
    if cache:
        return _answered(exchange, "contract.cached", f"the answer is from a cache: {cache}.")
    message = f"the answer has no {NONCE_HEADER}, expected {exchange.nonce}."
    hint = None
    if exchange.header(RELEASE_HEADER) is None:
        hint = "nothing shows that PetSage answered: does a proxy drop the X-PetSage headers?"
    return _answered(exchange, "contract.unproven", message, hint)


def compare(front: list[Verdict], direct: list[Verdict]) -> list[Verdict]:
    """Return the front's verdicts, refined by what the app server itself answered.

    If the front gets no answer but the app server does answer, the front is misconfigured; if
    neither answers, the app is down.
    """
    judged, app = front[0], direct[0]
    if judged.level == "ok" and app.level == "ok" and judged.release != app.release:
        message = f"the front shows release {judged.release}, the app server {app.release}."
        return [_recoded(judged, "release.mismatch", message), *direct]
    if judged.code not in _GATEWAY.values():
        return [*front, *direct]
    # Whatever the app server answers, it does answer.
    code = "app.down" if app.status is None else "proxy.upstream"
    message = f"{judged.message} Asked directly, {app.url}: {app.message}"
    return [_recoded(judged, code, message), *direct]


def _recoded(judged: Verdict, code: str, message: str) -> Verdict:
    layer = code.partition(".")[0]
    hint = CODES[code].hint
    return judged._replace(level="error", layer=layer, code=code, message=message, hint=hint)


def _error(exchange: Exchange, expected: Expectations) -> Verdict | None:
    return answer_error(exchange) or contract_error(exchange) or proof_error(exchange, expected)


def _answered(exchange: Exchange, code: str, message: str, hint: str | None = None) -> Verdict:
    """Return an error about an answer, whoever sent it."""
    if code in _WRONG_PATH and urlsplit(exchange.url).path != PATH:
        hint = f"is the path right? The smoke test's is {PATH}"
    return verdict(exchange, code, message, answered_by=responder(exchange), hint=hint)


def answer_error(exchange: Exchange, status: int = 200) -> Verdict | None:
    """Return what is wrong with the transport, the redirects or the status of an answer."""
    if exchange.error is not None:
        # Imported only here: a probe that passes starts faster without it.
        from smoke_test.probe.transport_errors import transport_verdict

        return transport_verdict(exchange, exchange.error)
    if exchange.status is None:
        message = f"{exchange.address} sent no status line of HTTP/1 or 2."
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
        # A redirect that can be followed was followed, unless the time was up.
        code = found.code or "http.timeout"
        return _answered(exchange, code, f"{exchange.status}: {' -> '.join(chain)}.")
    return _status_error(exchange, exchange.status, status)


def _masked(exchange: Exchange, status: int) -> str | None:
    """Return how a proxy's account of the answer contradicts its status."""
    upstream = [told for told in upstream_statuses(exchange) if told != "-"]
    if upstream and upstream[-1] != str(status) and not (status >= 500 <= int(upstream[-1])):
        return f"{status}, but the app server's answer to the proxy was {upstream[-1]}."
    if status < 400 and (name := failed_proxy(exchange.header("Proxy-Status") or "")):
        return f"{status}, but by its Proxy-Status {name} answered itself, with an error."
    return None


def _status_error(exchange: Exchange, status: int, expected: int) -> Verdict:
    answered_by, name = responder(exchange)
    if status < 400 or (expected != 200 and answered_by == "app"):
        message = f"got {status}, expected {expected}."
        return _answered(exchange, "contract.wrong_status", message)
    message = f"{status}, answered by {name}."
    told = upstream_statuses(exchange)[-1:] == [str(status)] and status not in _GATEWAY
    if answered_by == "server" or (told and answered_by == "unknown" and not exchange.body):
        # Django always writes a body.
        code = "server.error"
    elif answered_by == "app" or told:
        other = "app.error" if status >= 500 else "app.refused"
        by_status = {400: "app.disallowed_host", 404: "app.not_found", 412: "release.mismatch"}
        code = by_status.get(status, other)
    elif any(words in exchange.body for words in _PLAIN_HTTP):
        code = "proxy.plain_http_on_https_port"
    elif status in _GATEWAY:
        return _gateway_error(exchange, status)
    elif answered_by == "unknown":
        code, message = "unknown.status", f"{status}, and nothing shows who answered."
    elif b"No required SSL certificate was sent" in exchange.body:
        code = "tls.client_certificate"
    elif status == 404 or (status == 403 and name in _NGINX):
        code = "proxy.unrouted"
    else:
        code = "proxy.refused" if status < 500 else "proxy.error"
    return _answered(exchange, code, message)


def _gateway_error(exchange: Exchange, status: int) -> Verdict:
    """Return the verdict on a 502, 503 or 504, with what nginx says about its connection."""
    _, name = responder(exchange)
    # nginx's own account of the upstream counts more than the status it shows.
    told = upstream_statuses(exchange)[-1:]
    if told and told[0].isdecimal() and int(told[0]) in _GATEWAY:
        status = int(told[0])
    connect = upstream_connects(exchange)[-1:]
    detail, hint = "", None
    if connect == ["-"]:
        detail = ": it never connected to the app server"
        hint = "is the app server running? `systemctl status petsage.slice`"
    elif connect and status == 502:
        detail = ": the app server closed the connection without an answer"
        hint = "did a worker crash? `journalctl -u petsage.slice`"
    elif connect and status == 504:
        detail = ": it connected, but the app server did not answer"
        hint = "is a worker stuck or overloaded? `systemctl restart 'petsage-*'`"
    message = f"{status}, answered by {name}{detail}."
    return _answered(exchange, _GATEWAY[status], message, hint)


def contract_error(exchange: Exchange) -> Verdict | None:
    """Return what differs from the contract in the headers and the body."""
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
    """Return the header that shows a cache's answer. It explains a failure, and decides none."""
    age = exchange.header("Age") or ""
    if age.isascii() and age.isdecimal() and age.strip("0"):
        return f"Age is {age}"
    for name, value in exchange.headers:
        hit = _RFC_9211_HIT if name == "cache-status" else _HIT
        if "cache" in name and "control" not in name and hit.search(value):
            return f"{name} is {value!r}"
    return None


def _release_error(exchange: Exchange, expected: Expectations) -> Verdict | None:
    found = exchange.header(RELEASE_HEADER)
    if found is None:
        if expected.release is None:
            return None
        message = f"the answer has no {RELEASE_HEADER}, expected {expected.release}."
        return _answered(exchange, "release.missing", message)
    if not RELEASE.fullmatch(found):
        message = f"got {RELEASE_HEADER} {found!r}, expected a single release."
        return _answered(exchange, "release.malformed", message)
    if expected.release not in (None, found):
        message = f"got release {found}, expected {expected.release}."
        return _answered(exchange, "release.mismatch", message)
    return None
