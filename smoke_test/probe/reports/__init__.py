"""The outcome in each format, for people and for programs."""

from collections.abc import Callable
from importlib import import_module

from smoke_test.probe.gate import Outcome

# Each format is a module of this package.
FORMATS = ("text", "json", "junit", "github", "nagios", "prometheus")


def render(outcome: Outcome, report_format: str) -> str:
    """Return the report in one of FORMATS, without a final line feed."""
    # Imported only here, because a probe starts faster without the other formats.
    module = import_module(f"smoke_test.probe.reports.{report_format}")
    rendered: Callable[[Outcome], str] = module.render
    return rendered(outcome)
