"""For people: passes, and what is wrong in the style of `manage.py check`."""

from collections.abc import Iterator

from smoke_test.probe.gate import Outcome
from smoke_test.probe.reports.subject import case, failure_line, subject
from smoke_test.probe.verdict import Level, Verdict
from smoke_test.probe.watch import Watch, facts


def render(outcome: Outcome) -> str:
    """Return all of it, as a terminal shows it."""
    return "\n".join([*passes(outcome), *(block for _, block in issues(outcome))])


def passes(outcome: Outcome) -> Iterator[str]:
    """Yield lines for the passes: phases, redirects, who answered where.

    None of them says `passed` unless the whole outcome did.
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
    """Yield blocks, errors before warnings; of a watch, or without errors, also why it failed."""
    levels: tuple[Level, ...] = ("error", "warning")
    found = {
        level: [verdict for verdict in outcome.verdicts if verdict.level == level]
        for level in levels
    }
    if is_watch := isinstance(outcome, Watch):
        # To stop a watch is no error; its last line says it.
        found["error"] = [v for v in found["error"] if v.code != "probe.interrupted"]
    for level, verdicts in found.items():
        if verdicts:
            yield level, "\n".join([f"{level.upper()}S:", *(_issue(outcome, v) for v in verdicts)])
    if not outcome.passed and (is_watch or not found["error"]):
        yield "error", failure_line(outcome)


def phases(verdict: Verdict) -> str:
    """Return `dns 3 ms | tcp 12 ms | ... | total 35 ms`; nothing for a request in process."""
    known = verdict.timings.known
    if set(known) == {"total"}:
        return ""
    return " | ".join(f"{name} {ms:.0f} ms" for name, ms in known.items())


def _issue(outcome: Outcome, verdict: Verdict) -> str:
    name = " -> ".join([*verdict.redirects, subject(outcome, verdict)])
    hint = f"\n\tHINT: {verdict.hint}" if verdict.hint else ""
    return f"{name}: (smoke_test.{verdict.code}) {verdict.message}{hint}"
