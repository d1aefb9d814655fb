"""The options of the command line; argparse turns a bad value into exit status 2."""

import re
from argparse import ArgumentParser, ArgumentTypeError
from urllib.parse import urlsplit

from smoke_test.contract import PATH, RELEASE, RELEASE_FORMAT
from smoke_test.probe import reports
from smoke_test.probe.redirects import split_http_url

_NODE = re.compile(r"([A-Za-z0-9._-]+|\[[0-9A-Fa-f:.]+\])(?::(\d{1,5}))?|unix:/.+")

DESCRIPTION = (
    "Follows one request through every layer (DNS, TCP, TLS, nginx, app server, Django, contract, "
    "release) and names the layer that failed."
)


def add_arguments(parser: ArgumentParser) -> None:
    """Add the probe's arguments; docs/probe.md describes them."""
    add = parser.add_argument
    add("urls", metavar="URL", nargs="*", type=url, help="the address of a smoke test")
    add("--release", metavar="ID", type=release, help="the release that must answer")
    add(
        "--wait",
        metavar="SECONDS",
        type=seconds,
        default=0.0,
        help="keep retrying for up to SECONDS (default: one attempt)",
    )
    add(
        "--timeout",
        metavar="SECONDS",
        type=timeout,
        default=5.0,
        help="the limit of one attempt (default: 5)",
    )
    add(
        "--consecutive",
        metavar="N",
        type=count,
        default=1,
        help="how many consecutive passes are needed (default: 1; 3 for a rolling deployment)",
    )
    add(
        "--fail-fast",
        action="store_true",
        help="stop retrying at a fault that waiting cannot fix, such as a bad certificate",
    )
    add(
        "--all-addresses",
        action="store_true",
        help="probe each address of the name, and fail if one fails",
    )
    add(
        "--connect-to",
        metavar="NODE",
        type=node,
        help="connect to this HOST[:PORT] or unix:/path, with the Host and SNI of the URL",
    )
    add(
        "--direct",
        metavar="URL",
        type=direct,
        help="also probe the app server itself, at http://HOST:PORT or unix:/path",
    )
    add("--ca-file", metavar="FILE", help="trust these CAs (PEM) instead of the system's")
    add(
        "--cert-days",
        metavar="DAYS",
        type=amount,
        default=14.0,
        help="warn if the certificate expires within DAYS (default: 14)",
    )
    add(
        "--slow",
        metavar="MS",
        type=amount,
        default=1000.0,
        help="warn if the answer takes more than MS milliseconds (default: 1000)",
    )
    add(
        "--fail-level",
        choices=["WARNING", "ERROR"],
        default="ERROR",
        help="the lowest level that fails (default: ERROR)",
    )
    add(
        "--format",
        choices=["text", *reports.FORMATS],
        default="text",
        help="the format of the report (default: text)",
    )


def url(text: str) -> str:
    """Return an http or https URL in ASCII; without a path, that of the smoke test."""
    try:
        if not text.isascii():
            text = _with_ascii_host(text)
        parts = split_http_url(text)
    except ValueError as error:
        raise ArgumentTypeError(
            f"got {_without_password(text)!r}, expected {error}, such as "
            f"https://api.petsage.example{PATH}"
        ) from None
    return text if parts.path else parts._replace(path=PATH).geturl()


def node(text: str) -> str:
    """Return HOST, HOST:PORT or unix:/path."""
    match = _NODE.fullmatch(text)
    if match is None or not 1 <= int(match[2] or 1) <= 65535:
        raise ArgumentTypeError(
            f"got {text!r}, expected HOST, HOST:PORT, [IPv6]:PORT or unix:/path"
        )
    return text


def direct(text: str) -> str:
    """Return an http URL, or unix:/path."""
    if text.startswith("unix:/"):
        return text
    if text.startswith("https:"):
        raise ArgumentTypeError(
            f"got {_without_password(text)!r}, expected http://HOST:PORT or unix:/path"
        )
    return url(text)


def release(text: str) -> str:
    """Return a release as PETSAGE_RELEASE may be."""
    if not RELEASE.fullmatch(text):
        raise ArgumentTypeError(f"got {text!r}, expected {RELEASE_FORMAT}")
    return text


def seconds(text: str) -> float:
    """Return seconds to wait, a day at most."""
    return _number(text, "0 to 86400 seconds", least=0.0, most=86400)


def timeout(text: str) -> float:
    """Return the seconds of one attempt, an hour at most."""
    return _number(text, "0.1 to 3600 seconds", least=0.1, most=3600)


def amount(text: str) -> float:
    """Return a number that is not negative, of days or milliseconds."""
    return _number(text, "a number from 0 to 1000000", least=0.0, most=1_000_000)


def count(text: str) -> int:
    """Return a whole number from 1 to 1000."""
    if not (text.isascii() and text.isdecimal() and 1 <= int(text) <= 1000):
        raise ArgumentTypeError(f"got {text!r}, expected a whole number from 1 to 1000")
    return int(text)


def split_credentials(asked: str) -> tuple[str, str | None]:
    """Return the URL without its `user:password@`, and these, or None."""
    parts = urlsplit(asked)
    credentials, found, host = parts.netloc.rpartition("@")
    return parts._replace(netloc=host).geturl(), credentials if found else None


def _number(text: str, expected: str, *, least: float, most: float) -> float:
    try:
        number = float(text)
    except ValueError:
        number = float("nan")
    if not least <= number <= most:
        raise ArgumentTypeError(f"got {text!r}, expected {expected}")
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
