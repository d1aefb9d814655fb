"""`make bench`: compares the endpoint with the original, its peers and the limits, in one run.

All servers run at the same time, and every round measures each of them, so a machine that slows
down temporarily slows all of them. Figures are medians over the rounds, ratios are medians of the
ratios within a round.
"""

import argparse
import os
import platform
import shutil
import statistics
import sys
import tempfile
import time
from collections import defaultdict
from collections.abc import Callable, Sequence
from contextlib import ExitStack
from datetime import UTC, datetime
from importlib.metadata import version
from pathlib import Path
from typing import NamedTuple

from benchmarks.contestants import (
    BEHIND_NGINX,
    DIRECT,
    ORIGINAL,
    OURS,
    PETSAGE,
    Contestant,
    granian,
)
from benchmarks.load import Load, load
from benchmarks.processes import Server, free_port, until_answered
from deploy.processes import answers

CONNECTIONS = (1, 16, 64)
STARTS = 5


class Runner(NamedTuple):
    """A running contestant: its port and its processes."""

    contestant: Contestant
    port: int
    servers: Sequence[Server]

    def cpu_seconds(self) -> float:
        return sum(server.cpu_seconds() for server in self.servers)


class Run(NamedTuple):
    """One run of wrk, and the processor time of the servers per request, in microseconds."""

    load: Load
    cpu_each: float


Runs = dict[tuple[str, int], list[Run]]


def main() -> None:
    parser = argparse.ArgumentParser(prog="make bench", usage="make bench [ROUNDS=9]")
    parser.add_argument("--rounds", type=_rounds, default=9)
    rounds: int = parser.parse_args().rounds
    for program, package in (("wrk", "wrk"), ("nginx", "nginx-light")):
        if shutil.which(program, path=f"{os.environ['PATH']}:/usr/sbin") is None:
            sys.exit(f"make bench: {program} is not installed; apt-get install {package}")
    _say(_machine())
    with ExitStack() as stack:
        _say("\n## Direct\n")
        runners = [_serve(contestant, stack) for contestant in DIRECT]
        _tables(_run(runners, rounds), [c.name for c in DIRECT])
        _say(_costs(runners))
    with ExitStack() as stack:
        _say("\n## Behind nginx\n")
        var = Path(stack.enter_context(tempfile.TemporaryDirectory()))
        runners = [_serve_behind(c, var / str(n), stack) for n, c in enumerate(BEHIND_NGINX)]
        runners.append(_nginx_alone(var, stack))
        _tables(_run(runners, rounds), [runner.contestant.name for runner in runners])
    _say("\n## Workers and connections\n")
    _say(_scaling())


def _rounds(text: str) -> int:
    if not (text.isascii() and text.isdecimal() and int(text) >= 2):
        raise argparse.ArgumentTypeError(f"got ROUNDS={text!r}, expected a number from 2")
    return int(text)


def _serve(contestant: Contestant, stack: ExitStack) -> Runner:
    port = free_port()
    server = Server(contestant.command(port), contestant.environ)
    stack.callback(server.stop)
    until_answered(port, contestant.target)
    return Runner(contestant, port, [server])


def _serve_behind(contestant: Contestant, var: Path, stack: ExitStack) -> Runner:
    """Serve the contestant on a socket, behind our own nginx."""
    var.mkdir()
    path = var / "app-1.sock"
    # Our nginx distributes requests to two instances.
    (var / "app-2.sock").symlink_to(path)
    server = Server(contestant.command(path), contestant.environ)
    stack.callback(server.stop)
    while not answers(path, "localhost", seconds=5):
        # Without a listener, the call returns immediately.
        time.sleep(0.1)
    port = free_port()
    environ = {"NGINX_PORT": str(port)}
    nginx = Server([sys.executable, "-m", "deploy.nginx", "--var", str(var)], environ)
    stack.callback(nginx.stop)
    until_answered(port, contestant.target)
    return Runner(contestant, port, [server, nginx])


def _nginx_alone(var: Path, stack: ExitStack) -> Runner:
    port = free_port()
    configuration = var / "nginx.conf"
    configuration.write_text(
        f"pid {var}/nginx.pid; error_log stderr; worker_processes 1;\n"
        "events {}\n"
        "http { access_log off; server {\n"
        f"  listen 127.0.0.1:{port};\n"
        "  location = /smoke-test/ { default_type application/json; return 200 '{}'; }\n"
        "} }\n"
    )
    nginx = shutil.which("nginx", path=f"{os.environ['PATH']}:/usr/sbin") or "nginx"
    command = [nginx, "-e", "stderr", "-c", str(configuration), "-g", "daemon off;"]
    contestant = Contestant("nginx alone, return 200", lambda _: command)
    server = Server(command, {})
    stack.callback(server.stop)
    until_answered(port, contestant.target)
    return Runner(contestant, port, [server])


def _run(runners: Sequence[Runner], rounds: int) -> Runs:
    runs: Runs = defaultdict(list)
    # The first round warms up.
    for number in range(rounds + 1):
        for connections in CONNECTIONS:
            for runner in runners:
                before = runner.cpu_seconds()
                result = load(runner.port, runner.contestant.target, connections, seconds=1)
                used = runner.cpu_seconds() - before
                if number:
                    run = Run(result, used / max(result.requests, 1) * 1e6)
                    runs[runner.contestant.name, connections].append(run)
    return runs


def _tables(runs: Runs, names: Sequence[str]) -> None:
    for connections in CONNECTIONS:
        _say(f"{connections} connection{'s' if connections > 1 else ''}:\n")
        _say(
            "| | requests/s | to the original | 10 % to 90 % | p50 ms | p99 ms | CPU µs | errors |"
        )
        _say("|---|---|---|---|---|---|---|---|")
        original = runs[ORIGINAL, connections]
        for name in names:
            here = runs[name, connections]
            ratios = [
                run.load.per_second / other.load.per_second
                for run, other in zip(here, original, strict=True)
            ]
            deciles = statistics.quantiles(ratios, n=10, method="inclusive")
            _say(
                f"| {name} | {_median(here, lambda run: run.load.per_second):.0f} "
                f"| {statistics.median(ratios):.2f} | {deciles[0]:.2f} to {deciles[-1]:.2f} "
                f"| {_median(here, lambda run: run.load.p50):.2f} "
                f"| {_median(here, lambda run: run.load.p99):.2f} "
                f"| {_median(here, lambda run: run.cpu_each):.0f} "
                f"| {sum(run.load.errors for run in here)} |"
            )
        _say("")


def _costs(runners: Sequence[Runner]) -> str:
    """Return the memory and the start time of each contestant."""
    lines = ["| | MiB per worker | start to first 200, ms |", "|---|---|---|"]
    for runner in runners:
        memory = runner.servers[0].worker_mib()
        start = statistics.median(_start_ms(runner.contestant) for _ in range(STARTS))
        lines.append(f"| {runner.contestant.name} | {memory:.0f} | {start:.0f} |")
    return "\n".join(lines)


def _start_ms(contestant: Contestant) -> float:
    port = free_port()
    server = Server(contestant.command(port), contestant.environ)
    try:
        return until_answered(port, contestant.target) * 1000
    finally:
        server.stop()


def _scaling() -> str:
    """Return the figures of PetSage with more workers and connections."""
    lines = [
        "| workers | connections | requests/s | p50 ms | p99 ms | errors |",
        "|---|---|---|---|---|---|",
    ]
    for workers in (1, 2):
        port = free_port()
        command = granian(PETSAGE, workers)(port)
        # Two workers use both processors and share one with the load generator.
        server = Server(command, {}, processors="0" if workers == 1 else "0,1")
        try:
            until_answered(port, "/smoke-test/")
            for connections in (1, 4, 16, 64, 256, 1024):
                result = load(port, "/smoke-test/", connections, seconds=5)
                lines.append(
                    f"| {workers} | {connections} | {result.per_second:.0f} | {result.p50:.2f} "
                    f"| {result.p99:.2f} | {result.errors} |"
                )
        finally:
            server.stop()
    return "\n".join(lines)


def _median(runs: Sequence[Run], figure: Callable[[Run], float]) -> float:
    return statistics.median(figure(run) for run in runs)


def _machine() -> str:
    processors = [
        line.partition(":")[2].strip()
        for line in Path("/proc/cpuinfo").read_text().splitlines()
        if line.startswith("model name")
    ]
    packages = (
        *("django", "djangorestframework", "granian", "fastapi", "uvicorn", "gunicorn"),
        *("django-health-check", "django-alive", "django-watchman", "dockerflow"),
        "django-deploy-probes",
    )
    return (
        f"{datetime.now(UTC):%Y-%m-%d}, {len(processors)} processors ({processors[0]}), "
        f"Linux {platform.release()}, Python {platform.python_version()}; "
        + ", ".join(f"{package} {version(package)}" for package in packages)
        + f". The first row is {OURS} as it ships."
    )


def _say(text: str) -> None:
    sys.stdout.write(f"{text}\n")
    sys.stdout.flush()


if __name__ == "__main__":
    main()
