"""The table of faults: each broken stack fails with the right code, layer and responder."""

import json
import socket
from datetime import timedelta

import pytest

from smoke_test.contract import BODY
from tests.smoke_test.probe.answers import (
    BOMB,
    JSON,
    OK,
    app,
    by_path,
    closed,
    dripping,
    echoing,
    flooding,
    head,
    kept,
    nginx,
    other,
    redirecting,
    reset,
    silent,
)
from tests.smoke_test.probe.report import probe
from tests.smoke_test.probe.servers import Script, read_request, sends, serving

HEAD = head(OK, {**JSON, "Content-Length": "70"})
# With the nonce, for `echoing`.
PROVEN = {**JSON, "X-PetSage-Release": "r1", "X-PetSage-Nonce": "{nonce}"}
PROVEN_HEAD = head(OK, {**PROVEN, "Content-Length": "70"})
PROVEN_CHUNKED = head(OK, {**PROVEN, "Transfer-Encoding": "chunked"})
CHUNKED = head(OK, {**JSON, "Transfer-Encoding": "chunked"})


def says(banner: bytes) -> Script:
    """Speak first, then read only the request."""

    def script(connection: socket.socket) -> None:
        connection.sendall(banner)
        read_request(connection)

    return script


def body(text: str) -> Script:
    return app(body=text.encode())


DJANGO = {"Referrer_Policy": "same-origin", "Cross_Origin_Opener_Policy": "same-origin"}
HAPROXY = (
    b"<html><body><h1>503 Service Unavailable</h1>\n"
    b"No server is available to handle this request.\n</body></html>\n"
)
GUNICORN = (
    b"<html>\n  <head>\n    <title>Internal Server Error</title>\n  </head>\n  <body>\n"
    b"    <h1><p>Internal Server Error</p></h1>\n    \n  </body>\n</html>\n"
)
WELCOME = b"<!DOCTYPE html>\n<html>\n<head>\n<title>Welcome to nginx!</title>\n</head></html>\n"
SPA = b'<!doctype html><html><body><div id="root"></div></body></html>'
ENVOY = b"upstream connect error or disconnect/reset before headers. reset reason: overflow"

# Name, what the server does, the code, the responder.
FAULTS: list[tuple[str, Script, str, str | None]] = [
    # http: the exchange breaks.
    ("closed after the request", closed, "http.closed", None),
    ("reset", reset(), "http.reset", None),
    ("reset in mid-header", reset(HEAD[:40]), "http.reset", None),
    ("reset in mid-body", reset(HEAD + BODY[:20]), "http.reset", None),
    ("silent", silent, "http.timeout", None),
    ("a dripping body", dripping(HEAD, b"a", 0.2), "http.timeout", None),
    ("dripping headers", dripping(b"HTTP/1.1 200 OK\r\n", b"X-A: b\r\n"), "http.timeout", None),
    ("dripping interim responses", dripping(b"", b"HTTP/1.1 102 \r\n\r\n"), "http.timeout", None),
    ("a body too short", sends(HEAD + BODY[:-1]), "http.truncated", None),
    ("a chunk too short", sends(CHUNKED + b"46\r\n" + BODY[:20]), "http.truncated", None),
    ("no last chunk", sends(CHUNKED + b"46\r\n" + BODY + b"\r\n"), "http.truncated", None),
    ("a chunk of nonsense", sends(CHUNKED + b"zz\r\n" + BODY), "http.not_http", None),
    ("an ssh server", says(b"SSH-2.0-OpenSSH_9.2p1\r\n"), "http.not_http", None),
    ("an smtp server", says(b"220 mail.example ESMTP\r\n"), "http.not_http", None),
    ("bare JSON", sends(BODY), "http.not_http", None),
    ("random bytes", sends(b"\x00\xff\x16\x03" * 64), "http.not_http", None),
    ("a TLS alert", sends(b"\x15\x03\x01\x00\x02\x02\x46"), "http.not_http", None),
    ("an unknown HTTP version", sends(b"HTTP/9.9 200 OK\r\n\r\n"), "http.not_http", None),
    ("a status of four digits", sends(b"HTTP/1.1 2000 OK\r\n\r\n" + BODY), "http.not_http", None),
    ("a negative length", sends(head(OK, {"Content-Length": "-1"})), "http.not_http", None),
    (
        "two lengths",
        sends(b"HTTP/1.1 200 OK\r\nContent-Length: 70\r\nContent-Length: 71\r\n\r\n" + BODY),
        "http.not_http",
        None,
    ),
    ("a NUL in a header", sends(head(OK, {"X": "a\0b"}) + BODY), "http.not_http", None),
    (
        "a header without a colon",
        sends(b"HTTP/1.1 200 OK\r\nX\r\n\r\n" + BODY),
        "http.not_http",
        None,
    ),
    ("an unrequested upgrade", sends(b"HTTP/1.1 101 Go\r\n\r\n" + BODY), "http.not_http", None),
    ("only an interim response", sends(b"HTTP/1.1 100 Continue\r\n\r\n"), "http.closed", None),
    ("an endless body", flooding(head(OK, JSON), b"a" * 65536), "http.too_large", None),
    ("endless headers", flooding(b"HTTP/1.1 200 OK\r\n", b"A: b\r\n"), "http.too_large", None),
    (
        "an endless header",
        flooding(b"HTTP/1.1 200 OK\r\nA: ", b"b" * 99),
        "http.too_large",
        None,
    ),
    (
        "endless interim responses",
        flooding(b"", b"HTTP/1.1 102 \r\n\r\n"),
        "http.too_large",
        None,
    ),
    # redirect
    ("to itself", redirecting("/smoke-test/"), "redirect.loop", "unknown"),
    (
        "to itself, absolute",
        redirecting("http://127.0.0.1:{port}/smoke-test/"),
        "redirect.loop",
        "unknown",
    ),
    ("to nothing", redirecting(""), "redirect.loop", "unknown"),
    ("forever", redirecting("?next={port}", "301 Moved"), "redirect.loop", "unknown"),
    (
        "in circles",
        by_path(smoke_test=redirecting("/a"), a=redirecting("/b"), b=redirecting("/a")),
        "redirect.loop",
        "unknown",
    ),
    ("to another host", redirecting("https://login.example/"), "redirect.other_host", "unknown"),
    ("without a scheme", redirecting("//evil.example/"), "redirect.other_host", "unknown"),
    (
        "to a name of this host",
        redirecting("http://localhost:{port}/"),
        "redirect.other_host",
        "unknown",
    ),
    ("to a file", redirecting("file:///etc/passwd"), "redirect.bad_target", "unknown"),
    ("to a script", redirecting("javascript:alert(1)"), "redirect.bad_target", "unknown"),
    ("to a broken address", redirecting("http://[::1/"), "redirect.bad_target", "unknown"),
    (
        "to an invalid port",
        redirecting("http://127.0.0.1:99999/"),
        "redirect.bad_target",
        "unknown",
    ),
    ("without a target", redirecting(None), "contract.wrong_status", "unknown"),
    (
        "to a login page",
        by_path(smoke_test=redirecting("/login/"), login=other(OK, SPA)),
        "contract.not_json",
        "unknown",
    ),
    (
        "to an error",
        by_path(smoke_test=redirecting("/x"), x=app("500 Error", b"{}")),
        "app.error",
        "app",
    ),
    # proxy
    (
        "nginx 502",
        other("502 Bad Gateway", nginx("502 Bad Gateway")),
        "proxy.bad_gateway",
        "proxy",
    ),
    (
        "nginx 503",
        other("503 Service Unavailable", nginx("503 Service Unavailable")),
        "proxy.unavailable",
        "proxy",
    ),
    (
        "nginx 504",
        other("504 Gateway Time-out", nginx("504 Gateway Time-out")),
        "proxy.gateway_timeout",
        "proxy",
    ),
    ("nginx 403", other("403 Forbidden", nginx("403 Forbidden")), "proxy.unrouted", "proxy"),
    *(
        (
            f"{product} 403",
            other("403 Forbidden", nginx("403 Forbidden", product=product)),
            "proxy.unrouted",
            "proxy",
        )
        for product in ("openresty", "tengine", "angie")
    ),
    (
        "HAProxy 403",
        other("403 Forbidden", HAPROXY.replace(b"503 Service Unavailable", b"403 Forbidden")),
        "proxy.refused",
        "proxy",
    ),
    (
        "nginx 404",
        other("404 Not Found", nginx("404 Not Found", product="nginx")),
        "proxy.unrouted",
        "proxy",
    ),
    ("nginx 413", other("413 Too Large", nginx("413 Too Large")), "proxy.refused", "proxy"),
    ("nginx 429", other("429 Too Many Requests", nginx("429 Too Many")), "proxy.refused", "proxy"),
    ("nginx 500", other("500 Error", nginx("500 Internal Server Error")), "proxy.error", "proxy"),
    (
        "nginx, http to its https port",
        other(
            "400 Bad Request", nginx("400", "400 The plain HTTP request was sent to HTTPS port")
        ),
        "proxy.plain_http_on_https_port",
        "proxy",
    ),
    (
        "Apache, http to its https port",
        other(
            "400 Bad Request",
            b"You're speaking plain HTTP to an SSL-enabled server port.<address>Apache</address>",
        ),
        "proxy.plain_http_on_https_port",
        "proxy",
    ),
    (
        "nginx without the client certificate it requires",
        other("400 Bad Request", nginx("400", "400 No required SSL certificate was sent")),
        "tls.client_certificate",
        "proxy",
    ),
    (
        "openresty 502",
        other("502 Bad Gateway", nginx("502", product="openresty")),
        "proxy.bad_gateway",
        "proxy",
    ),
    (
        "tengine 504",
        other("504 Time-out", nginx("504", product="tengine")),
        "proxy.gateway_timeout",
        "proxy",
    ),
    (
        "angie 503",
        other("503 No", nginx("503", product="Angie/1.7.0")),
        "proxy.unavailable",
        "proxy",
    ),
    ("Cloudflare 522", other("522 ", nginx("522", product="cloudflare")), "proxy.error", "proxy"),
    ("HAProxy 503", other("503 Service Unavailable", HAPROXY), "proxy.unavailable", "proxy"),
    ("Envoy 503", other("503 Service Unavailable", ENVOY), "proxy.unavailable", "proxy"),
    (
        "a 502 from an unknown server",
        other("502 Bad Gateway", b"oops"),
        "proxy.bad_gateway",
        "unknown",
    ),
    (
        "our nginx 502",
        other(
            "502 Bad Gateway", b'{"detail":"x"}', Proxy_Status="nginx; error=connection_refused"
        ),
        "proxy.bad_gateway",
        "proxy",
    ),
    (
        "our nginx 502, after an attempt that timed out",
        other("502 No", nginx("502"), X_Upstream_Status="504, 502", X_Upstream_Connect="0.001, -"),
        "proxy.bad_gateway",
        "proxy",
    ),
    (
        "our nginx 502, with no status",
        other("502 Bad Gateway", nginx("502"), X_Upstream_Status="-"),
        "proxy.bad_gateway",
        "proxy",
    ),
    (
        "our nginx 400",
        other("400 Bad Request", Proxy_Status="nginx; error=http_request_error"),
        "proxy.refused",
        "proxy",
    ),
    (
        "a 502 shown as 404",
        other("404 Not Found", nginx("404 Not Found"), X_Upstream_Status="502"),
        "proxy.masked",
        "proxy",
    ),
    ("a 502 shown as 200", other(OK, SPA, X_Upstream_Status="502"), "proxy.masked", "proxy"),
    (
        "a 502 shown as the right response",
        app(X_Upstream_Status="502", X_Upstream_Connect="-"),
        "proxy.masked",
        "proxy",
    ),
    (
        "a 502 shown as 503",
        other("503 No", nginx("503 No"), X_Upstream_Status="502"),
        "proxy.bad_gateway",
        "proxy",
    ),
    (
        "a 500 shown as 502",
        other("502 No", nginx("502 No"), X_Upstream_Status="500"),
        "proxy.bad_gateway",
        "proxy",
    ),
    (
        "a 502 shown as 500",
        other("500 No", nginx("500 No"), X_Upstream_Status="502"),
        "proxy.error",
        "proxy",
    ),
    (
        "Apache 503",
        other("503 No", b"<address>Apache/2.4.62 (Debian) Server at a.example</address>"),
        "proxy.unavailable",
        "proxy",
    ),
    ("Cloudflare 521", other("521 ", b"Web server is down", CF_RAY="8"), "proxy.error", "proxy"),
    # server
    ("gunicorn 500", other("500 Error", GUNICORN), "server.error", "server"),
    (
        "gunicorn 400",
        other("400 Bad Request", GUNICORN.replace(b"Internal Server Error", b"Bad Request")),
        "server.error",
        "server",
    ),
    ("uvicorn 500", other("500 Error", b"Internal Server Error"), "server.error", "server"),
    ("granian 500", other("500 Error", Content_Type=None), "server.error", "server"),
    # app
    (
        "a refused Host",
        app("400 Bad Request", b'{"detail":"Bad request."}'),
        "app.disallowed_host",
        "app",
    ),
    ("an unknown path", app("404 Not Found", b'{"detail":"Not found."}'), "app.not_found", "app"),
    ("a login wall", app("403 Forbidden", b'{"detail":"x"}'), "app.refused", "app"),
    ("a throttle", app("429 Too Many Requests", b'{"detail":"x"}'), "app.refused", "app"),
    ("an exception", app("500 Error", b'{"detail":"Server error."}'), "app.error", "app"),
    ("without a body", app("500 Error", b"", X_Upstream_Status="500"), "app.error", "app"),
    ("another release than If-Match", app("412 No", b'{"detail":"x"}'), "release.mismatch", "app"),
    ("a maintenance page", app("503 Unavailable", b"soon"), "app.error", "app"),
    (
        "a Django without our headers",
        other("400 Bad", b"x", **DJANGO),
        "app.disallowed_host",
        "app",
    ),
    ("a bare Django", other("500 E", b"<h1>Server Error (500)</h1>"), "app.error", "app"),
    (
        "an exception behind nginx's own page",
        other("500 Error", nginx("500 Error"), X_Upstream_Status="500"),
        "app.error",
        "proxy",
    ),
    (
        "an exception in the second app server",
        other("500 Error", nginx("500 Error"), X_Upstream_Status="502, 500"),
        "app.error",
        "proxy",
    ),
    (
        "an exception behind our nginx",
        other("500 Error", b"oops", X_Upstream_Status="500"),
        "app.error",
        "unknown",
    ),
    (
        "a granian that fails behind our nginx",
        other("500 Error", Content_Type=None, Server="nginx", X_Upstream_Status="500"),
        "server.error",
        "unknown",
    ),
    (
        "a gunicorn that fails behind our nginx",
        other("500 Error", GUNICORN, X_Upstream_Status="500"),
        "server.error",
        "server",
    ),
    (
        "Go, http to its https port",
        other("400 Bad Request", b"Client sent an HTTP request to an HTTPS server.\n"),
        "proxy.plain_http_on_https_port",
        "unknown",
    ),
    # unknown
    ("a 404 from an unknown server", other("404 Not Found", b"nope"), "unknown.status", "unknown"),
    ("a 500 from an unknown server", other("500 Error", b"nope"), "unknown.status", "unknown"),
    # contract
    ("204", other("204 No Content", Content_Length=None), "contract.wrong_status", "unknown"),
    ("201", app("201 Created"), "contract.wrong_status", "app"),
    ("206", app("206 Partial Content"), "contract.wrong_status", "app"),
    ("304", other("304 Not Modified"), "contract.wrong_status", "unknown"),
    ("an empty body", app(body=b""), "contract.not_json", "app"),
    ("a single-page app", other(OK, SPA), "contract.not_json", "unknown"),
    ("nginx's welcome page", other(OK, WELCOME), "contract.not_json", "unknown"),
    ("truncated JSON", app(body=BODY[:-1]), "contract.not_json", "app"),
    ("two JSON documents", app(body=BODY + BODY), "contract.not_json", "app"),
    ("JSON and more", app(body=BODY + b"\n<!-- served by x -->"), "contract.not_json", "app"),
    ("invalid UTF-8", app(body=BODY.replace(b"ok", b"\xff\xfe")), "contract.not_json", "app"),
    ("UTF-16", app(body=BODY.decode().encode("utf-16")), "contract.not_json", "app"),
    ("a byte order mark", app(body=b"\xef\xbb\xbf" + BODY), "contract.not_json", "app"),
    (
        "a repeated key",
        body('{"status":"ok","status":"ok","details":"x"}'),
        "contract.not_json",
        "app",
    ),
    ("NaN", body('{"status":NaN}'), "contract.not_json", "app"),
    ("nested a million times", app(body=b"[" * 1_000_000), "contract.not_json", "app"),
    ("an array", body("[]"), "contract.wrong_body", "app"),
    ("null", body("null"), "contract.wrong_body", "app"),
    ("another service", body('{"status":"ok"}'), "contract.wrong_body", "app"),
    ("a status of down", app(body=BODY.replace(b"ok", b"down")), "contract.wrong_body", "app"),
    ("a status in capitals", app(body=BODY.replace(b"ok", b"OK")), "contract.wrong_body", "app"),
    (
        "a status that is true",
        app(body=BODY.replace(b'"ok"', b"true")),
        "contract.wrong_body",
        "app",
    ),
    ("other details", app(body=BODY.replace(b"is", b"was")), "contract.wrong_body", "app"),
    ("an extra key", app(body=BODY.replace(b"}", b',"db":"ok"}')), "contract.wrong_body", "app"),
    ("an envelope", app(body=b'{"data":' + BODY + b"}"), "contract.wrong_body", "app"),
    ("text/plain", app(Content_Type="text/plain"), "contract.wrong_type", "app"),
    (
        "a charset",
        app(Content_Type="application/json; charset=utf-8"),
        "contract.wrong_type",
        "app",
    ),
    ("no Content-Type", app(Content_Type=None), "contract.wrong_type", "app"),
    (
        "another JSON type",
        app(Content_Type="application/health+json"),
        "contract.wrong_type",
        "app",
    ),
    *(
        (f"the cookie {name}", app(Set_Cookie=f"{name}=x; Path=/"), "contract.cookie", "app")
        for name in ("sessionid", "csrftoken", "messages")
    ),
    ("a false Content-Encoding", app(Content_Encoding="gzip"), "contract.encoded", "app"),
    ("a gzip bomb", app(body=BOMB, Content_Encoding="gzip"), "contract.encoded", "app"),
    # The nonce is the proof; the caches' own headers only explain the failure.
    ("another request's nonce", kept(), "contract.cached", "app"),
    ("a cache with an Age", kept(age="7"), "contract.cached", "app"),
    (
        "a cache without our headers",
        app(X_PetSage_Nonce=None, X_Cache="Hit from cloudfront"),
        "contract.cached",
        "app",
    ),
    (
        "a cache with an RFC 9211 header",
        app(X_PetSage_Nonce=None, Cache_Status="ExampleCache; hit"),
        "contract.cached",
        "app",
    ),
    (
        "a cache with a compact RFC 9211 header",
        app(X_PetSage_Nonce=None, Cache_Status="a;fwd=miss, b;hit=?1"),
        "contract.cached",
        "app",
    ),
    ("an Age without our headers", app(X_PetSage_Nonce=None, Age="7"), "contract.cached", "app"),
    (
        "a cache with an unreadable stamp",
        kept(stamp="yesterday"),
        "contract.cached",
        "app",
    ),
    ("no nonce", app(X_PetSage_Nonce=None), "contract.unproven", "app"),
    ("no nonce, but fresh", app(X_PetSage_Nonce=None, Age="0"), "contract.unproven", "app"),
    (
        "no nonce, and only headers that resemble a cache's",
        app(
            X_PetSage_Nonce=None,
            Age="0, 0",
            Via="1.1 hit",
            CDN_Cache_Control="stale-while-revalidate=60",
            X_Cache="Miss, nohit, hits, hit=0",
            Cache_Status="x; fwd=stale; hit=?0",
        ),
        "contract.unproven",
        "app",
    ),
    (
        "two nonces",
        echoing(PROVEN_HEAD.replace(b"{nonce}", b"{nonce}, {nonce}") + BODY),
        "contract.unproven",
        "app",
    ),
    (
        "a nonce in a trailer",
        sends(CHUNKED + b"46\r\n" + BODY + b"\r\n0\r\nX: y\r\n\r\n"),
        "contract.unproven",
        "unknown",
    ),
    ("the right body from an unknown server", sends(HEAD + BODY), "contract.unproven", "unknown"),
    # Headers that contradict each other.
    ("a 404 shown as the right response", app(X_Upstream_Status="404"), "proxy.masked", "proxy"),
    (
        "a 200 that is the proxy's own",
        app(Proxy_Status="nginx; error=connection_refused"),
        "proxy.masked",
        "proxy",
    ),
    (
        "a header line like a status line",
        sends(head("500 Error", {"HTTP/1.1 200 OK": "x", "Content-Length": "70"}) + BODY),
        "unknown.status",
        "unknown",
    ),
    (
        "a trailer like a status line",
        sends(
            head("500 Error", {"Transfer-Encoding": "chunked"})
            + b"46\r\n"
            + BODY
            + b"\r\n0\r\nHTTP/1.1 200 OK: x\r\n\r\n"
        ),
        "unknown.status",
        "unknown",
    ),
    ("two releases", app(X_PetSage_Release="r1, r0"), "release.malformed", "app"),
    ("an empty release", app(X_PetSage_Release=""), "release.malformed", "app"),
]


@pytest.mark.parametrize(
    ("script", "code", "responder"), [row[1:] for row in FAULTS], ids=[row[0] for row in FAULTS]
)
def test_a_broken_stack_fails_with_its_code_and_responder(
    script: Script, code: str, responder: str | None
) -> None:
    # A short timeout only for faults that never end, because the machine may be busy.
    timeout = "0.8" if code.endswith(".timeout") else "20"
    with serving(script) as port:
        report = probe(f"http://127.0.0.1:{port}/smoke-test/", "--timeout", timeout)

    assert report.codes == [code]
    assert report.exit_status == 1
    assert report.document["ok"] is False
    assert report.verdict["layer"] == code.partition(".")[0]
    assert report.verdict["level"] == "error"
    assert report.verdict["answered_by"] == responder
    assert report.verdict["hint"]
    assert len(report.stderr.splitlines()) == 1


HEALTHY: list[tuple[str, Script]] = [
    ("the app", app()),
    ("chunked", echoing(PROVEN_CHUNKED + b"46\r\n" + BODY + b"\r\n0\r\n\r\n")),
    ("ended by closing", echoing(head(OK, PROVEN) + BODY)),
    ("HTTP/1.0", echoing(head(OK, PROVEN).replace(b"1.1", b"1.0") + BODY)),
    ("late", app(late_s=0.3)),
    ("in small pieces", echoing(PROVEN_HEAD, *(bytes([byte]) for byte in BODY))),
    ("with early hints", echoing(head("103 Hints", {"Link": "<x>"}) + PROVEN_HEAD + BODY)),
    ("with reordered keys", app(body=json.dumps(json.loads(BODY), sort_keys=True).encode())),
    ("indented", app(body=json.dumps(json.loads(BODY), indent=4).encode())),
    ("with Age: 0", app(Age="0")),
    ("with an Age, but fresh", app(Age="7", X_Cache="HIT")),
    ("with a load balancer's cookie", app(Set_Cookie="AWSALB=x; Path=/")),
    ("with Cloudflare's cookie", app(Set_Cookie="__cf_bm=x; HttpOnly")),
    ("with CDN-Cache-Control", app(CDN_Cache_Control="stale-while-revalidate=60")),
    ("with Squid's lookup header", app(X_Cache_Lookup="HIT from squid:3128")),
    ("with hit=?0", app(Cache_Status="x; hit=?0")),
    ("forwarded by a proxy", app(Proxy_Status="cdn; received-status=200")),
    (
        "through a cache, as a miss",
        app(X_Cache="Miss from cloudfront", Cache_Status="x; fwd=stale"),
    ),
    ("with Content-Encoding: Identity", app(Content_Encoding="Identity")),
    ("with a capitalized Content-Type", app(Content_Type="Application/JSON")),
    *(
        (
            f"with a slash added, by a {status}",
            by_path(root=redirecting("/smoke-test/", f"{status} Moved"), smoke_test=app()),
        )
        for status in (301, 302, 303, 307, 308)
    ),
]


@pytest.mark.parametrize("script", [row[1] for row in HEALTHY], ids=[row[0] for row in HEALTHY])
def test_a_healthy_stack_passes(script: Script) -> None:
    with serving(script) as port:
        report = probe(f"http://127.0.0.1:{port}/", "--timeout", "20")

    assert report.exit_status == 0
    assert report.codes[0] == "ok"
    assert report.document["ok"] is True
    assert (report.verdict["layer"], report.verdict["answered_by"]) == (None, "app")
    assert report.stderr == ""


@pytest.mark.parametrize(
    ("script", "arguments", "code"),
    [
        pytest.param(
            app(X_PetSage_Release=None, X_PetSage_Answered_At=None),
            [],
            "release.missing",
            id="none of our headers",
        ),
        pytest.param(
            app(X_PetSage_Answered_At="yesterday", X_PetSage_Release=None),
            [],
            "release.missing",
            id="no release",
        ),
        pytest.param(
            app(X_Upstream_Status="502, 200", X_Upstream_Connect="-, 0.001"),
            [],
            "proxy.degraded",
            id="degraded",
        ),
        pytest.param(app(Set_Cookie="AWSALB=x"), [], "contract.cookie", id="a cookie"),
        pytest.param(app(late_s=0.2), ["--slow", "100"], "time.slow", id="slow"),
        pytest.param(app(ahead=timedelta(hours=1)), [], "time.skew", id="clock ahead"),
        pytest.param(app(ahead=timedelta(hours=-1)), [], "time.skew", id="clock behind"),
    ],
)
def test_a_warning_passes_unless_warnings_fail(
    script: Script, arguments: list[str], code: str
) -> None:
    with serving(script) as port:
        url = f"http://127.0.0.1:{port}/smoke-test/"
        report = probe(url, *arguments)
        strict = probe(url, *arguments, "--fail-level", "WARNING")

    assert (report.exit_status, report.codes) == (0, ["ok", code])
    assert report.document["verdicts"][1]["level"] == "warning"
    assert (strict.exit_status, strict.document["ok"]) == (1, False)


WITHOUT_RELEASE = {**JSON, "X-PetSage-Nonce": "{nonce}"}
IN_A_HINT = (
    head("103 Early Hints", {"X-PetSage-Release": "r1"})
    + head(OK, {**WITHOUT_RELEASE, "Content-Length": "70"})
    + BODY
)
IN_A_TRAILER = (
    head(OK, {**WITHOUT_RELEASE, "Transfer-Encoding": "chunked"})
    + b"46\r\n"
    + BODY
    + b"\r\n0\r\nX-PetSage-Release: r1\r\n\r\n"
)


@pytest.mark.parametrize(
    ("script", "code"),
    [
        pytest.param(app(X_PetSage_Release="r0"), "release.mismatch", id="an older release"),
        pytest.param(app(X_PetSage_Release="r10"), "release.mismatch", id="a longer release"),
        pytest.param(app(X_PetSage_Release="r1, r0"), "release.malformed", id="two at once"),
        pytest.param(app(X_PetSage_Release=None), "release.missing", id="none"),
        pytest.param(echoing(IN_A_TRAILER), "release.missing", id="in a trailer"),
        pytest.param(echoing(IN_A_HINT), "release.missing", id="in an interim response"),
    ],
)
def test_a_release_other_than_the_expected_one_fails(script: Script, code: str) -> None:
    with serving(script) as port:
        report = probe(f"http://127.0.0.1:{port}/smoke-test/", "--release", "r1")

    assert (report.exit_status, report.codes) == (1, [code])


def test_the_expected_release_passes() -> None:
    with serving(app()) as port:
        report = probe(f"http://127.0.0.1:{port}/smoke-test/", "--release", "r1")

    assert (report.exit_status, report.codes) == (0, ["ok"])
    assert report.verdict["release"] == "r1"


def test_a_port_without_a_listener_is_refused() -> None:
    with serving(app()) as port:
        pass

    report = probe(f"http://127.0.0.1:{port}/smoke-test/")

    assert (report.exit_status, report.codes) == (1, ["tcp.refused"])


def test_a_name_that_does_not_exist_is_not_found() -> None:
    report = probe("http://nowhere.invalid/smoke-test/")

    assert (report.exit_status, report.codes) == (1, ["dns.not_found"])


def test_a_full_backlog_is_a_timeout() -> None:
    with socket.create_server(("127.0.0.1", 0), backlog=0) as listener:
        port = listener.getsockname()[1]
        # Never accepted, so the kernel drops later connections.
        waiting = [socket.create_connection(("127.0.0.1", port))]

        report = probe(f"http://127.0.0.1:{port}/smoke-test/", "--timeout", "0.5")

        for connection in waiting:
            connection.close()

    assert (report.exit_status, report.codes) == (1, ["tcp.timeout"])
