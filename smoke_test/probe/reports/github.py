"""For GitHub Actions: annotations, the step's summary and its outputs."""

import os
import re

from smoke_test.probe.gate import Outcome, summary
from smoke_test.probe.progress import timeline
from smoke_test.probe.reports import json
from smoke_test.probe.reports.subject import causes, sentence, subject, title
from smoke_test.probe.reports.text import phases
from smoke_test.probe.verdict import Verdict
from smoke_test.probe.watch import Watch, facts


def render(outcome: Outcome) -> str:
    """Return workflow commands, one annotation per line."""
    commands = {"ok": "notice", "warning": "warning", "error": "error"}
    failed = causes(outcome)
    lines = []
    for verdict in outcome.verdicts:
        command = "error" if verdict in failed else commands[verdict.level]
        name = _escaped(title(outcome, verdict), property_=True)
        lines.append(f"::{command} title={name}::{_escaped(sentence(verdict))}")
    return "\n".join(lines)


def step_summary(outcome: Outcome) -> str:
    """Return Markdown for $GITHUB_STEP_SUMMARY: the verdicts as a table, and the timeline."""
    rows = [
        ("Result", "URL", "Code", "Message", "Release", "Phases"),
        ("---",) * 6,
        *(_cells(outcome, verdict) for verdict in outcome.verdicts),
    ]
    lines = [
        f"### Smoke test {'passed' if outcome.passed else 'failed'}",
        "",
        *(f"| {' | '.join(row)} |" for row in rows),
        "",
        *([f"Watch: {_markdown(facts(outcome))}", ""] if isinstance(outcome, Watch) else []),
        f"Timeline: `{timeline(outcome) or 'no attempt completed'}`",
        "",
        "",
    ]
    return "\n".join(lines)


def step_outputs(outcome: Outcome) -> str:
    """Return lines for $GITHUB_OUTPUT: ok, code, layer, release and document."""
    first = next(iter(causes(outcome)), None)
    releases = (verdict.release for verdict in outcome.verdicts if verdict.release)
    outputs = {
        "ok": str(outcome.passed).lower(),
        "code": first.code if first else summary(outcome.verdicts),
        "layer": first.layer if first else "",
        "release": next(releases, ""),
        "document": json.render(outcome),
    }
    # Random, so that no value can contain the delimiter.
    end = f"END_{os.urandom(16).hex()}"
    return "".join(f"{name}<<{end}\n{value}\n{end}\n" for name, value in outputs.items())


def _cells(outcome: Outcome, verdict: Verdict) -> tuple[str, ...]:
    return (
        verdict.level,
        _markdown(subject(outcome, verdict)),
        f"`{verdict.code}`",
        _markdown(sentence(verdict)),
        _markdown(verdict.release or ""),
        _markdown(phases(verdict)),
    )


def _markdown(text: str) -> str:
    """Escape every character that Markdown could interpret (CommonMark 2.4)."""
    return re.sub(r"([!-/:-@\[-`{-~])", r"\\\1", text)


def _escaped(text: str, *, property_: bool = False) -> str:
    """Escape as GitHub's toolkit does (actions/toolkit, command.ts)."""
    text = text.replace("%", "%25").replace("\r", "%0D").replace("\n", "%0A")
    return text.replace(":", "%3A").replace(",", "%2C") if property_ else text
