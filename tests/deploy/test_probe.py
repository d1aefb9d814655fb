"""The probe against a stack that breaks, through our own nginx."""

import os
import signal

import pytest

from tests.deploy.conftest import Start
from tests.deploy.running import Stack, freeze
from tests.smoke_test.probe.report import probe

pytestmark = pytest.mark.stack


def _url(stack: Stack) -> str:
    return f"http://127.0.0.1:{stack.port}/smoke-test/"


def _socket(stack: Stack) -> str:
    return f"unix:{stack.sockets[0]}"


def test_a_healthy_stack_passes_through_nginx_and_directly(stack: Stack) -> None:
    report = probe(_url(stack), "--direct", _socket(stack), "--release", "t1")

    assert (report.exit_status, report.codes) == (0, ["ok", "ok"])


def test_the_probe_recognizes_an_old_release_on_the_unix_socket(stack: Stack) -> None:
    url = "http://localhost/smoke-test/"
    arguments = ["--connect-to", _socket(stack), "--wait", "20"]

    new = probe(url, *arguments, "--release", "t1")
    old = probe(url, *arguments[:2], "--release", "t2")

    assert (new.exit_status, new.codes) == (0, ["ok"])
    assert (old.exit_status, old.codes) == (1, ["release.mismatch"])


def test_a_failed_precondition_is_another_release(stack: Stack) -> None:
    same = probe(_url(stack), "--header", 'If-Match: "t1"')
    other = probe(_url(stack), "--header", 'If-Match: "t2"')

    assert (same.exit_status, same.codes) == (0, ["ok"])
    assert (other.exit_status, other.codes) == (1, ["release.mismatch"])
    assert (other.verdict["answered_by"], other.verdict["release"]) == ("app", "t1")


def test_a_missing_app_is_reported_as_never_connected(start: Start) -> None:
    stack = start()
    stack.start_nginx()

    report = probe(_url(stack))
    both = probe(_url(stack), "--direct", _socket(stack))

    assert report.codes == ["proxy.bad_gateway"]
    assert report.verdict["answered_by"] == "proxy"
    assert "never connected" in report.verdict["message"]
    assert both.codes == ["app.down", "tcp.no_socket"]


def test_a_frozen_app_is_reported_as_a_gateway_timeout(start: Start) -> None:
    stack = start()
    stack.start_app()
    stack.start_nginx()
    stack.wait_until_up()
    freeze(*stack.worker_pids())

    report = probe(_url(stack), "--timeout", "8")

    for pid in stack.worker_pids():
        os.kill(pid, signal.SIGCONT)
    assert report.codes == ["proxy.gateway_timeout"]
    assert "it connected" in report.verdict["message"]
    recovered = probe(_url(stack), "--wait", "30")
    assert recovered.exit_status == 0
