"""`manage.py smoke_test --in-process`, as its users run it: a process, its output, its exit."""

import os
import subprocess
import sys

import pytest

from tests.conftest import ROOT

pytestmark = pytest.mark.process


def _manage(*arguments: str, **environ: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "manage.py", *arguments],
        cwd=ROOT,
        env=os.environ | environ,
        capture_output=True,
        text=True,
        check=False,
    )


def test_a_healthy_project_passes_with_one_line() -> None:
    result = _manage("smoke_test", "--in-process", PETSAGE_RELEASE="4f2c9e1")

    assert (result.returncode, result.stdout, result.stderr) == (
        0,
        "Smoke test passed: release 4f2c9e1 answered in process.\n",
        "",
    )


def test_strict_defaults_of_the_project_do_not_affect_the_smoke_test() -> None:
    result = _manage("smoke_test", "--in-process", "--settings", "tests.settings.strict_defaults")

    assert (result.returncode, result.stderr) == (0, "")


@pytest.mark.parametrize(
    "module",
    [
        "ssl_redirect",
        # Silenced checks must not turn a broken answer green.
        "silenced",
    ],
)
def test_a_broken_project_fails_with_the_reason(module: str) -> None:
    result = _manage("smoke_test", "--in-process", "--settings", f"tests.settings.{module}")

    assert result.returncode == 1
    assert result.stdout == ""
    assert "(smoke_test.E004) SECURE_SSL_REDIRECT redirects load balancers" in result.stderr
    assert "Traceback" not in result.stderr
