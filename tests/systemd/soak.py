"""`make soak`: upgrades and disturbs a machine under full load, and counts lost requests."""

import argparse
import os
import signal
import tempfile
from collections.abc import Callable
from pathlib import Path

from benchmarks.tables import DOCS, write_table
from tests.deploy.running import is_running
from tests.polling import wait_until
from tests.systemd.conftest import download_wheels, set_up
from tests.systemd.machine import Machine


def upgrade(machine: Machine) -> None:
    machine.commit()
    result = machine.install()
    assert result.exit_status == 0, result


def install_again(machine: Machine) -> None:
    machine.git("checkout", "-q", machine.serving())
    assert machine.install().exit_status == 0


def kill_a_worker(machine: Machine) -> None:
    _signal(signal.SIGKILL, [machine.processes(machine.units()[0])[1]])


def kill_a_main_process(machine: Machine) -> None:
    _signal(signal.SIGKILL, [machine.processes(machine.units()[0])[0]])


def kill_both_main_processes(machine: Machine) -> None:
    _signal(signal.SIGKILL, [machine.processes(unit)[0] for unit in machine.units()])


def freeze_a_worker(machine: Machine) -> None:
    _signal(signal.SIGSTOP, [machine.processes(machine.units()[0])[1]])


def reload_nginx(machine: Machine) -> None:
    machine.run("systemctl", "reload", "nginx")


DISTURBANCES: list[Callable[[Machine], None]] = [
    upgrade, install_again, kill_a_worker, kill_a_main_process, kill_both_main_processes,
    freeze_a_worker, reload_nginx,
]  # fmt: skip


def main() -> None:
    parser = argparse.ArgumentParser(prog="make soak", usage="make soak [TIMES=10]")
    parser.add_argument("--times", type=int, default=10)
    times: int = parser.parse_args().times
    with tempfile.TemporaryDirectory() as folder:
        wheels = Path(folder, "wheels")
        wheels.mkdir()
        download_wheels(wheels)
        machine = Machine(Path(folder), wheels)
        try:
            set_up(machine)
            rows = [_measure(machine, disturb, times) for disturb in DISTURBANCES]
        finally:
            machine.close()
    head = ["Disturbance", "Times", "Responses", "Per second", "Slowest", "Lost"]
    write_table(DOCS / "reliability.md", head, rows)


def _measure(machine: Machine, disturb: Callable[[Machine], None], times: int) -> list[str]:
    machine.wait_until_whole()
    with machine.load(pause=0) as load:
        for _ in range(times):
            disturb(machine)
            machine.wait_until_whole()
    answered = sum(n for name, n in load.outcomes.items() if name.startswith("200 "))
    lost = {name: n for name, n in load.outcomes.items() if not name.startswith("200 ")}
    return [
        disturb.__name__.replace("_", " "),
        f"{times}",
        f"{answered:,}",
        f"{answered / load.seconds:,.0f}",
        f"{load.slowest:.2f} s",
        # A release, where there is one, follows the status.
        ", ".join(f"{n:,} ({name.removesuffix(' -')})" for name, n in lost.items()) or "0",
    ]


def _signal(number: signal.Signals, pids: list[int]) -> None:
    for pid in pids:
        os.kill(pid, number)
    wait_until(lambda: not any(map(is_running, pids)), f"{pids} are gone", seconds=20)


if __name__ == "__main__":
    main()
