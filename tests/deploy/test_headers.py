"""Which hosts are served, which headers clients cannot spoof, and which every response has."""

import re
import socket
from http import HTTPStatus

import pytest

from smoke_test.contract import BODY
from tests.deploy.client import request, send_raw
from tests.deploy.conftest import Start
from tests.deploy.running import Stack, stand_in
from tests.smoke_test.probe.servers import read_request

pytestmark = pytest.mark.stack


@pytest.mark.parametrize(
    "host",
    [
        "10.0.0.7",
        "10.0.0.7:8080",
        "[::2]",
        "[2001:db8::1]:80",
        "localhost",
        "petsage_backend",
        "petsage.default.svc.cluster.local:8080",
        "elsewhere.example",
    ],
)
def test_a_health_checker_gets_the_smoke_test_for_every_host(stack: Stack, host: str) -> None:
    reply = request(stack.port, Host=host)

    assert (reply.status, reply.body) == (HTTPStatus.OK, BODY)
    assert reply.headers["X-PetSage-Release"] == "t1"


def test_a_health_checker_that_sends_no_host_gets_the_smoke_test(stack: Stack) -> None:
    received = send_raw(stack.port, b"GET /smoke-test/ HTTP/1.0\r\n\r\n")

    assert received.startswith(b"HTTP/1.1 200 OK\r\n")
    assert received.endswith(BODY)


@pytest.mark.parametrize("host", ["localhost", "10.0.0.7", "elsewhere.example"])
@pytest.mark.parametrize("target", ["//smoke-test/", "///smoke-test/", "///smoke-test/?a=b"])
def test_a_health_checker_may_send_extra_slashes(stack: Stack, host: str, target: str) -> None:
    reply = request(stack.port, target, Host=host)

    assert (reply.status, reply.body) == (HTTPStatus.OK, BODY)


@pytest.mark.parametrize("host", ["localhost", "10.0.0.7", "elsewhere.example"])
@pytest.mark.parametrize("target", ["/smoke-test?a=b", "///smoke-test?a=b"])
def test_a_missing_slash_is_redirected_to_the_same_host(
    stack: Stack, host: str, target: str
) -> None:
    reply = request(stack.port, target, "POST", Host=host)

    assert reply.status == HTTPStatus.TEMPORARY_REDIRECT
    assert reply.headers["Location"] == "/smoke-test/?a=b"
    assert reply.headers["Cache-Control"] == "no-store"


@pytest.mark.parametrize("version", ["1.0", "1.1"])
def test_the_app_responds_to_options_for_the_whole_server(stack: Stack, version: str) -> None:
    line = f"OPTIONS * HTTP/{version}\r\n"

    received = send_raw(stack.port, f"{line}Host: 10.0.0.7\r\nConnection: close\r\n\r\n".encode())

    head, _, body = received.partition(b"\r\n\r\n")
    assert head.startswith(b"HTTP/1.1 200 OK\r\n")
    assert b"\r\nX-PetSage-Release: t1\r\n" in head
    assert body == BODY


@pytest.mark.parametrize("line", [b"GET * HTTP/1.1", b"OPTIONS *x HTTP/1.1", b"OPTIONS *"])
def test_other_malformed_requests_get_400_as_json(stack: Stack, line: bytes) -> None:
    received = send_raw(stack.port, line + b"\r\nHost: localhost\r\n\r\n")

    head, _, body = received.partition(b"\r\n\r\n")
    assert head.startswith(b"HTTP/1.1 400 Bad Request\r\n")
    assert b"\r\nProxy-Status: nginx; error=http_request_error\r\n" in head
    assert body == b'{"detail":"Bad request."}'


@pytest.mark.parametrize(
    "target", ["/", "/docs/", "/smoke-test/x", "/x/smoke-test/", "//docs/", "/static/"]
)
def test_a_request_by_ip_address_gets_only_the_smoke_test(stack: Stack, target: str) -> None:
    reply = request(stack.port, target, Host="10.0.0.7")

    assert reply.status == HTTPStatus.NOT_FOUND
    assert reply.json() == {"detail": "Not found."}
    assert reply.headers["Proxy-Status"] == "nginx; error=destination_not_found"


@pytest.mark.parametrize("host", ["evil.example", "127.0.0.1.evil.example", "localhost.a", "a_b"])
def test_nginx_responds_404_to_foreign_host_names(stack: Stack, host: str) -> None:
    reply = request(stack.port, "/docs/", Host=host)

    assert reply.status == HTTPStatus.NOT_FOUND
    assert reply.headers["Proxy-Status"] == "nginx; error=destination_not_found"


SPOOFED = {
    "Forwarded": "for=6.6.6.6;host=evil.example;proto=https",
    "Front-End-Https": "on",
    "Proxy": "http://evil.example",
    "X-Forwarded-For": "6.6.6.6",
    "X-Forwarded-Host": "evil.example",
    "X-Forwarded-Port": "666",
    "X-Forwarded-Prefix": "/evil",
    "X-Forwarded-Proto": "https",
    "X-Forwarded-Protocol": "https",
    "X-Forwarded-Scheme": "https",
    "X-Forwarded-Server": "evil.example",
    "X-Forwarded-Ssl": "on",
    "X-HTTP-Method-Override": "DELETE",
    "X-Original-URL": "/docs/",
    "X-Real-IP": "6.6.6.6",
    "X-Request-ID": "6" * 32,
    "X-Rewrite-URL": "/docs/",
    "X-Url-Scheme": "https",
    "X_Forwarded_Proto": "https",
    "Proxy-Status": "evil; error=proxy_internal_error",
    "X-PetSage-Release": "evil",
}


@pytest.mark.parametrize("name", SPOOFED)
def test_spoofed_headers_do_not_change_the_response(stack: Stack, name: str) -> None:
    # The root page contains full URLs, so a spoofed scheme, host, port or prefix would show.
    lines = f"Host: localhost\r\n{name}: {SPOOFED[name]}\r\nConnection: close\r\n"
    received = send_raw(stack.port, f"GET / HTTP/1.1\r\n{lines}\r\n".encode())

    head, _, body = received.partition(b"\r\n\r\n")
    assert head.startswith(b"HTTP/1.1 200 OK\r\n")
    assert body == (
        b'{"smoke-test":"http://localhost:%(port)d/smoke-test/",'
        b'"docs":"http://localhost:%(port)d/docs/",'
        b'"openapi":"http://localhost:%(port)d/openapi.json"}' % {b"port": stack.port}
    )
    for evil in (b"evil", b"6.6.6.6", b":666", b"6" * 32, b"Proxy-Status"):
        assert evil not in head


ONLY_FROM_NGINX = (
    "Proxy-Status",
    "Strict-Transport-Security",
    "X-Request-ID",
    "X-Upstream-Connect",
    "X-Upstream-Status",
)


@pytest.mark.parametrize("target", ["/smoke-test/", "/"])
def test_no_spoofed_header_reaches_the_app_or_the_client(start: Start, target: str) -> None:
    forwarded: list[str] = []

    def script(connection: socket.socket) -> None:
        forwarded.extend(read_request(connection).decode().split("\r\n")[:-2])
        lines = "".join(f"{name}: evil\r\n" for name in ONLY_FROM_NGINX)
        connection.sendall(f"HTTP/1.1 200 OK\r\nConnection: close\r\n{lines}\r\n".encode())

    lines = "".join(f"{name}: {value}\r\n" for name, value in SPOOFED.items())
    stack = start()
    with stand_in(stack, script):
        stack.start_nginx()
        raw = f"GET {target} HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n{lines}\r\n"
        head = send_raw(stack.port, raw.encode()).decode()

    assert head.startswith("HTTP/1.1 200 OK\r\n")
    assert "evil" not in head
    [request_id] = re.findall(r"^X-Request-ID: (\w+)", head, re.MULTILINE)
    assert set(forwarded) == {
        f"GET {target} HTTP/1.1",
        f"Host: localhost:{stack.port}",
        "X-Forwarded-For: 127.0.0.1",
        "X-Forwarded-Proto: http",
        f"X-Request-ID: {request_id}",
        # These mean nothing in a request.
        f"Proxy-Status: {SPOOFED['Proxy-Status']}",
        f"X-PetSage-Release: {SPOOFED['X-PetSage-Release']}",
    }


@pytest.mark.parametrize("name", ["json", "page", "malformed"])
def test_the_locations_of_nginxs_errors_are_internal(stack: Stack, name: str) -> None:
    reply = request(stack.port, f"/.proxy/{name}")

    assert reply.status == HTTPStatus.NOT_FOUND


def test_the_host_in_the_request_line_beats_the_host_header(stack: Stack) -> None:
    received = send_raw(
        stack.port,
        b"GET http://evil.example/docs/ HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n",
    )

    assert received.startswith(b"HTTP/1.1 404 Not Found\r\n")


def test_only_the_probe_sees_the_upstream_status(stack: Stack) -> None:
    probe = request(stack.port, X_PetSage_Probe="1")
    other = request(stack.port)

    assert probe.headers["X-Upstream-Status"] == "200"
    assert float(probe.headers["X-Upstream-Connect"]) < 1
    assert other.headers["X-Upstream-Status"] is None
    assert other.headers["X-Upstream-Connect"] is None


def test_our_header_names_have_the_documented_case(stack: Stack) -> None:
    nonce = "0123456789abcdef0123456789abcdef"
    lines = f"Host: localhost\r\nX-PetSage-Nonce: {nonce}\r\nConnection: close"

    received = send_raw(stack.port, f"GET /smoke-test/ HTTP/1.1\r\n{lines}\r\n\r\n".encode())

    names = re.findall(r"^(x-petsage-[\w-]+): ", received.decode(), re.IGNORECASE | re.MULTILINE)
    assert names == ["X-PetSage-Release", "X-PetSage-Answered-At", "X-PetSage-Nonce"]
    assert f"\r\nX-PetSage-Nonce: {nonce}\r\n".encode() in received


@pytest.mark.parametrize(
    ("target", "host"),
    [
        ("/smoke-test/", "localhost"),
        ("/smoke-test/", "10.0.0.7"),
        ("/openapi.json", "localhost"),
        ("/missing/", "localhost"),
        ("/static/missing", "localhost"),
        ("/", "elsewhere.example"),
    ],
)
def test_json_has_a_policy_in_case_a_client_displays_it_as_a_page(
    stack: Stack, target: str, host: str
) -> None:
    reply = request(stack.port, target, Host=host)

    assert reply.headers["Content-Type"] == "application/json"
    policy = "default-src 'none'; frame-ancestors 'none'"
    assert reply.headers.get_all("Content-Security-Policy") == [policy]
    assert reply.headers.get_all("Cross-Origin-Resource-Policy") == ["same-origin"]


@pytest.mark.parametrize(
    ("target", "script"),
    [("/smoke-test/", "script-src 'self'"), ("/static/missing", "style-src 'self'")],
)
def test_a_page_keeps_its_own_policy(stack: Stack, target: str, script: str) -> None:
    reply = request(stack.port, target, Accept="text/html")

    [policy] = reply.headers.get_all("Content-Security-Policy", [])
    assert script in policy
    assert reply.headers.get_all("Cross-Origin-Resource-Policy") == ["same-origin"]


@pytest.mark.parametrize(
    ("accept", "content_type"),
    [
        ("text/html", "text/html; charset=utf-8"),
        ("TEXT/HTML", "text/html; charset=utf-8"),
        ("application/json", "application/json"),
    ],
)
def test_nginxs_own_errors_have_every_security_header(
    stack: Stack, accept: str, content_type: str
) -> None:
    reply = request(stack.port, "/static/missing", Accept=accept)

    expected = {
        "Cache-Control": "no-store",
        "Content-Type": content_type,
        "Permissions-Policy": "camera=(), geolocation=(), microphone=(), payment=(), usb=()",
        "Referrer-Policy": "same-origin",
        "Vary": "Accept",
        "X-Content-Type-Options": "nosniff",
        "X-Frame-Options": "DENY",
    }
    assert {name: reply.headers[name] for name in expected} == expected


def test_consul_gets_json(stack: Stack) -> None:
    # Consul's default for an HTTP check.
    accept = "text/plain, text/*, */*"

    answered = request(stack.port, Accept=accept)
    missing = request(stack.port, "/docs/", Accept=accept, Host="10.0.0.7")

    assert answered.body == BODY
    assert missing.json() == {"detail": "Not found."}


@pytest.mark.parametrize("host", ["localhost", "10.0.0.7"])
def test_nginx_leaves_preconditions_to_the_app(stack: Stack, host: str) -> None:
    plain = request(stack.port, Host=host)
    same = request(stack.port, Host=host, If_Match='"t1"')
    other = request(stack.port, Host=host, If_Match='"t2"')
    cached = request(stack.port, Host=host, If_None_Match='"t1"')

    assert plain.headers["ETag"] == same.headers["ETag"] == '"t1"'
    assert (same.status, same.body) == (cached.status, cached.body) == (HTTPStatus.OK, BODY)
    assert other.status == HTTPStatus.PRECONDITION_FAILED
    assert other.json() == {"detail": 'Got release "t1", expected If-Match: "t2".'}
    assert other.headers["X-PetSage-Release"] == "t1"
    assert other.headers["Proxy-Status"] is None


@pytest.mark.parametrize(
    ("lines", "status"),
    [
        (b'If-Match: "t2", "t1"\r\n', b"200 OK"),
        # nginx accepts only one line.
        (b'If-Match: "t2"\r\nIf-Match: "t1"\r\n', b"400 Bad Request"),
        (b"If-Match:\r\n", b"412 Precondition Failed"),
    ],
)
def test_an_empty_or_repeated_if_match_never_passes(
    stack: Stack, lines: bytes, status: bytes
) -> None:
    head = b"GET /smoke-test/ HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n"

    received = send_raw(stack.port, head + lines + b"\r\n")

    assert received.startswith(b"HTTP/1.1 " + status + b"\r\n")


def test_a_failed_precondition_of_a_static_file_is_json(stack: Stack) -> None:
    reply = request(stack.port, "/static/petsage/icon.svg", If_Match='"t1"')

    assert reply.status == HTTPStatus.PRECONDITION_FAILED
    assert reply.json() == {"detail": "The precondition failed."}
    assert reply.headers["Proxy-Status"] == "nginx; error=http_request_error"


def test_nginx_passes_the_apps_own_errors_through(stack: Stack) -> None:
    missing = request(stack.port, "/missing/")
    refused = request(stack.port, method="POST", body=b"{}")

    assert missing.status == HTTPStatus.NOT_FOUND
    assert refused.status == HTTPStatus.METHOD_NOT_ALLOWED
    assert refused.headers["Allow"] == "GET, HEAD, OPTIONS"
    for reply in (missing, refused):
        assert reply.headers["X-PetSage-Release"] == "t1"
        assert reply.headers["Proxy-Status"] is None


@pytest.mark.parametrize(
    ("line", "allow"),
    [
        (b"TRACE /smoke-test/", b"GET, HEAD, OPTIONS"),
        (b"POST /static/petsage/icon.svg", b"GET, HEAD"),
    ],
)
def test_methods_that_nginx_refuses_get_405_with_allow_and_proxy_status(
    stack: Stack, line: bytes, allow: bytes
) -> None:
    lines = b"Host: localhost\r\nConnection: close\r\n"

    received = send_raw(stack.port, line + b" HTTP/1.1\r\n" + lines + b"\r\n")

    head, _, body = received.partition(b"\r\n\r\n")
    assert head.startswith(b"HTTP/1.1 405 Not Allowed\r\n")
    assert b"\r\nProxy-Status: nginx; error=http_request_error\r\n" in head
    assert b"\r\nAllow: " + allow + b"\r\n" in head
    assert body == b'{"detail":"Method not allowed."}'


@pytest.mark.parametrize(
    ("line", "field", "status", "detail"),
    [
        (b"GET /static/ HTTP/1.1", b"", b"403", b"Permission denied."),
        (b"GET /static/petsage/icon.svg HTTP/1.1", b"Range: bytes=99999-\r\n", b"416",
         b"The range cannot be served."),
        (b"GET / HTTP/1.1", b"Transfer-Encoding: identity\r\n", b"501", b"Not implemented."),
        (b"GET / HTTP/3.0", b"", b"505", b"HTTP version not supported."),
    ],
)  # fmt: skip
def test_nginxs_other_errors_are_json_too(
    stack: Stack, line: bytes, field: bytes, status: bytes, detail: bytes
) -> None:
    lines = b"\r\nHost: localhost\r\nConnection: close\r\n"

    head, _, body = send_raw(stack.port, line + lines + field + b"\r\n").partition(b"\r\n\r\n")

    assert head.startswith(b"HTTP/1.1 " + status)
    assert b"\r\nProxy-Status: nginx; error=" in head
    assert body == b'{"detail":"%s"}' % detail


@pytest.mark.parametrize(
    ("target", "host"),
    [("/", ""), ("/smoke-test/", ""), ("/static/none", ""), ("/", "evil.example")],
)
def test_no_response_reveals_a_version_or_the_app_server(
    stack: Stack, target: str, host: str
) -> None:
    reply = request(stack.port, target, Host=host)

    assert reply.headers.get_all("Server") == ["nginx"]
    assert b"nginx/" not in reply.body
    assert "granian" not in str(reply.headers).lower()
    assert len(reply.headers.get_all("X-Request-ID", [])) == 1


def test_static_files_with_a_digest_are_immutable_and_compressed(stack: Stack) -> None:
    page = request(stack.port, "/docs/", Accept="text/html").body.decode()
    script = next(part for part in page.split('"') if "swagger-ui-bundle." in part)

    # A CDN sends Via.
    packed = request(stack.port, script, Accept_Encoding="gzip", Via="1.1 cdn")
    plain = request(stack.port, script)

    assert packed.status == HTTPStatus.OK
    assert packed.headers["Cache-Control"] == "public, max-age=31536000, immutable"
    assert packed.headers["Content-Encoding"] == "gzip"
    assert packed.headers["Vary"] == "Accept-Encoding"
    assert packed.headers["X-Content-Type-Options"] == "nosniff"
    assert len(packed.body) < len(plain.body) / 2


def test_static_files_without_a_digest_are_revalidated(stack: Stack) -> None:
    reply = request(stack.port, "/static/petsage/icon.svg")

    assert reply.status == HTTPStatus.OK
    assert reply.headers["Content-Type"] == "image/svg+xml"
    assert reply.headers["Cache-Control"] == "no-cache"


@pytest.mark.parametrize(
    "target", ["/static/../manage.py", "/static/%2e%2e/nginx.conf", "/static/"]
)
def test_files_outside_the_static_directory_are_not_served(stack: Stack, target: str) -> None:
    reply = request(stack.port, target)

    assert reply.status in {HTTPStatus.FORBIDDEN, HTTPStatus.NOT_FOUND}
