"""Without --deploy, checks are static: Django runs them before migrate and every other command."""

import os
import subprocess
import sys
from pathlib import Path

import pytest
from django.core.checks import run_checks
from pytest_django import Settings

from tests.conftest import ROOT


class NeverLoaded:
    """A middleware that no check may load."""

    loaded = False

    def __init__(self, _get_response: object) -> None:
        type(self).loaded = True
        raise RuntimeError("a check has loaded the middleware")


def _manage(*arguments: str, database: Path) -> subprocess.CompletedProcess[str]:
    names = {"DJANGO_SETTINGS_MODULE": "tests.settings.database", "TEST_DATABASE": str(database)}
    return subprocess.run(
        [sys.executable, "manage.py", *arguments],
        cwd=ROOT,
        env=os.environ | names,
        capture_output=True,
        text=True,
        check=False,
    )


def test_the_checks_load_no_middleware(settings: Settings) -> None:
    settings.MIDDLEWARE = [*settings.MIDDLEWARE, f"{__name__}.NeverLoaded"]

    found = run_checks(tags=["smoke_test"])

    assert found == []
    assert not NeverLoaded.loaded


@pytest.mark.process
def test_a_fresh_database_can_be_migrated_though_a_middleware_reads_it(tmp_path: Path) -> None:
    database = tmp_path / "fresh.sqlite3"

    migrated = _manage("migrate", database=database)
    checked = _manage("check", "--deploy", "--tag", "smoke_test", database=database)

    assert (migrated.returncode, migrated.stderr) == (0, "")
    assert (checked.returncode, checked.stderr) == (0, "")


@pytest.mark.process
@pytest.mark.parametrize(
    "command",
    [
        ["check"],
        ["check", "--tag", "smoke_test"],
        ["collectstatic", "--no-input", "--dry-run"],
        ["spectacular", "--format", "openapi-json"],
        ["diffsettings"],
    ],
)
def test_every_command_works_while_the_database_is_dead(command: list[str]) -> None:
    result = _manage(*command, database=Path("/dev/null/dead.sqlite3"))

    assert (result.returncode, result.stderr) == (0, "")


@pytest.mark.process
def test_a_deployment_is_refused_while_the_database_of_a_middleware_is_dead() -> None:
    database = Path("/dev/null/dead.sqlite3")

    result = _manage("check", "--deploy", "--tag", "smoke_test", database=database)

    assert result.returncode == 1
    assert "(smoke_test.E002)" in result.stderr
