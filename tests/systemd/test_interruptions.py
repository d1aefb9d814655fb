"""Installations that are interrupted, killed, run twice at the same time, or run out of space."""

import os
import signal

import pytest

from tests.polling import wait_until
from tests.systemd.machine import STEPS, Machine, finish, interrupt, names, traces, wait_for_step

pytestmark = pytest.mark.systemd


@pytest.mark.parametrize("step", STEPS[:-1])
def test_ctrl_c_leaves_the_former_release_unchanged(machine: Machine, step: str) -> None:
    before, serving = machine.traces(), machine.serving()
    machine.commit()
    with machine.load() as load:
        process = machine.start_install()
        if step == "build":
            # install.sh prints nothing until the build is done.
            releases = machine.root / "opt/petsage/releases"
            wait_until(lambda: len(list(releases.iterdir())) == 2, "the build has begun")
        else:
            wait_for_step(process, step)
        interrupt(process)
        result = finish(process)

    assert result.outcome() == (130, "interrupted", serving, "interrupted")
    # In the step "ask", the new release may already have responded.
    expected = {serving, result.report["wanted"]} if step == "ask" else {serving}
    assert set(load.outcomes) <= {f"200 {release}" for release in expected}
    assert machine.traces() == before


def test_an_installation_can_be_killed_at_any_step_and_run_again(machine: Machine) -> None:
    former, new = machine.serving(), machine.commit()
    with machine.load() as load:
        for step in STEPS[1:]:
            process = machine.start_install()
            wait_for_step(process, step)
            os.killpg(process.pid, signal.SIGKILL)
            process.communicate()
            machine.run("nginx", "-t")
        result = machine.install()

    assert result.outcome() == (0, "serves", new, None)
    assert set(load.outcomes) == {f"200 {former}", f"200 {new}"}
    assert machine.root.joinpath("opt/petsage/former").readlink().name == former
    # Ignore copies of nginx's directory in /tmp, which systemd cleans up.
    left = {path for path in machine.traces() if not path.startswith("/")}
    assert left == traces(new, former, links=2)


def test_neither_a_second_installation_nor_a_late_ctrl_c_changes_anything(
    machine: Machine,
) -> None:
    serving, new = machine.serving(), machine.commit()
    first = machine.start_install()
    wait_for_step(first, "start")

    second = machine.install()

    reason = "another install.sh is running; wait for its end"
    assert second.outcome() == (30, "missing", serving, reason)
    wait_until(lambda: "sleep" in names(first), "nginx leaves the old instances", seconds=60)
    # Too late, because the new release has been accepted.
    interrupt(first)
    assert finish(first).outcome() == (0, "serves", new, None)


def test_a_full_disk_leaves_the_former_release_unchanged(machine: Machine) -> None:
    before, serving = machine.traces(), machine.serving()
    machine.commit()
    with machine.load() as load, machine.full_disk(free=30_000_000):
        result = machine.install()

    assert result.outcome()[:3] == (10, "refused", serving)
    assert set(load.outcomes) == {f"200 {serving}"}
    assert machine.traces() == before
