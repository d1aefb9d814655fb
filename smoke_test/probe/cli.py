"""The command line: parses options, makes attempts, writes the report, returns the exit status."""

import os
import signal
import sys
import threading
import time
from argparse import Namespace
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from types import FrameType
from typing import TextIO

from smoke_test.probe import files, gate, options
from smoke_test.probe.codes import CODES
from smoke_test.probe.deadline import Deadline, Interrupted
from smoke_test.probe.diagnosis import Expectations
from smoke_test.probe.probe import Probe, Undecided, split_credentials
from smoke_test.probe.progress import Progress, WatchProgress
from smoke_test.probe.reports import render, text
from smoke_test.probe.reports.subject import failure_line
from smoke_test.probe.streams import emit, painted
from smoke_test.probe.verdict import Level, Verdict, printable
from smoke_test.probe.watch import Watch
from smoke_test.probe.watch import run as run_watch

# Exit statuses, as in docs/probe.md. A usage error is 2.
PASSED, FAILED, UNDECIDED = 0, 1, 3

InProcess = Callable[[Expectations, Deadline], list[Verdict]]


def main(
    arguments: Sequence[str] | None = None,
    prog: str = "python -m smoke_test.probe",
    in_process: InProcess | None = None,
) -> int:
    """Run the command line, and return its exit status.

    `in_process` makes the attempts for --in-process; only Django can provide it.
    """
    parser = options.Parser(prog)
    try:
        given = parser.parse_args(arguments)
        if given.in_process and in_process is None:
            parser.error("got --in-process without Django, expected `manage.py smoke_test`")
    except SystemExit as end:
        # From --help or a usage error.
        return int(end.code or 0)
    return run(given, in_process)


def run(given: Namespace, in_process: InProcess | None = None) -> int:
    """Run with the parsed options, and return the exit status."""
    outcome = Watch() if given.watch else gate.Outcome()
    outcome.urls = [printable(split_credentials(url)[0]) for url in given.urls] or ["in process"]
    with _stop_signals() as stop:
        try:
            if isinstance(outcome, Watch):
                _watch(outcome, given, stop)
            else:
                _make_attempts(outcome, given, in_process, stop)
        except Interrupted:
            name = signal.Signals(stop.signal_number).name
            give_up(outcome, "probe.interrupted", f"interrupted by {name}.")
        except Undecided as error:
            give_up(outcome, error.code, str(error))
        except Exception as error:  # noqa: BLE001 - the report must be complete after any error
            give_up(outcome, "probe.failed", f"{type(error).__name__}: {error}.")
        is_written = _report(outcome, given.reports or [options.Report()])
    if any(report.format == "nagios" for report in given.reports):
        from smoke_test.probe.reports import nagios

        return nagios.state(outcome) if is_written else nagios.UNKNOWN
    if stop.signal_number:
        # A failure seen before the signal still counts.
        seen_to_fail = isinstance(outcome, Watch) and outcome.failed
        return FAILED if seen_to_fail else 128 + stop.signal_number
    if not outcome.decided:
        return UNDECIDED
    if not outcome.passed:
        return FAILED
    return PASSED if is_written else UNDECIDED


def _make_attempts(
    outcome: gate.Outcome, given: Namespace, in_process: InProcess | None, stop: "_Stop"
) -> None:
    def attempt_in_process(timeout_s: float) -> gate.Attempt:
        assert in_process is not None  # noqa: S101 - the options were checked
        deadline = Deadline(time.monotonic() + timeout_s, stop.check)
        return gate.Attempt(in_process(_expectations(given), deadline))

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
            attempt_in_process if given.in_process else _probe(given, stop).attempt,
            clock=time.monotonic,
            sleep=stop.sleep,
            notify=progress or (lambda _outcome: None),
        )
    finally:
        if progress:
            progress.close(outcome)


def _watch(watch: Watch, given: Namespace, stop: "_Stop") -> None:
    # Imported only here: a probe that does not watch starts faster without it.
    from concurrent.futures import ThreadPoolExecutor

    plan = gate.Plan(
        timeout_s=given.timeout,
        wait_s=given.watch,
        fail_on_warning=given.fail_level == "WARNING",
    )
    progress = WatchProgress(sys.stderr, plan.wait_s)
    probe = _probe(given, stop)
    with ThreadPoolExecutor(max_workers=2 * options.MAX_WATCH_TIMEOUT_S) as threads:
        try:
            run_watch(
                watch,
                plan,
                lambda timeout_s: threads.submit(probe.attempt, timeout_s),
                clock=time.monotonic,
                sleep=stop.sleep,
                notify=progress,
            )
        finally:
            progress.close()


def _probe(given: Namespace, stop: "_Stop") -> Probe:
    return Probe(
        urls=given.urls,
        expected=_expectations(given),
        also=given.also,
        page=given.page,
        headers=tuple(given.headers),
        all_addresses=given.all_addresses,
        connect_to=given.connect_to,
        direct=given.direct,
        ca_file=given.ca_file,
        check_cancelled=stop.check,
    )


def _expectations(given: Namespace) -> Expectations:
    return Expectations(given.release, given.slow, given.cert_days)


def give_up(outcome: gate.Outcome, code: str, message: str) -> None:
    """Complete the outcome with a verdict on the probe itself."""
    hint = CODES[code].hint
    verdict = Verdict("", "error", "probe", code, printable(message), hint)
    outcome.verdicts = [*outcome.verdicts, verdict]
    outcome.passed = outcome.decided = False


def _report(outcome: gate.Outcome, reports: Sequence[options.Report]) -> bool:
    """Write the reports, and return whether every file was written.

    A failure to write to a stream, or to GitHub's files, changes neither the verdict nor the exit
    status.
    """
    out: list[tuple[str, Level | None]] = []
    err: list[tuple[str, Level | None]] = []
    on_stdout = next((report.format for report in reports if report.file is None), "text")
    if on_stdout == "text":
        out += [(line, "ok") for line in text.passes(outcome)]
        err += [(block, level) for level, block in text.issues(outcome)]
    else:
        out.append((render(outcome, on_stdout), None))
        if not outcome.passed and on_stdout != "nagios":
            # Icinga reads both streams as the plugin's output.
            err.append((failure_line(outcome), None))
    if problem := _write(sys.stdout, out):
        err.append((f"error: cannot write the report: {problem}", "error"))
    problems = [
        f"error: cannot write '{printable(str(report.file))}': {problem}"
        for report in reports
        if report.file is not None
        and (problem := files.replace(report.file, f"{render(outcome, report.format)}\n"))
    ]
    err += [(problem, "error") for problem in problems]
    if any(report.format == "github" for report in reports):
        err += [(problem, None) for problem in _write_for_github(outcome)]
    _write(sys.stderr, err)
    return not problems


def _write_for_github(outcome: gate.Outcome) -> list[str]:
    """Append to the step's summary and outputs if they are set; return the errors."""
    # Imported only here, like the other formats.
    from smoke_test.probe.reports import github

    documents = {
        "GITHUB_STEP_SUMMARY": github.step_summary,
        "GITHUB_OUTPUT": github.step_outputs,
    }
    return [
        f"error: cannot write ${variable}: {problem}"
        for variable, document in documents.items()
        if (path := os.environ.get(variable))
        and (problem := files.append(Path(path), document(outcome)))
    ]


def _write(stream: TextIO | None, lines: Sequence[tuple[str, Level | None]]) -> str | None:
    return emit(stream, "".join(f"{painted(stream, line, level)}\n" for line, level in lines))


class _Stop:
    """The signal that stops the probe, and a sleep that it interrupts."""

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
    """Catch SIGHUP, SIGINT and SIGTERM, so that an interrupted probe still reports.

    Does nothing outside the main thread, where Python cannot catch signals.
    """
    stop = _Stop()
    if threading.current_thread() is not threading.main_thread():
        yield stop
        return
    before = {
        number: signal.signal(number, stop)
        for number in (signal.SIGHUP, signal.SIGINT, signal.SIGTERM)
        # nohup ignores SIGHUP. A shell also ignores SIGINT for what it runs in the background.
        if number != signal.SIGHUP or signal.getsignal(number) != signal.SIG_IGN
    }
    try:
        yield stop
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)
