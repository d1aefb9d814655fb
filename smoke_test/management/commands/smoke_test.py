import sys
from argparse import ArgumentParser, Namespace
from typing import Any

from django.core.management.base import BaseCommand, CommandError

from smoke_test.probe import cli, options
from smoke_test.probe.deadline import Deadline
from smoke_test.probe.diagnosis import Expectations
from smoke_test.probe.verdict import Verdict


class Command(BaseCommand):
    """Runs the probe, like `python -m smoke_test.probe`, and adds --in-process."""

    help = options.DESCRIPTION

    # --in-process runs its own checks; for a URL, this project does not matter.
    requires_system_checks = ()

    def run_from_argv(self, argv: list[str]) -> None:
        # Django has already handled these two.
        django_options = ArgumentParser(add_help=False, allow_abbrev=False)
        django_options.add_argument("--settings")
        django_options.add_argument("--pythonpath")
        _, arguments = django_options.parse_known_args(argv[2:])
        sys.exit(cli.main(arguments, "manage.py smoke_test", _in_process))

    def add_arguments(self, parser: ArgumentParser) -> None:
        options.add_arguments(parser)

    def handle(self, *_args: Any, **given: Any) -> None:
        """Run the probe for call_command(); raise SystemExit unless it passes."""
        options_given = Namespace(**given)
        if problem := options.conflict(options_given):
            raise CommandError(problem, returncode=options.USAGE)
        if status := cli.run(options_given, _in_process):
            sys.exit(status)


def _in_process(expected: Expectations, deadline: Deadline) -> list[Verdict]:
    # Imported here because a probe of a URL starts faster without it.
    from smoke_test.checks import project_verdicts

    return project_verdicts(expected, deadline)
