"""The proxy and app layers with real programs: nginx in front of granian and Django."""

import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
import trustme

from tests.conftest import ROOT, free_ports, listens
from tests.nginx import run_nginx
from tests.polling import wait_until
from tests.smoke_test.probe import certificates
from tests.smoke_test.probe.answers import app, reset, silent
from tests.smoke_test.probe.report import Report, probe
from tests.smoke_test.probe.servers import serving

pytestmark = pytest.mark.server


@contextmanager
def granian(
    port: int, settings: str = "petsage_project.settings", **environ: str
) -> Iterator[None]:
    """Run the app server with these settings until the block ends."""
    program = str(Path(sys.executable).with_name("granian"))
    command = [program, "--interface", "wsgi", "--port", str(port), "--log-level", "critical"]
    env = os.environ | {"DJANGO_SETTINGS_MODULE": settings, "PETSAGE_RELEASE": "r1"} | environ
    with subprocess.Popen(
        [*command, "petsage_project.wsgi:application"], cwd=ROOT, env=env
    ) as process:
        try:
            wait_until(lambda: listens(port), f"granian listens on {port}")
            yield
        finally:
            process.send_signal(signal.SIGTERM)


@pytest.fixture(scope="module")
def app_port() -> Iterator[int]:
    [port] = free_ports(1)
    with granian(port):
        yield port


SITE = "http://127.0.0.1:{port}/smoke-test/"

TO_APP = "proxy_pass http://127.0.0.1:{up}; proxy_set_header Host $host;"
TO_ANOTHER_PATH = "proxy_pass http://127.0.0.1:{up}/old/; proxy_set_header Host $host;"
UPSTREAM_HEADERS = (
    "add_header X-Upstream-Status $upstream_status always; "
    "add_header X-Upstream-Connect $upstream_connect_time always;"
)

# Name, the server block, the code, the responder. `{up}` is the app server's port; nothing listens
# on `{dead}`; `{silent}` accepts and never responds; `{closing}` accepts and closes.
PROXIES = [
    ("healthy", "location / { " + TO_APP + " }", "ok", "app"),
    (
        "refused",
        "location / { proxy_pass http://127.0.0.1:{dead}; }",
        "proxy.bad_gateway",
        "proxy",
    ),
    (
        "no socket",
        "location / { proxy_pass http://unix:/nowhere.sock; }",
        "proxy.bad_gateway",
        "proxy",
    ),
    (
        "closed",
        "location / { proxy_pass http://127.0.0.1:{closing}; }",
        "proxy.bad_gateway",
        "proxy",
    ),
    (
        "silent",
        "location / { proxy_pass http://127.0.0.1:{silent}; proxy_read_timeout 1s; }",
        "proxy.gateway_timeout",
        "proxy",
    ),
    ("unavailable", "location / { return 503; }", "proxy.unavailable", "proxy"),
    ("forbidden", "location / { deny all; }", "proxy.unrouted", "proxy"),
    ("not routed", "location /elsewhere/ { " + TO_APP + " }", "proxy.unrouted", "proxy"),
    ("another page", "location / { return 200 'hello'; }", "contract.not_json", "unknown"),
    ("closed by 444", "location / { return 444; }", "http.closed", None),
    ("a redirect loop", "location / { return 301 $request_uri; }", "redirect.loop", "proxy"),
    (
        "to https",
        "location / { return 301 https://login.example/; }",
        "redirect.other_host",
        "proxy",
    ),
    (
        "a missing error page",
        "error_page 502 /502.html; location = /502.html { root /nowhere; } "
        + UPSTREAM_HEADERS
        + " location / { proxy_pass http://127.0.0.1:{dead}; }",
        "proxy.masked",
        "proxy",
    ),
    (
        "an error shown as a success",
        "error_page 502 =200 @ok; "
        + UPSTREAM_HEADERS
        + " location / { proxy_pass http://127.0.0.1:{dead}; }"
        + " location @ok { return 200 'fine'; }",
        "proxy.masked",
        "proxy",
    ),
    (
        "a wrong Host",
        "location / { proxy_pass http://127.0.0.1:{up}; proxy_set_header Host upstream.example; }",
        "app.disallowed_host",
        "app",
    ),
    (
        "a wrong path",
        "location /smoke-test/ { " + TO_ANOTHER_PATH + " }",
        "app.not_found",
        "app",
    ),
    (
        "headers stripped",
        "location / { " + TO_APP + " proxy_hide_header X-PetSage-Release; "
        "proxy_hide_header X-PetSage-Answered-At; proxy_hide_header X-PetSage-Nonce; }",
        "contract.unproven",
        "app",
    ),
    (
        "the nonce stripped from the request",
        "location / { " + TO_APP + ' proxy_set_header X-PetSage-Nonce ""; }',
        "contract.unproven",
        "app",
    ),
    (
        "a cookie",
        "location / { " + TO_APP + " add_header Set-Cookie sessionid=b; }",
        "contract.cookie",
        "app",
    ),
]


def probe_nginx(folder: Path, server: str, app_port: int, *arguments: str) -> Report:
    """Probe an nginx with this server block; see PROXIES for the placeholders."""
    port, dead = free_ports(2)
    with serving(silent) as silent_port, serving(reset()) as closing_port:
        values = {"up": app_port, "dead": dead, "silent": silent_port, "closing": closing_port}
        for name, value in values.items():
            server = server.replace(f"{{{name}}}", str(value))
        http = f"server {{ listen 127.0.0.1:{port}; {server} }}"
        with run_nginx(folder, port, http):
            return probe(SITE.format(port=port), *arguments)


@pytest.mark.parametrize(
    ("server", "code", "responder"), [row[1:] for row in PROXIES], ids=[row[0] for row in PROXIES]
)
def test_a_real_nginx_gets_the_right_code_and_responder(
    app_port: int,
    tmp_path: Path,
    server: str,
    code: str,
    responder: str | None,
) -> None:
    report = probe_nginx(tmp_path, server, app_port)

    assert report.codes[0] == code
    assert report.exit_status == (0 if code == "ok" else 1)
    assert report.verdict["answered_by"] == responder


@pytest.mark.parametrize(
    ("server", "words"),
    [
        pytest.param(
            "location / { proxy_pass http://127.0.0.1:{dead}; }", "never connected", id="dead"
        ),
        pytest.param(
            "location / { proxy_pass http://127.0.0.1:{closing}; }",
            "closed the connection",
            id="closing",
        ),
        pytest.param(
            "location / { proxy_pass http://127.0.0.1:{silent}; proxy_read_timeout 1s; }",
            "did not respond",
            id="silent",
        ),
    ],
)
def test_a_proxy_that_reports_its_upstream_refines_the_verdict(
    app_port: int, tmp_path: Path, server: str, words: str
) -> None:
    report = probe_nginx(tmp_path, f"{UPSTREAM_HEADERS} {server}", app_port)

    assert words in report.verdict["message"]


def test_one_dead_app_server_of_two_is_a_warning(app_port: int, tmp_path: Path) -> None:
    [port, dead] = free_ports(2)
    http = (
        f"upstream app {{ server 127.0.0.1:{dead} max_fails=0; server 127.0.0.1:{app_port}; }} "
        f"server {{ listen 127.0.0.1:{port}; {UPSTREAM_HEADERS} "
        f"location / {{ proxy_pass http://app; proxy_set_header Host $host; }} }}"
    )
    with run_nginx(tmp_path, port, http):
        codes = [probe(SITE.format(port=port)).codes for _ in range(2)]

    assert ["ok", "proxy.degraded"] in codes
    assert all(first == "ok" for first, *_ in codes)


def test_a_response_from_nginxs_cache_fails(app_port: int, tmp_path: Path) -> None:
    [port] = free_ports(1)
    to_app = TO_APP.replace("{up}", str(app_port))
    http = (
        f"proxy_cache_path {tmp_path}/cache keys_zone=z:1m; "
        f"server {{ listen 127.0.0.1:{port}; location / {{ {to_app} "
        "proxy_cache z; proxy_cache_valid 200 1m; "
        "proxy_ignore_headers Cache-Control Expires Vary; } }"
    )
    with run_nginx(tmp_path, port, http):
        first, second = (probe(SITE.format(port=port)) for _ in range(2))

    assert first.codes == ["ok"]
    assert second.codes == ["contract.cached"]


def test_the_direct_request_distinguishes_a_wrong_upstream_from_a_dead_app(
    app_port: int, tmp_path: Path
) -> None:
    server = "location / { proxy_pass http://127.0.0.1:{dead}; }"
    [unused] = free_ports(1)
    (tmp_path / "a").mkdir()
    (tmp_path / "b").mkdir()

    wrong = probe_nginx(
        tmp_path / "a", server, app_port, "--direct", f"http://127.0.0.1:{app_port}"
    )
    dead = probe_nginx(tmp_path / "b", server, app_port, "--direct", f"http://127.0.0.1:{unused}")

    assert wrong.codes == ["proxy.upstream", "ok"]
    assert dead.codes == ["app.down", "tcp.refused"]


def test_tls_and_http_2_pass_through_nginx(app_port: int, tmp_path: Path) -> None:
    authority = trustme.CA()
    authority.cert_pem.write_to_path(str(tmp_path / "ca.pem"))
    authority.issue_cert("localhost").private_key_and_cert_chain_pem.write_to_path(
        str(tmp_path / "site.pem")
    )
    port, plain_port = free_ports(2)
    http = (
        f"server {{ listen 127.0.0.1:{port} ssl http2; ssl_certificate {tmp_path}/site.pem; "
        f"ssl_certificate_key {tmp_path}/site.pem; server_name localhost; "
        f"location / {{ {TO_APP.replace('{up}', str(app_port))} }} }} "
        f"server {{ listen 127.0.0.1:{plain_port}; "
        f"return 301 https://localhost:{port}$request_uri; }}"
    )
    ca = ("--ca-file", str(tmp_path / "ca.pem"))
    with run_nginx(tmp_path, port, http):
        https = probe(f"https://localhost:{port}/smoke-test/", *ca)
        redirected = probe(f"http://localhost:{plain_port}/smoke-test/", *ca)
        plain = probe(f"http://localhost:{port}/smoke-test/")
        not_tls = probe(f"https://localhost:{plain_port}/smoke-test/")

    assert https.codes == ["ok"]
    assert redirected.codes == ["ok"]
    assert plain.codes == ["proxy.plain_http_on_https_port"]
    assert not_tls.codes == ["tls.not_tls"]


@pytest.mark.parametrize(
    ("settings", "environ", "code"),
    [
        ("petsage_project.settings", {"DJANGO_ALLOWED_HOSTS": "a.example"}, "app.disallowed_host"),
        ("tests.settings.ssl_redirect", {}, "tls.not_tls"),
        ("tests.settings.not_routed", {}, "app.not_found"),
        ("tests.settings.raising", {}, "app.error"),
        ("tests.settings.login", {}, "contract.not_json"),
    ],
)
def test_wrong_settings_of_the_real_app_are_reported(
    settings: str, environ: dict[str, str], code: str
) -> None:
    [port] = free_ports(1)
    with granian(port, settings, **environ):
        report = probe(SITE.format(port=port))

    assert (report.exit_status, report.codes) == (1, [code])


def test_a_redirect_to_https_behind_tls_loops(tmp_path: Path) -> None:
    authority = trustme.CA()
    authority.cert_pem.write_to_path(str(tmp_path / "ca.pem"))
    authority.issue_cert("localhost").private_key_and_cert_chain_pem.write_to_path(
        str(tmp_path / "site.pem")
    )
    port, up = free_ports(2)
    http = (
        f"server {{ listen 127.0.0.1:{port} ssl; ssl_certificate {tmp_path}/site.pem; "
        f"ssl_certificate_key {tmp_path}/site.pem; "
        f"location / {{ proxy_pass http://127.0.0.1:{up}; proxy_set_header Host $http_host; }} }}"
    )
    with (
        granian(up, "tests.settings.ssl_redirect"),
        run_nginx(tmp_path, port, http),
    ):
        url = f"https://localhost:{port}/smoke-test/"
        report = probe(url, "--ca-file", str(tmp_path / "ca.pem"))

    assert (report.exit_status, report.codes) == (1, ["redirect.loop"])
    assert report.verdict["answered_by"] == "app"


def test_another_server_on_the_port_is_a_release_mismatch() -> None:
    with serving(app(X_PetSage_Release="old")) as port:
        report = probe(SITE.format(port=port), "--release", "r1")

    assert report.codes == ["release.mismatch"]


def test_a_certificate_revoked_by_its_stapled_ocsp_response_fails(
    app_port: int, tmp_path: Path
) -> None:
    certificates.revoke(tmp_path)
    [port] = free_ports(1)
    http = (
        f"server {{ listen 127.0.0.1:{port} ssl; ssl_certificate {tmp_path}/site.pem; "
        f"ssl_certificate_key {tmp_path}/site.pem; "
        f"ssl_stapling on; ssl_stapling_file {tmp_path}/ocsp.der; "
        f"location / {{ {TO_APP.replace('{up}', str(app_port))} }} }}"
    )
    with run_nginx(tmp_path, port, http):
        url = f"https://localhost:{port}/smoke-test/"
        report = probe(url, "--ca-file", str(tmp_path / "ca.pem"))

    assert (report.exit_status, report.codes) == (1, ["tls.revoked"])
