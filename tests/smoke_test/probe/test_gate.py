"""Waiting, with a clock and a sleep that the test provides."""

from collections.abc import Callable, Iterable, Iterator

import pytest

from smoke_test.probe.codes import CODES
from smoke_test.probe.gate import Attempt, Outcome, Plan, run
from smoke_test.probe.verdict import Verdict


class Clock:
    """A clock that advances only when the gate sleeps or an attempt takes time."""

    def __init__(self, now: float = 0.0) -> None:
        self.now = now
        self.slept: list[float] = []

    def __call__(self) -> float:
        return self.now

    def sleep(self, seconds: float) -> None:
        self.slept.append(seconds)
        self.now += seconds


def verdict(code: str) -> Verdict:
    level = "ok" if code == "ok" else "warning" if code == "time.slow" else "error"
    layer = None if code == "ok" else code.partition(".")[0]
    return Verdict("http://x/", level, layer, code, "", None)  # type: ignore[arg-type]  # a str


def go(
    plan: Plan,
    codes: Iterable[str],
    *,
    takes_s: float = 0.01,
    retry_after_s: float = 0.0,
    starts_at_s: float = 0.0,
    on_attempt: Callable[[float], None] = lambda _timeout_s: None,
) -> tuple[Outcome, Clock]:
    """Run the plan with attempts that return these codes, several in a line; the last repeats."""
    clock, outcome = Clock(starts_at_s), Outcome()
    script: Iterator[str] = iter(codes)
    last = [""]

    def attempt(timeout_s: float) -> Attempt:
        on_attempt(timeout_s)
        clock.now += min(takes_s, timeout_s)
        last[0] = next(script, last[0])
        return Attempt([verdict(code) for code in last[0].split()], retry_after_s)

    run(outcome, plan, attempt, clock=clock, sleep=clock.sleep, notify=lambda _outcome: None)
    return outcome, clock


def steps(outcome: Outcome) -> list[tuple[str, int]]:
    return [(step.code, step.count) for step in outcome.timeline]


def test_without_a_wait_one_attempt_decides() -> None:
    passed, _ = go(Plan(), ["ok"])
    failed, clock = go(Plan(), ["tcp.refused", "ok"])

    assert (passed.passed, passed.attempts, passed.timed_out) == (True, 1, False)
    assert (failed.passed, failed.attempts, failed.timed_out) == (False, 1, False)
    assert clock.slept == []


def test_delays_grow_to_five_seconds_and_jitter_by_a_fifth() -> None:
    # Several times, because a random delay can also be right by chance.
    clocks = [go(Plan(wait_s=60), ["tcp.refused"])[1] for _ in range(20)]

    for clock in clocks:
        for slept, expected in zip(clock.slept[:8], [0.5, 1, 2, 4, 5, 5, 5, 5], strict=True):
            assert 0.8 * expected <= slept <= 1.2 * expected
    first = [clock.slept[0] for clock in clocks]
    assert min(first) < 0.5 < max(first)


def test_delays_count_only_the_failures() -> None:
    _, clock = go(Plan(wait_s=60, consecutive=9), ["ok", "ok", "ok", "ok", "tcp.refused", "ok"])

    assert clock.slept[4] <= 0.6


@pytest.mark.parametrize("wait_s", [0.5, 1.0, 3.0, 10.0, 60.0])
@pytest.mark.parametrize("takes_s", [0.01, 1.3, 100.0])
def test_the_whole_wait_is_used_but_not_exceeded(wait_s: float, takes_s: float) -> None:
    outcome, clock = go(Plan(wait_s=wait_s), ["http.timeout"], takes_s=takes_s)

    assert (outcome.passed, outcome.timed_out) == (False, True)
    assert [v.code for v in outcome.verdicts] == ["http.timeout"]
    assert all(slept >= 0.4 for slept in clock.slept[:-1])
    assert clock.now <= wait_s
    assert clock.now >= wait_s - min(1.0, wait_s / 4)
    assert outcome.waited_s == clock.now


def test_times_are_relative_to_the_first_attempt() -> None:
    outcome, _ = go(Plan(wait_s=8), ["tcp.refused", "ok"], starts_at_s=64)

    first, second = (step.at_s for step in outcome.timeline)
    assert first == 0
    assert 0.4 < second < outcome.waited_s < 0.7


def test_an_attempt_gets_at_most_the_time_left() -> None:
    timeouts: list[float] = []

    go(Plan(timeout_s=5, wait_s=8), ["http.timeout"], takes_s=100, on_attempt=timeouts.append)

    assert timeouts[0] == 5
    assert timeouts[1] < 3


def test_every_fault_is_retried_and_the_timeline_has_only_transitions() -> None:
    codes = ["dns.failed", "tcp.refused", "tcp.refused", "proxy.bad_gateway", "ok"]

    outcome, _ = go(Plan(wait_s=60), codes)

    assert outcome.passed
    assert outcome.attempts == 5
    assert steps(outcome) == [
        ("dns.failed", 1),
        ("tcp.refused", 2),
        ("proxy.bad_gateway", 1),
        ("ok", 1),
    ]
    assert [step.at_s for step in outcome.timeline] == sorted(s.at_s for s in outcome.timeline)


@pytest.mark.parametrize(
    "code",
    ["tls.expired", "tls.hostname", "app.disallowed_host", "redirect.loop", "contract.wrong_body"],
)
def test_fail_fast_stops_at_faults_that_waiting_cannot_fix(code: str) -> None:
    outcome, _ = go(Plan(wait_s=60, fail_fast=True), ["tcp.refused", code, "ok"])
    patient, _ = go(Plan(wait_s=60), ["tcp.refused", code, "ok"])

    assert (outcome.passed, outcome.attempts, outcome.timed_out) == (False, 2, False)
    assert patient.passed


def test_fail_fast_stops_at_any_such_error_but_not_at_a_system_checks() -> None:
    plan = Plan(wait_s=60, fail_fast=True)

    second_error, _ = go(plan, ["tcp.refused tls.expired", "ok"])
    system_check, _ = go(plan, ["smoke_test.E001", "ok"])

    assert (second_error.passed, second_error.attempts) == (False, 1)
    assert system_check.passed


def test_passes_must_be_consecutive() -> None:
    codes = ["ok", "ok", "release.mismatch", "ok", "ok", "ok"]

    outcome, _ = go(Plan(wait_s=60, consecutive=3), codes)

    assert outcome.passed
    assert steps(outcome) == [("ok", 2), ("release.mismatch", 1), ("ok", 3)]


def test_consecutive_passes_need_no_wait() -> None:
    passed, clock = go(Plan(consecutive=3), ["ok"])
    failed, _ = go(Plan(consecutive=3), ["ok", "tcp.refused"])

    assert (passed.passed, passed.attempts) == (True, 3)
    assert clock.slept == [0.5, 0.5]
    assert (failed.passed, failed.attempts) == (False, 2)


def test_the_caller_is_notified_after_each_attempt() -> None:
    clock, outcome = Clock(), Outcome()
    passes: list[int] = []

    run(
        outcome,
        Plan(consecutive=3),
        lambda _timeout_s: Attempt([verdict("ok")]),
        clock=clock,
        sleep=clock.sleep,
        notify=lambda notified: passes.append(notified.consecutive_passes),
    )

    assert passes == [1, 2, 3]


def test_too_few_passes_fail_when_the_time_is_up() -> None:
    timeouts: list[float] = []

    outcome, _ = go(Plan(wait_s=3, consecutive=50), ["ok"], on_attempt=timeouts.append)

    assert (outcome.passed, outcome.timed_out) == (False, True)
    assert [(v.level, v.layer, v.code) for v in outcome.verdicts] == [
        ("ok", None, "ok"),
        ("error", "gate", "gate.flapping"),
    ]
    assert (
        outcome.verdicts[1].message == f"{outcome.attempts} of 50 consecutive passes within 3 s."
    )
    assert outcome.verdicts[1].hint == CODES["gate.flapping"].hint
    assert min(timeouts) > 0.3


def test_retry_after_is_honored_up_to_half_the_time_left() -> None:
    _, patient = go(Plan(wait_s=60), ["proxy.unavailable", "ok"], retry_after_s=20)
    outcome, clipped = go(Plan(wait_s=10), ["proxy.unavailable"], retry_after_s=3600)

    assert patient.slept == [20]
    assert clipped.now <= 10
    assert max(clipped.slept) <= 5
    assert outcome.attempts > 3


@pytest.mark.parametrize(
    ("wait_s", "consecutive", "fails_for_s"), [(9, 3, 1), (9, 3, 5), (9, 3, 7), (20, 20, 9)]
)
def test_a_wait_leaves_room_for_the_consecutive_passes_after_a_recovery(
    wait_s: int, consecutive: int, fails_for_s: int
) -> None:
    clock, outcome = Clock(), Outcome()

    def attempt(_timeout_s: float) -> Attempt:
        return Attempt([verdict("ok" if clock.now >= fails_for_s else "tcp.refused")])

    plan = Plan(wait_s=wait_s, consecutive=consecutive)
    run(outcome, plan, attempt, clock=clock, sleep=clock.sleep, notify=lambda _outcome: None)

    assert outcome.passed
    assert clock.now <= wait_s


def test_a_warning_fails_with_fail_level_warning() -> None:
    outcome, _ = go(Plan(fail_on_warning=True), ["ok time.slow"])
    mild, _ = go(Plan(), ["ok time.slow"])

    assert (outcome.passed, steps(outcome)) == (False, [("time.slow", 1)])
    assert (mild.passed, steps(mild)) == (True, [("ok", 1)])


@pytest.mark.parametrize("fail_on_warning", [False, True])
@pytest.mark.parametrize("codes", ["tcp.refused", "ok tcp.refused", "tcp.refused ok time.slow"])
def test_one_error_fails_at_any_fail_level(codes: str, fail_on_warning: bool) -> None:
    outcome, _ = go(Plan(fail_on_warning=fail_on_warning), [codes])

    assert (outcome.passed, steps(outcome)) == (False, [("tcp.refused", 1)])
