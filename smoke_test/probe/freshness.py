"""Whether an answer was made for this request, or kept from another; and whose clock is off."""

import re
from datetime import UTC, datetime, timedelta

from smoke_test.contract import ANSWERED_AT_HEADER
from smoke_test.probe.exchange import Exchange

# How far two clocks may differ before it is worth a warning.
MAX_SKEW = timedelta(seconds=2)

_MILLISECOND = timedelta(milliseconds=1)
_HIT = re.compile(r"(?<![a-z])(?:hit|stale|updating)(?![a-z])", re.IGNORECASE)
# There `fwd=stale` is an answer that was asked for anew.
_RFC_9211_HIT = re.compile(r";\s*hit\b")
_STAMP = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(?:\.\d+)?Z")


def answered_at(exchange: Exchange) -> datetime | None:
    """Return when the answer says it was made; None where it does not say, or not legibly."""
    stamp = exchange.header(ANSWERED_AT_HEADER) or ""
    if not _STAMP.fullmatch(stamp):
        return None
    try:
        return datetime.fromisoformat(stamp).astimezone(UTC)
    except ValueError:
        return None


def is_doubtful(exchange: Exchange) -> bool:
    """Return whether the stamp lies outside of the exchange: a cache, or another clock.

    One exchange cannot tell these two apart; the same request once more does.
    """
    stamp = answered_at(exchange)
    if stamp is None or exchange.status != 200:
        return False
    return not exchange.sent_at - _MILLISECOND <= stamp <= exchange.received_at + _MILLISECOND


def cached(exchange: Exchange) -> str | None:
    """Return what shows that the answer came from a cache, None where nothing does."""
    age = exchange.header("Age") or ""
    if age.isascii() and age.isdecimal() and age.strip("0"):
        return f"Age is {age}"
    for name, value in exchange.headers:
        hit = _RFC_9211_HIT if name == "cache-status" else _HIT
        if "cache" in name and name != "cache-control" and hit.search(value):
            return f"{name} is {value!r}"
    again = exchange.repeated
    first, second = answered_at(exchange), answered_at(again) if again else None
    if first is None or not is_doubtful(exchange):
        return None
    if again is None or second is None:
        old = first < exchange.sent_at - MAX_SKEW
    else:
        # Two fresh answers are as far apart as the requests, whatever the clock.
        between = again.sent_at - exchange.sent_at
        old = first == second or abs(second - first - between) > MAX_SKEW
    return (
        f"it was made before it was asked for, at {first:%Y-%m-%d %H:%M:%S} UTC" if old else None
    )


def skew(exchange: Exchange) -> timedelta:
    """Return how far the other clock is ahead of ours at least (negative: behind)."""
    stamp = answered_at(exchange)
    if stamp is None or exchange.sent_at <= stamp <= exchange.received_at:
        return timedelta()
    return stamp - (exchange.sent_at if stamp < exchange.sent_at else exchange.received_at)
