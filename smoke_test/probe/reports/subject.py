"""The names of a verdict in the reports."""

from smoke_test.probe.gate import Outcome
from smoke_test.probe.verdict import Verdict
from smoke_test.probe.watch import Watch, facts


def case(verdict: Verdict) -> str:
    """Return the URL and the address."""
    return f"{verdict.url} at {verdict.address}" if verdict.address else verdict.url or "the probe"


def subject(outcome: Outcome, verdict: Verdict) -> str:
    """Return the URL, with the address if several of its addresses were probed."""
    addresses = {other.address for other in outcome.verdicts if other.url == verdict.url}
    return case(verdict) if len(addresses) > 1 else verdict.url or "the probe"


def title(outcome: Outcome, verdict: Verdict) -> str:
    """Return the subject and the id, in the style of `manage.py check`."""
    return f"{subject(outcome, verdict)}: (smoke_test.{verdict.code})"


def sentence(verdict: Verdict) -> str:
    """Return the message, followed by the hint of an error or a warning."""
    hint = f" HINT: {verdict.hint}" if verdict.hint and verdict.level != "ok" else ""
    return f"{verdict.message}{hint}"


def causes(outcome: Outcome) -> list[Verdict]:
    """Return the verdicts that caused the failure: the errors, or else the warnings."""
    if outcome.passed:
        return []
    errors = [verdict for verdict in outcome.verdicts if verdict.level == "error"]
    return errors or [verdict for verdict in outcome.verdicts if verdict.level == "warning"]


def failure_line(outcome: Outcome) -> str:
    """Return the reason for the failure in one line."""
    if isinstance(outcome, Watch):
        was_interrupted = outcome.verdicts[-1].code == "probe.interrupted" and not outcome.failed
        return f"Smoke test {'interrupted' if was_interrupted else 'failed'}: {facts(outcome)}."
    first = causes(outcome)[0]
    return f"Smoke test failed: {title(outcome, first)} {first.message}"
