"""The requests of real clients, as they reach the app behind our nginx.

The headers are those that deploy/nginx/proxy.conf sets.
"""

from collections.abc import Callable, Iterable, Iterator, Mapping
from typing import TYPE_CHECKING, NamedTuple

from smoke_test.contract import PATH
from smoke_test.in_process import judges
from smoke_test.probe.page import ACCEPT as BROWSER
from smoke_test.services import Observer, SmokeTestResult

if TYPE_CHECKING:
    from smoke_test.in_process.client import Answer

JSON = "application/json"
BROWSER_AGENT = "Mozilla/5.0 (compatible)"
TOKEN = "the in-process probe replaced this result"  # noqa: S105 - no secret


class Simulated(Exception):
    """Raised instead of returning the smoke test's result, to make the view fail."""


class Request(NamedTuple):
    """One request; `name` says how it differs from the others.

    `judge` yields what is wrong with the response. `forwarded_proto` is how the client reached
    nginx, None without nginx; `scheme` is how nginx or the client reached the app server.
    `observer` replaces the result of run_smoke_test. `warm` means that the same request was sent
    before, so nothing is left to load. `limit_s` is the time limit for a response; nginx's own is
    2.4 s.
    """

    name: str
    host: str
    judge: Callable[["Request", "Answer"], Iterator[judges.Problem]] = judges.json_answer
    method: str = "GET"
    path: str = PATH
    query: str = ""
    user_agent: str = "petsage-smoke-test"
    accept: str | None = JSON
    forwarded_proto: str | None = "https"
    scheme: str = "http"
    # A unix socket has no address.
    client_address: str = ""
    headers: Mapping[str, str] = {}
    has_nonce: bool = True
    observer: Observer = lambda result: result
    warm: bool = False
    limit_s: float = 0.5

    def __str__(self) -> str:
        return f"{self.method} {self.path} ({self.name})" if self.path else self.name


# Not a request: it only loads the project.
LOAD = Request("loading the application", "", judges.loaded, path="", limit_s=10.0)


def real_requests(allowed_hosts: Iterable[str]) -> Iterator[Request]:
    """Yield the requests, simplest first, because only the first failure is reported."""
    hosts = [_named(host) for host in allowed_hosts] or ["localhost"]
    probe = Request("the probe", hosts[0])
    yield LOAD
    # More time, because the first request still loads code.
    yield probe._replace(limit_s=2.0)
    # From the second request on, a cache could respond instead of the view.
    yield probe._replace(name="the probe again", warm=True)
    yield probe._replace(name="another result", observer=_replace, judge=judges.replaced_result)
    yield probe._replace(name="if the view fails", observer=_fail, judge=judges.failure)

    for variation in _variations(probe, hosts[1:]):
        yield variation
        # A project could hide a failure, or use a cache, for one kind of client only.
        name = f"{variation.name}, if the view fails"
        yield variation._replace(name=name, observer=_fail, judge=judges.failure)

    yield probe._replace(name="OPTIONS", method="OPTIONS", judge=judges.allowed_methods)
    yield probe._replace(name="POST", method="POST", judge=judges.allowed_methods)
    other = {"If-Match": '"of another time"'}
    yield probe._replace(name="another release", headers=other, judge=judges.other_release)
    missing = f"{PATH}no-such-path"
    yield probe._replace(name="no such path", path=missing, judge=judges.not_found)
    slashless = PATH.rstrip("/")
    yield probe._replace(name="no slash", path=slashless, judge=judges.slash_redirect)

    browser = probe._replace(name="a browser", accept=BROWSER, judge=judges.page)
    yield browser._replace(limit_s=2.0)
    yield browser._replace(name="a browser again")
    yield browser._replace(
        name="a browser, if the view fails", observer=_fail, judge=judges.failure
    )
    yield browser._replace(name="a browser, no such path", path=missing, judge=judges.not_found)


def _variations(probe: Request, other_hosts: list[str]) -> Iterator[Request]:
    """Yield the same request as sent by other clients, to each host and over each scheme."""
    for agent in ("kube-probe/1.34", "ELB-HealthChecker/2.0", "GoogleHC/1.0", BROWSER_AGENT):
        yield probe._replace(name=agent, user_agent=agent, accept="*/*", has_nonce=False)
    yield probe._replace(name="no User-Agent", user_agent="")
    yield probe._replace(name="no Accept", accept=None)
    yield probe._replace(name="Accept: text/plain", accept="text/plain")
    # As Go's HTTP client sends.
    yield probe._replace(name="Accept-Encoding: gzip", headers={"Accept-Encoding": "gzip"})
    stale = {"Authorization": "Basic !", "Cookie": f"sessionid={'0' * 32}; csrftoken={'0' * 32}"}
    yield probe._replace(name="stale credentials", headers=stale)
    stale = {"If-None-Match": "*", "If-Modified-Since": "Fri, 01 Jan 2100 00:00:00 GMT"}
    yield probe._replace(name="from a client's cache", headers=stale)
    yield probe._replace(name="a query string", query="time=1")
    yield probe._replace(name="plain http by nginx", forwarded_proto="http")
    yield probe._replace(name="https without nginx", forwarded_proto=None, scheme="https")
    yield probe._replace(name="from an address", client_address="192.0.2.7")
    yield probe._replace(name="from an IPv6 address", client_address="2001:db8::7")
    for host in other_hosts:
        yield probe._replace(name=f"Host: {host}", host=host)
    yield probe._replace(name="HEAD", method="HEAD")


def _named(host: str) -> str:
    """Return a Host that this entry of ALLOWED_HOSTS accepts."""
    return "localhost" if host == "*" else host.removeprefix(".")


def _replace(result: SmokeTestResult) -> SmokeTestResult:
    return SmokeTestResult(status=result.status, details=TOKEN)


def _fail(_result: SmokeTestResult) -> SmokeTestResult:
    raise Simulated("simulated by the in-process probe of the smoke test")
