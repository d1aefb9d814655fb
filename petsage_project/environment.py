"""Settings from environment variables; an invalid value aborts startup and says what to do."""

import ipaddress
import os
import re
from pathlib import Path

from django.core.exceptions import ImproperlyConfigured

from smoke_test.contract import RELEASE, RELEASE_FORMAT

_BOOLEANS = {
    "1": True, "true": True, "yes": True, "on": True,
    "0": False, "false": False, "no": False, "off": False,
}  # fmt: skip

# A host that `HttpRequest.get_host()` can match: no scheme, port or path, and IPv6 in brackets.
_HOST = re.compile(r"\*|\.?[a-z0-9-]+(\.[a-z0-9-]+)*|\[[0-9a-f:.]+\]", re.IGNORECASE)


def boolean(name: str, *, default: bool) -> bool:
    """Return the variable as a bool; case does not matter."""
    value = os.environ.get(name)
    if value is None:
        return default
    if value.lower() not in _BOOLEANS:
        raise _invalid(name, value, f"one of {', '.join(_BOOLEANS)}", "fix or unset it")
    return _BOOLEANS[value.lower()]


def hosts(name: str, *, default: list[str]) -> list[str]:
    """Return a comma-separated variable for ALLOWED_HOSTS."""
    value = os.environ.get(name)
    if value is None:
        return default
    names = [part.strip() for part in value.split(",")]
    for host in names:
        if not _HOST.fullmatch(host):
            expected = "host names, comma-separated, without scheme, port or path ([::1] for IPv6)"
            raise _invalid(name, host, expected, "list the names that clients use")
    return names


def release(name: str, *, default: str) -> str:
    """Return the variable as a release."""
    value = os.environ.get(name)
    if value is None:
        return default
    if not RELEASE.fullmatch(value):
        raise _invalid(name, value, RELEASE_FORMAT, "use a version or a commit, or unset it")
    return value


def secret(name: str, *, default: str) -> str:
    """Return the variable, or the content of the file that `{name}_FILE` names."""
    value, path = os.environ.get(name), os.environ.get(f"{name}_FILE")
    if path is None:
        return default if value is None else value
    if value is not None:
        raise _invalid(f"{name}_FILE", path, f"either this or {name}", "unset one of them")
    try:
        return Path(path).read_text().strip()
    except (OSError, ValueError) as error:
        expected = f"a readable text file ({getattr(error, 'strerror', None) or error})"
        raise _invalid(f"{name}_FILE", path, expected, "name the secret's file") from error


def number(name: str, *, default: int, least: int, most: int) -> int:
    """Return the variable as an int from `least` to `most`."""
    value = os.environ.get(name)
    if value is None:
        return default
    if not (value.isascii() and value.isdecimal() and least <= int(value) <= most):
        raise _invalid(name, value, f"a number from {least} to {most}", "fix or unset it")
    return int(value)


def networks(name: str) -> list[str]:
    """Return a comma-separated variable of IP addresses and ranges as ranges; [] if unset."""
    value = os.environ.get(name, "")
    found = []
    for word in value.split(",") if value else ():
        try:
            found.append(str(ipaddress.ip_network(word.strip())))
        except ValueError as error:
            expected = "addresses or ranges, comma-separated, such as 10.0.0.7,10.1.0.0/16"
            raise _invalid(name, word, expected, "list the load balancers") from error
    return found


def _invalid(name: str, value: str, expected: str, fix: str) -> ImproperlyConfigured:
    shown = repr(value if len(value) <= 60 else f"{value[:60]}...")
    return ImproperlyConfigured(f"{name}: got {shown}, expected {expected}; {fix}.")
