"""Where a redirect leads, and whether a smoke test may go there."""

import re
from urllib.parse import SplitResult, urljoin, urlsplit

from smoke_test.probe.exchange import Exchange

MAX_REDIRECTS = 5

_STATUSES = {301, 302, 303, 307, 308}
_URL = re.compile(r"[A-Za-z0-9._~:/?\[\]@!$&'()*+,;=%-]+")
_HOST = re.compile(r"[A-Za-z0-9._-]+|[0-9A-Fa-f:.]+(%25[A-Za-z0-9._~-]+)?")


def split_http_url(url: str) -> SplitResult:
    """Split an http or https URL; ValueError, with what was wanted, for anything else."""
    if not _URL.fullmatch(url):
        raise ValueError("a URL without spaces, fragment or other characters to be escaped")
    parts = urlsplit(url)
    if parts.scheme not in ("http", "https"):
        raise ValueError("a URL that begins with https:// or http://")
    if not parts.hostname or not _HOST.fullmatch(parts.hostname):
        raise ValueError("a URL with a host name or address")
    if parts.port == 0:
        raise ValueError("a port from 1 to 65535")
    return parts


def is_redirect(exchange: Exchange) -> bool:
    """Return whether the answer is a redirect with a target."""
    return exchange.status in _STATUSES and exchange.header("Location") is not None


def target(exchange: Exchange) -> str:
    """Return where the redirect leads; LookupError with the redirect code where none may follow.

    The host stays the same, https stays https, no URL comes twice, and there are 5 at most.
    """
    location = exchange.header("Location") or ""
    try:
        there = split_http_url(urljoin(exchange.url, location.partition("#")[0]))
    except ValueError:
        raise LookupError("redirect.bad_target") from None
    # Credentials of the other side are not ours to send.
    there = there._replace(netloc=there.netloc.rpartition("@")[2])
    found = there.geturl()
    here = urlsplit(exchange.url)
    if (there.hostname or "").rstrip(".") != (here.hostname or "").rstrip("."):
        raise LookupError("redirect.other_host")
    if here.scheme == "https" and there.scheme == "http":
        raise LookupError("redirect.downgrade")
    if found in (exchange.url, *exchange.redirects) or len(exchange.redirects) >= MAX_REDIRECTS:
        raise LookupError("redirect.loop")
    return found
