"""The target of a redirect, and whether the probe follows it."""

import re
from typing import NamedTuple
from urllib.parse import SplitResult, urljoin, urlsplit

from smoke_test.probe.exchange import Exchange

MAX_REDIRECTS = 5

_STATUSES = {301, 302, 303, 307, 308}
_URL = re.compile(r"[A-Za-z0-9._~:/?\[\]@!$&'()*+,;=%-]*")
_HOST = re.compile(r"[A-Za-z0-9._-]+|[0-9A-Fa-f:.]+(%25[A-Za-z0-9._~-]+)?")


class Redirect(NamedTuple):
    """The URL to request next, or the code for a redirect that the probe does not follow."""

    url: str | None = None
    code: str | None = None


def split_http_url(url: str) -> SplitResult:
    """Split an http or https URL; for anything else, raise ValueError with what was expected."""
    if not _URL.fullmatch(url):
        raise ValueError("a URL without spaces, a fragment or characters that need escaping")
    try:
        parts = urlsplit(url)
        port = parts.port
    except ValueError:
        # Python's own message could contain a password.
        raise ValueError("a URL with a valid host and a port from 1 to 65535") from None
    if parts.scheme not in ("http", "https"):
        raise ValueError("a URL that begins with https:// or http://")
    if not parts.hostname or not _HOST.fullmatch(parts.hostname):
        raise ValueError("a URL with a host name or address")
    if port == 0:
        raise ValueError("a port from 1 to 65535")
    return parts


def redirect(exchange: Exchange) -> Redirect | None:
    """Return the target of a redirect; None if the response is not a redirect with a target.

    The host must not change, https must stay https, no URL may repeat, and 5 redirects are the
    limit.
    """
    location = exchange.header("Location")
    if exchange.error is not None or exchange.status not in _STATUSES or location is None:
        return None
    try:
        there = split_http_url(urljoin(exchange.url, location.partition("#")[0]))
    except ValueError:
        return Redirect(code="redirect.bad_target")
    # Never send credentials that the server put into the URL.
    there = there._replace(netloc=there.netloc.rpartition("@")[2])
    url = there.geturl()
    here = urlsplit(exchange.url)
    if (there.hostname or "").rstrip(".") != (here.hostname or "").rstrip("."):
        return Redirect(code="redirect.other_host")
    if here.scheme == "https" and there.scheme == "http":
        return Redirect(code="redirect.downgrade")
    if url in (exchange.url, *exchange.redirects) or len(exchange.redirects) >= MAX_REDIRECTS:
        return Redirect(code="redirect.loop")
    return Redirect(url)
