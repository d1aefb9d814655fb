"""The environment variables, as a process meets them."""

import os
import subprocess
import sys

import pytest

from tests.conftest import ROOT

pytestmark = pytest.mark.process

DEPLOYED = {
    "DJANGO_SECRET_KEY": "correct-horse-battery-staple-0123456789-ABCDEFGHIJKLMNOPQ",
    "DJANGO_ALLOWED_HOSTS": "api.petsage.example",
    "PETSAGE_RELEASE": "2026.11.23+4f2c9e1",
}
VARIABLES = (*DEPLOYED, "DJANGO_DEBUG")


def _python(*arguments: str, **environ: str) -> subprocess.CompletedProcess[str]:
    clean = {name: value for name, value in os.environ.items() if name not in VARIABLES}
    return subprocess.run(
        [sys.executable, *arguments],
        cwd=ROOT,
        env=clean | environ,
        capture_output=True,
        text=True,
        check=False,
    )


def _read(expression: str, **environ: str) -> str:
    source = f"from petsage_project import settings; print({expression})"
    return _python("-c", source, **environ).stdout.strip()


def test_the_defaults_are_safe() -> None:
    names = "settings.DEBUG, settings.SECRET_KEY, settings.ALLOWED_HOSTS, settings.PETSAGE_RELEASE"

    assert _read(names) == "False  ['localhost', '127.0.0.1', '[::1]'] unknown"


@pytest.mark.parametrize(
    ("value", "expected"),
    [("1", "True"), ("TRUE", "True"), ("on", "True"), ("0", "False"), ("No", "False")],
)
def test_debug_accepts_the_usual_words(value: str, expected: str) -> None:
    assert _read("settings.DEBUG", DJANGO_DEBUG=value) == expected


def test_hosts_are_comma_separated() -> None:
    value = "api.petsage.example, .petsage.example,[::1]"

    assert _read("settings.ALLOWED_HOSTS", DJANGO_ALLOWED_HOSTS=value) == (
        "['api.petsage.example', '.petsage.example', '[::1]']"
    )


@pytest.mark.parametrize(
    ("name", "value", "got"),
    [
        ("DJANGO_DEBUG", "flase", "'flase'"),
        ("DJANGO_DEBUG", "", "''"),
        ("DJANGO_ALLOWED_HOSTS", "", "''"),
        ("DJANGO_ALLOWED_HOSTS", "a.example,", "''"),
        ("DJANGO_ALLOWED_HOSTS", "a.example b.example", "'a.example b.example'"),
        ("DJANGO_ALLOWED_HOSTS", "https://a.example", "'https://a.example'"),
        ("DJANGO_ALLOWED_HOSTS", "a.example:8000", "'a.example:8000'"),
        ("DJANGO_ALLOWED_HOSTS", "a.example/", "'a.example/'"),
        ("DJANGO_ALLOWED_HOSTS", "::1", "'::1'"),
        ("PETSAGE_RELEASE", "", "''"),
        ("PETSAGE_RELEASE", "v1 final", "'v1 final'"),
        ("PETSAGE_RELEASE", "v1\r\nX-Evil: 1", r"'v1\r\nX-Evil: 1'"),
        ("PETSAGE_RELEASE", "v1\n", r"'v1\n'"),
        ("PETSAGE_RELEASE", "v\u00e9", "'v\u00e9'"),
        ("PETSAGE_RELEASE", "a" * 129, f"'{'a' * 60}...'"),
    ],
)
def test_an_invalid_value_aborts_a_command_with_one_line(name: str, value: str, got: str) -> None:
    result = _python("-X", "utf8", "manage.py", "check", **{name: value})

    assert result.returncode == 1
    assert result.stderr.startswith(f"ImproperlyConfigured: {name}: got {got}, expected ")
    assert result.stderr.count("\n") == 1


def test_an_invalid_value_aborts_the_app_server() -> None:
    source = "import petsage_project.wsgi"

    result = _python("-c", source, PETSAGE_RELEASE="a b")

    assert result.returncode == 1
    assert "PETSAGE_RELEASE: got 'a b'" in result.stderr


def test_a_configured_deployment_passes_all_checks() -> None:
    result = _python("manage.py", "check", "--deploy", "--fail-level", "WARNING", **DEPLOYED)

    assert (result.returncode, result.stderr) == (0, "")


@pytest.mark.parametrize(
    ("name", "value", "expected"),
    [
        ("DJANGO_SECRET_KEY", "", "security.W009"),
        ("DJANGO_SECRET_KEY", "short", "security.W009"),
        ("DJANGO_ALLOWED_HOSTS", "*", "smoke_test.W001"),
        ("DJANGO_DEBUG", "1", "security.W018"),
    ],
)
def test_an_unsafe_deployment_fails_the_checks(name: str, value: str, expected: str) -> None:
    environ = DEPLOYED | {name: value}

    result = _python("manage.py", "check", "--deploy", "--fail-level", "WARNING", **environ)

    assert result.returncode == 1
    assert expected in result.stderr


def test_manage_without_django_suggests_make_install() -> None:
    result = _python("-S", "-E", "manage.py", "check")

    assert result.returncode == 1
    assert result.stderr == (
        "No module named 'django'. Run 'make install', then '.venv/bin/python manage.py ...'.\n"
    )


def test_manage_names_a_directory_that_it_cannot_write() -> None:
    settings = "tests.settings.static_nowhere"

    result = _python("manage.py", "collectstatic", "--no-input", DJANGO_SETTINGS_MODULE=settings)

    assert result.returncode == 1
    path = "/dev/null/static/staticfiles.json"
    assert result.stderr == f"NotADirectoryError: [Errno 20] Not a directory: '{path}'\n"


def test_an_invalid_value_does_not_look_like_a_failed_smoke_test() -> None:
    result = _python("manage.py", "smoke_test", "http://127.0.0.1:1/", PETSAGE_RELEASE="a b")

    assert (result.returncode, result.stdout) == (3, "")
    assert "PETSAGE_RELEASE: got 'a b'" in result.stderr
