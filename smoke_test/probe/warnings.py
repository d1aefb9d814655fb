"""Warnings about a response that passes."""

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta

from smoke_test.contract import ANSWERED_AT_HEADER, RELEASE_HEADER
from smoke_test.probe.exchange import IN_PROCESS, Exchange
from smoke_test.probe.responder import upstream_statuses

# How far two clocks may differ without a warning.
_MAX_SKEW = timedelta(seconds=2)


def warnings(exchange: Exchange, slow_ms: float, cert_days: float) -> Iterator[tuple[str, str]]:
    """Yield the code and the message of each warning."""
    yield from _header_warnings(exchange)
    yield from _connection_warnings(exchange, slow_ms, cert_days)


def cookie_names(exchange: Exchange) -> list[str]:
    """Return the names of the cookies that the response sets."""
    return [v.partition("=")[0].strip() for name, v in exchange.headers if name == "set-cookie"]


def _header_warnings(exchange: Exchange) -> Iterator[tuple[str, str]]:
    headers = (RELEASE_HEADER, ANSWERED_AT_HEADER)
    if missing := [name for name in headers if exchange.header(name) is None]:
        yield "release.missing", f"the response has no {' and no '.join(missing)}."
    if cookies := cookie_names(exchange):
        yield "contract.cookie", f"got a cookie '{cookies[0]}', expected none."
    if len(upstream := upstream_statuses(exchange)) > 1:
        yield (
            "proxy.degraded",
            f"the app servers sent {', '.join(upstream)}: one of them is down.",
        )
    if abs(skew := _skew(exchange)) > _MAX_SKEW:
        where = "ahead of" if skew > timedelta() else "behind"
        seconds = abs(skew.total_seconds())
        yield "time.skew", f"the server's clock is {seconds:.1f} s {where} this one."


def _connection_warnings(
    exchange: Exchange, slow_ms: float, cert_days: float
) -> Iterator[tuple[str, str]]:
    if exchange.failed_address is not None:
        yield "tcp.degraded", f"another address of the name failed: {exchange.failed_address}."
    if exchange.certificate is not None:
        left = (exchange.certificate.expires_at - exchange.received_at).total_seconds() / 86400
        if left < cert_days:
            yield (
                "tls.expiring",
                f"the certificate, or one in its chain, expires in {left:.1f} days.",
            )
    if exchange.url.startswith("http:") and not _is_local(exchange):
        yield "tls.plaintext", "the response came over plain http from another machine."
    if exchange.timings.total > slow_ms:
        took = f"{exchange.timings.total:.0f} ms"
        yield "time.slow", f"took {took}, expected at most {slow_ms:.0f} ms."


def _skew(exchange: Exchange) -> timedelta:
    """Return how far, at least, the server's clock is ahead of this one (negative: behind)."""
    try:
        stamp = datetime.fromisoformat(exchange.header(ANSWERED_AT_HEADER) or "").astimezone(UTC)
    except (ValueError, OverflowError):
        return timedelta()
    if exchange.sent_at <= stamp <= exchange.received_at:
        return timedelta()
    return stamp - (exchange.sent_at if stamp < exchange.sent_at else exchange.received_at)


def _is_local(exchange: Exchange) -> bool:
    """Return whether the server is this machine: loopback, a unix socket or this process."""
    address = exchange.address or ""
    return address.startswith(("127.", "unix:")) or address in ("::1", IN_PROCESS)
