"""For programs: a document as in docs/probe.schema.json."""

import json
from typing import Any

from smoke_test.probe.gate import Outcome
from smoke_test.probe.verdict import Verdict
from smoke_test.probe.watch import Watch


def render(outcome: Outcome) -> str:
    """Return the document."""
    document: dict[str, Any] = {
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
    if isinstance(outcome, Watch):
        outage = outcome.longest_outage
        document["watch"] = {
            "asked": outcome.attempts,
            "failed": outcome.failed,
            "unanswered": outcome.unanswered,
            "longest_outage": outage
            and {
                "at_s": round(outage.started_s, 3),
                "lasted_s": round(outage.lasted_s, 3),
                "code": outage.code,
            },
            "releases": outcome.releases,
        }
    return json.dumps(document, indent=2)


def _as_object(verdict: Verdict) -> dict[str, Any]:
    certificate = verdict.certificate
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
            for name, ms in verdict.timings._asdict().items()
        },
        "tls": certificate
        and {
            "subject": certificate.subject,
            "issuer": certificate.issuer,
            "expires_at": certificate.expires_at.isoformat().replace("+00:00", "Z"),
        },
        "redirects": list(verdict.redirects),
    }
