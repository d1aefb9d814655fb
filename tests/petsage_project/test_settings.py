"""The settings from environment variables, and the commands that refuse invalid ones."""

import os
import runpy
import subprocess
import sys
from collections.abc import Callable
from typing import Any

import pytest
from django.core.exceptions import ImproperlyConfigured

from tests.conftest import ROOT

DEPLOYED = {
    "DJANGO_SECRET_KEY": "correct-horse-battery-staple-0123456789-ABCDEFGHIJKLMNOPQ",
    "DJANGO_ALLOWED_HOSTS": "api.petsage.example",
    "PETSAGE_RELEASE": "2026.11.23+4f2c9e1",
}
VARIABLES = (
    *DEPLOYED, "DJANGO_DEBUG", "DJANGO_LOG_FAILURES", "DJANGO_SECRET_KEY_FILE",
    "DJANGO_TRUST_X_FORWARDED_PROTO",
)  # fmt: skip

Read = Callable[..., dict[str, Any]]


@pytest.fixture
def read(monkeypatch: pytest.MonkeyPatch) -> Read:
    """Return a function that reads the settings with these variables and no others."""

    def read(**environ: str) -> dict[str, Any]:
        for name in VARIABLES:
            monkeypatch.delenv(name, raising=False)
        for name, value in environ.items():
            monkeypatch.setenv(name, value)
        return runpy.run_path(str(ROOT / "petsage_project/settings.py"))

    return read


def test_the_defaults_are_safe(read: Read) -> None:
    settings = read()

    assert settings["DEBUG"] is False
    assert settings["SECRET_KEY"] == ""
    assert settings["ALLOWED_HOSTS"] == ["localhost", "127.0.0.1", "[::1]"]
    assert settings["PETSAGE_RELEASE"] == "unknown"
    assert "SECURE_PROXY_SSL_HEADER" not in settings
    assert "stdout" not in settings["LOGGING"]["handlers"]


@pytest.mark.parametrize(
    ("name", "value", "setting", "expected"),
    [
        ("DJANGO_DEBUG", "TRUE", "DEBUG", True),
        ("DJANGO_DEBUG", "No", "DEBUG", False),
        ("DJANGO_SECRET_KEY", "a secret", "SECRET_KEY", "a secret"),
        (
            "DJANGO_ALLOWED_HOSTS",
            "a.example, .b.example",
            "ALLOWED_HOSTS",
            ["a.example", ".b.example"],
        ),
        ("PETSAGE_RELEASE", "2026.11.23+4f2c9e1", "PETSAGE_RELEASE", "2026.11.23+4f2c9e1"),
        (
            "DJANGO_TRUST_X_FORWARDED_PROTO",
            "true",
            "SECURE_PROXY_SSL_HEADER",
            ("HTTP_X_FORWARDED_PROTO", "https"),
        ),
    ],
)
def test_each_variable_sets_its_setting(
    read: Read, name: str, value: str, setting: str, expected: object
) -> None:
    settings = read(**{name: value})

    assert settings[setting] == expected


@pytest.mark.parametrize(
    ("name", "value", "got"),
    [
        ("DJANGO_DEBUG", "flase", "'flase'"),
        ("DJANGO_DEBUG", "", "''"),
        ("DJANGO_TRUST_X_FORWARDED_PROTO", "maybe", "'maybe'"),
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
def test_an_invalid_value_is_refused(read: Read, name: str, value: str, got: str) -> None:
    with pytest.raises(ImproperlyConfigured) as raised:
        read(**{name: value})

    assert str(raised.value).startswith(f"{name}: got {got}, expected ")


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


@pytest.mark.process
def test_an_invalid_value_aborts_a_command_with_one_line() -> None:
    result = _python("manage.py", "check", PETSAGE_RELEASE="v1\r\nX-Evil: 1")

    assert result.returncode == 1
    assert result.stderr.startswith(
        r"ImproperlyConfigured: PETSAGE_RELEASE: got 'v1\r\nX-Evil: 1', expected "
    )
    assert result.stderr.count("\n") == 1


@pytest.mark.process
def test_an_invalid_value_aborts_the_app_server() -> None:
    source = "import petsage_project.wsgi"

    result = _python("-c", source, PETSAGE_RELEASE="a b")

    assert result.returncode == 1
    assert "PETSAGE_RELEASE: got 'a b'" in result.stderr


@pytest.mark.process
def test_a_configured_deployment_passes_all_checks() -> None:
    result = _python("manage.py", "check", "--deploy", "--fail-level", "WARNING", **DEPLOYED)

    assert (result.returncode, result.stderr) == (0, "")


@pytest.mark.process
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


@pytest.mark.process
def test_manage_without_django_suggests_make_install() -> None:
    result = _python("-S", "-E", "manage.py", "check")

    assert result.returncode == 1
    assert result.stderr == (
        "No module named 'django'. Run 'make install', then '.venv/bin/python manage.py ...'.\n"
    )


@pytest.mark.process
def test_manage_names_a_directory_that_it_cannot_write() -> None:
    settings = "tests.settings.static_nowhere"

    result = _python("manage.py", "collectstatic", "--no-input", DJANGO_SETTINGS_MODULE=settings)

    assert result.returncode == 1
    path = "/dev/null/static/staticfiles.json"
    assert result.stderr == f"NotADirectoryError: [Errno 20] Not a directory: '{path}'\n"


@pytest.mark.process
def test_an_invalid_value_does_not_look_like_a_failed_smoke_test() -> None:
    result = _python("manage.py", "smoke_test", "http://127.0.0.1:1/", PETSAGE_RELEASE="a b")

    assert (result.returncode, result.stdout) == (3, "")
    assert "PETSAGE_RELEASE: got 'a b'" in result.stderr
