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
    PEERS,
    PETSAGE,
    Contestant,
    granian,
)
from benchmarks.load import Load, load
from benchmarks.processes import Server, free_port, until_answered
from benchmarks.tables import PERFORMANCE, write_table
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
    _write_machine(rounds)
    with ExitStack() as stack:
        runners = [_serve(contestant, stack) for contestant in DIRECT]
        direct = _run(runners, rounds)
        _write_runs("Direct", direct, [c.name for c in DIRECT])
        costs = _costs(runners)
    with ExitStack() as stack:
        var = Path(stack.enter_context(tempfile.TemporaryDirectory()))
        runners = [_serve_behind(c, var / str(n), stack) for n, c in enumerate(BEHIND_NGINX)]
        runners.append(_nginx_alone(var, stack))
        behind = _run(runners, rounds)
        _write_runs("Behind nginx", behind, [runner.contestant.name for runner in runners])
    errors = _write_scaling()
    _write_goals(direct, behind, costs, errors)


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


def _write_runs(how: str, runs: Runs, names: Sequence[str]) -> None:
    for connections in CONNECTIONS:
        rows = []
        for name in names:
            here, ratios = runs[name, connections], _ratios(runs, name, ORIGINAL, connections)
            deciles = statistics.quantiles(ratios, n=10, method="inclusive")
            rows.append(
                [
                    name,
                    f"{_median(here, _per_second):.0f}",
                    f"{statistics.median(ratios):.2f}",
                    f"{deciles[0]:.2f} to {deciles[-1]:.2f}",
                    f"{_median(here, lambda run: run.load.p50):.2f}",
                    f"{_median(here, _p99):.2f}",
                    f"{_median(here, lambda run: run.cpu_each):.0f}",
                    sum(run.load.errors for run in here),
                ]
            )
        title = f"{how}, {connections} connection{'s' if connections > 1 else ''}"
        head = [title, "requests/s", "to the original", "10 % to 90 %", "p50 ms", "p99 ms"]
        write_table(PERFORMANCE, [*head, "CPU µs", "errors"], rows)


def _ratios(runs: Runs, name: str, other: str, connections: int) -> list[float]:
    """Return the ratios of requests per second within each round."""
    pairs = zip(runs[name, connections], runs[other, connections], strict=True)
    return [a.load.per_second / b.load.per_second for a, b in pairs]


def _costs(runners: Sequence[Runner]) -> dict[str, tuple[float, float]]:
    """Write and return the memory in MiB and the start in milliseconds of each contestant."""
    costs = {
        runner.contestant.name: (
            runner.servers[0].worker_mib(),
            statistics.median(_start_ms(runner.contestant) for _ in range(STARTS)),
        )
        for runner in runners
    }
    rows = [[name, f"{memory:.0f}", f"{start:.0f}"] for name, (memory, start) in costs.items()]
    write_table(PERFORMANCE, ["Costs", "MiB per worker", "start to first 200, ms"], rows)
    return costs


def _write_goals(
    direct: Runs, behind: Runs, costs: dict[str, tuple[float, float]], errors: int
) -> None:
    """Write whether this run met each goal; a bound of 1 on a cost is met by less."""

    def ratio(runs: Runs, other: str, connections: int) -> float:
        return statistics.median(_ratios(runs, OURS, other, connections))

    def p99(connections: int) -> float:
        ours, original = direct[OURS, connections], direct[ORIGINAL, connections]
        return _median(ours, _p99) / _median(original, _p99)

    many = CONNECTIONS[1:]
    slowest_peer = {n: min(ratio(direct, peer, n) for peer in PEERS) for n in many}
    at_least = [
        *((f"direct, {n} connections, to the original", 1.1, ratio(direct, ORIGINAL, n))
          for n in many),
        *((f"behind nginx, {n} connections, to the original", 1.1, ratio(behind, ORIGINAL, n))
          for n in many),
        ("behind nginx, 1 connection, to the original", 0.9, ratio(behind, ORIGINAL, 1)),
        *((f"direct, {n} connections, to a plain APIView on gunicorn", 3.0,
           ratio(direct, "plain APIView, gunicorn", n)) for n in many),
        *((f"direct, {n} connections, to the fastest peer with a view", 1.0, slowest_peer[n])
          for n in many),
        *((f"direct, {n} connections, to a bare view with the same middleware", 0.75,
           ratio(direct, "bare Django view, same middleware", n)) for n in many),
    ]  # fmt: skip
    at_most = [
        *((f"p99, {n} connections, to the original", 1.0, p99(n)) for n in many),
        ("memory of a worker, to the original", 1.0, costs[OURS][0] / costs[ORIGINAL][0]),
        ("start to first 200, to the original", 1.0, costs[OURS][1] / costs[ORIGINAL][1]),
        ("errors with 1,024 connections", 0.0, float(errors)),
    ]
    rows = [
        [goal, f"{sign} {bound:g}", f"{value:.2f}", "met" if met else "**missed**"]
        for sign, table in (("at least", at_least), ("at most", at_most))
        for goal, bound, value in table
        for met in [value >= bound if sign == "at least" else value <= bound]
    ]
    write_table(PERFORMANCE, ["Goal", "Ratio", "This run", ""], rows)


def _start_ms(contestant: Contestant) -> float:
    port = free_port()
    server = Server(contestant.command(port), contestant.environ)
    try:
        return until_answered(port, contestant.target) * 1000
    finally:
        server.stop()


def _write_scaling() -> int:
    """Write the figures of PetSage with more workers and connections; return the errors."""
    rows, errors = [], 0
    for workers in (1, 2):
        port = free_port()
        command = granian(PETSAGE, workers)(port)
        # Two workers use both processors and share one with the load generator.
        server = Server(command, {}, processors="0" if workers == 1 else "0,1")
        try:
            until_answered(port, "/smoke-test/")
            for connections in (1, 4, 16, 64, 256, 1024):
                result = load(port, "/smoke-test/", connections, seconds=5)
                figures = [f"{result.per_second:.0f}", f"{result.p50:.2f}", f"{result.p99:.2f}"]
                rows.append([workers, connections, *figures, result.errors])
                errors += result.errors
        finally:
            server.stop()
    head = ["workers", "connections", "requests/s", "p50 ms", "p99 ms", "errors"]
    write_table(PERFORMANCE, head, rows)
    return errors


def _median(runs: Sequence[Run], figure: Callable[[Run], float]) -> float:
    return statistics.median(figure(run) for run in runs)


def _per_second(run: Run) -> float:
    return run.load.per_second


def _p99(run: Run) -> float:
    return run.load.p99


def _write_machine(rounds: int) -> None:
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
    rows = [
        ("date", f"{datetime.now(UTC):%Y-%m-%d}"),
        ("rounds", rounds),
        ("processors", f"{len(processors)} ({processors[0]})"),
        ("Linux", platform.release()),
        ("Python", platform.python_version()),
        ("packages", ", ".join(f"{package} {version(package)}" for package in packages)),
    ]
    write_table(PERFORMANCE, ["The run", ""], rows)


if __name__ == "__main__":
    main()
