"""Runs each health checker: which faults it detects, and after how many seconds."""

from collections.abc import Iterator

import pytest

from benchmarks.tables import write_table
from tests.checkers import RECIPES
from tests.checkers.checkers import CHECKERS, Running, Seconds, require
from tests.checkers.lab import FAULTS, Lab, laboratory

pytestmark = pytest.mark.checkers


@pytest.fixture(scope="module")
def lab(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Lab]:
    require(CHECKERS)
    with laboratory(tmp_path_factory.mktemp("lab")) as lab:
        yield lab


@pytest.fixture(scope="module")
def running(lab: Lab) -> Running:
    return Running(lab, CHECKERS)


@pytest.fixture(scope="module")
def measured() -> Iterator[dict[str, Seconds]]:
    """Collect the seconds for each fault; after all of them, write them into the README."""
    measured: dict[str, Seconds] = {}
    yield measured
    if measured.keys() == FAULTS.keys():
        rows = [
            [f"[{name}]({it.recipe})", *(_cell(seconds[name]) for seconds in measured.values())]
            for name, it in CHECKERS.items()
        ]
        write_table(RECIPES / "README.md", ["Checker", *FAULTS], rows)


@pytest.mark.parametrize("fault", FAULTS)
def test_checkers_detect_the_faults_that_their_recipes_promise(
    lab: Lab, running: Running, measured: dict[str, Seconds], fault: str
) -> None:
    begin, end = FAULTS[fault]
    healthy = dict.fromkeys(CHECKERS, True)
    promised = {name: fault in it.detects() for name, it in CHECKERS.items()}

    before = running.until_healthy()
    begin(lab.machines[0])
    try:
        detected = running.until_unhealthy(fault)
    finally:
        end(lab.machines[0])
    after = running.until_healthy()

    assert _reported(before) == healthy
    assert _reported(detected) == promised
    assert _reported(after) == healthy
    measured[fault] = detected


def _reported(seconds: Seconds) -> dict[str, bool]:
    return {name: it is not None for name, it in seconds.items()}


def _cell(seconds: float | None) -> str:
    if seconds is None:
        return "no"
    return f"{seconds:.0f} s" if seconds >= 1 else "< 1 s"
