"""Sends a request every second, and reports what changes between responses."""

from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, NamedTuple

from smoke_test.probe.gate import Attempt, Outcome, Plan, note
from smoke_test.probe.probe import Undecided
from smoke_test.probe.verdict import Verdict

if TYPE_CHECKING:
    # It takes longer to import than everything else together.
    from concurrent.futures import Future

INTERVAL_S = 1.0

# Seconds between checks for responses.
_POLL_S = 0.05

# A watch that sent no request for longer, or for half of a shorter watch, does not pass.
_MAX_BLIND_S = 5.0


class Outage(NamedTuple):
    """From the start of its first failed request to the start of the next one that passed.

    `verdicts` are those of the first request. Times are seconds since the start of the watch.
    """

    started_s: float
    ended_s: float
    code: str
    verdicts: Sequence[Verdict]

    @property
    def lasted_s(self) -> float:
        return self.ended_s - self.started_s


class Watch(Outcome):
    """The outcome of all requests; its verdicts are those of the longest outage, if there was one.

    `unanswered` counts the requests in flight; `attempts` counts the others. `releases` has those
    seen, in order, and `release` is the last one.
    """

    def __init__(self) -> None:
        super().__init__()
        self.failed = 0
        self.unanswered = 0
        self.release: str | None = None
        self.releases: list[str] = []
        self.outage: Outage | None = None
        self.longest_outage: Outage | None = None


class Transition(NamedTuple):
    """A change that the request of this time showed: the state, the release or both."""

    at_s: float
    text: str
    passed: bool


Notify = Callable[[Watch, Sequence[Transition]], None]


def run(
    watch: Watch,
    plan: Plan,
    start: "Callable[[float], Future[Attempt]]",
    *,
    clock: Callable[[], float],
    sleep: Callable[[float], None],
    notify: Notify,
) -> None:
    """Fill in the watch: start a request every second for `plan.wait_s`, and await the responses.

    `start` receives the request's limit in seconds, and returns immediately, so that a slow
    request delays no other. `clock` returns seconds; `notify` is called after each request.
    """
    started = clock()
    pending: list[tuple[float, Future[Attempt]]] = []
    next_s = blind_s = 0.0
    try:
        while pending or clock() - started < plan.wait_s:
            at_s = clock() - started
            is_due = next_s <= at_s and next_s < plan.wait_s
            if is_due:
                blind_s = max(blind_s, at_s - next_s)
                pending.append((at_s, start(plan.timeout_s)))
                # A busy or suspended machine skips the requests that it missed.
                next_s = (at_s // INTERVAL_S + 1) * INTERVAL_S
            transitions = []
            # In the order in which they started.
            while pending and pending[0][1].done():
                since_s, future = pending[0]
                transitions.append(take(watch, plan, since_s, future.result().verdicts))
                pending.pop(0)
            watch.unanswered = len(pending)
            if is_due or transitions:
                watch.waited_s = at_s
                notify(watch, [changed for changed in transitions if changed is not None])
            sleep(_POLL_S)
        blind_s = max(blind_s, plan.wait_s - next_s)
        if blind_s > min(_MAX_BLIND_S, plan.wait_s / 2) and not watch.failed:
            raise Undecided("probe.blind", f"sent no request for {blind_s:.1f} s.")
        watch.passed = watch.failed == 0
    finally:
        watch.unanswered = len(pending)
        for since_s, future in pending:
            if future.done() and future.exception() is None:
                take(watch, plan, since_s, future.result().verdicts)
                watch.unanswered -= 1
        watch.waited_s = min(clock() - started, plan.wait_s)
        _end_outage(watch, watch.waited_s)
        if watch.longest_outage is not None:
            watch.verdicts = watch.longest_outage.verdicts


def take(watch: Watch, plan: Plan, at_s: float, verdicts: Sequence[Verdict]) -> Transition | None:
    """Add the verdicts on the next request, which started at `at_s`."""
    before, release_before = watch.timeline[-1].code if watch.timeline else None, watch.release
    lasted_s = at_s - watch.outage.started_s if watch.outage else 0.0
    note(watch, plan, verdicts, at_s)
    code, passed = watch.timeline[-1].code, watch.consecutive_passes > 0
    if passed:
        _end_outage(watch, at_s)
    else:
        watch.failed += 1
        watch.outage = watch.outage or Outage(at_s, at_s, code, verdicts)
    watch.release = next((v.release for v in verdicts if v.release), watch.release)
    if watch.release and watch.release not in watch.releases:
        watch.releases.append(watch.release)

    changes = []
    if code != before:
        changes.append(f"{before} -> {code}" if before else code)
        if not passed:
            changes[0] += f": {next(v.message for v in verdicts if v.code == code)}"
        elif lasted_s:
            changes.append(f"after {lasted_s:.1f} s")
    if watch.release != release_before:
        was = f"{release_before} -> " if release_before else ""
        changes.append(f"release {was}{watch.release}")
    return Transition(at_s, ", ".join(changes), passed) if changes else None


def facts(watch: Watch) -> str:
    """Return `asked 600, failed 3, longest outage 1.9 s (proxy.bad_gateway), releases ...`."""
    found = [f"asked {watch.attempts}", f"failed {watch.failed}"]
    if watch.unanswered:
        found.append(f"unanswered {watch.unanswered}")
    if outage := watch.longest_outage:
        found.append(f"longest outage {outage.lasted_s:.1f} s ({outage.code})")
    if watch.releases:
        found.append(f"releases {' '.join(watch.releases)}")
    return ", ".join(found)


def _end_outage(watch: Watch, at_s: float) -> None:
    if watch.outage is None:
        return
    ended, longest = watch.outage._replace(ended_s=at_s), watch.longest_outage
    if longest is None or ended.lasted_s > longest.lasted_s:
        watch.longest_outage = ended
    watch.outage = None
