"""Killed and stopped app processes under load, and a reboot."""

import os
import signal

import pytest

from tests.deploy.running import freeze, is_running
from tests.polling import wait_until
from tests.systemd.conftest import give_certificate
from tests.systemd.machine import Load, Machine

pytestmark = pytest.mark.systemd


def _lost(machine: Machine, load: Load) -> dict[str, int]:
    return {name: n for name, n in load.outcomes.items() if name != f"200 {machine.serving()}"}


@pytest.mark.parametrize("number", [signal.SIGKILL, signal.SIGTERM, signal.SIGSTOP])
@pytest.mark.parametrize("process", ["main process", "worker"])
def test_killing_or_stopping_a_process_loses_no_request(
    machine: Machine, process: str, number: signal.Signals
) -> None:
    machine.wait_until_whole()
    [unit, _] = machine.units()
    main, worker = machine.processes(unit)
    victim = {"main process": main, "worker": worker}[process]
    with machine.load() as load:
        os.kill(victim, number)
        if (process, number) == ("main process", signal.SIGSTOP):
            # Its worker keeps serving. If the worker dies, the watchdog replaces both.
            freeze(main)
            os.kill(worker, signal.SIGKILL)
        wait_until(lambda: not is_running(victim), f"{victim} is gone", seconds=20)
        machine.wait_until_whole()

    assert _lost(machine, load) == {}
    # nginx waits 2.4 s for a frozen worker, then tries the other instance.
    assert load.slowest < 3


def test_killing_both_workers_at_once_loses_no_request(machine: Machine) -> None:
    machine.wait_until_whole()
    workers = [machine.processes(unit)[1] for unit in machine.units()]
    with machine.load() as load:
        for worker in workers:
            os.kill(worker, signal.SIGKILL)
        wait_until(lambda: not any(map(is_running, workers)), "both are gone")
        machine.wait_until_whole()

    assert _lost(machine, load) == {}


def test_killing_a_worker_six_times_in_a_row_loses_no_request(machine: Machine) -> None:
    [unit, _] = machine.units()
    with machine.load() as load:
        for _ in range(6):
            machine.wait_until_whole()
            os.kill(machine.processes(unit)[1], signal.SIGKILL)
        machine.wait_until_whole()

    assert _lost(machine, load) == {}


def test_an_app_that_keeps_exiting_is_restarted_with_growing_delays_and_recovers(
    machine: Machine,
) -> None:
    settings = machine.root / "etc/petsage/petsage.env"
    text = settings.read_text()
    failures = [path.parent.with_suffix(".failures") for path in machine.sockets()]

    settings.write_text(f"{text}DJANGO_DEBUG=maybe\n")
    machine.run("systemctl", "restart", "--no-block", "petsage-*")
    wait_until(
        lambda: all(path.exists() and path.read_text().count("\n") == 2 for path in failures),
        "both instances have exited twice",
    )
    settings.write_text(text)
    machine.wait_until_whole()

    assert not any(path.exists() for path in failures)


def test_installing_again_restarts_the_instances_one_by_one(machine: Machine) -> None:
    machine.wait_until_whole()
    before = [machine.processes(unit) for unit in machine.units()]
    with machine.load() as load:
        result = machine.install()

    assert result.outcome() == (0, "serves", machine.serving(), None)
    after = [machine.processes(unit) for unit in machine.units()]
    assert not {pid for pids in before for pid in pids} & {pid for pids in after for pid in pids}
    assert _lost(machine, load) == {}


def test_a_renewed_certificate_is_served_after_a_reload(machine: Machine) -> None:
    serial = "openssl s_client -connect 127.0.0.1:443 -servername petsage.example </dev/null |"
    serial += " openssl x509 -noout -serial"
    old = machine.run("sh", "-c", serial).stdout
    with machine.load() as load:
        give_certificate(machine)
        machine.run("systemctl", "reload", "nginx")
        wait_until(lambda: machine.run("sh", "-c", serial).stdout != old, "the new one is served")

    assert _lost(machine, load) == {}


def test_the_same_release_serves_after_a_reboot(machine: Machine) -> None:
    machine.reboot()
    machine.wait_until_whole()

    with machine.load() as load:
        pass

    assert _lost(machine, load) == {}
