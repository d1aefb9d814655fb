"""The options of the command line; a bad value is a usage error, exit status 2.

No error message shows a credential.
"""

import re
import sys
from argparse import Action, ArgumentParser, ArgumentTypeError, Namespace
from collections.abc import Sequence
from itertools import takewhile
from pathlib import Path
from typing import Any, NamedTuple, NoReturn
from urllib.parse import urlsplit

from smoke_test.contract import PATH, RELEASE, RELEASE_FORMAT
from smoke_test.probe.files import is_replaceable
from smoke_test.probe.probe import Also
from smoke_test.probe.redirects import split_http_url
from smoke_test.probe.reports import FORMATS
from smoke_test.probe.streams import emit
from smoke_test.probe.verdict import printable

USAGE = 2

# One request starts every second, so up to this many are in flight.
MAX_WATCH_TIMEOUT_S = 60

DESCRIPTION = (
    "Follows one request through every layer (DNS, TCP, TLS, nginx, app server, Django, contract, "
    "release) and names the layer that failed."
)

_NODE = re.compile(r"([A-Za-z0-9._-]+|\[[0-9A-Fa-f:.]+\])(?::(\d{1,5}))?|unix:/.+")
# In a path, `=` introduces the status; in a query string, only if a status follows at the end.
_ALSO = re.compile(
    r"(/[A-Za-z0-9._~:/\[\]@!$&'()*+,;%-]*(?:\?[A-Za-z0-9._~:/?\[\]@!$&'()*+,;=%-]*?)?)"
    r"(?:=([1-5]\d\d))?"
)
# Without its value, which could be a credential.
_OPTION = re.compile(r"--[\w-]+|-[^\W\d]")
_HEADER = re.compile(r"([!#$%&'*+.^_`|~0-9A-Za-z-]+):[ \t]*[\t\x20-\x7e]+")


class Report(NamedTuple):
    """A format, and its file; without a file, standard output."""

    given_format: str | None = None
    file: Path | None = None

    @property
    def format(self) -> str:
        return self.given_format or "text"


class _AddReport(Action):
    """Pairs each --format with the --output beside it."""

    def __call__(
        self, _parser: ArgumentParser, given: Namespace, value: Any, option: str | None = None
    ) -> None:
        field = "given_format" if option == "--format" else "file"
        *before, last = getattr(given, self.dest) or [Report()]
        if getattr(last, field) is not None:
            before, last = [*before, last], Report()
        setattr(given, self.dest, [*before, last._replace(**{field: value})])


class Parser(ArgumentParser):
    """The probe's arguments; docs/probe.md describes them."""

    def __init__(self, prog: str) -> None:
        super().__init__(prog=prog, description=DESCRIPTION, allow_abbrev=False)
        add_arguments(self)

    def parse_args(  # type: ignore[override]
        self, args: Sequence[str] | None = None, namespace: None = None
    ) -> Namespace:
        self._arguments = sys.argv[1:] if args is None else args
        self._refuse_unknown_options()
        # Not parse_intermixed_args(), which forgets `--` and would obey a URL such as `--help`.
        given, others = self.parse_known_args(self._arguments, namespace)
        if others:
            self.error("got URLs on both sides of an option, expected them side by side")
        if problem := conflict(given):
            self.error(problem)
        return given

    def _refuse_unknown_options(self) -> None:
        """Refuse them before parsing, which would take `-H 'Authorization: ...'` for a URL."""
        for argument in takewhile(lambda argument: argument != "--", self._arguments):
            match = _OPTION.match(argument)
            if match and match[0] not in self._option_string_actions:
                # Imported here because few runs need it.
                from difflib import get_close_matches

                [known] = get_close_matches(match[0], self._option_string_actions, 1, cutoff=0)
                expected = f"an option from --help, such as {known}"
                self.error(f"got an unknown {match[0]}, expected {expected}")

    def error(self, message: str) -> NoReturn:
        text = f"error: {_redacted(message)}"
        if not {"nagios", "--format=nagios"}.isdisjoint(self._arguments):
            # For Nagios, 2 is CRITICAL, and it reads standard output.
            from smoke_test.probe.reports import nagios

            emit(sys.stdout, f"{nagios.status_line(nagios.UNKNOWN, text)}\n")
            self.exit(nagios.UNKNOWN)
        self.exit(USAGE, f"{text}\n")


def add_arguments(parser: ArgumentParser) -> None:
    """Add the probe's arguments to any parser."""
    add = parser.add_argument
    add("urls", metavar="URL", nargs="*", type=url, help="the address of a smoke test")
    add("--in-process", action="store_true", help="check this project itself, with manage.py")
    add("--release", metavar="ID", type=release, help="the release that must respond")
    add("--wait", metavar="SECONDS", type=seconds, default=0.0, help="keep retrying for this long")
    add("--watch", metavar="SECONDS", type=watch, default=0.0,
        help="send a request every second for this long")  # fmt: skip
    add("--timeout", metavar="SECONDS", type=timeout, default=5.0,
        help="the limit of one attempt (5)")  # fmt: skip
    add("--consecutive", metavar="N", type=count, default=1, help="required passes in a row (1)")
    add("--fail-fast", action="store_true", help="stop at a fault that waiting cannot fix")
    add("--also", metavar="PATH[=STATUS]", type=also, action="append", default=[],
        help="also request this path of the site (repeatable)")  # fmt: skip
    add("--page", action="store_true", help="also request the page, as a browser does")
    add("--header", metavar="'NAME: VALUE'", type=header, action="append", default=[],
        dest="headers", help="send this header as well (repeatable)")  # fmt: skip
    add("--all-addresses", action="store_true", help="probe each address of the name")
    add("--connect-to", metavar="NODE", type=node,
        help="connect to HOST[:PORT] or unix:/path instead")  # fmt: skip
    add("--direct", metavar="URL", type=direct, help="also probe the app server itself")
    add("--ca-file", metavar="FILE", help="trust these CAs (PEM) instead of the system's")
    add("--cert-days", metavar="DAYS", type=amount, default=14.0,
        help="warn if a certificate expires within DAYS (14)")  # fmt: skip
    add("--slow", metavar="MS", type=amount, default=1000.0,
        help="warn if the response takes longer (1000)")  # fmt: skip
    add("--fail-level", choices=["WARNING", "ERROR"], default="ERROR",
        help="the lowest level that fails (ERROR)")  # fmt: skip
    add("--format", choices=FORMATS, action=_AddReport, default=[], dest="reports",
        help="the format of the report (text; repeatable)")  # fmt: skip
    add("--output", metavar="FILE", type=output, action=_AddReport, default=[], dest="reports",
        help="write this format to FILE instead of standard output")  # fmt: skip


def url(text: str) -> str:
    """Return an http or https URL in ASCII; without a path, that of the smoke test."""
    try:
        ascii_url = text if text.isascii() else _with_ascii_host(text)
        parts = split_http_url(ascii_url)
    except ValueError as error:
        expected = f"{error}, such as https://api.petsage.example{PATH}"
        raise _invalid(text, expected) from None
    return ascii_url if parts.path else parts._replace(path=PATH).geturl()


def node(text: str) -> str:
    """Return HOST, HOST:PORT or unix:/path."""
    match = _NODE.fullmatch(text)
    if match is None or not 1 <= int(match[2] or 1) <= 65535:
        raise _invalid(text, "HOST, HOST:PORT, [IPv6]:PORT or unix:/path")
    return text


def direct(text: str) -> str:
    """Return an http URL, or unix:/path."""
    if text.startswith("unix:/"):
        return text
    if text.startswith("https:"):
        raise _invalid(text, "http://HOST:PORT or unix:/path")
    return url(text)


def also(text: str) -> Also:
    """Return a path and its expected status."""
    match = _ALSO.fullmatch(text)
    if match is None:
        raise _invalid(text, "/path or /path=STATUS")
    return Also(match[1], int(match[2] or 200))


def header(text: str) -> str:
    """Return a header line; the error message does not show it."""
    match = _HEADER.fullmatch(text)
    if match is None:
        raise ArgumentTypeError("got a malformed header, expected 'Name: value' in ASCII")
    if match[1].lower().startswith("x-petsage-"):
        raise ArgumentTypeError(f"got {match[1]}, expected a header that the probe does not set")
    return text


def release(text: str) -> str:
    """Return a release, in the format of PETSAGE_RELEASE."""
    if not RELEASE.fullmatch(text):
        raise _invalid(text, RELEASE_FORMAT)
    return text


def output(text: str) -> Path:
    """Return a path; fail now rather than after the probe if it cannot be written."""
    path = Path(text)
    if not text or not is_replaceable(path):
        raise _invalid(text, "a file in a directory that this user can write to")
    return path


def seconds(text: str) -> float:
    """Return the seconds to wait, up to a day."""
    return _number(text, "0 to 86400 seconds", least=0.0, most=86400)


def watch(text: str) -> float:
    """Return the seconds to watch, up to a day."""
    return _number(text, "1 to 86400 seconds", least=1.0, most=86400)


def timeout(text: str) -> float:
    """Return the seconds for one attempt, up to an hour."""
    return _number(text, "0.1 to 3600 seconds", least=0.1, most=3600)


def amount(text: str) -> float:
    """Return a nonnegative number of days or milliseconds."""
    return _number(text, "a number from 0 to 1000000", least=0.0, most=1_000_000)


def count(text: str) -> int:
    """Return a whole number from 1 to 1000."""
    if not (text.isascii() and text.isdecimal() and 1 <= int(text) <= 1000):
        raise _invalid(text, "a whole number from 1 to 1000")
    return int(text)


def conflict(given: Namespace) -> str | None:
    """Return the error if options conflict or a URL is missing."""
    if given.in_process and given.urls:
        return "got --in-process with a URL, expected one of the two"
    if not given.in_process and not given.urls:
        return "got no URL, expected one, or `manage.py smoke_test --in-process`"
    for name in (
        "all_addresses", "connect_to", "direct", "ca_file", "also", "page", "headers", "watch"
    ):  # fmt: skip
        if getattr(given, name) and given.in_process:
            option = f"--{name.rstrip('s') if name == 'headers' else name.replace('_', '-')}"
            return f"got {option} with --in-process, expected `URL {option} ...`"
    if given.watch and (problem := _watch_conflict(given)):
        return problem
    if given.direct and len(given.urls) > 1:
        return "got --direct with several URLs, expected one, to compare with the app server"
    if given.all_addresses and (given.connect_to or "").startswith("unix:"):
        return "got --all-addresses with a unix socket, expected one of the two"
    if len([report for report in given.reports if report.file is None]) > 1:
        return "got several formats for standard output, expected --output FILE with all but one"
    if len({report.file for report in given.reports}) < len(given.reports):
        return "got the same --output FILE twice, expected one for each format"
    return None


def _watch_conflict(given: Namespace) -> str | None:
    if len(given.urls) > 1:
        return "got --watch with several URLs, expected one; start one probe for each"
    others = {
        "--wait": given.wait,
        "--consecutive": given.consecutive > 1,
        "--fail-fast": given.fail_fast,
    }
    for option, is_given in others.items():
        if is_given:
            return f"got {option} with --watch, expected one of the two"
    if given.timeout > MAX_WATCH_TIMEOUT_S:
        got = f"--timeout {given.timeout:g} with --watch"
        return f"got {got}, expected at most {MAX_WATCH_TIMEOUT_S} seconds"
    return None


def _number(text: str, expected: str, *, least: float, most: float) -> float:
    try:
        number = float(text)
    except ValueError:
        number = float("nan")
    if not least <= number <= most:
        raise _invalid(text, expected)
    return number


def _invalid(text: str, expected: str) -> ArgumentTypeError:
    # A password may contain any character, so hide everything before the last `@`.
    scheme = text.partition("//")[0] + "//" if "//" in text.rpartition("@")[0] else ""
    shown = f"{scheme}***@{text.rpartition('@')[2]}" if "@" in text else text
    return ArgumentTypeError(f"got {printable(repr(shown))}, expected {expected}")


def _redacted(message: str) -> str:
    return printable(re.sub(r"[^\s'/]*@", "***@", message), limit=1000)


def _with_ascii_host(text: str) -> str:
    """Return the URL with its host encoded by IDNA 2008 (RFC 5891)."""
    # Imported only here, because few hosts need it.
    import idna

    parts = urlsplit(text)
    host = parts.hostname or ""
    try:
        ascii_host = idna.encode(host, uts46=True).decode()
    except UnicodeError:
        raise ValueError("a URL with a host name or address") from None
    credentials, at, _ = parts.netloc.rpartition("@")
    port = f":{parts.port}" if parts.port else ""
    return parts._replace(netloc=f"{credentials}{at}{ascii_host}{port}").geturl()
