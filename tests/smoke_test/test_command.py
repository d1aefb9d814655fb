"""`manage.py smoke_test --in-process`: its output and its exit status."""

import os
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator
from typing import NamedTuple

import pytest
from django.core.management import CommandError, call_command
from django.http import HttpRequest, HttpResponse
from django.test import override_settings
from pytest_django import Settings

from petsage_project.settings import MIDDLEWARE
from smoke_test.management.commands.smoke_test import Command
from tests.conftest import ROOT
from tests.smoke_test.test_checks import CASES

_released = threading.Event()


def hangs(get_response: Callable[[HttpRequest], HttpResponse]) -> Callable[[HttpRequest], object]:
    def middleware(request: HttpRequest) -> HttpResponse:
        _released.wait(20)
        return get_response(request)

    return middleware


@pytest.fixture(autouse=True)
def wsgi_application(settings: Settings) -> None:
    settings.WSGI_APPLICATION = "tests.smoke_test.fresh_wsgi.application"


@pytest.fixture
def hanging_project(settings: Settings) -> Iterator[None]:
    settings.MIDDLEWARE = [MIDDLEWARE[0], f"{__name__}.hangs", *MIDDLEWARE[1:]]
    _released.clear()
    yield
    _released.set()


class Result(NamedTuple):
    status: int
    stdout: str
    stderr: str


Run = Callable[..., Result]


@pytest.fixture
def run(capsys: pytest.CaptureFixture[str]) -> Run:
    """Return a function that runs the command with these arguments."""

    def run(*arguments: str) -> Result:
        status = 0
        try:
            call_command("smoke_test", *arguments)
        except SystemExit as end:
            status = int(end.code or 0)
        return Result(status, *capsys.readouterr())

    return run


def test_a_healthy_project_passes_with_one_line(run: Run) -> None:
    result = run("--in-process")

    assert result == (0, "Smoke test passed: release unknown answered in process.\n", "")


# One for each kind of fault, and one that only a setting shows.
@pytest.mark.parametrize(
    "project",
    [
        "no hosts",
        "a redirect of plain http",
        "an exception",
        "a login",
        "another title",
        "a response from a middleware",
        "swallowed exceptions",
        "a query",
        "an exit",
        "a WSGI application that responds",
    ],
)
def test_a_broken_project_fails_with_the_reason(run: Run, project: str) -> None:
    changes, check_id, blamed = CASES[project]

    with override_settings(**changes):
        result = run("--in-process")

    assert result.status == 1
    assert result.stdout == ""
    assert f"{blamed}: (smoke_test.{check_id}) " in result.stderr


def test_allowing_every_host_is_only_a_warning(run: Run) -> None:
    with override_settings(ALLOWED_HOSTS=["*"]):
        result = run("--in-process")

    assert result.status == 0


def test_silencing_a_check_does_not_let_a_broken_response_pass(run: Run) -> None:
    with override_settings(SECURE_SSL_REDIRECT=True, SILENCED_SYSTEM_CHECKS=["smoke_test.E004"]):
        result = run("--in-process")

    assert result.status == 1
    assert "settings.SECURE_SSL_REDIRECT: (smoke_test.E004) GET /smoke-test/" in result.stderr


@pytest.mark.usefixtures("hanging_project")
def test_a_project_that_hangs_fails_at_the_deadline(run: Run) -> None:
    result = run("--in-process", "--timeout", "0.1")

    assert result.status == 1
    assert "http.timeout" in result.stderr


def test_a_release_that_is_not_the_expected_one_fails(run: Run) -> None:
    result = run("--in-process", "--release", "4f2c9e1")

    assert result.status == 1
    assert "release.mismatch" in result.stderr


@pytest.mark.parametrize(
    ("arguments", "status"),
    [
        (["--in-process"], 0),
        (["--in-process", "--settings", "petsage_project.settings"], 0),
        (["--in-process", "--pythonpath=."], 0),
        (["--in-process", "--release", "4f2c9e1"], 1),
        (["--in-process", "--verbosity", "2"], 2),
        ([], 2),
    ],
)
def test_the_command_line_accepts_djangos_two_options_and_exits_with_the_status(
    arguments: list[str], status: int
) -> None:
    with pytest.raises(SystemExit) as end:
        Command().run_from_argv(["manage.py", "smoke_test", *arguments])

    assert end.value.code == status


def test_call_command_without_a_target_raises_command_error() -> None:
    with pytest.raises(CommandError) as raised:
        call_command("smoke_test")

    assert raised.value.returncode == 2


def _manage(*arguments: str, **environ: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "manage.py", *arguments],
        cwd=ROOT,
        env=os.environ | environ,
        capture_output=True,
        text=True,
        check=False,
    )


@pytest.mark.process
def test_the_process_exits_with_0_and_names_the_release() -> None:
    result = _manage("smoke_test", "--in-process", PETSAGE_RELEASE="4f2c9e1")

    assert (result.returncode, result.stdout, result.stderr) == (
        0,
        "Smoke test passed: release 4f2c9e1 answered in process.\n",
        "",
    )


@pytest.mark.process
def test_strict_project_defaults_do_not_affect_the_smoke_test() -> None:
    result = _manage("smoke_test", "--in-process", "--settings", "tests.settings.strict_defaults")

    assert (result.returncode, result.stderr) == (0, "")


@pytest.mark.process
@pytest.mark.parametrize("module", ["ssl_redirect", "silenced"])
def test_for_a_broken_project_the_process_exits_with_1_and_no_traceback(module: str) -> None:
    result = _manage("smoke_test", "--in-process", "--settings", f"tests.settings.{module}")

    assert result.returncode == 1
    assert result.stdout == ""
    assert "(smoke_test.E004)" in result.stderr
    assert "Traceback" not in result.stderr
