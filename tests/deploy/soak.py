"""`make soak`: repeat the disturbances of the tests for minutes, and count lost requests."""

import argparse
import os
import signal
import socket
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Callable
from contextlib import ExitStack
from pathlib import Path

from tests.conftest import free_ports
from tests.deploy.client import load, request
from tests.deploy.running import Stack
from tests.polling import wait_until


def kill_a_worker(stack: Stack) -> None:
    _replaced(stack, lambda pid: os.kill(pid, signal.SIGKILL))


def freeze_a_worker(stack: Stack) -> None:
    _replaced(stack, lambda pid: os.kill(pid, signal.SIGSTOP))


def hang_a_worker(stack: Stack) -> None:
    before = set(stack.worker_pids())
    # Not the smoke test: nginx would retry it with the other worker.
    request(stack.port, "/", X_Hold="3600", X_Hold_Begun=str(stack.var / "begun"))
    wait_until(
        lambda: len(stack.worker_pids()) == 2 and set(stack.worker_pids()) != before,
        "another took the place of the one that hangs",
    )


def reload_the_app(stack: Stack) -> None:
    old = set(stack.worker_pids())
    os.kill(stack.granian_pid(), signal.SIGHUP)
    wait_until(lambda: not old & set(stack.worker_pids()), "the workers are new")


def reload_nginx(stack: Stack) -> None:
    os.kill(stack.nginx_pid(), signal.SIGHUP)


def hold_500_idle_connections(stack: Stack) -> None:
    with ExitStack() as clients:
        for _ in range(500):
            clients.enter_context(socket.create_connection(("127.0.0.1", stack.port)))


def kill_the_main_process(stack: Stack) -> None:
    killed = stack.granian_pid()
    os.kill(killed, signal.SIGKILL)
    wait_until(
        lambda: stack.worker_pids() != [] and stack.granian_pid() != killed,
        "granian has been restarted",
    )


DISTURBANCES: list[Callable[[Stack], None]] = [
    kill_a_worker,
    freeze_a_worker,
    hang_a_worker,
    reload_the_app,
    reload_nginx,
    hold_500_idle_connections,
    kill_the_main_process,
]


def main() -> None:
    parser = argparse.ArgumentParser(prog="make soak", usage="make soak [MINUTES=5]")
    parser.add_argument("--minutes", type=float, default=5)
    end = time.monotonic() + 60 * parser.parse_args().minutes
    with tempfile.TemporaryDirectory() as var:
        stack = Stack(
            Path(var),
            free_ports(1)[0],
            NGINX_RATE="100000",
            # A request can make the view hang.
            DJANGO_SETTINGS_MODULE="tests.settings.slow",
        )
        try:
            stack.start_app()
            stack.start_nginx()
            while time.monotonic() < end:
                for disturb in DISTURBANCES:
                    _report(disturb, stack)
        finally:
            stack.stop_nginx()
            stack.stop_app()


def _report(disturb: Callable[[Stack], None], stack: Stack) -> None:
    stack.wait_until_up()
    wait_until(lambda: len(stack.worker_pids()) == 2, "both workers are there")
    # granian takes a second crash within 5.5 s for a crash loop, which another test covers.
    time.sleep(6)
    with load(stack.port) as found:
        time.sleep(1)
        disturb(stack)
        time.sleep(1)
    lost = Counter(found.outcomes)
    answered = lost.pop("200")
    sys.stdout.write(
        f"{disturb.__name__.replace('_', ' '):28} {answered:6} answered, "
        f"slowest {found.slowest:.2f} s, lost {dict(lost) or 'none'}\n"
    )
    sys.stdout.flush()


def _replaced(stack: Stack, disturb: Callable[[int], None]) -> None:
    victim = stack.worker_pids()[0]
    disturb(victim)
    wait_until(lambda: victim not in stack.worker_pids(), f"{victim} is replaced", seconds=30)


if __name__ == "__main__":
    main()
