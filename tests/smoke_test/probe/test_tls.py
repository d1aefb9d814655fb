"""The tls layer, with real certificates from a private CA."""

import os
import socket
import ssl
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path

import pytest
import trustme

from tests.smoke_test.probe import certificates
from tests.smoke_test.probe.answers import app, mute, redirecting, reset
from tests.smoke_test.probe.certificates import DAY
from tests.smoke_test.probe.report import Report, probe
from tests.smoke_test.probe.servers import Script, serving

NOW = datetime.now(UTC)


@pytest.fixture(scope="module")
def authority() -> trustme.CA:
    return trustme.CA()


@pytest.fixture(scope="module")
def ca_file(authority: trustme.CA, tmp_path_factory: pytest.TempPathFactory) -> str:
    path = tmp_path_factory.mktemp("ca") / "ca.pem"
    authority.cert_pem.write_to_path(str(path))
    return str(path)


def probe_tls(
    context: ssl.SSLContext | None, *arguments: str, script: Script | None = None
) -> Report:
    """Probe a server with this context, as localhost."""
    with serving(script or app(), tls=context) as port:
        return probe(f"https://localhost:{port}/smoke-test/", "--timeout", "3", *arguments)


def good(authority: trustme.CA) -> ssl.SSLContext:
    return certificates.server(authority.issue_cert("localhost"))


def test_a_good_certificate_passes(authority: trustme.CA, ca_file: str) -> None:
    report = probe_tls(good(authority), "--ca-file", ca_file)

    assert (report.exit_status, report.codes) == (0, ["ok"])
    assert report.verdict["timings_ms"]["tls"] > 0
    assert set(report.verdict["tls"]) == {"subject", "issuer", "expires_at"}


def test_a_chain_with_its_intermediate_passes(authority: trustme.CA, ca_file: str) -> None:
    context = certificates.server(authority.create_child_ca().issue_cert("localhost"))

    assert probe_tls(context, "--ca-file", ca_file).codes == ["ok"]


def test_ssl_cert_file_is_honored(
    authority: trustme.CA, ca_file: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("SSL_CERT_FILE", ca_file)

    assert probe_tls(good(authority)).codes == ["ok"]


def expired(authority: trustme.CA) -> ssl.SSLContext:
    certificate = authority.issue_cert("localhost", not_before=NOW - 9 * DAY, not_after=NOW - DAY)
    return certificates.server(certificate)


def not_yet_valid(authority: trustme.CA) -> ssl.SSLContext:
    certificate = authority.issue_cert("localhost", not_before=NOW + DAY, not_after=NOW + 9 * DAY)
    return certificates.server(certificate)


def for_another_name(authority: trustme.CA) -> ssl.SSLContext:
    return certificates.server(authority.issue_cert("other.example", "127.0.0.1"))


def from_another_ca(_authority: trustme.CA) -> ssl.SSLContext:
    return good(trustme.CA())


def with_an_old_protocol(authority: trustme.CA) -> ssl.SSLContext:
    context = good(authority)
    context.set_ciphers("ALL:@SECLEVEL=0")
    with pytest.warns(DeprecationWarning, match="TLSv1"):
        context.minimum_version = ssl.TLSVersion.TLSv1
    with pytest.warns(DeprecationWarning, match="TLSv1"):
        context.maximum_version = ssl.TLSVersion.TLSv1_1
    return context


def without_a_common_cipher(authority: trustme.CA) -> ssl.SSLContext:
    context = good(authority)
    context.maximum_version = ssl.TLSVersion.TLSv1_2
    # For another type of key than the certificate's.
    context.set_ciphers("ECDHE-RSA-AES128-GCM-SHA256")
    return context


def rejecting_the_name(authority: trustme.CA) -> ssl.SSLContext:
    context = good(authority)
    context.sni_callback = lambda *_: ssl.ALERT_DESCRIPTION_UNRECOGNIZED_NAME
    return context


@pytest.mark.parametrize(
    ("make_context", "code"),
    [
        (expired, "tls.expired"),
        (not_yet_valid, "tls.not_yet_valid"),
        (for_another_name, "tls.hostname"),
        (from_another_ca, "tls.untrusted"),
        (certificates.without_intermediate, "tls.untrusted"),
        (with_an_old_protocol, "tls.protocol"),
        (without_a_common_cipher, "tls.protocol"),
        (rejecting_the_name, "tls.unrecognized_name"),
    ],
)
def test_a_failed_handshake_is_reported_with_its_cause(
    authority: trustme.CA,
    ca_file: str,
    make_context: Callable[[trustme.CA], ssl.SSLContext],
    code: str,
) -> None:
    report = probe_tls(make_context(authority), "--ca-file", ca_file)

    assert (report.exit_status, report.codes) == (1, [code])
    assert report.verdict["layer"] == "tls"
    assert report.verdict["answered_by"] is None


def test_a_self_signed_certificate_fails_unless_ca_file_names_it(
    ca_file: str, tmp_path: Path
) -> None:
    context = certificates.self_signed(tmp_path)

    assert probe_tls(context, "--ca-file", ca_file).codes == ["tls.self_signed"]
    assert probe_tls(context, "--ca-file", str(tmp_path / "self-signed.pem")).codes == ["ok"]


def test_the_systems_cas_do_not_trust_a_private_one(authority: trustme.CA) -> None:
    assert probe_tls(good(authority)).codes == ["tls.untrusted"]


def speaking(banner: bytes) -> Script:
    """Send this to each client, then nothing else."""

    def script(connection: socket.socket) -> None:
        connection.recv(65536)
        connection.sendall(banner)
        mute(connection)

    return script


def leaving(connection: socket.socket) -> None:
    """Read once, then close."""
    connection.recv(65536)


@pytest.mark.parametrize(
    ("script", "code"),
    [
        pytest.param(speaking(b"HTTP/1.1 400 Bad Request\r\n\r\n"), "tls.not_tls", id="http"),
        pytest.param(speaking(b"220 mail.example ESMTP\r\n"), "tls.not_tls", id="smtp"),
        pytest.param(speaking(b"\x15\x03\x01\x00\x02\x02\x50"), "tls.failed", id="an alert"),
        pytest.param(mute, "tls.timeout", id="mute"),
        pytest.param(leaving, "tls.closed", id="closed"),
        pytest.param(reset(), "tls.timeout", id="waiting for an http request"),
    ],
)
def test_https_to_a_server_without_tls_fails(script: Script, code: str) -> None:
    # A short timeout only for servers that never respond.
    timeout = ["--timeout", "0.5"] if code == "tls.timeout" else []

    report = probe_tls(None, *timeout, script=script)

    assert (report.exit_status, report.codes) == (1, [code])


def test_http_to_a_tls_port_fails(authority: trustme.CA) -> None:
    with serving(app(), tls=good(authority)) as port:
        report = probe(f"http://localhost:{port}/smoke-test/", "--timeout", "1")

    assert report.exit_status == 1
    assert report.verdict["layer"] == "http"


@pytest.mark.parametrize(
    ("days", "arguments", "codes"),
    [
        (5, [], ["ok", "tls.expiring"]),
        (13, [], ["ok", "tls.expiring"]),
        (15, [], ["ok"]),
        (15, ["--cert-days", "30"], ["ok", "tls.expiring"]),
        (5, ["--cert-days", "0"], ["ok"]),
    ],
)
def test_a_certificate_that_expires_soon_is_a_warning(
    authority: trustme.CA, ca_file: str, days: int, arguments: list[str], codes: list[str]
) -> None:
    context = certificates.server(authority.issue_cert("localhost", not_after=NOW + days * DAY))

    report = probe_tls(context, "--ca-file", ca_file, *arguments)

    assert (report.exit_status, report.codes) == (0, codes)


def test_an_intermediate_that_expires_before_its_leaf_is_a_warning(tmp_path: Path) -> None:
    context = certificates.expiring_intermediate(tmp_path)

    report = probe_tls(context, "--ca-file", str(tmp_path / "ca.pem"))

    assert (report.exit_status, report.codes) == (0, ["ok", "tls.expiring"])


def test_a_redirect_from_https_to_http_is_refused(authority: trustme.CA, ca_file: str) -> None:
    script = redirecting("http://localhost:{port}/smoke-test/")

    report = probe_tls(good(authority), "--ca-file", ca_file, script=script)

    assert report.codes == ["redirect.downgrade"]


def test_a_redirect_from_http_to_https_is_followed(authority: trustme.CA, ca_file: str) -> None:
    with serving(app(), tls=good(authority)) as port:
        target = f"https://localhost:{port}/smoke-test/"
        with serving(redirecting(target, "301 Moved Permanently")) as plain_port:
            url = f"http://localhost:{plain_port}/smoke-test/"
            report = probe(url, "--ca-file", ca_file)

    assert report.codes == ["ok"]
    assert report.verdict["url"] == target
    assert report.verdict["redirects"] == [url]


def test_a_reset_after_the_handshake_is_not_a_tls_fault(
    authority: trustme.CA, ca_file: str
) -> None:
    report = probe_tls(good(authority), "--ca-file", ca_file, script=reset())

    assert report.verdict["layer"] == "http"


def test_sni_is_the_urls_name_even_with_connect_to(authority: trustme.CA, ca_file: str) -> None:
    named: list[str] = []
    context = certificates.server(authority.issue_cert("api.petsage.example"))
    context.sni_callback = lambda _socket, name, _context: named.append(str(name))

    with serving(app(), tls=context) as port:
        report = probe(
            "https://api.petsage.example/smoke-test/",
            "--connect-to",
            f"127.0.0.1:{port}",
            "--ca-file",
            ca_file,
        )

    assert report.codes == ["ok"]
    # Once for the request, once for the revocation check.
    assert named == ["api.petsage.example"] * 2
    assert report.verdict["address"] == "127.0.0.1"


@pytest.mark.parametrize("content", [None, "", "not a certificate"])
def test_with_an_unusable_ca_file_the_probe_cannot_judge(
    tmp_path: Path, content: str | None
) -> None:
    path = tmp_path / "ca.pem"
    if content is not None:
        path.write_text(content)

    report = probe("https://localhost:1/smoke-test/", "--ca-file", str(path))

    assert (report.exit_status, report.codes) == (3, ["probe.ca_file"])
    assert report.document["ok"] is False
    assert str(path) in report.verdict["message"]


def test_with_a_malformed_ca_file_the_probe_cannot_judge(
    authority: trustme.CA, tmp_path: Path
) -> None:
    path = tmp_path / "ca.pem"
    path.write_text("-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n")

    report = probe_tls(good(authority), "--ca-file", str(path))

    assert (report.exit_status, report.codes) == (3, ["probe.ca_file"])


def test_a_ca_file_that_is_a_pipe_does_not_block(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "ca.pem")

    report = probe("https://localhost:1/smoke-test/", "--ca-file", str(tmp_path / "ca.pem"))

    assert (report.exit_status, report.codes) == (3, ["probe.ca_file"])


@pytest.mark.parametrize("version", [ssl.TLSVersion.TLSv1_2, ssl.TLSVersion.TLSv1_3])
def test_a_required_client_certificate_is_reported(
    authority: trustme.CA, ca_file: str, version: ssl.TLSVersion
) -> None:
    context = good(authority)
    context.minimum_version = context.maximum_version = version
    context.verify_mode = ssl.CERT_REQUIRED
    authority.configure_trust(context)

    report = probe_tls(context, "--ca-file", ca_file)

    assert (report.exit_status, report.verdict["layer"]) == (1, "tls")


def test_a_certificate_with_only_a_common_name_is_rejected(tmp_path: Path) -> None:
    context = certificates.self_signed(tmp_path, names=False)

    report = probe_tls(context, "--ca-file", str(tmp_path / "self-signed.pem"))

    assert (report.exit_status, report.codes) == (1, ["tls.hostname"])
    assert "subjectAltName" in report.verdict["message"]


def frame(kind: int, stream: int, payload: bytes = b"", flags: int = 0) -> bytes:
    """Return an HTTP/2 frame (RFC 9113, 4.1)."""
    head = len(payload).to_bytes(3, "big") + bytes([kind, flags])
    return head + stream.to_bytes(4, "big") + payload


def refusing_streams(connection: socket.socket) -> None:
    """Speak HTTP/2, and refuse every request."""
    settings, headers, reset, refused_stream = 4, 1, 3, 7
    connection.sendall(frame(settings, 0))
    received = connection.recv(65536)[24:]
    while True:
        while len(received) < 9 or len(received) < 9 + int.from_bytes(received[:3], "big"):
            chunk = connection.recv(65536)
            if not chunk:
                return
            received += chunk
        size, kind = int.from_bytes(received[:3], "big"), received[3]
        if kind == headers:
            stream = int.from_bytes(received[5:9], "big")
            connection.sendall(frame(reset, stream, refused_stream.to_bytes(4, "big")))
        received = received[9 + size :]


def test_a_refused_http_2_stream_is_reported(authority: trustme.CA, ca_file: str) -> None:
    context = good(authority)
    context.set_alpn_protocols(["h2"])

    report = probe_tls(context, "--ca-file", ca_file, script=refusing_streams)

    assert (report.exit_status, report.codes) == (1, ["http.stream_refused"])
