"""For Nagios, Icinga and Sensu: a status line with performance data, then details.

https://nagios-plugins.org/doc/guidelines.html
"""

from smoke_test.probe.gate import Outcome
from smoke_test.probe.reports.subject import case, subject, title
from smoke_test.probe.verdict import Verdict

UNKNOWN = 3
STATES = ("OK", "WARNING", "CRITICAL", "UNKNOWN")

# `|` starts the performance data; Nagios strips quotes and backticks from notifications.
_FORBIDDEN = str.maketrans({"|": "/", "'": None, '"': None, "`": None})


def render(outcome: Outcome) -> str:
    """Return `PETSAGE OK - ... | total=0.035s;;;0`, and a line for each further detail."""
    first, *others = _details(outcome)
    data = " ".join(_performance(outcome))
    return "\n".join([f"{status_line(state(outcome), first)}{data and f' | {data}'}", *others])


def status_line(number: int, text: str) -> str:
    """Return the first line, without performance data.

    It does not start with `SMOKE TEST`: monitoring-plugins' negate would read the OK in it as a
    state.
    """
    return f"PETSAGE {STATES[number]} - {text.translate(_FORBIDDEN)}"


def state(outcome: Outcome) -> int:
    """Return the exit status, an index of STATES."""
    if not outcome.decided:
        return UNKNOWN
    if not outcome.passed:
        return STATES.index("CRITICAL")
    return int(any(verdict.level == "warning" for verdict in outcome.verdicts))


def _details(outcome: Outcome) -> list[str]:
    """Return a line for each verdict, the worst first, each followed by its hint."""
    order = ["error", "warning", "ok"]
    verdicts = sorted(outcome.verdicts, key=lambda verdict: order.index(verdict.level))
    if not outcome.decided:
        # The last verdict has the reason.
        verdicts.insert(0, verdicts.pop(verdicts.index(outcome.verdicts[-1])))
    lines = []
    for verdict in verdicts:
        name = subject(outcome, verdict) if verdict.level == "ok" else title(outcome, verdict)
        lines.append(f"{name} {verdict.message}".translate(_FORBIDDEN))
        if verdict.hint and verdict.level != "ok":
            lines.append(f"HINT: {verdict.hint}".translate(_FORBIDDEN))
    return lines


def _performance(outcome: Outcome) -> list[str]:
    """Return the phases in seconds; labels have the URL and address if there are several."""
    probed: dict[str, Verdict] = {}
    for verdict in outcome.verdicts:
        if verdict.timings.total:
            probed.setdefault(case(verdict), verdict)
    return [
        f"{_label(name, phase, alone=len(probed) == 1)}={ms / 1000:.6f}s;;;0"
        for name, verdict in probed.items()
        for phase, ms in verdict.timings.known.items()
    ]


def _label(name: str, phase: str, *, alone: bool) -> str:
    return phase if alone else f"'{name.translate(_FORBIDDEN).replace('=', '_')} {phase}'"
