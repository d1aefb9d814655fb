"""Runs the command as its users do, but in this process, and returns what it said."""

import io
import json
from dataclasses import dataclass
from typing import Any

from django.core.management import CommandError, call_command


@dataclass(frozen=True)
class Report:
    """The exit status, the JSON document (None where there is none), and standard error."""

    exit_status: int
    document: Any
    stderr: str

    @property
    def codes(self) -> list[str]:
        return [verdict["code"] for verdict in self.document["verdicts"]]

    @property
    def verdict(self) -> Any:
        return self.document["verdicts"][0]


def probe(*arguments: str) -> Report:
    """Run `manage.py smoke_test --format json` with these arguments.

    A busy machine is no reason for a warning, unless a test has its own `--slow`.
    """
    stdout, stderr = io.StringIO(), io.StringIO()
    exit_status = 0
    try:
        call_command(
            "smoke_test",
            "--slow=60000",
            *arguments,
            "--format=json",
            stdout=stdout,
            stderr=stderr,
        )
    except SystemExit as end:
        exit_status = int(end.code or 0)
    except CommandError as error:
        return Report(error.returncode, None, f"{stderr.getvalue()}{error}")
    return Report(exit_status, json.loads(stdout.getvalue()), stderr.getvalue())
