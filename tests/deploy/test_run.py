"""`make run`: the real app server over real sockets."""

import http.client
import os
import signal
import socket
import subprocess
from http import HTTPStatus
from itertools import takewhile

import pytest

from deploy.processes import children
from smoke_test.contract import BODY
from tests.conftest import ROOT, listens, serve
from tests.deploy.running import workers
from tests.polling import wait_until

pytestmark = pytest.mark.server


def _request(
    site: str, method: str = "GET", target: str = "/smoke-test/", **headers: str
) -> tuple[http.client.HTTPResponse, bytes]:
    connection = http.client.HTTPConnection(site.removeprefix("http://"), timeout=10)
    try:
        connection.request(method, target, headers=headers)
        response = connection.getresponse()
        return response, response.read()
    finally:
        connection.close()


def test_the_response_on_the_wire_is_the_contract(site: str) -> None:
    response, body = _request(site)

    assert response.status == HTTPStatus.OK
    assert body == BODY
    assert response.headers.get_all("Content-Type") == ["application/json"]
    assert response.headers.get_all("Content-Length") == ["70"]
    assert response.headers.get_all("X-PetSage-Release") == ["t1"]
    assert response.headers.get_all("Set-Cookie") is None


def test_head_on_the_wire_gets_the_headers_of_get_without_the_body(site: str) -> None:
    get, _ = _request(site)
    head, body = _request(site, "HEAD")

    assert head.status == HTTPStatus.OK
    assert body == b""
    changing = {"x-petsage-answered-at", "date"}
    assert [field for field in head.getheaders() if field[0] not in changing] == [
        field for field in get.getheaders() if field[0] not in changing
    ]


@pytest.mark.parametrize("method", ["POST", "DELETE", "TRACE", "PURGE", "NONSENSE"])
def test_other_methods_on_the_wire_get_405(site: str, method: str) -> None:
    response, body = _request(site, method)

    assert response.status == HTTPStatus.METHOD_NOT_ALLOWED
    assert response.getheader("Allow") == "GET, HEAD, OPTIONS"
    assert body == b'{"detail":"Method \\"%s\\" not allowed."}' % method.encode()


@pytest.mark.parametrize("accept", ["", "*", "text/plain", "\xff\xfe", "a/b," * 2048])
def test_unusual_accept_headers_on_the_wire_get_json(site: str, accept: str) -> None:
    response, body = _request(site, Accept=accept)

    assert (response.status, body) == (HTTPStatus.OK, BODY)


def test_a_missing_slash_is_redirected_with_a_relative_location(site: str) -> None:
    response, _ = _request(site, target="/smoke-test")

    assert response.status == HTTPStatus.TEMPORARY_REDIRECT
    assert response.getheader("Location") == "/smoke-test/"


def test_a_foreign_host_gets_400(site: str) -> None:
    response, body = _request(site, Host="10.0.0.7")

    assert response.status == HTTPStatus.BAD_REQUEST
    assert body == b'{"detail":"Bad request."}'
    assert response.getheader("X-PetSage-Release") == "t1"


@pytest.mark.parametrize(
    "target",
    [
        "/static/rest_framework/css/default.css",
        "/static/drf_spectacular_sidecar/swagger-ui-dist/swagger-ui-bundle.js",
    ],
)
def test_static_files_are_served(site: str, target: str) -> None:
    response, body = _request(site, target=target)

    assert response.status == HTTPStatus.OK
    assert len(body) > 100


def test_another_release_gets_the_response_that_the_contract_shows(free_port: int) -> None:
    expected = _transcript(
        "docs/features/smoke_test.md",
        "curl -s -H 'If-Match: \"8d30c12\"' https://petsage.example/smoke-test/",
    )

    with serve(free_port, PETSAGE_RELEASE="4f2c9e1"):
        response, body = _request(f"http://127.0.0.1:{free_port}", **{"If-Match": '"8d30c12"'})

    assert (response.status, f"{body.decode()}\n") == (HTTPStatus.PRECONDITION_FAILED, expected)


def _transcript(document: str, command: str) -> str:
    """Return what the document shows below the command."""
    lines = (ROOT / document).read_text().splitlines(keepends=True)
    after = lines[lines.index(f"    $ {command}\n") + 1 :]
    return "".join(line[4:] for line in takewhile(lambda line: line.startswith("    "), after))


def test_make_run_prints_its_urls_and_exits_on_ctrl_c(free_port: int) -> None:
    with subprocess.Popen(
        ["make", "run", f"PORT={free_port}"],
        cwd=ROOT,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        process_group=0,
    ) as make:
        try:
            wait_until(lambda: listens(free_port), f"port {free_port} listens", seconds=120)
            response, body = _request(f"http://127.0.0.1:{free_port}")
        finally:
            # Like Ctrl-C in a terminal: to make and to the server.
            os.killpg(make.pid, signal.SIGINT)
            printed, _ = make.communicate(timeout=20)

    assert (response.status, body) == (HTTPStatus.OK, BODY)
    assert _transcript("README.md", "make run").replace(":8000", f":{free_port}") in printed
    assert "Traceback" not in printed
    assert not listens(free_port)


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM, signal.SIGHUP])
def test_make_run_exits_immediately_during_an_unfinished_request(
    free_port: int, number: signal.Signals
) -> None:
    with serve(free_port) as server:
        _request(f"http://127.0.0.1:{free_port}")
        with socket.create_connection(("127.0.0.1", free_port)) as client:
            client.sendall(b"GET /smoke-test/ HTTP/1.1\r\n")

            server.send_signal(number)

            assert server.wait(timeout=2) == 0
    wait_until(lambda: not listens(free_port), "the port is free")


def test_make_run_exits_if_its_worker_dies(free_port: int) -> None:
    with serve(free_port) as server:
        _request(f"http://127.0.0.1:{free_port}")
        [granian] = children(server.pid)
        [worker] = workers(granian)

        os.kill(worker, signal.SIGKILL)

        assert server.wait(timeout=10) == 1
    wait_until(lambda: not listens(free_port), "the port is free")


def test_make_run_refuses_a_busy_port(free_port: int) -> None:
    with socket.create_server(("127.0.0.1", free_port)):
        result = _make("run", f"PORT={free_port}")

    assert result.returncode != 0
    assert (
        f"make run: port {free_port} of 127.0.0.1: Address already in use; stop the program "
        "that uses it, or choose another port: make run PORT=N"
    ) in result.stderr
    assert "Traceback" not in result.stderr


def test_make_run_refuses_the_port_of_another_make_run(site: str) -> None:
    port = site.rpartition(":")[2]

    result = _make("run", f"PORT={port}")

    assert result.returncode != 0
    assert f"port {port} of 127.0.0.1: Address already in use" in result.stderr


@pytest.mark.parametrize("port", ["0", "65536", "http", "-1", "", "80 80"])
def test_make_run_refuses_invalid_ports(port: str) -> None:
    result = _make("run", f"PORT={port}")

    assert result.returncode != 0
    assert f"got PORT='{port}', expected a number from 1 to 65535" in result.stderr


def test_make_run_refuses_an_invalid_setting_before_it_listens(free_port: int) -> None:
    result = _make("run", f"PORT={free_port}", PETSAGE_RELEASE="a b")

    assert result.returncode != 0
    assert "make run: PETSAGE_RELEASE: got 'a b', expected " in result.stderr
    assert "Traceback" not in result.stderr


def _make(*arguments: str, **environ: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        ["make", *arguments],
        cwd=ROOT,
        env=os.environ | environ,
        capture_output=True,
        text=True,
        check=False,
        timeout=60,
    )
