"""--all-addresses, --connect-to and --direct, and several URLs and redirects."""

import socket
import threading
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path

import pytest

from smoke_test import __version__
from tests.smoke_test.probe.answers import app, nginx, other, redirecting
from tests.smoke_test.probe.report import probe
from tests.smoke_test.probe.servers import Script, read_request, serving

BAD_GATEWAY = other("502 Bad Gateway", nginx("502 Bad Gateway"))


@contextmanager
def serving_unix(path: Path, script: Script) -> Iterator[str]:
    """Run the script on a unix socket, for one connection at a time, and yield `unix:/path`."""
    listener = socket.socket(socket.AF_UNIX)
    listener.bind(str(path))
    listener.listen()

    def accept() -> None:
        while True:
            try:
                connection, _ = listener.accept()
            except OSError:
                return
            with connection:
                script(connection)

    thread = threading.Thread(target=accept, daemon=True)
    thread.start()
    try:
        yield f"unix:{path}"
    finally:
        listener.shutdown(socket.SHUT_RDWR)
        listener.close()
        thread.join(timeout=5)


def test_an_ipv6_address_passes() -> None:
    with serving(app(), host="::1") as port:
        report = probe(f"http://[::1]:{port}/smoke-test/")

    assert (report.exit_status, report.codes) == (0, ["ok"])
    assert report.verdict["address"] == "::1"


def test_a_name_without_an_address_fails_in_dns() -> None:
    report = probe("http://nowhere.invalid/smoke-test/", "--all-addresses")

    assert (report.exit_status, report.codes) == (1, ["dns.not_found"])


def test_connect_to_keeps_the_host_of_the_url() -> None:
    heads: list[bytes] = []

    def script(connection: socket.socket) -> None:
        heads.append(connection.recv(65536, socket.MSG_PEEK))
        app()(connection)

    with serving(script) as port:
        report = probe(
            "http://api.petsage.example/smoke-test/", "--connect-to", f"127.0.0.1:{port}"
        )

    assert (report.exit_status, report.codes) == (0, ["ok"])
    assert report.verdict["address"] == "127.0.0.1"
    assert b"Host: api.petsage.example\r\n" in heads[0]
    assert f"User-Agent: petsage-smoke-test/{__version__}\r\n".encode() in heads[0]


def test_connect_to_without_a_port_uses_the_port_of_the_url() -> None:
    with serving(app()) as port:
        url = f"http://api.petsage.example:{port}/smoke-test/"
        report = probe(url, "--connect-to", "127.0.0.1")

    assert report.codes == ["ok"]


def test_a_unix_socket_passes(tmp_path: Path) -> None:
    with serving_unix(tmp_path / "app.sock", app()) as node:
        report = probe("http://api.petsage.example/smoke-test/", "--connect-to", node)

    assert (report.exit_status, report.codes) == (0, ["ok"])
    assert report.verdict["address"] == node


def test_a_missing_unix_socket_is_reported(tmp_path: Path) -> None:
    node = f"unix:{tmp_path}/app.sock"

    report = probe("http://api.petsage.example/smoke-test/", "--connect-to", node)

    assert (report.exit_status, report.codes) == (1, ["tcp.no_socket"])


def test_a_unix_socket_without_a_listener_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "app.sock"
    with socket.socket(socket.AF_UNIX) as unused:
        unused.bind(str(path))

        report = probe("http://api.petsage.example/", "--connect-to", f"unix:{path}")

    assert (report.exit_status, report.codes) == (1, ["tcp.refused"])
    assert "is the app server running" in report.verdict["hint"]


def test_a_unix_socket_with_a_full_queue_is_reported(tmp_path: Path) -> None:
    path = str(tmp_path / "app.sock")
    with ExitStack() as sockets:
        listener = sockets.enter_context(socket.socket(socket.AF_UNIX))
        listener.bind(path)
        listener.listen(0)
        waiting = sockets.enter_context(socket.socket(socket.AF_UNIX))
        waiting.connect(path)

        report = probe("http://api.petsage.example/", "--connect-to", f"unix:{path}")

    assert (report.exit_status, report.codes) == (1, ["tcp.backlog_full"])


def test_an_app_that_responds_wrongly_to_the_direct_request_is_not_down(tmp_path: Path) -> None:
    wrong = app("500 Error", b"{}")
    with serving(BAD_GATEWAY) as port, serving_unix(tmp_path / "app.sock", wrong) as node:
        report = probe(f"http://127.0.0.1:{port}/smoke-test/", "--direct", node)

    assert (report.exit_status, report.codes) == (1, ["proxy.upstream", "app.error"])


def test_a_direct_request_to_another_release_is_a_mismatch(tmp_path: Path) -> None:
    other_release = app(X_PetSage_Release="r0")
    with serving(app()) as port, serving_unix(tmp_path / "app.sock", other_release) as node:
        report = probe(f"http://127.0.0.1:{port}/smoke-test/", "--direct", node)

    assert (report.exit_status, report.codes) == (1, ["release.mismatch", "ok"])


def test_a_proxy_that_cannot_reach_a_running_app_has_a_wrong_upstream(tmp_path: Path) -> None:
    with serving(BAD_GATEWAY) as port, serving_unix(tmp_path / "app.sock", app()) as node:
        report = probe(f"http://127.0.0.1:{port}/smoke-test/", "--direct", node)

    assert (report.exit_status, report.codes) == (1, ["proxy.upstream", "ok"])
    assert report.document["verdicts"][1]["url"] == node


def test_if_proxy_and_direct_request_fail_the_app_is_down(tmp_path: Path) -> None:
    node = f"unix:{tmp_path}/app.sock"
    with serving(BAD_GATEWAY) as port:
        report = probe(f"http://127.0.0.1:{port}/smoke-test/", "--direct", node)

    assert (report.exit_status, report.codes) == (1, ["app.down", "tcp.no_socket"])
    assert report.verdict["layer"] == "app"


def test_a_direct_request_looks_like_the_proxys() -> None:
    heads: list[bytes] = []

    def script(connection: socket.socket) -> None:
        heads.append(read_request(connection))

    with serving(script) as port:
        direct = f"http://127.0.0.1:{port}"
        report = probe("https://api.petsage.example:1/smoke-test/", "--connect-to", "127.0.0.1:1",
                       "--direct", direct)  # fmt: skip

    assert report.codes == ["tcp.refused", "http.closed"]
    assert heads[0].startswith(b"GET /smoke-test/ HTTP/1.1\r\nHost: api.petsage.example:1\r\n")
    assert b"X-Forwarded-Proto: https\r\n" in heads[0]


def test_a_healthy_url_does_not_hide_a_dead_app(tmp_path: Path) -> None:
    with serving(app()) as port:
        url = f"http://127.0.0.1:{port}/smoke-test/"
        report = probe(url, "--direct", f"unix:{tmp_path}/app.sock")

    assert (report.exit_status, report.codes) == (1, ["ok", "tcp.no_socket"])


def test_one_call_judges_several_urls() -> None:
    with serving(app()) as port, serving(BAD_GATEWAY) as bad_port:
        urls = [f"http://127.0.0.1:{p}/smoke-test/" for p in (port, bad_port)]
        report = probe(*urls)

    assert (report.exit_status, report.codes) == (1, ["ok", "proxy.bad_gateway"])
    assert [verdict["url"] for verdict in report.document["verdicts"]] == urls


def test_five_redirects_are_followed_and_six_are_not() -> None:
    def script(connection: socket.socket) -> None:
        step = int(connection.recv(65536, socket.MSG_PEEK).split(b" ")[1].strip(b"/"))
        (app() if step == 0 else redirecting(f"/{step - 1}/"))(connection)

    with serving(script) as port:
        five = probe(f"http://127.0.0.1:{port}/5/")
        six = probe(f"http://127.0.0.1:{port}/6/")

    assert five.codes == ["ok"]
    assert len(five.verdict["redirects"]) == 5
    assert six.codes == ["redirect.loop"]


def test_proxies_in_the_environment_are_ignored(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("http_proxy", "HTTP_PROXY", "ALL_PROXY", "all_proxy"):
        monkeypatch.setenv(name, "http://127.0.0.1:1")

    with serving(app()) as port:
        report = probe(f"http://127.0.0.1:{port}/smoke-test/")

    assert report.codes == ["ok"]
