"""Settings from environment variables; a bad value stops the start and says what to do."""

import os
import re

from django.core.exceptions import ImproperlyConfigured

_BOOLEANS = {
    "1": True, "true": True, "yes": True, "on": True,
    "0": False, "false": False, "no": False, "off": False,
}  # fmt: skip

# What `HttpRequest.get_host()` can match: it has no scheme, port or path, and IPv6 in brackets.
_HOST = re.compile(r"\*|\.?[a-z0-9-]+(\.[a-z0-9-]+)*|\[[0-9a-f:.]+\]", re.IGNORECASE)

# Safe in a header, a log and a URL.
RELEASE = re.compile(r"[A-Za-z0-9._+-]{1,128}")


def boolean(name: str, *, default: bool) -> bool:
    """Return the variable as a bool, in any case; raise ImproperlyConfigured for other words."""
    value = os.environ.get(name)
    if value is None:
        return default
    if value.lower() not in _BOOLEANS:
        raise _bad(name, value, f"one of {', '.join(_BOOLEANS)}", "unset it")
    return _BOOLEANS[value.lower()]


def hosts(name: str, *, default: list[str]) -> list[str]:
    """Return a comma-separated variable as ALLOWED_HOSTS takes it.

    Raises ImproperlyConfigured for a name that no Host header can ever match.
    """
    value = os.environ.get(name)
    if value is None:
        return default
    names = [part.strip() for part in value.split(",")]
    for host in names:
        if not _HOST.fullmatch(host):
            wanted = "host names, comma-separated, without scheme, port or path ([::1] for IPv6)"
            raise _bad(name, host, wanted, "name the hosts that people type")
    return names


def release(name: str, *, default: str) -> str:
    """Return the variable, 1 to 128 of letters, digits and `._+-`.

    Raises ImproperlyConfigured for anything else.
    """
    value = os.environ.get(name)
    if value is None:
        return default
    if not RELEASE.fullmatch(value):
        wanted = "1 to 128 letters, digits, '.', '_', '+' or '-'"
        raise _bad(name, value, wanted, "give a version or a commit, or unset it")
    return value


def number(name: str, *, default: int, least: int, most: int) -> int:
    """Return the variable as an int from `least` to `most`; raise ImproperlyConfigured else."""
    value = os.environ.get(name)
    if value is None:
        return default
    if not (value.isascii() and value.isdecimal() and least <= int(value) <= most):
        raise _bad(name, value, f"a number from {least} to {most}", "give one, or unset it")
    return int(value)


def _bad(name: str, found: str, wanted: str, remedy: str) -> ImproperlyConfigured:
    shown = repr(found if len(found) <= 60 else f"{found[:60]}...")
    return ImproperlyConfigured(f"{name}: found {shown}, wanted {wanted}; {remedy}.")
