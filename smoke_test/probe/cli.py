"""The command line: parses options, makes attempts, writes the report, returns the exit status."""

import os
import signal
import sys
import threading
import time
from argparse import ArgumentParser, Namespace
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from types import FrameType

from smoke_test.probe import gate, options, reports
from smoke_test.probe.diagnosis import Expectations
from smoke_test.probe.probe import Probe, Undecided
from smoke_test.probe.progress import Progress
from smoke_test.probe.verdict import Level

# Exit statuses; docs/probe.md.
PASSED, FAILED, USAGE, UNDECIDED = 0, 1, 2, 3

_COLORS: dict[Level, str] = {"ok": "32;1", "warning": "33;1", "error": "31;1"}


class Interrupted(Exception):
    """A signal asked the probe to stop."""


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the command line, and return its exit status; bad usage raises SystemExit(2)."""
    parser = ArgumentParser(
        prog="python -m smoke_test.probe", description=options.DESCRIPTION, allow_abbrev=False
    )
    options.add_arguments(parser)
    given = parser.parse_args(arguments)
    if not given.urls:
        parser.error("got no URL, expected the address of a smoke test")
    return run(given)


def run(given: Namespace, in_process: Callable[[Expectations], gate.Attempt] | None = None) -> int:
    """Do what the parsed options say, and return the exit status.

    Without a URL, `in_process` makes the attempts.
    """
    if problem := _conflict(given):
        return _refuse(USAGE, problem)
    outcome = gate.Outcome()
    with _stop_signals() as stop:
        try:
            _make_attempts(outcome, given, in_process, stop)
        except Interrupted:
            pass
        except Undecided as error:
            return _refuse(UNDECIDED, str(error))
        try:
            _report(outcome, given.format)
            sys.stdout.flush()
        except BrokenPipeError:
            # The reader has left (`| head`); the exit status still tells. Python flushes what is
            # left at exit, which must not fail again.
            os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        if stop.signal_number:
            return 128 + stop.signal_number
    return PASSED if outcome.passed else FAILED


def _make_attempts(
    outcome: gate.Outcome,
    given: Namespace,
    in_process: Callable[[Expectations], gate.Attempt] | None,
    stop: "_Stop",
) -> None:
    expected = Expectations(given.release, given.slow, given.cert_days)
    probe = Probe(
        urls=given.urls,
        expected=expected,
        all_addresses=given.all_addresses,
        connect_to=given.connect_to,
        direct=given.direct,
        ca_file=given.ca_file,
        check_cancelled=stop.check,
    )
    plan = gate.Plan(
        timeout_s=given.timeout,
        wait_s=given.wait,
        consecutive=given.consecutive,
        fail_fast=given.fail_fast,
        fail_on_warning=given.fail_level == "WARNING",
    )
    waits = plan.wait_s or plan.consecutive > 1
    progress = Progress(sys.stderr, plan.wait_s) if waits else None
    try:
        gate.run(
            outcome,
            plan,
            probe.attempt if given.urls or in_process is None else lambda _: in_process(expected),
            clock=time.monotonic,
            sleep=stop.sleep,
            notify=progress or (lambda _outcome: None),
        )
    finally:
        if progress:
            progress.close(outcome)


def _report(outcome: gate.Outcome, report_format: str) -> None:
    if report_format != "text":
        _write("stdout", reports.FORMATS[report_format](outcome))
        if not outcome.passed:
            _write("stderr", reports.failure_line(outcome))
        return
    for line in reports.passes(outcome):
        _write("stdout", line, "ok")
    for level, block in reports.issues(outcome):
        _write("stderr", block, level)
    if not outcome.passed and not any(v.level == "error" for v in outcome.verdicts):
        _write("stderr", reports.failure_line(outcome), "error")


def _write(stream_name: str, text: str, level: Level | None = None) -> None:
    """Write a line, colored by its level on a terminal unless NO_COLOR is set."""
    stream = getattr(sys, stream_name)
    if level is not None and stream.isatty() and not os.environ.get("NO_COLOR"):
        text = f"\x1b[{_COLORS[level]}m{text}\x1b[0m"
    stream.write(f"{text}\n")


def _conflict(given: Namespace) -> str | None:
    """Return what is wrong with options that need a URL or exclude each other."""
    for name in ("all_addresses", "connect_to", "direct", "ca_file"):
        if getattr(given, name) and not given.urls:
            option = f"--{name.replace('_', '-')}"
            return f"got {option} without a URL, expected `URL {option} ...`"
    if given.direct and len(given.urls) > 1:
        return "got --direct with several URLs, expected one: it is compared with its front"
    if given.all_addresses and (given.connect_to or "").startswith("unix:"):
        return "got --all-addresses with a unix socket, expected one of the two"
    return None


def _refuse(status: int, problem: str) -> int:
    _write("stderr", f"error: {problem}", "error")
    return status


class _Stop:
    """The signal that asked to stop, and the sleep that it ends."""

    def __init__(self) -> None:
        self.signal_number = 0
        self._event = threading.Event()

    def __call__(self, signal_number: int, _frame: FrameType | None) -> None:
        self.signal_number = signal_number
        self._event.set()

    def check(self) -> None:
        if self.signal_number:
            raise Interrupted

    def sleep(self, seconds: float) -> None:
        self._event.wait(seconds)
        self.check()


@contextmanager
def _stop_signals() -> Iterator[_Stop]:
    """Catch SIGINT and SIGTERM, so that the report is complete before the end.

    Outside of the main thread signals cannot be caught, and are not.
    """
    stop = _Stop()
    if threading.current_thread() is not threading.main_thread():
        yield stop
        return
    before = {number: signal.signal(number, stop) for number in (signal.SIGINT, signal.SIGTERM)}
    try:
        yield stop
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)
