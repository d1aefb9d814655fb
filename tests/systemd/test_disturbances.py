"""Processes of the app that are killed or stopped under load, and a reboot."""

import os
import signal

import pytest

from tests.deploy.running import freeze, is_running
from tests.polling import wait_until
from tests.systemd.conftest import give_certificate
from tests.systemd.machine import Load, Machine

pytestmark = pytest.mark.systemd


def _lost(machine: Machine, found: Load) -> dict[str, int]:
    return {name: n for name, n in found.outcomes.items() if name != f"200 {machine.serving()}"}


@pytest.mark.parametrize("number", [signal.SIGKILL, signal.SIGTERM, signal.SIGSTOP])
@pytest.mark.parametrize("process", ["main process", "worker"])
def test_a_process_that_is_killed_or_stopped_loses_nothing(
    machine: Machine, process: str, number: signal.Signals
) -> None:
    machine.wait_until_whole()
    [unit, _] = machine.units()
    main, worker = machine.processes(unit)
    victim = {"main process": main, "worker": worker}[process]
    with machine.load() as found:
        os.kill(victim, number)
        if (process, number) == ("main process", signal.SIGSTOP):
            # Its worker serves on. Should that die, the watchdog replaces both.
            freeze(main)
            os.kill(worker, signal.SIGKILL)
        wait_until(lambda: not is_running(victim), f"{victim} is gone", seconds=20)
        machine.wait_until_whole()

    assert _lost(machine, found) == {}
    # nginx waits this long for a frozen worker, and then asks the other.
    assert found.slowest < 3


def test_both_workers_killed_at_once_lose_nothing(machine: Machine) -> None:
    machine.wait_until_whole()
    workers = [machine.processes(unit)[1] for unit in machine.units()]
    with machine.load() as found:
        for worker in workers:
            os.kill(worker, signal.SIGKILL)
        wait_until(lambda: not any(map(is_running, workers)), "both are gone")
        machine.wait_until_whole()

    assert _lost(machine, found) == {}


def test_a_worker_killed_six_times_in_a_row_loses_nothing(machine: Machine) -> None:
    [unit, _] = machine.units()
    with machine.load() as found:
        for _ in range(6):
            machine.wait_until_whole()
            os.kill(machine.processes(unit)[1], signal.SIGKILL)
        machine.wait_until_whole()

    assert _lost(machine, found) == {}


def test_an_app_that_gives_up_is_restarted_ever_later_and_recovers(machine: Machine) -> None:
    settings = machine.root / "etc/petsage/petsage.env"
    text = settings.read_text()
    failures = [path.parent.with_suffix(".failures") for path in machine.sockets()]

    settings.write_text(f"{text}DJANGO_DEBUG=maybe\n")
    machine.run("systemctl", "restart", "--no-block", "petsage-*")
    wait_until(
        lambda: all(path.exists() and path.read_text().count("\n") == 2 for path in failures),
        "both instances have given up twice",
    )
    settings.write_text(text)
    machine.wait_until_whole()

    assert not any(path.exists() for path in failures)


def test_installing_again_restarts_the_instances_one_by_one(machine: Machine) -> None:
    machine.wait_until_whole()
    before = [machine.processes(unit) for unit in machine.units()]
    with machine.load() as found:
        result = machine.install()

    assert result.outcome() == (0, "serves", machine.serving(), None)
    after = [machine.processes(unit) for unit in machine.units()]
    assert not {pid for pids in before for pid in pids} & {pid for pids in after for pid in pids}
    assert _lost(machine, found) == {}


def test_a_renewed_certificate_is_served_after_a_reload(machine: Machine) -> None:
    seen = "openssl s_client -connect 127.0.0.1:443 -servername petsage.example </dev/null |"
    seen += " openssl x509 -noout -serial"
    old = machine.run("sh", "-c", seen).stdout
    with machine.load() as found:
        give_certificate(machine)
        machine.run("systemctl", "reload", "nginx")
        wait_until(lambda: machine.run("sh", "-c", seen).stdout != old, "the new one is served")

    assert _lost(machine, found) == {}


def test_the_release_that_served_serves_after_a_reboot(machine: Machine) -> None:
    machine.reboot()
    machine.wait_until_whole()

    with machine.load() as found:
        pass

    assert _lost(machine, found) == {}
