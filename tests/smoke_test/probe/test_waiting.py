"""Waiting, with real servers that start late, change and stop."""

import json
import os
import re
import signal
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager

import pytest

from smoke_test.probe.reports import FORMATS
from tests.conftest import ROOT
from tests.polling import wait_until
from tests.smoke_test.probe.answers import app, dripping, head, nginx, other, silent
from tests.smoke_test.probe.report import probe
from tests.smoke_test.probe.servers import Script, serving
from tests.smoke_test.probe.test_reports import looks_like_a_pass

pytestmark = pytest.mark.process


def in_turn(*scripts: Script) -> Script:
    """Handle each connection with the next script; the last one repeats."""
    left = list(scripts)
    lock = threading.Lock()

    def script(connection: socket.socket) -> None:
        with lock:
            chosen = left.pop(0) if len(left) > 1 else left[0]
        chosen(connection)

    return script


@pytest.fixture(autouse=True)
def without_nohup() -> Iterator[None]:
    """Let a hangup end what a test starts, even if the tests were started by nohup."""
    before = signal.signal(signal.SIGHUP, signal.SIG_DFL)
    yield
    signal.signal(signal.SIGHUP, before)


@contextmanager
def running(*arguments: str) -> Iterator["subprocess.Popen[str]"]:
    """Start the command as a process, and kill it at the end if it still runs."""
    command = [sys.executable, "-m", "smoke_test.probe", *arguments]
    with subprocess.Popen(
        command, cwd=ROOT, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    ) as process:
        try:
            yield process
        finally:
            if process.poll() is None:
                process.kill()


BAD_GATEWAY = other("502 Bad Gateway", nginx("502 Bad Gateway"))


def test_a_server_that_starts_late_passes(free_port: int) -> None:
    url = f"http://127.0.0.1:{free_port}/smoke-test/"
    with running(url, "--wait", "20", "--format", "json") as process:
        assert process.stderr is not None
        # The first transition is written when the first attempt has failed.
        assert process.stderr.read(1) == "0"
        with socket.create_server(("127.0.0.1", free_port)) as listener:
            connection, _ = listener.accept()
            with connection:
                app()(connection)
            stdout, stderr = process.communicate(timeout=20)

    document = json.loads(stdout)
    assert process.returncode == 0
    assert [step["code"] for step in document["timeline"]] == ["tcp.refused", "ok"]
    assert document["attempts"] == sum(step["count"] for step in document["timeline"])
    assert stderr.endswith("s  ok\n")


def test_the_probe_waits_until_the_old_release_is_gone() -> None:
    old, new = app(X_PetSage_Release="r0"), app()
    with serving(in_turn(BAD_GATEWAY, old, old, new)) as port:
        url = f"http://127.0.0.1:{port}/smoke-test/"
        report = probe(url, "--release", "r1", "--wait", "30")

    assert report.exit_status == 0
    assert [step["code"] for step in report.document["timeline"]] == [
        "proxy.bad_gateway",
        "release.mismatch",
        "ok",
    ]


def test_an_old_release_that_stays_fails_with_both_releases() -> None:
    with serving(app(X_PetSage_Release="r0")) as port:
        report = probe(f"http://127.0.0.1:{port}/smoke-test/", "--release", "r1", "--wait", "1.5")

    assert (report.exit_status, report.codes) == (1, ["release.mismatch"])
    assert report.document["timed_out"] is True
    assert report.verdict["message"] == "got release r0, expected r1."


def test_a_failure_resets_the_consecutive_passes() -> None:
    with serving(in_turn(app(), app(), BAD_GATEWAY, app(), app(), app())) as port:
        url = f"http://127.0.0.1:{port}/smoke-test/"
        report = probe(url, "--wait", "30", "--consecutive", "3")

    assert report.exit_status == 0
    assert [(s["code"], s["count"]) for s in report.document["timeline"]] == [
        ("ok", 2),
        ("proxy.bad_gateway", 1),
        ("ok", 3),
    ]


def test_retry_after_is_honored() -> None:
    busy = other("503 Busy", nginx("503 Busy"), Retry_After="2")
    with serving(in_turn(busy, app())) as port:
        report = probe(f"http://127.0.0.1:{port}/smoke-test/", "--wait", "30")

    assert report.exit_status == 0
    assert report.document["timeline"][1]["at_s"] >= 2


@pytest.mark.parametrize(
    "script",
    [
        pytest.param(silent, id="silent"),
        pytest.param(dripping(head("200 OK", {"Content-Length": "70"}), b"a", 0.2), id="dripping"),
        pytest.param(dripping(b"HTTP/1.1 200 OK\r\n", b"X: y\r\n"), id="dripping headers"),
    ],
)
def test_the_deadline_holds_against_a_server_that_never_finishes(script: Script) -> None:
    with serving(script) as port:
        started = time.monotonic()
        report = probe(f"http://127.0.0.1:{port}/smoke-test/", "--wait", "3", "--timeout", "60")
        took_s = time.monotonic() - started

    # The promised limit, and a second for a busy machine. This is not a speed test.
    assert took_s <= 4
    assert (report.exit_status, report.codes) == (1, ["http.timeout"])


@pytest.mark.parametrize(
    ("number", "report_format", "status"),
    [
        (signal.SIGHUP, "text", 129),
        (signal.SIGINT, "text", 130),
        *((signal.SIGTERM, name, 3 if name == "nagios" else 143) for name in FORMATS),
    ],
)
@pytest.mark.parametrize("script", [pytest.param(silent, id="in an exchange"), BAD_GATEWAY])
def test_a_signal_ends_the_probe_with_a_complete_report(
    number: int, report_format: str, status: int, script: Script
) -> None:
    connected = threading.Event()

    def handle(connection: socket.socket) -> None:
        connected.set()
        script(connection)

    with serving(handle) as port:
        url = f"http://127.0.0.1:{port}/smoke-test/"
        with running(url, "--wait", "60", "--timeout", "30", "--format", report_format) as process:
            wait_until(connected.is_set, "the probe connects")
            os.kill(process.pid, number)
            stdout, stderr = process.communicate(timeout=10)

    assert process.returncode == status
    assert "Traceback" not in stderr
    assert not looks_like_a_pass(stdout, report_format)


def test_a_terminal_shows_the_time_left() -> None:
    screen, terminal = os.openpty()
    with serving(in_turn(BAD_GATEWAY, app())) as port:
        url = f"http://127.0.0.1:{port}/smoke-test/"
        command = [sys.executable, "-m", "smoke_test.probe", url, "--wait", "30"]
        subprocess.run(command, cwd=ROOT, stdout=subprocess.PIPE, stderr=terminal, check=True)
    os.close(terminal)

    written = os.read(screen, 65536).decode()

    os.close(screen)
    first, second, last = (line for line in written.split("\r\x1b[K") if line)
    assert re.fullmatch(r"0\.0 s  proxy\.bad_gateway  \((29|30) s left\)", first)
    assert re.fullmatch(r"0\.0 s  proxy\.bad_gateway  ->  .* s  ok  \((28|29|30) s left\)", second)
    assert re.fullmatch(r"0\.0 s  proxy\.bad_gateway  ->  \d\.\d s  ok\r\n", last)


def test_the_timeline_shows_only_transitions() -> None:
    with (
        serving(in_turn(BAD_GATEWAY, BAD_GATEWAY, app())) as port,
        running(f"http://127.0.0.1:{port}/smoke-test/", "--wait", "30") as process,
    ):
        stdout, stderr = process.communicate(timeout=30)

    first, second = stderr.rstrip("\n").split("  ->  ")
    assert first == "0.0 s  proxy.bad_gateway x2"
    assert second.endswith(" s  ok")
    assert stdout.splitlines()[-1].startswith("Smoke test passed: release r1 answered at ")


def test_sighup_is_ignored_under_nohup() -> None:
    with serving(in_turn(BAD_GATEWAY, app())) as port:
        url = f"http://127.0.0.1:{port}/smoke-test/"
        signal.signal(signal.SIGHUP, signal.SIG_IGN)
        with running(url, "--wait", "30") as process:
            assert process.stderr is not None
            assert process.stderr.read(3) == "0.0"
            os.kill(process.pid, signal.SIGHUP)
            process.communicate(timeout=40)

    assert process.returncode == 0
