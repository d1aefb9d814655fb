"""Each reader accepts what it documents, and refuses everything else with a message."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from django.core.exceptions import ImproperlyConfigured

from petsage_project import environment

READERS: dict[str, Callable[[], Any]] = {
    "boolean": lambda: environment.boolean("X", default=True),
    "hosts": lambda: environment.hosts("X", default=["a.example"]),
    "release": lambda: environment.release("X", default="unknown"),
    "secret": lambda: environment.secret("X", default=""),
    "number": lambda: environment.number("X", default=7, least=1, most=65535),
    "networks": lambda: environment.networks("X"),
}


@pytest.mark.parametrize(
    ("reader", "expected"),
    [
        ("boolean", True),
        ("hosts", ["a.example"]),
        ("release", "unknown"),
        ("secret", ""),
        ("number", 7),
        ("networks", []),
    ],
)
def test_an_unset_variable_is_the_default(
    monkeypatch: pytest.MonkeyPatch, reader: str, expected: object
) -> None:
    monkeypatch.delenv("X", raising=False)

    assert READERS[reader]() == expected


@pytest.mark.parametrize(
    ("reader", "value", "expected"),
    [
        ("boolean", "Yes", True),
        ("boolean", "off", False),
        ("hosts", "a.example, .b.example,[::1]", ["a.example", ".b.example", "[::1]"]),
        ("release", "2026.11.25+4f2c9e1", "2026.11.25+4f2c9e1"),
        ("secret", "a secret", "a secret"),
        ("number", "65535", 65535),
        ("networks", "", []),
        (
            "networks",
            "10.0.0.7, 10.1.0.0/16,2001:db8::/32",
            ["10.0.0.7/32", "10.1.0.0/16", "2001:db8::/32"],
        ),
    ],
)
def test_a_valid_value_is_read(
    monkeypatch: pytest.MonkeyPatch, reader: str, value: str, expected: object
) -> None:
    monkeypatch.setenv("X", value)

    assert READERS[reader]() == expected


@pytest.mark.parametrize(
    ("reader", "value", "expected"),
    [
        ("boolean", "flase", "one of 1, true"),
        ("hosts", "https://a.example", "host names, comma-separated"),
        ("release", "a b", "1 to 128 letters"),
        ("number", "0", "a number from 1 to 65535"),
        ("number", "\u0661", "a number from 1 to 65535"),
        ("networks", "balancer", "addresses or ranges, comma-separated"),
        ("networks", "10.0.0.7/8", "addresses or ranges, comma-separated"),
    ],
)
def test_an_invalid_value_is_refused_with_what_was_expected(
    monkeypatch: pytest.MonkeyPatch, reader: str, value: str, expected: str
) -> None:
    monkeypatch.setenv("X", value)

    with pytest.raises(ImproperlyConfigured) as raised:
        READERS[reader]()

    assert str(raised.value).startswith(f"X: got {value!r}, expected {expected}")


def test_a_secret_is_read_from_the_file_that_is_named(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    (tmp_path / "key").write_text("a secret\n")
    monkeypatch.setenv("X_FILE", str(tmp_path / "key"))

    assert environment.secret("X", default="") == "a secret"


@pytest.mark.parametrize(
    ("value", "path", "expected"),
    [
        (None, "/nowhere", "a readable text file (No such file or directory)"),
        (None, "/", "a readable text file (Is a directory)"),
        (None, "", "a readable text file (Is a directory)"),
        ("a secret", "/nowhere", "either this or X"),
    ],
)
def test_a_secret_that_cannot_be_read_is_refused(
    monkeypatch: pytest.MonkeyPatch, value: str | None, path: str, expected: str
) -> None:
    monkeypatch.setenv("X_FILE", path)
    if value:
        monkeypatch.setenv("X", value)

    with pytest.raises(ImproperlyConfigured) as raised:
        environment.secret("X", default="")

    assert str(raised.value).startswith(f"X_FILE: got {path!r}, expected {expected}")
