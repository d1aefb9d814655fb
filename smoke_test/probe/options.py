"""What the command's options may be; argparse turns the errors into exit status 2."""

import re
from argparse import ArgumentTypeError
from urllib.parse import urlsplit

from petsage_project.environment import RELEASE
from smoke_test.contract import PATH
from smoke_test.probe.redirects import split_http_url

_NODE = re.compile(r"([A-Za-z0-9._-]+|\[[0-9A-Fa-f:.]+\])(?::(\d{1,5}))?|unix:/.+")


def url(text: str) -> str:
    """Return an http or https URL in ASCII; without a path it is that of the smoke test."""
    try:
        if not text.isascii():
            text = _with_ascii_host(text)
        parts = split_http_url(text)
    except ValueError as error:
        raise ArgumentTypeError(
            f"found {_without_password(text)!r}, wanted {error}, such as "
            f"https://api.petsage.example{PATH}"
        ) from None
    return text if parts.path else parts._replace(path=PATH).geturl()


def node(text: str) -> str:
    """Return HOST, HOST:PORT or unix:/path."""
    match = _NODE.fullmatch(text)
    if match is None or not 1 <= int(match[2] or 1) <= 65535:
        raise ArgumentTypeError(
            f"found {text!r}, wanted HOST, HOST:PORT, [IPv6]:PORT or unix:/path"
        )
    return text


def direct(text: str) -> str:
    """Return an http URL, or unix:/path."""
    if text.startswith("unix:/"):
        return text
    if text.startswith("https:"):
        raise ArgumentTypeError(
            f"found {_without_password(text)!r}, wanted http://HOST:PORT or unix:/path"
        )
    return url(text)


def release(text: str) -> str:
    """Return a release as PETSAGE_RELEASE may be."""
    if not RELEASE.fullmatch(text):
        raise ArgumentTypeError(
            f"found {text!r}, wanted 1 to 128 letters, digits, '.', '_', '+' or '-'"
        )
    return text


def seconds(text: str) -> float:
    """Return seconds to wait, a day at most."""
    return _number(text, "0 to 86400 seconds", least=0.0, most=86400)


def timeout(text: str) -> float:
    """Return seconds that leave time for an answer, an hour at most."""
    return _number(text, "0.1 to 3600 seconds", least=0.1, most=3600)


def amount(text: str) -> float:
    """Return a number that is not negative, of days or milliseconds."""
    return _number(text, "a number from 0 to 1000000", least=0.0, most=1_000_000)


def count(text: str) -> int:
    """Return a whole number from 1 on."""
    if not (text.isascii() and text.isdecimal() and 1 <= int(text) <= 1000):
        raise ArgumentTypeError(f"found {text!r}, wanted a whole number from 1 to 1000")
    return int(text)


def split_credentials(asked: str) -> tuple[str, str | None]:
    """Return the URL without its `user:password@`, and these, or None."""
    parts = urlsplit(asked)
    credentials, found, host = parts.netloc.rpartition("@")
    return parts._replace(netloc=host).geturl(), credentials if found else None


def _number(text: str, wanted: str, *, least: float, most: float) -> float:
    try:
        number = float(text)
    except ValueError:
        number = float("nan")
    if not least <= number <= most:
        raise ArgumentTypeError(f"found {text!r}, wanted {wanted}")
    return number


def _with_ascii_host(text: str) -> str:
    parts = urlsplit(text)
    host = parts.hostname or ""
    try:
        ascii_host = host.encode("idna").decode()
    except UnicodeError:
        raise ValueError("a URL with a host name or address") from None
    return parts._replace(netloc=parts.netloc.replace(host, ascii_host)).geturl()


def _without_password(text: str) -> str:
    return re.sub(r"//[^/@]*@", "//", text)
