"""Runs each health checker: which faults it detects, and after how many seconds."""

from collections.abc import Iterator, Sequence

import pytest

from benchmarks.tables import write_table
from tests.checkers import RECIPES
from tests.checkers.checkers import CHECKERS, QUICK, Running, Seconds, require
from tests.checkers.lab import FAULTS, Lab, laboratory


@pytest.fixture(
    scope="module",
    params=[
        pytest.param(QUICK, id="quick", marks=pytest.mark.stack),
        pytest.param(tuple(CHECKERS), id="all", marks=pytest.mark.checkers),
    ],
)
def names(request: pytest.FixtureRequest) -> Sequence[str]:
    names: Sequence[str] = request.param
    return names


@pytest.fixture(scope="module")
def lab(names: Sequence[str], tmp_path_factory: pytest.TempPathFactory) -> Iterator[Lab]:
    require(names)
    with laboratory(tmp_path_factory.mktemp("lab")) as lab:
        yield lab


@pytest.fixture(scope="module")
def running(lab: Lab, names: Sequence[str]) -> Running:
    return Running(lab, names)


@pytest.fixture(scope="module")
def measured(names: Sequence[str]) -> Iterator[dict[str, Seconds]]:
    """Collect the seconds for each fault; if all checkers ran, write them into the README."""
    measured: dict[str, Seconds] = {}
    yield measured
    if len(names) == len(CHECKERS) and measured.keys() == FAULTS.keys():
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
    healthy = dict.fromkeys(running.checkers, True)
    promised = {name: fault in it.detects() for name, it in running.checkers.items()}

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
