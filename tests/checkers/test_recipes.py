"""The recipes of docs/health-checkers/, checked without starting a machine."""

import re
import subprocess
import sys
from pathlib import Path

import pytest

from tests.checkers import RECIPES
from tests.checkers.checkers import CHECKERS
from tests.checkers.lab import FAULTS
from tests.conftest import ROOT, program

# These belong to another file's program.
PARTS = {"README.md", "prometheus-alerts.yml", "petsage-check.timer"}


def test_every_recipe_belongs_to_a_checker() -> None:
    recipes = {path.name for path in RECIPES.iterdir()}

    assert recipes == PARTS | {checker.recipe for checker in CHECKERS.values()}


@pytest.mark.parametrize("name", CHECKERS)
def test_a_recipe_promises_only_faults_that_exist(name: str) -> None:
    promised = CHECKERS[name].detects()

    assert promised
    assert promised <= FAULTS.keys()


def test_the_table_has_seconds_for_promised_faults_and_no_for_the_others() -> None:
    readme = (RECIPES / "README.md").read_text()
    rows = re.findall(r"^\| \[(.*?)\]\((.*?)\) \| (.*) \|$", readme, re.MULTILINE)

    detected = {
        (name, recipe): {
            fault for fault, cell in zip(FAULTS, cells.split(" | "), strict=True) if cell != "no"
        }
        for name, recipe, cells in rows
    }

    assert detected == {(name, it.recipe): it.detects() for name, it in CHECKERS.items()}


@pytest.mark.process
def test_promtool_accepts_prometheus_and_its_alerts() -> None:
    promtool = program("promtool", "prometheus")

    subprocess.run(
        [promtool, "check", "config", "--lint-fatal", RECIPES / "prometheus.yml"], check=True
    )
    subprocess.run([promtool, "test", "rules", ROOT / "tests/checkers/alerts.yml"], check=True)


@pytest.mark.process
def test_systemd_accepts_the_timer_and_its_service(tmp_path: Path) -> None:
    analyze = program("systemd-analyze", "systemd")
    for name in ("petsage-check.service", "petsage-check.timer"):
        python = "/opt/petsage/current/.venv/bin/python"
        (tmp_path / name).write_text((RECIPES / name).read_text().replace(python, sys.executable))

    result = subprocess.run(
        [analyze, "verify", "--man=no", tmp_path / "petsage-check.timer"],
        capture_output=True, text=True, check=False,
    )  # fmt: skip

    assert (result.returncode, "petsage" in result.stderr) == (0, False)
