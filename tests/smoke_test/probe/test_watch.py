"""The watch, with a simulated clock, sleep and site."""

from collections.abc import Callable, Sequence
from concurrent.futures import Future
from typing import NamedTuple

import pytest

from smoke_test.probe.deadline import Interrupted
from smoke_test.probe.gate import Attempt, Plan
from smoke_test.probe.probe import Undecided
from smoke_test.probe.watch import Transition, Watch, facts, run
from tests.smoke_test.probe.test_gate import Clock, verdict


class Response(NamedTuple):
    """The code of a response, and its delay; None is a failure of the probe itself."""

    code: str | None = "ok"
    delay_s: float = 0.01
    release: str | None = None


class Site:
    """Gives each request the next response; the last one repeats."""

    def __init__(self, responses: Sequence[Response], stop_at_s: float = float("inf")) -> None:
        self.clock = Clock()
        self.started: list[float] = []
        self.transitions: list[Transition] = []
        self._responses = list(responses)
        self._stop_at_s = stop_at_s
        self._due: list[tuple[float, Callable[[], None]]] = []

    def start(self, timeout_s: float) -> "Future[Attempt]":
        response = self._responses.pop(0) if len(self._responses) > 1 else self._responses[0]
        future: Future[Attempt] = Future()

        def finish() -> None:
            if response.code is None:
                future.set_exception(Undecided("probe.ca_file", "no CA file."))
            else:
                future.set_result(
                    Attempt([verdict(response.code)._replace(release=response.release)])
                )

        self.started.append(self.clock.now)
        self._due.append((self.clock.now + min(response.delay_s, timeout_s), finish))
        return future

    def sleep(self, seconds: float) -> None:
        self.clock.sleep(seconds)
        if self.clock.now >= self._stop_at_s:
            raise Interrupted
        for due in [due for due in self._due if due[0] <= self.clock.now]:
            self._due.remove(due)
            due[1]()

    def watch(self, seconds: float, *, timeout_s: float = 5, strict: bool = False) -> Watch:
        watch = Watch()
        try:
            run(
                watch,
                Plan(timeout_s, seconds, fail_on_warning=strict),
                self.start,
                clock=self.clock,
                sleep=self.sleep,
                notify=lambda _watch, transitions: self.transitions.extend(transitions),
            )
        except Interrupted:
            watch.decided = False
        return watch

    @property
    def texts(self) -> list[str]:
        return [transition.text for transition in self.transitions]


OK, BAD = Response(), Response("proxy.bad_gateway")


def test_a_request_starts_every_second_of_the_watch() -> None:
    site = Site([OK])

    watch = site.watch(600)

    assert watch.attempts == 600
    assert [round(at_s) for at_s in site.started] == list(range(600))
    assert watch.passed
    assert facts(watch) == "asked 600, failed 0"
    assert watch.waited_s == 600


def test_slow_requests_do_not_delay_others() -> None:
    site = Site([Response(delay_s=4.5)])

    watch = site.watch(10)

    assert [round(at_s) for at_s in site.started] == list(range(10))
    assert (watch.passed, watch.attempts) == (True, 10)


@pytest.mark.parametrize(("attempts", "blind_s"), [(2, 7), (2, 700), (10, 7)])
def test_a_watch_that_paused_for_seconds_does_not_pass(attempts: int, blind_s: float) -> None:
    site, watch = Site([OK]), Watch()

    def stop(watch: Watch, _: object) -> None:
        """Block like a paused terminal."""
        if watch.attempts == attempts and site.clock.now < attempts + 1:
            site.clock.now += blind_s

    with pytest.raises(Undecided) as raised:
        run(watch, Plan(5, 20), site.start, clock=site.clock, sleep=site.sleep, notify=stop)

    assert (raised.value.code, watch.passed) == ("probe.blind", False)


def test_an_outage_during_a_slow_request_is_detected() -> None:
    site = Site([OK, Response(delay_s=4.5), BAD, BAD, OK])

    watch = site.watch(10)

    assert facts(watch) == "asked 10, failed 2, longest outage 2.0 s (proxy.bad_gateway)"
    assert [(round(change.at_s), change.text) for change in site.transitions] == [
        (0, "ok"),
        (2, "ok -> proxy.bad_gateway: "),
        (4, "proxy.bad_gateway -> ok, after 2.0 s"),
    ]


def test_a_request_that_times_out_counts_from_its_start() -> None:
    site = Site([OK, Response("http.timeout", delay_s=60), OK])

    watch = site.watch(10)

    assert facts(watch) == "asked 10, failed 1, longest outage 1.0 s (http.timeout)"


def test_an_outage_has_the_code_of_its_first_failure_and_ends_with_a_pass() -> None:
    site = Site([OK, BAD, Response("tcp.refused"), Response("tcp.refused"), OK, BAD, OK])

    watch = site.watch(10)

    assert facts(watch) == "asked 10, failed 4, longest outage 3.0 s (proxy.bad_gateway)"
    assert [v.code for v in watch.verdicts] == ["proxy.bad_gateway"]
    assert site.texts[1:4] == [
        "ok -> proxy.bad_gateway: ",
        "proxy.bad_gateway -> tcp.refused: ",
        "tcp.refused -> ok, after 3.0 s",
    ]


def test_an_outage_without_an_end_lasts_until_the_end_of_the_watch() -> None:
    watch = Site([OK, OK, OK, BAD]).watch(10)

    assert facts(watch) == "asked 10, failed 7, longest outage 7.0 s (proxy.bad_gateway)"


def test_the_longer_of_two_outages_counts_in_either_order() -> None:
    short_last = Site([BAD, BAD, OK, Response("tcp.refused"), OK]).watch(6)
    short_first = Site([Response("tcp.refused"), OK, BAD, BAD, OK]).watch(6)

    for watch in (short_last, short_first):
        assert facts(watch) == "asked 6, failed 3, longest outage 2.0 s (proxy.bad_gateway)"


def test_releases_are_shown_when_they_change_and_listed_at_the_end() -> None:
    first, second = Response(release="4f2c9e1"), Response(release="6710b60")
    site = Site([first, first, second, first, BAD, second])

    watch = site.watch(8)

    assert site.texts == [
        "ok, release 4f2c9e1",
        "release 4f2c9e1 -> 6710b60",
        "release 6710b60 -> 4f2c9e1",
        "ok -> proxy.bad_gateway: ",
        "proxy.bad_gateway -> ok, after 1.0 s, release 4f2c9e1 -> 6710b60",
    ]
    assert watch.releases == ["4f2c9e1", "6710b60"]
    assert facts(watch).endswith(", releases 4f2c9e1 6710b60")


@pytest.mark.parametrize("strict", [True, False])
def test_warnings_fail_only_if_they_should(strict: bool) -> None:
    watch = Site([Response("time.slow")]).watch(3, strict=strict)

    assert (watch.passed, watch.failed) == (not strict, 3 if strict else 0)


def test_an_interrupted_watch_has_all_facts_but_does_not_pass() -> None:
    good = Site([OK], stop_at_s=4.5).watch(600)
    bad = Site([OK, BAD, OK, BAD], stop_at_s=4.5).watch(600)

    assert (good.passed, facts(good)) == (False, "asked 5, failed 0")
    assert not bad.passed
    assert facts(bad) == "asked 5, failed 3, longest outage 1.5 s (proxy.bad_gateway)"


def test_an_interrupted_watch_counts_the_requests_in_flight() -> None:
    watch = Site([OK, Response(delay_s=60), BAD, Response(delay_s=60)], stop_at_s=4.5).watch(600)

    assert facts(watch) == (
        "asked 2, failed 1, unanswered 3, longest outage 2.5 s (proxy.bad_gateway)"
    )


def test_requests_that_a_suspended_machine_missed_are_skipped() -> None:
    site = Site([OK])
    once = [30.0]

    def notify(watch: Watch, _transitions: Sequence[Transition]) -> None:
        if watch.attempts == 3:
            site.clock.now += once.pop() if once else 0

    watch = Watch()
    plan = Plan(wait_s=40)
    with pytest.raises(Undecided):
        run(watch, plan, site.start, clock=site.clock, sleep=site.sleep, notify=notify)

    assert [int(at_s) for at_s in site.started] == [0, 1, 2, *range(32, 40)]


def test_a_probe_that_cannot_judge_ends_the_watch() -> None:
    site = Site([OK, Response(None)])

    with pytest.raises(Undecided):
        site.watch(600)

    assert len(site.started) == 2
