"""Who responded, tested by probing real proxies and app servers."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.conftest import program
from tests.smoke_test.probe.real_products import PROXIES, SERVERS, running
from tests.smoke_test.probe.report import probe

pytestmark = pytest.mark.server

NAMES = {
    "nginx": "nginx",
    "haproxy": "HAProxy",
    "apache": "Apache",
    "apache, no signature": "Apache",
    "varnish": "Varnish",
    "squid": "Squid",
    "lighttpd": "lighttpd",
    "h2o": "h2o",
    "caddy": "Caddy",
}


@pytest.fixture(scope="module", params=PROXIES)
def proxy(
    request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[tuple[str, str]]:
    """Run each proxy; yield its name and its base URL."""
    product = PROXIES[request.param]
    path = program(product.program, product.package)
    with running(product, path, tmp_path_factory.mktemp("proxy")) as url:
        yield NAMES[request.param], url


@pytest.mark.parametrize("route", ["dead", "closing", "silent"])
def test_a_proxy_without_a_response_is_recognized_by_its_page(
    proxy: tuple[str, str], route: str
) -> None:
    name, url = proxy

    verdict = probe(f"{url}/{route}/200/", "--timeout", "20").verdict

    assert (verdict["answered_by"], verdict["responder"]) == ("proxy", name)
    assert verdict["layer"] == "proxy"


@pytest.mark.parametrize("response", ["404", "500", "empty-200", "empty-404"])
def test_a_forwarded_response_is_not_attributed_to_the_proxy(
    proxy: tuple[str, str], response: str
) -> None:
    name, url = proxy
    # Caddy 2.6 sends no Via, so an empty response that it forwards looks like its own.
    expected = "unknown" if (name, response) != ("Caddy", "empty-404") else "proxy"

    verdict = probe(f"{url}/foreign/{response}/", "--timeout", "20").verdict

    assert verdict["answered_by"] == expected


@pytest.mark.parametrize("name", SERVERS)
def test_an_app_server_whose_app_raises_is_recognized_by_its_page(
    name: str, tmp_path: Path
) -> None:
    product = SERVERS[name]
    with running(product, program(product.program, product.package), tmp_path) as url:
        verdict = probe(f"{url}/smoke-test/").verdict

    assert (verdict["code"], verdict["responder"]) == ("server.error", name)
