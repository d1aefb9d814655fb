import sys
from argparse import ArgumentParser, Namespace
from typing import Any

from django.core.management.base import BaseCommand

from smoke_test.probe import cli, options
from smoke_test.probe.diagnosis import Expectations
from smoke_test.probe.gate import Attempt


class Command(BaseCommand):
    """The probe of `python -m smoke_test.probe`; without a URL it probes this project."""

    help = f"{options.DESCRIPTION} Without a URL: checks the wiring and this project in process."

    # In process the command runs its own; with a URL, this project does not matter.
    requires_system_checks = ()

    def add_arguments(self, parser: ArgumentParser) -> None:
        options.add_arguments(parser)

    def handle(self, *_args: Any, **given: Any) -> None:
        status = cli.run(Namespace(**given), _in_process)
        if status:
            sys.exit(status)


def _in_process(expected: Expectations) -> Attempt:
    # Imported only here: a probe of a URL starts faster without it.
    from smoke_test.checks import project_verdicts

    return Attempt(project_verdicts(expected))
