"""Checks without --deploy are static: Django runs them before migrate and most other commands."""

import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest
from django.core.checks import run_checks
from django.http import HttpRequest, HttpResponse
from pytest_django import Settings

from tests.conftest import ROOT, listens
from tests.outside import outside_calls
from tests.polling import wait_until

DEAD = Path("/dev/null/dead.sqlite3")

_middleware_calls: list[str] = []


class RecordingMiddleware:
    def __init__(self, get_response: Callable[[HttpRequest], HttpResponse]) -> None:
        _middleware_calls.append("loaded")
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        _middleware_calls.append(request.path)
        return self.get_response(request)


@pytest.mark.parametrize("deploy", [False, True])
def test_only_deploy_loads_the_middleware_and_sends_requests(
    settings: Settings, deploy: bool
) -> None:
    settings.WSGI_APPLICATION = "tests.smoke_test.fresh_wsgi.application"
    settings.MIDDLEWARE = [*settings.MIDDLEWARE, f"{__name__}.RecordingMiddleware"]
    _middleware_calls.clear()

    messages = run_checks(tags=["smoke_test"], include_deployment_checks=deploy)

    assert messages == []
    assert ("loaded" in _middleware_calls) == deploy
    assert ("/smoke-test/" in _middleware_calls) == deploy


def test_the_checks_touch_nothing_outside_the_process() -> None:
    # The first run loads code.
    run_checks(tags=["smoke_test"])

    with outside_calls() as calls:
        run_checks(tags=["smoke_test"])

    assert calls == []


def _environ(database: Path) -> dict[str, str]:
    names = {"DJANGO_SETTINGS_MODULE": "tests.settings.database", "TEST_DATABASE": str(database)}
    return os.environ | names


def _manage(
    *arguments: str, database: Path = DEAD, settings: str = "tests.settings.database"
) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "manage.py", *arguments, "--settings", settings],
        cwd=ROOT,
        env=_environ(database),
        capture_output=True,
        text=True,
        check=False,
    )


@pytest.mark.process
def test_a_new_database_can_be_migrated_even_if_a_middleware_reads_it(tmp_path: Path) -> None:
    migrated = _manage("migrate", database=tmp_path / "fresh.sqlite3")

    assert (migrated.returncode, migrated.stderr) == (0, "")


@pytest.mark.process
def test_runserver_starts_before_a_middleware_can_read_the_database(
    tmp_path: Path, free_port: int
) -> None:
    command = ["manage.py", "runserver", "--noreload", f"127.0.0.1:{free_port}"]
    names = _environ(tmp_path / "fresh.sqlite3")
    with subprocess.Popen(
        [sys.executable, *command], cwd=ROOT, env=names, stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    ) as server:  # fmt: skip
        try:
            wait_until(lambda: listens(free_port), "runserver listens")
        finally:
            server.terminate()


@pytest.mark.process
@pytest.mark.parametrize(
    "command",
    [
        ["check"],
        ["check", "--tag", "smoke_test"],
        ["collectstatic", "--no-input", "--dry-run"],
        ["diffsettings"],
        ["spectacular", "--format", "openapi-json"],
    ],
)
def test_commands_work_with_a_dead_database(command: list[str]) -> None:
    result = _manage(*command, database=DEAD)

    assert (result.returncode, result.stderr) == (0, "")


@pytest.mark.process
def test_the_probe_of_a_url_works_with_a_dead_database(free_port: int) -> None:
    result = _manage("smoke_test", f"http://127.0.0.1:{free_port}/smoke-test/", database=DEAD)

    assert result.returncode == 1
    assert "tcp.refused" in result.stderr


@pytest.mark.process
@pytest.mark.parametrize("database", [None, DEAD])
@pytest.mark.parametrize(
    "command", [["check", "--deploy", "--tag", "smoke_test"], ["smoke_test", "--in-process"]]
)
def test_a_middleware_that_reads_the_database_is_refused_in_any_state(
    command: list[str], database: Path | None, tmp_path: Path
) -> None:
    migrated = tmp_path / "migrated.sqlite3"
    if database is None:
        _manage("migrate", database=migrated)

    result = _manage(*command, database=database or migrated)

    assert result.returncode == 1
    assert "CurrentSiteMiddleware: (smoke_test.E107) GET /smoke-test/ (the probe)" in result.stderr
    assert "Traceback" not in result.stderr


@pytest.mark.process
def test_atomic_requests_do_not_affect_the_smoke_test() -> None:
    command = ["check", "--deploy", "--tag", "smoke_test"]

    result = _manage(*command, settings="tests.settings.atomic")

    assert (result.returncode, result.stderr) == (0, "")


@pytest.mark.process
def test_a_database_without_an_engine_is_reported() -> None:
    result = _manage("smoke_test", "--in-process", settings="tests.settings.no_engine")

    assert result.returncode == 1
    assert "settings.DATABASES: (smoke_test.E101) loading the application" in result.stderr
    assert "Traceback" not in result.stderr
