"""The site as on a Debian machine, with a certificate of its own."""

import http.client
import socket
import ssl
import subprocess
from collections.abc import Iterator
from dataclasses import dataclass
from http import HTTPStatus
from pathlib import Path

import pytest

from deploy.nginx import render
from deploy.nginx.__main__ import debian_values
from smoke_test.contract import BODY
from tests.conftest import free_ports
from tests.deploy.client import request
from tests.deploy.conftest import Start
from tests.nginx import run_nginx

pytestmark = pytest.mark.stack


@dataclass(frozen=True)
class Site:
    http: int
    https: int
    certificate: Path


@pytest.fixture(scope="module")
def site(start: Start, openssl: str, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Site]:
    stack = start()
    stack.start_app()
    var = tmp_path_factory.mktemp("tls")
    certificate = var / "certificate.pem"
    subprocess.run(
        [openssl, "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1",
         "-nodes", "-subj", "/CN=localhost", "-addext", "subjectAltName=DNS:localhost",
         "-keyout", var / "key.pem", "-out", certificate],
        check=True, capture_output=True,
    )  # fmt: skip
    site = Site(free_ports(1)[0], free_ports(1)[0], certificate)
    values = debian_values() | {
        "sockets": str(stack.var),
        "static": str(Path("var/static").resolve()),
        "access_log": str(var / "access.log"),
        "http_listen": [f"127.0.0.1:{site.http}"],
        "https_listen": [f"127.0.0.1:{site.https}"],
        "port_suffix": f":{site.https}",
        "certificate": str(certificate),
        "key": str(var / "key.pem"),
    }
    with run_nginx(var, site.https, render("site.conf", values)):
        yield site


def _connect(site: Site, alpn: str = "http/1.1") -> ssl.SSLSocket:
    context = ssl.create_default_context(cafile=str(site.certificate))
    context.set_alpn_protocols([alpn])
    raw = socket.create_connection(("127.0.0.1", site.https), timeout=10)
    return context.wrap_socket(raw, server_hostname="localhost")


def _request(site: Site, target: str, host: str = "") -> tuple[http.client.HTTPResponse, bytes]:
    with _connect(site) as connection:
        name = host or f"localhost:{site.https}"
        request = f"GET {target} HTTP/1.1\r\nHost: {name}\r\nConnection: close\r\n\r\n"
        connection.sendall(request.encode())
        response = http.client.HTTPResponse(connection)
        response.begin()
        return response, response.read()


def test_the_site_answers_over_tls_with_hsts(site: Site) -> None:
    response, body = _request(site, "/smoke-test/")

    assert (response.status, body) == (HTTPStatus.OK, BODY)
    assert response.headers.get_all("Strict-Transport-Security") == ["max-age=63072000"]


@pytest.mark.parametrize("target", ["/static/petsage/icon.svg", "/static/missing", "/missing/"])
def test_hsts_is_on_every_answer(site: Site, target: str) -> None:
    response, _ = _request(site, target)

    assert response.headers.get_all("Strict-Transport-Security") == ["max-age=63072000"]


def test_django_builds_https_urls(site: Site) -> None:
    _, body = _request(site, "/")

    assert f'"smoke-test":"https://localhost:{site.https}/smoke-test/"'.encode() in body


def test_a_request_by_ip_address_gets_the_smoke_test_and_nothing_else(site: Site) -> None:
    smoke_test, body = _request(site, "/smoke-test/", host="10.0.0.7")
    other, _ = _request(site, "/docs/", host="10.0.0.7")

    assert (smoke_test.status, body) == (HTTPStatus.OK, BODY)
    assert other.status == HTTPStatus.NOT_FOUND
    assert request(site.http, Host="10.0.0.7").body == BODY


def test_plain_http_is_redirected_to_https_with_method_and_query(site: Site) -> None:
    reply = request(site.http, "/smoke-test/?a=b", "POST", Host="localhost")

    assert reply.status == HTTPStatus.PERMANENT_REDIRECT
    assert reply.headers["Location"] == f"https://localhost:{site.https}/smoke-test/?a=b"
    assert reply.headers["Strict-Transport-Security"] is None


def test_plain_http_is_never_redirected_to_a_foreign_host(site: Site) -> None:
    reply = request(site.http, "/docs/", Host="evil.example")

    assert reply.status == HTTPStatus.NOT_FOUND
    assert reply.headers["Location"] is None


def test_plain_http_on_the_tls_port_gets_400_as_json(site: Site) -> None:
    reply = request(site.https, Host="localhost")

    assert reply.status == HTTPStatus.BAD_REQUEST
    assert reply.json() == {"detail": "Bad request."}
    assert reply.headers["Proxy-Status"] == "nginx; error=http_request_error"


def test_the_site_speaks_http_2(site: Site) -> None:
    with _connect(site, alpn="h2") as connection:
        assert connection.selected_alpn_protocol() == "h2"


@pytest.mark.parametrize(
    ("option", "accepted"),
    [("-tls1_3", True), ("-tls1_2", True), ("-tls1_1", False), ("-tls1", False)],
)
def test_only_tls_1_2_and_1_3_are_accepted(
    site: Site, openssl: str, option: str, accepted: bool
) -> None:
    # At security level 0, this client accepts everything, so only the server can refuse.
    result = subprocess.run(
        [openssl, "s_client", "-connect", f"127.0.0.1:{site.https}", option,
         "-cipher", "ALL:@SECLEVEL=0"],
        stdin=subprocess.DEVNULL, capture_output=True, text=True, check=False, timeout=20,
    )  # fmt: skip

    assert ("Cipher is (NONE)" not in result.stdout) == accepted
