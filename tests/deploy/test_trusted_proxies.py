"""Which client address the log, the limits and the app get behind a load balancer."""

import dataclasses
import http.client
import json
import socketserver
import ssl
import threading
from collections import Counter
from collections.abc import Iterator
from http import HTTPStatus

import pytest

from tests.deploy.client import Reply, request
from tests.deploy.site import Site, run_site
from tests.polling import wait_until

pytestmark = pytest.mark.stack

CLIENT, OTHER_CLIENT, FORGED = "203.0.113.7", "203.0.113.8", "6.6.6.6"
TRUSTED, UNTRUSTED = "127.0.0.1", "127.0.0.2"


class Echo(socketserver.StreamRequestHandler):
    """Stands in for the app, and responds with the X-Forwarded-For that it received."""

    def handle(self) -> None:
        head = [line.rstrip() for line in iter(self.rfile.readline, b"\r\n")]
        [got] = [line[17:] for line in head if line.lower().startswith(b"x-forwarded-for: ")]
        self.wfile.write(b"HTTP/1.1 200 OK\r\nConnection: close\r\n\r\n" + got)


@pytest.fixture(scope="module")
def site(openssl: str, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Site]:
    var = tmp_path_factory.mktemp("site")
    (var / "app-2.sock").symlink_to("app-1.sock")
    with socketserver.ThreadingUnixStreamServer(str(var / "app-1.sock"), Echo) as app:
        threading.Thread(target=app.serve_forever, daemon=True).start()
        settings = {"NGINX_TRUSTED_PROXIES": f"{TRUSTED},10.0.0.0/8", "NGINX_RATE": "1"}
        with run_site(var, var, openssl, **settings) as site:
            yield site
        app.shutdown()


def _by_tls(site: Site, forwarded: str, proxy: bytes = b"", source: str = TRUSTED) -> bytes:
    """Return the X-Forwarded-For that the app got."""
    with site.connect(proxy=proxy, source=source) as connection:
        lines = f"Host: localhost\r\nX-Forwarded-For: {forwarded}\r\nConnection: close\r\n\r\n"
        connection.sendall(f"GET /smoke-test/ HTTP/1.1\r\n{lines}".encode())
        response = http.client.HTTPResponse(connection)
        response.begin()
        return response.read()


def _get(site: Site, target: str, forwarded: str) -> Reply:
    return request(site.http, target, Host="localhost", X_Forwarded_For=forwarded)


@pytest.mark.parametrize(
    ("forwarded", "client"),
    [
        (CLIENT, CLIENT),
        # The client's own entry comes first, the balancers' last.
        (f"{FORGED}, {CLIENT}", CLIENT),
        (f"{FORGED}, {CLIENT}, 10.0.0.9", CLIENT),
        ("nonsense", TRUSTED),
    ],
)
def test_the_app_gets_the_client_that_a_trusted_proxy_names(
    site: Site, forwarded: str, client: str
) -> None:
    assert _get(site, "/smoke-test/", forwarded).body.decode() == client
    assert _by_tls(site, forwarded).decode() == client


def test_an_untrusted_client_cannot_forge_its_address(site: Site) -> None:
    assert _by_tls(site, FORGED, source=UNTRUSTED).decode() == UNTRUSTED


def test_the_log_names_the_client(site: Site) -> None:
    reply = _get(site, "/docs/", CLIENT)

    request_id = reply.headers["X-Request-ID"]
    wait_until(lambda: request_id in site.access_log.read_text(), f"{request_id} is logged")
    lines = [json.loads(line) for line in site.access_log.read_text().splitlines()]
    assert [line["client"] for line in lines if line["request_id"] == request_id] == [CLIENT]


def _proxy_line(client: str) -> bytes:
    return f"PROXY TCP4 {client} 192.0.2.1 50000 443\r\n".encode()


def test_the_proxy_protocol_names_the_client(site: Site) -> None:
    assert _by_tls(site, FORGED, _proxy_line(CLIENT)).decode() == CLIENT


def test_the_proxy_protocol_of_an_untrusted_client_is_ignored(site: Site) -> None:
    got = _by_tls(site, FORGED, _proxy_line(CLIENT), source=UNTRUSTED)

    assert got.decode() == UNTRUSTED


def test_the_proxy_protocol_port_rejects_connections_without_a_proxy_line(site: Site) -> None:
    plain = dataclasses.replace(site, https=site.proxied)

    with pytest.raises((ConnectionResetError, ssl.SSLEOFError)):
        _by_tls(plain, FORGED)


def test_clients_behind_one_balancer_have_separate_limits(site: Site) -> None:
    def statuses(client: str, count: int) -> Counter[int]:
        replies: Counter[int] = Counter()
        for _ in range(count):
            with site.connect(proxy=_proxy_line(client)) as connection:
                connection.sendall(
                    b"GET /docs/ HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n"
                )
                response = http.client.HTTPResponse(connection)
                response.begin()
                replies[response.status] += 1
        return replies

    flood = statuses(CLIENT, 30)
    other = statuses(OTHER_CLIENT, 3)

    assert flood[HTTPStatus.TOO_MANY_REQUESTS] > 10
    # One request per second, and a burst of two.
    assert other == {HTTPStatus.OK: 3}
