"""Runs the probe's command line in this process, and returns its output."""

import io
import json
from contextlib import redirect_stderr, redirect_stdout
from dataclasses import dataclass
from typing import Any

from smoke_test.probe import cli


@dataclass(frozen=True)
class Report:
    """The exit status, the JSON document (None without one), and standard error."""

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
    """Run `python -m smoke_test.probe --format json` with these arguments.

    `--slow` is high, so that a busy machine causes no warning; a test can override it.
    """
    with redirect_stdout(io.StringIO()) as stdout, redirect_stderr(io.StringIO()) as stderr:
        try:
            exit_status = cli.main(["--slow=60000", *arguments, "--format=json"])
        except SystemExit as end:
            exit_status = int(end.code or 0)
    text = stdout.getvalue()
    return Report(exit_status, json.loads(text) if text else None, stderr.getvalue())
