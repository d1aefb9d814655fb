"""Verdicts as text, JSON, JUnit XML and GitHub annotations."""

import json
from collections.abc import Iterator
from itertools import groupby
from typing import Any

from smoke_test.probe.gate import Outcome
from smoke_test.probe.verdict import Level, Verdict


def passes(outcome: Outcome) -> Iterator[str]:
    """Yield lines for the passes: phases, redirects, who answered where.

    None of them says `passed` unless the whole outcome did.
    """
    alone = len({_case(verdict) for verdict in outcome.verdicts}) == 1
    for verdict in outcome.verdicts:
        if verdict.level != "ok":
            continue
        if verdict.redirects:
            yield f"redirects: {' -> '.join([*verdict.redirects, verdict.url])}"
        if phases := _phases(verdict):
            yield phases
        subject = "" if alone and outcome.passed else f"{verdict.url}: "
        yield f"{'Smoke test passed: ' if outcome.passed else ''}{subject}{verdict.message}"


def issues(outcome: Outcome) -> Iterator[tuple[Level, str]]:
    """Yield blocks in the style of `manage.py check`, errors before warnings."""
    levels: tuple[Level, ...] = ("error", "warning")
    for level in levels:
        found = [verdict for verdict in outcome.verdicts if verdict.level == level]
        if found:
            yield level, "\n".join([f"{level.upper()}S:", *(_issue(outcome, v) for v in found)])


def failure_line(outcome: Outcome) -> str:
    """Return the reason for a failure, in one line."""
    found = [v for v in outcome.verdicts if v.level != "ok"]
    if not found:
        return "Smoke test failed: it was interrupted."
    return f"Smoke test failed: {_title(outcome, found[0])} {found[0].message}"


def as_json(outcome: Outcome) -> str:
    """Return the document that docs/probe.schema.json describes."""
    document = {
        "schema_version": 1,
        "ok": outcome.passed,
        "verdicts": [_as_object(verdict) for verdict in outcome.verdicts],
        "attempts": outcome.attempts,
        "waited_s": round(outcome.waited_s, 3),
        "timed_out": outcome.timed_out,
        "timeline": [
            {"at_s": round(step.at_s, 3), "code": step.code, "count": step.count}
            for step in outcome.timeline
        ],
    }
    return json.dumps(document, indent=2)


def as_junit(outcome: Outcome) -> str:
    """Return JUnit XML: a case for each URL and address."""
    # Imported only here: the other formats start faster without it.
    from xml.etree import ElementTree as ET

    suite = ET.Element("testsuite", name="smoke_test", time=f"{outcome.waited_s:.3f}")
    failures = 0
    for name, group in groupby(outcome.verdicts, key=_case):
        verdicts = list(group)
        seconds = verdicts[0].timings.total / 1000
        case = ET.SubElement(
            suite, "testcase", classname="smoke_test", name=name, time=f"{seconds:.3f}"
        )
        for verdict in verdicts:
            tag = "failure" if verdict.level == "error" else "system-out"
            element = ET.SubElement(case, tag)
            element.text = _sentence(verdict)
            if verdict.level == "error":
                failures += 1
                element.set("type", verdict.code)
                element.set("message", verdict.message)
    if not outcome.passed and not failures:
        # Warnings that fail, or an interruption.
        failures = 1
        case = ET.SubElement(suite, "testcase", classname="smoke_test", name="gate")
        ET.SubElement(case, "failure", type="gate", message=failure_line(outcome))
    suite.set("tests", str(len(suite)))
    suite.set("failures", str(failures))
    suite.set("errors", "0")
    root = ET.Element("testsuites")
    root.append(suite)
    ET.indent(root)
    # In ASCII, whatever standard output can encode.
    return str(ET.tostring(root, encoding="us-ascii", xml_declaration=True), "ascii")


def as_github(outcome: Outcome) -> str:
    """Return workflow commands of GitHub Actions, one annotation a line."""
    commands = {"ok": "notice", "warning": "warning", "error": "error"}
    lines = [
        f"::{commands[verdict.level]} title={_escaped(_title(outcome, verdict), property_=True)}::"
        f"{_escaped(_sentence(verdict))}"
        for verdict in outcome.verdicts
    ]
    return "\n".join(lines)


def _case(verdict: Verdict) -> str:
    return f"{verdict.url} at {verdict.address}" if verdict.address else verdict.url or "the probe"


def _subject(outcome: Outcome, verdict: Verdict) -> str:
    """Return the URL, with the address if several addresses of it were probed."""
    addresses = {other.address for other in outcome.verdicts if other.url == verdict.url}
    return _case(verdict) if len(addresses) > 1 else verdict.url


def _title(outcome: Outcome, verdict: Verdict) -> str:
    return f"{_subject(outcome, verdict)}: (smoke_test.{verdict.code})"


def _sentence(verdict: Verdict) -> str:
    hint = f" HINT: {verdict.hint}" if verdict.hint and verdict.level != "ok" else ""
    return f"{verdict.message}{hint}"


def _issue(outcome: Outcome, verdict: Verdict) -> str:
    subject = " -> ".join([*verdict.redirects, _subject(outcome, verdict)]) or "the probe"
    hint = f"\n\tHINT: {verdict.hint}" if verdict.hint else ""
    return f"{subject}: (smoke_test.{verdict.code}) {verdict.message}{hint}"


def _phases(verdict: Verdict) -> str:
    """Return `dns 3 ms | tcp 12 ms | ... | total 35 ms`; nothing for a request in process."""
    timings = verdict.timings
    phases = [("dns", timings.dns), ("tcp", timings.tcp), ("tls", timings.tls)]
    known = [(name, ms) for name, ms in [*phases, ("answer", timings.answer)] if ms is not None]
    if not known:
        return ""
    return " | ".join(f"{name} {ms:.0f} ms" for name, ms in [*known, ("total", timings.total)])


def _as_object(verdict: Verdict) -> dict[str, Any]:
    timings, certificate = verdict.timings, verdict.certificate
    return {
        "url": verdict.url,
        "address": verdict.address,
        "level": verdict.level,
        "layer": verdict.layer,
        "code": verdict.code,
        "answered_by": verdict.answered_by,
        "responder": verdict.responder,
        "message": verdict.message,
        "hint": verdict.hint,
        "status": verdict.status,
        "release": verdict.release,
        "answered_at": verdict.answered_at,
        "timings_ms": {
            name: None if ms is None else round(ms, 3)
            for name, ms in (
                ("dns", timings.dns),
                ("tcp", timings.tcp),
                ("tls", timings.tls),
                ("answer", timings.answer),
                ("total", timings.total),
            )
        },
        "tls": certificate
        and {
            "subject": certificate.subject,
            "issuer": certificate.issuer,
            "expires_at": certificate.expires_at.isoformat().replace("+00:00", "Z"),
        },
        "redirects": list(verdict.redirects),
    }


def _escaped(text: str, *, property_: bool = False) -> str:
    """Escape as GitHub's toolkit does (actions/toolkit, command.ts)."""
    text = text.replace("%", "%25").replace("\r", "%0D").replace("\n", "%0A")
    return text.replace(":", "%3A").replace(",", "%2C") if property_ else text


FORMATS = {"json": as_json, "junit": as_junit, "github": as_github}
