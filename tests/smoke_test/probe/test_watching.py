"""--watch as a process: with a server that stops and returns, on a terminal, interrupted."""

import json
import os
import re
import signal
import socket
import subprocess
import sys
import termios
import threading
from pathlib import Path

import jsonschema
import pytest

from tests.conftest import ROOT, serve
from tests.polling import wait_until
from tests.smoke_test.probe.answers import app, nginx, other, silent
from tests.smoke_test.probe.servers import read_request, serving
from tests.smoke_test.probe.test_diagnosis import SCHEMA
from tests.smoke_test.probe.test_waiting import in_turn, running

pytestmark = pytest.mark.process

BAD_GATEWAY = other("502 Bad Gateway", nginx("502 Bad Gateway"))


@pytest.mark.server
def test_a_deployment_that_loses_requests_is_detected(free_port: int, tmp_path: Path) -> None:
    url = f"http://127.0.0.1:{free_port}/smoke-test/"
    told = tmp_path / "told"
    command = [sys.executable, "-m", "smoke_test.probe", url, "--watch=120", "--format=json"]
    with told.open("w") as stderr, serve(free_port, PETSAGE_RELEASE="r1") as first:
        watching = subprocess.Popen(command, cwd=ROOT, stdout=subprocess.PIPE, stderr=stderr)
        with watching:
            try:
                wait_until(lambda: "ok, release r1\n" in told.read_text(), "it watches")
                first.send_signal(signal.SIGINT)
                first.wait()
                wait_until(lambda: " -> tcp.refused: " in told.read_text(), "it sees the outage")
                with serve(free_port, PETSAGE_RELEASE="r2"):
                    wait_until(lambda: ", release r1 -> r2\n" in told.read_text(), "it is back")
                    watching.send_signal(signal.SIGINT)
                    assert watching.stdout is not None
                    document = json.loads(watching.stdout.read())
            finally:
                watching.kill()

    jsonschema.validate(document, SCHEMA)
    # A request may also reach the server while it stops or starts.
    failures = [step for step in document["timeline"] if step["code"] != "ok"]
    facts, lines = document["watch"], told.read_text().splitlines()
    assert watching.returncode == 1
    assert (document["ok"], facts["releases"]) == (False, ["r1", "r2"])
    assert facts["failed"] == sum(step["count"] for step in failures)
    assert facts["longest_outage"]["code"] == failures[0]["code"]
    assert re.fullmatch(r"\d\d:\d\d:\d\d ok, release r1", lines[0])
    assert re.fullmatch(r"\S+ \S+ -> ok, after \d+\.\d s, release r1 -> r2", lines[-2])
    assert re.fullmatch(
        r"Smoke test failed: asked \d+, failed \d+, (unanswered 1, )?"
        r"longest outage \d+\.\d s \(\S+\), releases r1 r2\.",
        lines[-1],
    )


def test_requests_continue_while_one_hangs() -> None:
    connections: list[socket.socket] = []
    third_came = threading.Event()

    def script(connection: socket.socket) -> None:
        connections.append(connection)
        if len(connections) == 2:
            # Wait for the next request, which never comes if it waits for this one.
            read_request(connection)
            third_came.wait(10)
            return
        if len(connections) == 3:
            third_came.set()
        app()(connection)

    with serving(script) as port, running(f"http://127.0.0.1:{port}/", "--watch=3") as process:
        _, stderr = process.communicate(timeout=30)

    assert process.returncode == 1
    assert "ok -> http.closed: " in stderr
    assert "asked 3, failed 1, longest outage " in stderr
    assert len(connections) == 3


def test_a_watch_without_a_failure_passes() -> None:
    with serving(app()) as port, running(f"http://127.0.0.1:{port}/", "--watch=2") as process:
        stdout, stderr = process.communicate(timeout=30)

    assert (process.returncode, stdout) == (
        0,
        "Smoke test passed: asked 2, failed 0, releases r1.\n",
    )
    assert re.fullmatch(r"\d\d:\d\d:\d\d ok, release r1\n", stderr.partition("WARN")[0])


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_an_interrupted_watch_reports_the_facts_and_does_not_pass(number: signal.Signals) -> None:
    hung = threading.Event()

    def hang(connection: socket.socket) -> None:
        hung.set()
        silent(connection)

    with (
        serving(in_turn(app(), hang)) as port,
        running(f"http://127.0.0.1:{port}/", "--watch=60") as process,
    ):
        wait_until(hung.is_set, "a request is in flight")
        os.kill(process.pid, number)
        stdout, stderr = process.communicate(timeout=10)

    assert (process.returncode, stdout) == (128 + number, "")
    assert stderr.splitlines()[-1] == (
        "Smoke test interrupted: asked 1, failed 0, unanswered 1, releases r1."
    )


def test_a_probe_that_cannot_judge_ends_the_watch_with_3() -> None:
    with running("https://127.0.0.1:1/", "--watch=60", "--ca-file=/nowhere") as process:
        stdout, stderr = process.communicate(timeout=30)

    assert (process.returncode, stdout) == (3, "")
    assert "(smoke_test.probe.ca_file)" in stderr
    assert stderr.splitlines()[-1] == "Smoke test failed: asked 0, failed 0, unanswered 1."


@pytest.mark.parametrize("no_color", ["", "1"])
def test_a_terminal_shows_a_line_that_updates(no_color: str) -> None:
    screen, terminal = os.openpty()
    termios.tcsetwinsize(terminal, (24, 60))
    with serving(in_turn(app(), BAD_GATEWAY, app())) as port:
        command = [sys.executable, "-m", "smoke_test.probe", f"http://127.0.0.1:{port}/"]
        subprocess.run(
            [*command, "--watch=3"],
            cwd=ROOT,
            env=os.environ | {"NO_COLOR": no_color},
            stdout=subprocess.PIPE,
            stderr=terminal,
            check=False,
        )
    os.close(terminal)

    written = os.read(screen, 65536).decode()

    os.close(screen)
    watched, heading, report = written.partition("ERRORS:")
    assert heading
    assert watched.endswith("\r\x1b[K" if no_color else "\r\x1b[K\x1b[31;1m")
    assert ("\x1b[3" in watched, "\x1b[0m" in report) == (not no_color, not no_color)
    updates = [re.sub(r"\x1b\[[\d;]*m", "", update) for update in watched.split("\r\x1b[K")]
    clock = r"\d\d:\d\d:\d\d"
    # Each update ends with the state. At a transition, it starts with a line that stays.
    states = [update.rpartition("\n")[2] for update in updates[1:-1]]
    codes = "no response yet|ok|proxy.bad_gateway"
    assert all(re.match(rf"{clock} ({codes}), asked ", state) for state in states)
    assert max(map(len, states)) == 59
    kept = "".join(update.rpartition("\n")[0] for update in updates).replace("\r", "\n")
    assert [re.sub(r"\d\.\d s", "N s", line[9:]) for line in kept.splitlines()] == [
        "ok, release r1",
        "ok -> proxy.bad_gateway: 502, answered by nginx.",
        "proxy.bad_gateway -> ok, after N s",
    ]
