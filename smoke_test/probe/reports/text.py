"""For people: the passes, and the issues in the style of `manage.py check`."""

from collections.abc import Iterator

from smoke_test.probe.gate import Outcome
from smoke_test.probe.reports.subject import case, failure_line, subject
from smoke_test.probe.verdict import Level, Verdict
from smoke_test.probe.watch import Watch, facts


def render(outcome: Outcome) -> str:
    """Return the whole report, as on a terminal."""
    return "\n".join([*passes(outcome), *(block for _, block in issues(outcome))])


def passes(outcome: Outcome) -> Iterator[str]:
    """Yield lines for the passes: redirects, phases, and the responder.

    They contain `passed` only if the whole outcome passed.
    """
    if isinstance(outcome, Watch):
        if outcome.passed:
            yield f"Smoke test passed: {facts(outcome)}."
        return
    alone = len({case(verdict) for verdict in outcome.verdicts}) == 1
    for verdict in outcome.verdicts:
        if verdict.level != "ok":
            continue
        if verdict.redirects:
            yield f"redirects: {' -> '.join([*verdict.redirects, verdict.url])}"
        if known := phases(verdict):
            yield known
        name = "" if alone and outcome.passed else f"{verdict.url}: "
        yield f"{'Smoke test passed: ' if outcome.passed else ''}{name}{verdict.message}"


def issues(outcome: Outcome) -> Iterator[tuple[Level, str]]:
    """Yield the errors, then the warnings, then the reason if the errors do not show it."""
    levels: tuple[Level, ...] = ("error", "warning")
    found = {
        level: [verdict for verdict in outcome.verdicts if verdict.level == level]
        for level in levels
    }
    if is_watch := isinstance(outcome, Watch):
        # An interruption is not an error of a watch; the last line mentions it.
        found["error"] = [v for v in found["error"] if v.code != "probe.interrupted"]
    for level, verdicts in found.items():
        if verdicts:
            yield level, "\n".join([f"{level.upper()}S:", *(_issue(outcome, v) for v in verdicts)])
    if not outcome.passed and (is_watch or not found["error"]):
        yield "error", failure_line(outcome)


def phases(verdict: Verdict) -> str:
    """Return `dns 3 ms | tcp 12 ms | ... | total 35 ms`; empty for a request in process."""
    known = verdict.timings.known
    if set(known) == {"total"}:
        return ""
    return " | ".join(f"{name} {ms:.0f} ms" for name, ms in known.items())


def _issue(outcome: Outcome, verdict: Verdict) -> str:
    name = " -> ".join([*verdict.redirects, subject(outcome, verdict)])
    hint = f"\n\tHINT: {verdict.hint}" if verdict.hint else ""
    return f"{name}: (smoke_test.{verdict.code}) {verdict.message}{hint}"
