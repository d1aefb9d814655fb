"""One attempt: each request followed to where it leads, and asked again where that is needed."""

import time
from collections.abc import Callable, Sequence
from dataclasses import replace

from smoke_test.probe import freshness, redirects
from smoke_test.probe.curl import Ask, exchange
from smoke_test.probe.exchange import Exchange

# So that two fresh answers differ in their stamps, which have milliseconds.
_BETWEEN_TWO_S = 0.005


def attempt(asks: Sequence[Ask], timeout_s: float, tick: Callable[[], None]) -> list[Exchange]:
    """Return the last exchange of each request, in order, after `timeout_s` at the latest.

    Redirects that may be followed are followed. An answer whose stamp lies outside of its exchange
    is asked for once more, which tells a cache from a clock.
    """
    deadline = time.monotonic() + timeout_s

    def exchange_in_time(pending: Sequence[Ask]) -> list[Exchange]:
        return exchange(pending, max(0.001, deadline - time.monotonic()), tick)

    latest = exchange_in_time(asks)
    while led := {i: url for i, e in enumerate(latest) if (url := _leads_to(e))}:
        if time.monotonic() >= deadline:
            break
        follow_ups = [asks[i]._replace(url=url) for i, url in led.items()]
        for i, found in zip(led, exchange_in_time(follow_ups), strict=True):
            latest[i] = replace(found, redirects=(*latest[i].redirects, latest[i].url))
    doubtful = [i for i, e in enumerate(latest) if e.status == 200 and freshness.is_doubtful(e)]
    if doubtful:
        time.sleep(_BETWEEN_TWO_S)
        again = exchange_in_time([asks[i]._replace(url=latest[i].url) for i in doubtful])
        for i, found in zip(doubtful, again, strict=True):
            latest[i] = replace(latest[i], asked_again=found)
    return latest


def _leads_to(exchange: Exchange) -> str | None:
    if exchange.failure is not None or not redirects.is_redirect(exchange):
        return None
    try:
        return redirects.target(exchange)
    except LookupError:
        return None
