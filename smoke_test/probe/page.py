"""The smoke test's page as browsers get it: its title, style sheets and scripts."""

from html.parser import HTMLParser
from urllib.parse import urljoin

from smoke_test.contract import PAGE_TITLE
from smoke_test.probe.exchange import Exchange
from smoke_test.probe.redirects import split_http_url
from smoke_test.probe.responder import responder
from smoke_test.probe.verdict import Verdict, verdict

# The Accept header that browsers send.
ACCEPT = "text/html,application/xhtml+xml,application/xml;q=0.9,*/*;q=0.8"

# Of another server's page; each is a request.
_MAX_ASSETS = 50

_ASSET_TYPES = ("text/css", "text/javascript", "application/javascript")


class _Parser(HTMLParser):
    def __init__(self) -> None:
        super().__init__()
        self.title: str | None = None
        self.assets: list[str] = []
        self._in_title = False

    def handle_starttag(self, tag: str, attributes: list[tuple[str, str | None]]) -> None:
        values = dict(attributes)
        self._in_title = tag == "title" and self.title is None
        if tag == "script":
            self._add(values.get("src"))
        elif tag == "link" and "stylesheet" in (values.get("rel") or "").lower().split():
            self._add(values.get("href"))

    def handle_endtag(self, _tag: str) -> None:
        self._in_title = False

    def handle_data(self, data: str) -> None:
        if self._in_title:
            self.title = (self.title or "") + data

    def _add(self, url: str | None) -> None:
        if url and url not in self.assets:
            self.assets.append(url)


def page_error(exchange: Exchange) -> Verdict | None:
    """Return what is wrong with the page, except for its status and its nonce."""
    content_type = exchange.header("Content-Type") or ""
    if content_type.partition(";")[0].strip().lower() != "text/html":
        message = f"got Content-Type {content_type!r} for a browser, expected 'text/html'."
        return _error(exchange, "page.wrong_type", message)
    title = " ".join((_parsed(exchange).title or "").split())
    if title != PAGE_TITLE:
        message = f"got the page {title!r}, expected {PAGE_TITLE!r}."
        return _error(exchange, "page.wrong_title", message)
    try:
        number = len([split_http_url(url) for url in asset_urls(exchange)])
    except ValueError:
        message = "got a style sheet or script with another address, expected a valid http one."
        return _error(exchange, "page.asset", message)
    if number > _MAX_ASSETS:
        message = f"got {number} style sheets and scripts, expected {_MAX_ASSETS} at most."
        return _error(exchange, "page.asset", message)
    return None


def asset_urls(exchange: Exchange) -> list[str]:
    """Return the URLs of the page's style sheets and scripts."""
    urls = (url.partition("#")[0] for url in _parsed(exchange).assets)
    return [urljoin(exchange.url, url) for url in urls]


def asset_error(exchange: Exchange) -> Verdict | None:
    """Return what is wrong with a style sheet or script."""
    content_type = (exchange.header("Content-Type") or "").partition(";")[0].strip().lower()
    if exchange.status == 200 and content_type in _ASSET_TYPES and exchange.body:
        return None
    message = (
        f"got {exchange.status} and {content_type!r}, expected 200 and a style sheet or script."
    )
    return _error(exchange, "page.asset", message)


def _parsed(exchange: Exchange) -> _Parser:
    parser = _Parser()
    parser.feed(exchange.body.decode("utf-8", "replace"))
    return parser


def _error(exchange: Exchange, code: str, message: str) -> Verdict:
    return verdict(exchange, code, message, answered_by=responder(exchange))
