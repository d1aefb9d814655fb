"""The site as on a Debian machine, with its own certificate."""

import http.client
import subprocess
from collections.abc import Iterator
from http import HTTPStatus

import pytest
from django.test import override_settings

from smoke_test.contract import BODY
from tests.deploy.client import request, send_raw
from tests.deploy.conftest import Start
from tests.deploy.running import Stack
from tests.deploy.site import Site, run_site
from tests.smoke_test.probe.report import probe

pytestmark = pytest.mark.stack

NAMES = ["localhost", "petsage.example"]


@pytest.fixture(scope="module")
def stack(start: Start) -> Stack:
    """Return a stack without its nginx."""
    stack = start(DJANGO_ALLOWED_HOSTS=",".join(NAMES))
    stack.start_app()
    return stack


@pytest.fixture(scope="module")
def site(stack: Stack, openssl: str, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Site]:
    var = tmp_path_factory.mktemp("tls")
    with override_settings(ALLOWED_HOSTS=NAMES), run_site(var, stack.var, openssl) as site:
        yield site


def _request(site: Site, target: str, host: str = "") -> tuple[http.client.HTTPResponse, bytes]:
    with site.connect() as connection:
        name = host or f"localhost:{site.https}"
        request = f"GET {target} HTTP/1.1\r\nHost: {name}\r\nConnection: close\r\n\r\n"
        connection.sendall(request.encode())
        response = http.client.HTTPResponse(connection)
        response.begin()
        return response, response.read()


@pytest.mark.parametrize("host", NAMES)
def test_the_site_responds_over_tls_with_hsts(site: Site, host: str) -> None:
    response, body = _request(site, "/smoke-test/", host)

    assert (response.status, body) == (HTTPStatus.OK, BODY)
    assert response.headers.get_all("Strict-Transport-Security") == ["max-age=63072000"]


@pytest.mark.parametrize("target", ["/static/petsage/icon.svg", "/static/missing", "/missing/"])
def test_hsts_is_on_every_response(site: Site, target: str) -> None:
    response, _ = _request(site, target)

    assert response.headers.get_all("Strict-Transport-Security") == ["max-age=63072000"]


def test_django_builds_https_urls(site: Site) -> None:
    _, body = _request(site, "/")

    assert f'"smoke-test":"https://localhost:{site.https}/smoke-test/"'.encode() in body


@pytest.mark.parametrize(
    "host", ["10.0.0.7", "[2001:db8::1]:443", "petsage_backend", "petsage:80"]
)
def test_a_name_that_only_machines_use_gets_the_smoke_test_and_nothing_else(
    site: Site, host: str
) -> None:
    smoke_test, body = _request(site, "/smoke-test/", host=host)
    other, _ = _request(site, "/docs/", host=host)

    assert (smoke_test.status, body) == (HTTPStatus.OK, BODY)
    assert other.status == HTTPStatus.NOT_FOUND


@pytest.mark.parametrize("host", ["elsewhere.example", "127.0.0.1.evil.example", "localhost.a"])
@pytest.mark.parametrize("target", ["/smoke-test/", "/docs/"])
def test_a_foreign_name_gets_404_for_the_smoke_test_too(
    site: Site, host: str, target: str
) -> None:
    response, body = _request(site, target, host=host)

    assert (response.status, body) == (HTTPStatus.NOT_FOUND, b'{"detail":"Not found."}')
    assert response.headers["Proxy-Status"] == "nginx; error=destination_not_found"


def test_the_probe_reports_such_a_name_as_unrouted(site: Site) -> None:
    url = f"https://elsewhere.example:{site.https}/smoke-test/"
    arguments = ("--connect-to", f"127.0.0.1:{site.https}", "--ca-file", str(site.certificate))

    report = probe(url, *arguments)

    assert (report.exit_status, report.codes) == (1, ["proxy.unrouted"])
    assert report.verdict["answered_by"] == "proxy"


HOSTS = ["localhost", "localhost:80", "10.0.0.7", "petsage_backend", "elsewhere.example"]


@pytest.mark.parametrize("host", HOSTS)
@pytest.mark.parametrize("target", ["/smoke-test/", "///smoke-test/?a=b"])
def test_plain_http_serves_health_checks_for_every_host(
    site: Site, host: str, target: str
) -> None:
    reply = request(site.http, target, Host=host)

    assert (reply.status, reply.body) == (HTTPStatus.OK, BODY)
    assert reply.headers["X-PetSage-Release"] == "t1"
    assert reply.headers["Strict-Transport-Security"] is None


@pytest.mark.parametrize(
    "raw",
    [
        b"GET /smoke-test/ HTTP/1.0\r\n\r\n",
        b"OPTIONS * HTTP/1.0\r\nHost: localhost\r\n\r\n",
        b"HEAD /smoke-test/ HTTP/1.0\r\n\r\n",
    ],
)
def test_plain_http_serves_old_http_1_0_checkers(site: Site, raw: bytes) -> None:
    received = send_raw(site.http, raw)

    assert received.startswith(b"HTTP/1.1 200 OK\r\n")
    assert b"\r\nX-PetSage-Release: t1\r\n" in received


def test_plain_http_leaves_methods_and_the_slash_to_the_app(site: Site) -> None:
    post = request(site.http, "/smoke-test/", "POST", Host="localhost")
    slash = request(site.http, "/smoke-test", Host="10.0.0.7")

    assert post.status == HTTPStatus.METHOD_NOT_ALLOWED
    assert post.headers["X-PetSage-Release"] == "t1"
    assert slash.status == HTTPStatus.TEMPORARY_REDIRECT
    assert slash.headers["Location"] == "/smoke-test/"


@pytest.mark.parametrize(
    ("host", "target"),
    [
        ("localhost", "localhost"),
        ("10.0.0.7", "localhost"),
        # Never to a foreign name.
        ("evil.example", "localhost"),
    ],
)
def test_everything_else_over_plain_http_is_redirected_to_the_site(
    site: Site, host: str, target: str
) -> None:
    reply = request(site.http, "/docs/?a=b", "POST", Host=host)

    assert reply.status == HTTPStatus.PERMANENT_REDIRECT
    assert reply.headers["Location"] == f"https://{target}:{site.https}/docs/?a=b"
    assert reply.headers["Cache-Control"] == "no-store"
    assert reply.headers["Strict-Transport-Security"] is None
    assert reply.headers["X-Request-ID"] is not None


@pytest.mark.parametrize("host", ["localhost", "10.0.0.7"])
def test_certbots_challenges_are_not_redirected(site: Site, host: str) -> None:
    reply = request(site.http, "/.well-known/acme-challenge/none", Host=host)

    assert reply.status == HTTPStatus.NOT_FOUND
    assert reply.headers["Proxy-Status"] == "nginx; error=destination_not_found"


def test_plain_http_on_the_tls_port_gets_400_as_json(site: Site) -> None:
    reply = request(site.https, Host="localhost")

    assert reply.status == HTTPStatus.BAD_REQUEST
    assert reply.json() == {"detail": "Bad request."}
    assert reply.headers["Proxy-Status"] == "nginx; error=http_request_error"


def test_the_site_speaks_http_2(site: Site) -> None:
    with site.connect(alpn="h2") as connection:
        assert connection.selected_alpn_protocol() == "h2"


@pytest.mark.parametrize(
    ("option", "ciphers", "accepted"),
    [
        ("-tls1_3", "ALL", True),
        ("-tls1_2", "ALL", True),
        # CBC, and no SHA-256.
        ("-tls1_2", "ECDHE-ECDSA-AES128-SHA", False),
        ("-tls1_1", "ALL", False),
        ("-tls1", "ALL", False),
    ],
)
def test_only_tls_1_2_and_1_3_with_strong_ciphers_are_accepted(
    site: Site, openssl: str, option: str, ciphers: str, accepted: bool
) -> None:
    # At security level 0, this client accepts everything, so only the server can refuse.
    result = subprocess.run(
        [openssl, "s_client", "-connect", f"127.0.0.1:{site.https}", option,
         "-cipher", f"{ciphers}:@SECLEVEL=0"],
        stdin=subprocess.DEVNULL, capture_output=True, text=True, check=False, timeout=20,
    )  # fmt: skip

    assert ("Cipher is (NONE)" not in result.stdout) == accepted


def test_without_the_app_no_health_check_passes(stack: Stack, site: Site) -> None:
    stack.stop_app()
    try:
        targets = ("/smoke-test/", "///smoke-test/", "/smoke-test")
        replies = [request(site.http, target, Host=host) for host in HOSTS for target in targets]
        options = send_raw(site.http, b"OPTIONS * HTTP/1.0\r\n\r\n")
    finally:
        stack.start_app()

    assert {reply.status for reply in replies} == {HTTPStatus.BAD_GATEWAY}
    assert {reply.headers["Proxy-Status"] for reply in replies} == {
        "nginx; error=destination_unavailable"
    }
    assert options.startswith(b"HTTP/1.1 502 Bad Gateway\r\n")
