"""Repeats attempts until there are enough consecutive passes or the time is up."""

from collections.abc import Callable, Sequence
from typing import NamedTuple

from smoke_test.probe.codes import CODES
from smoke_test.probe.verdict import Verdict

# Delays between attempts; the last one repeats.
_DELAYS_S = (0.5, 1.0, 2.0, 4.0, 5.0)
_JITTER = 0.2

# The delay between consecutive passes, and the most that is reserved for a last attempt.
_PASSES_APART_S = 0.5
_LAST_ATTEMPT_S = 1.0


class Plan(NamedTuple):
    """How long to keep trying: up to `wait_s` seconds, 0 to stop at the first failure."""

    timeout_s: float = 5.0
    wait_s: float = 0.0
    consecutive: int = 1
    fail_fast: bool = False
    fail_on_warning: bool = False


class Attempt(NamedTuple):
    """The verdicts of one attempt, and the longest Retry-After of its responses, in seconds."""

    verdicts: Sequence[Verdict]
    retry_after_s: float = 0.0


class Step:
    """Consecutive attempts with the same code: the first one's start, and their number."""

    def __init__(self, at_s: float, code: str) -> None:
        self.at_s = at_s
        self.code = code
        self.count = 1


class Outcome:
    """The verdicts of the last attempt, and the timeline up to it.

    `urls` are the requested URLs, safe to print. `passed` is true once there are enough
    consecutive passes, `timed_out` if the time was up first, and `decided` unless the probe could
    not judge. The outcome is complete at all times, so an interrupted wait can be reported.
    """

    def __init__(self) -> None:
        self.urls: Sequence[str] = ()
        self.passed = False
        self.decided = True
        self.verdicts: Sequence[Verdict] = ()
        self.attempts = 0
        self.consecutive_passes = 0
        self.waited_s = 0.0
        self.timed_out = False
        self.timeline: list[Step] = []


def run(
    outcome: Outcome,
    plan: Plan,
    attempt: Callable[[float], Attempt],
    *,
    clock: Callable[[], float],
    sleep: Callable[[float], None],
    notify: Callable[[Outcome], None],
) -> None:
    """Fill in the outcome: make attempts until the plan is fulfilled or can no longer be.

    `attempt` receives its limit in seconds. `clock` returns seconds; `notify` is called after each
    attempt. There is at least one attempt.
    """
    started = clock()
    # Reserved for a last attempt, and for the consecutive passes that may follow it.
    last_attempt_s = min(_LAST_ATTEMPT_S, plan.wait_s / 4)
    reserve_s = last_attempt_s + _PASSES_APART_S * (plan.consecutive - 1)

    def left_s() -> float:
        return started + plan.wait_s - clock() if plan.wait_s else float("inf")

    while True:
        at_s = clock() - started
        found = attempt(min(plan.timeout_s, left_s()))
        note(outcome, plan, found.verdicts, at_s)
        outcome.waited_s = clock() - started
        notify(outcome)
        if outcome.consecutive_passes >= plan.consecutive:
            outcome.passed = True
            return
        failed = outcome.consecutive_passes == 0
        if failed and (not plan.wait_s or _is_permanent(plan, found.verdicts)):
            return
        if failed:
            room_s = left_s() - reserve_s
            delay_s = max(_delay_s(outcome), found.retry_after_s)
            # At most half of the time left: a long Retry-After must not use up the whole wait.
            delay_s = min(delay_s, room_s, max(room_s / 2, _DELAYS_S[0]))
        else:
            delay_s = min(_PASSES_APART_S, left_s() - last_attempt_s / 2)
        if delay_s <= 0:
            outcome.timed_out = True
            if not failed:
                outcome.verdicts = [*outcome.verdicts, _flapping(outcome, plan)]
            return
        sleep(delay_s)
        outcome.waited_s = clock() - started


def summary(verdicts: Sequence[Verdict]) -> str:
    """Return the code of an attempt for the timeline: that of its first error, or `ok`."""
    return next((verdict.code for verdict in verdicts if verdict.level == "error"), "ok")


def is_pass(verdicts: Sequence[Verdict], *, fail_on_warning: bool) -> bool:
    """Return whether an attempt with these verdicts passed."""
    bad = ("error", "warning") if fail_on_warning else ("error",)
    return not any(verdict.level in bad for verdict in verdicts)


def note(outcome: Outcome, plan: Plan, verdicts: Sequence[Verdict], at_s: float) -> None:
    """Add the attempt that began `at_s` seconds after the first one."""
    outcome.verdicts = verdicts
    outcome.attempts += 1
    passed = is_pass(verdicts, fail_on_warning=plan.fail_on_warning)
    outcome.consecutive_passes = outcome.consecutive_passes + 1 if passed else 0
    code = summary(verdicts)
    if code == "ok" and not passed:
        code = next(verdict.code for verdict in verdicts if verdict.level == "warning")
    if outcome.timeline and outcome.timeline[-1].code == code:
        outcome.timeline[-1].count += 1
    else:
        outcome.timeline.append(Step(at_s, code))


def _flapping(outcome: Outcome, plan: Plan) -> Verdict:
    code = "gate.flapping"
    passes = f"{outcome.consecutive_passes} of {plan.consecutive} consecutive passes"
    return outcome.verdicts[0]._replace(
        level="error",
        layer="gate",
        code=code,
        message=f"{passes} within {plan.wait_s:g} s.",
        hint=CODES[code].hint,
    )


def _is_permanent(plan: Plan, verdicts: Sequence[Verdict]) -> bool:
    errors = [verdict.code for verdict in verdicts if verdict.level == "error"]
    return plan.fail_fast and any(code in CODES and not CODES[code].retryable for code in errors)


def _delay_s(outcome: Outcome) -> float:
    failures = sum(step.count for step in outcome.timeline if step.code != "ok")
    delay_s = _DELAYS_S[min(failures, len(_DELAYS_S)) - 1]
    # Imported only here, because a probe that does not wait starts faster without it.
    import random

    # Not for secrecy: jitter keeps many probes from sending requests in lockstep.
    return delay_s * random.uniform(1 - _JITTER, 1 + _JITTER)  # noqa: S311
