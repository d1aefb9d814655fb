import os
import signal
import sys
import threading
import time
from argparse import ArgumentParser
from collections.abc import Iterator
from contextlib import contextmanager
from types import FrameType
from typing import Any

from django.core.management.base import BaseCommand, CommandError

from smoke_test.probe import gate, options, reports
from smoke_test.probe.asking import Asker, Undecided
from smoke_test.probe.diagnosis import Expectations
from smoke_test.probe.progress import Progress

# Exit statuses; docs/probe.md.
FAILED, USAGE, UNDECIDED = 1, 2, 3


class Interrupted(Exception):
    """A signal asked the probe to stop."""


class Command(BaseCommand):
    """Exit 0 where every smoke test passes, 1 where one fails; docs/probe.md has the others."""

    help = (
        "Follows one request through every layer (DNS, TCP, TLS, nginx, app server, Django, the "
        "contract, the release) and names the layer that failed. Without a URL: checks the wiring "
        "and asks the project in process."
    )

    # The probe runs the ones of the smoke test itself, and only without a URL.
    requires_system_checks = ()

    def add_arguments(self, parser: ArgumentParser) -> None:
        add = parser.add_argument
        add("urls", metavar="URL", nargs="*", type=options.url, help="a smoke test's address")
        add("--release", metavar="ID", type=options.release, help="the release that must answer")
        add(
            "--wait",
            metavar="SECONDS",
            type=options.seconds,
            default=0.0,
            help="try again for so long in all (default: once)",
        )
        add(
            "--timeout",
            metavar="SECONDS",
            type=options.timeout,
            default=5.0,
            help="how long one attempt may take (default: 5)",
        )
        add(
            "--consecutive",
            metavar="N",
            type=options.count,
            default=1,
            help="how many passes in a row it takes (default: 1; 3 for a rolling deployment)",
        )
        add(
            "--fail-fast",
            action="store_true",
            help="stop waiting at what waiting does not cure, such as a certificate",
        )
        add(
            "--all-addresses",
            action="store_true",
            help="ask each address of the name, and fail if one fails",
        )
        add(
            "--connect-to",
            metavar="NODE",
            type=options.node,
            help="ask this HOST[:PORT] or unix:/path, with the Host and SNI of the URL",
        )
        add(
            "--direct",
            metavar="URL",
            type=options.direct,
            help="ask the app server itself as well, at http://HOST:PORT or unix:/path",
        )
        add("--ca-file", metavar="FILE", help="trust these authorities (PEM), not the system's")
        add(
            "--cert-days",
            metavar="DAYS",
            type=options.amount,
            default=14.0,
            help="warn of a certificate that expires within (default: 14)",
        )
        add(
            "--slow",
            metavar="MS",
            type=options.amount,
            default=1000.0,
            help="warn of an answer that took longer than so many milliseconds (default: 1000)",
        )
        add(
            "--fail-level",
            choices=["WARNING", "ERROR"],
            default="ERROR",
            help="what makes it fail (default: ERROR)",
        )
        add(
            "--format",
            choices=["text", *reports.FORMATS],
            default="text",
            help="of the report (default: text)",
        )

    def handle(self, *_args: Any, **given: Any) -> None:
        _refuse_what_does_not_fit(given)
        outcome = gate.Outcome()
        with _stop_signals() as stop:
            try:
                self._ask(outcome, given, stop)
            except Interrupted:
                pass
            except Undecided as error:
                raise CommandError(str(error), returncode=UNDECIDED) from None
            try:
                self._report(outcome, given["format"])
            except BrokenPipeError:
                # The reader has left (`| head`); the exit status still tells. What is buffered
                # must go somewhere at the end.
                os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
            if stop.signal_number:
                sys.exit(128 + stop.signal_number)
        if not outcome.passed:
            sys.exit(FAILED)

    def _ask(self, outcome: gate.Outcome, given: dict[str, Any], stop: "_Stop") -> None:
        asker = Asker(
            urls=given["urls"],
            expected=Expectations(given["release"], given["slow"], given["cert_days"]),
            all_addresses=given["all_addresses"],
            connect_to=given["connect_to"],
            direct=given["direct"],
            ca_file=given["ca_file"],
            tick=stop.check,
        )
        plan = gate.Plan(
            timeout_s=given["timeout"],
            wait_s=given["wait"],
            consecutive=given["consecutive"],
            fail_fast=given["fail_fast"],
            fail_on_warning=given["fail_level"] == "WARNING",
        )
        waits = plan.wait_s or plan.consecutive > 1
        progress = Progress(sys.stderr, plan.wait_s) if waits else None
        try:
            gate.run(
                outcome,
                plan,
                asker.ask,
                clock=time.monotonic,
                sleep=stop.sleep,
                notify=progress or (lambda _outcome: None),
            )
        finally:
            if progress:
                progress.close(outcome)

    def _report(self, outcome: gate.Outcome, report_format: str) -> None:
        if report_format != "text":
            self.stdout.write(reports.FORMATS[report_format](outcome))
            if not outcome.passed:
                self.stderr.write(reports.failure_line(outcome))
            return
        for line in reports.passes(outcome):
            self.stdout.write(self.style.SUCCESS(line))
        for heading, messages in reports.issues(outcome):
            paint = self.style.ERROR if heading == "ERRORS" else self.style.WARNING
            lines = [f"{heading}:", *map(str, messages)]
            self.stderr.write("\n".join(lines), paint)
        if not outcome.passed and not any(v.level == "error" for v in outcome.verdicts):
            self.stderr.write(reports.failure_line(outcome), self.style.ERROR)


def _refuse_what_does_not_fit(given: dict[str, Any]) -> None:
    """Raise CommandError, exit status 2, for options that need a URL, or exclude each other."""
    alone = [
        name
        for name in ("all_addresses", "connect_to", "direct", "ca_file")
        if given[name] and not given["urls"]
    ]
    if alone:
        option = f"--{alone[0].replace('_', '-')}"
        _refuse(f"found {option} without a URL, wanted `smoke_test URL {option} ...`")
    if given["direct"] and len(given["urls"]) > 1:
        _refuse("found --direct with several URLs, wanted one: it is compared with its front")
    if given["all_addresses"] and (given["connect_to"] or "").startswith("unix:"):
        _refuse("found --all-addresses with a unix socket, wanted one of the two")


def _refuse(sentence: str) -> None:
    raise CommandError(sentence, returncode=USAGE)


class _Stop:
    """What a signal asks for, and the waiting that it ends."""

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

    Outside the main thread signals cannot be caught, and are not.
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
