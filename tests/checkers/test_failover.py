"""Two machines behind HAProxy with docs/health-checkers/haproxy.cfg, under load."""

import csv
import re
import signal
import subprocess
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import NamedTuple

import pytest

from benchmarks.tables import write_table
from tests.checkers import NAME, RECIPES
from tests.checkers.checkers import Running, require
from tests.checkers.lab import Lab, Machine, laboratory
from tests.polling import wait_until

pytestmark = pytest.mark.checkers

LOSSES: dict[str, tuple[Callable[[Machine], None], Callable[[Machine], None]]] = {
    "app killed": (Machine.stop_app, Machine.start_app),
    "nginx killed": (Machine.stop_nginx, Machine.start_nginx),
    "app and nginx killed": (Machine.stop, Machine.start),
    "app frozen": (Machine.freeze_app, Machine.start_app),
    "app and nginx frozen": (Machine.freeze, Machine.start),
    "cable pulled": (Machine.unplug, Machine.plug),
}

RATES: dict[str, dict[str, str]] = {"off, the default": {}, "100": {"NGINX_RATE": "100"}}


class Balanced:
    """HAProxy in front of the lab's machines, and ab in front of HAProxy."""

    def __init__(self, lab: Lab) -> None:
        self.lab = lab
        require(["HAProxy"])
        Running(lab, ["HAProxy"]).until_healthy()
        wait_until(lambda: self.up() == {"petsage1", "petsage2"}, "HAProxy considers both healthy")

    def state(self) -> dict[str, dict[str, str]]:
        """Return HAProxy's statistics for each machine, and for BACKEND."""
        lines = self.lab.run("curl -fsS 'http://127.0.0.1:8404/;csv'").stdout.splitlines()
        return {
            row["svname"]: row for row in csv.DictReader(lines) if row["# pxname"] == "petsage"
        }

    def up(self) -> set[str]:
        return {name for name, row in self.state().items() if row["status"] == "UP"} - {"BACKEND"}

    def answered(self) -> int:
        return int(self.state()["BACKEND"]["hrsp_2xx"])

    def load(self, seconds: int, output: Path) -> subprocess.Popen[bytes]:
        """Start 16 clients that send requests without a pause, for at most `seconds`."""
        # -t resets -n to 50,000, so -n must come after it.
        options = f"-k -r -l -q -c 16 -t {seconds} -n 1000000 -H Host:{NAME}"
        return self.lab.start(["ab", *options.split(), "http://192.0.2.10/"], output)


class Report(NamedTuple):
    answered: int
    lost: int
    # Responses with a status other than 2xx.
    refused: int
    rate: float
    slowest: float

    @classmethod
    def read(cls, output: Path) -> "Report":
        text = output.read_text()

        def number(pattern: str) -> float:
            match = re.search(rf"^ *{pattern} +([\d.]+)", text, re.MULTILINE)
            return float(match[1]) if match else 0

        return cls(
            int(number("Complete requests:")),
            int(number("Failed requests:")),
            int(number("Non-2xx responses:")),
            number("Requests per second:"),
            number("100%") / 1000,
        )


@pytest.fixture(scope="module")
def balanced(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Balanced]:
    with laboratory(tmp_path_factory.mktemp("lab")) as lab:
        yield Balanced(lab)


@pytest.fixture(scope="module")
def reports() -> Iterator[dict[str, Report]]:
    """Collect the reports, and write them into the README."""
    reports: dict[str, Report] = {}
    yield reports
    if reports.keys() == LOSSES.keys():
        write_table(
            RECIPES / "README.md",
            ["Machine 1 of 2", "Answered", "Lost", "Slowest"],
            [
                [name, f"{it.answered:,}", f"{it.lost + it.refused:,}", f"{it.slowest:.1f} s"]
                for name, it in reports.items()
            ],
        )


@pytest.mark.parametrize("loss", LOSSES)
def test_no_request_is_lost_when_one_of_two_machines_fails(
    balanced: Balanced, reports: dict[str, Report], tmp_path: Path, loss: str
) -> None:
    begin, end = LOSSES[loss]
    machine = balanced.lab.machines[0]
    output = tmp_path / "ab"

    clients = balanced.load(90, output)
    _wait_for_responses(balanced)
    begin(machine)
    try:
        wait_until(lambda: balanced.up() == {"petsage2"}, "HAProxy takes the machine out")
        _wait_for_responses(balanced)
    finally:
        end(machine)
    wait_until(lambda: balanced.up() == {"petsage1", "petsage2"}, "HAProxy uses it again")
    _wait_for_responses(balanced)
    clients.send_signal(signal.SIGINT)
    clients.wait(timeout=30)

    report = Report.read(output)
    assert report.answered > 0
    assert (report.lost, report.refused) == (0, 0)
    reports[loss] = report


@pytest.fixture(scope="module")
def floods() -> Iterator[dict[str, Report]]:
    """Collect the reports, and write them into the README."""
    floods: dict[str, Report] = {}
    yield floods
    if floods.keys() == RATES.keys():
        write_table(
            RECIPES / "README.md",
            ["`NGINX_RATE`", "Requests per second", "Refused by the limit", "Machines taken out"],
            [
                [rate, f"{it.rate:,.0f}", f"{it.refused / it.answered:.0%}", "none"]
                for rate, it in floods.items()
            ],
        )


@pytest.mark.parametrize("rate", RATES)
def test_traffic_through_haproxy_never_takes_a_healthy_machine_out(
    floods: dict[str, Report], tmp_path: Path, rate: str
) -> None:
    with laboratory(tmp_path, **RATES[rate]) as lab:
        balanced = Balanced(lab)
        balanced.load(15, tmp_path / "ab").wait(timeout=60)
        machines = [balanced.state()[name] for name in ("petsage1", "petsage2")]

    report = Report.read(tmp_path / "ab")
    assert [(it["status"], it["chkdown"]) for it in machines] == [("UP", "0"), ("UP", "0")]
    # More than the limit of 100 a second, however slow the machine. Requests above it are refused.
    assert report.answered > 1_500
    assert (report.refused > 0) == bool(RATES[rate])
    floods[rate] = report


def _wait_for_responses(balanced: Balanced) -> None:
    before = balanced.answered()
    wait_until(lambda: balanced.answered() > before + 1000, "1,000 more responses arrive")
