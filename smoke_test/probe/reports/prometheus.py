"""For node_exporter's textfile collector: the text exposition format.

https://prometheus.io/docs/instrumenting/exposition_formats/
"""

from collections.abc import Iterator

from smoke_test.probe.gate import Outcome
from smoke_test.probe.reports.subject import causes
from smoke_test.probe.verdict import Verdict

METRICS = {
    "petsage_probe_ok": "Whether the whole run passed, with all its URLs.",
    "petsage_probe_failed": "A reason for the failure; absent after a pass.",
    "petsage_probe_phase_seconds": "The duration of each phase of the last request.",
    "petsage_probe_certificate_expiry_timestamp_seconds": "The earliest expiry in the chain.",
    "petsage_probe_release_info": "The release that responded.",
}

Series = tuple[str, dict[str, str], float]


def render(outcome: Outcome) -> str:
    """Return each metric with its help and type, and without duplicate series."""
    metrics: dict[str, dict[str, float]] = {name: {} for name in METRICS}
    for name, labels, value in _series(outcome):
        metrics[name].setdefault(_labels(labels), value)
    lines = []
    for name, series in metrics.items():
        if series:
            lines += [f"# HELP {name} {METRICS[name]}", f"# TYPE {name} gauge"]
            lines += [f"{name}{labels} {value:.15g}" for labels, value in series.items()]
    return "\n".join(lines)


def _series(outcome: Outcome) -> Iterator[Series]:
    for url in outcome.urls:
        yield "petsage_probe_ok", {"url": url}, outcome.passed
    for verdict in causes(outcome):
        reason = {"layer": verdict.layer or "", "code": verdict.code}
        yield "petsage_probe_failed", _place(verdict) | reason, 1
    for verdict in outcome.verdicts:
        place = _place(verdict)
        if verdict.timings.total:
            for phase, ms in verdict.timings.known.items():
                labels = place | {"phase": phase}
                yield "petsage_probe_phase_seconds", labels, round(ms / 1000, 6)
        if verdict.certificate is not None:
            name = "petsage_probe_certificate_expiry_timestamp_seconds"
            yield name, place, verdict.certificate.expires_at.timestamp()
        if verdict.release is not None:
            yield "petsage_probe_release_info", place | {"release": verdict.release}, 1


def _place(verdict: Verdict) -> dict[str, str]:
    """Return the address, and the URL before any redirect, as in `petsage_probe_ok`."""
    return {"url": [*verdict.redirects, verdict.url][0], "address": verdict.address or ""}


def _labels(labels: dict[str, str]) -> str:
    return "{" + ",".join(f'{name}="{_escaped(value)}"' for name, value in labels.items()) + "}"


def _escaped(text: str) -> str:
    return text.replace("\\", r"\\").replace('"', r"\"").replace("\n", r"\n")
