"""The recipes of docs/health-checkers/, as far as they can be judged without a machine."""

import re
import subprocess
import sys
from pathlib import Path

import pytest

from tests.checkers import RECIPES
from tests.checkers.checkers import CHECKERS
from tests.checkers.lab import FAULTS
from tests.conftest import ROOT, program

# Read by another file's program.
PARTS = {"README.md", "prometheus-alerts.yml", "petsage-check.timer"}


def test_every_recipe_is_that_of_a_checker() -> None:
    recipes = {path.name for path in RECIPES.iterdir()}

    assert recipes == PARTS | {checker.recipe for checker in CHECKERS.values()}


@pytest.mark.parametrize("name", CHECKERS)
def test_a_recipe_promises_only_faults_that_exist(name: str) -> None:
    promised = CHECKERS[name].detects()

    assert promised
    assert promised <= FAULTS.keys()


def test_the_table_has_seconds_where_a_recipe_promises_to_notice_and_no_elsewhere() -> None:
    readme = (RECIPES / "README.md").read_text()
    rows = re.findall(r"^\| \[(.*?)\]\((.*?)\) \| (.*) \|$", readme, re.MULTILINE)

    noticed = {
        (name, recipe): {
            fault for fault, cell in zip(FAULTS, cells.split(" | "), strict=True) if cell != "no"
        }
        for name, recipe, cells in rows
    }

    assert noticed == {(name, it.recipe): it.detects() for name, it in CHECKERS.items()}


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
