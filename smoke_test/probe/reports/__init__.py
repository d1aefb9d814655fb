"""The outcome, as people and machines read it."""

from collections.abc import Callable
from importlib import import_module

from smoke_test.probe.gate import Outcome

# Each is a module of this package.
FORMATS = ("text", "json", "junit", "github", "nagios", "prometheus")


def render(outcome: Outcome, report_format: str) -> str:
    """Return the report in one of FORMATS, without a final line feed."""
    # Imported only here: a probe starts faster without the other formats.
    module = import_module(f"smoke_test.probe.reports.{report_format}")
    rendered: Callable[[Outcome], str] = module.render
    return rendered(outcome)
