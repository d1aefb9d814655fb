"""`make soak`: upgrades and disturbs a machine under full load, and counts lost requests."""

import argparse
import os
import signal
import sys
import tempfile
from collections.abc import Callable
from pathlib import Path

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
            for disturb in DISTURBANCES:
                _report(machine, disturb, times)
        finally:
            machine.close()


def _report(machine: Machine, disturb: Callable[[Machine], None], times: int) -> None:
    machine.wait_until_whole()
    with machine.load(pause=0) as load:
        for _ in range(times):
            disturb(machine)
            machine.wait_until_whole()
    answered = sum(n for name, n in load.outcomes.items() if name.startswith("200 "))
    lost = {name: n for name, n in load.outcomes.items() if not name.startswith("200 ")}
    sys.stdout.write(
        f"{disturb.__name__.replace('_', ' '):26} {times:3} times, {answered:7} answered at "
        f"{answered / load.seconds:5.0f}/s, slowest {load.slowest:.2f} s, lost {lost or 0}\n"
    )
    sys.stdout.flush()


def _signal(number: signal.Signals, pids: list[int]) -> None:
    for pid in pids:
        os.kill(pid, number)
    wait_until(lambda: not any(map(is_running, pids)), f"{pids} are gone", seconds=20)


if __name__ == "__main__":
    main()
