"""The progress on standard error, until the report."""

import os
from collections.abc import Sequence
from contextlib import suppress
from datetime import datetime, timedelta
from typing import TextIO

from smoke_test.probe.gate import Outcome, Step
from smoke_test.probe.streams import emit, painted
from smoke_test.probe.verdict import Level
from smoke_test.probe.watch import Transition, Watch, facts

# Erases the cursor's line.
_CLEAR = "\r\x1b[K"


class Progress:
    """The timeline of a wait: `0.0 s  tcp.refused x4  ->  4.1 s  ok`.

    Writes each transition once, as it happens. On a terminal, it also shows the time left.
    """

    def __init__(self, stream: TextIO | None, wait_s: float) -> None:
        self._stream = stream
        self._wait_s = wait_s
        self._written = 0
        self._is_terminal = stream is not None and stream.isatty()

    def __call__(self, outcome: Outcome) -> None:
        """Show the outcome so far; called after each attempt."""
        if self._is_terminal:
            self._rewrite(outcome)
            return
        while self._written < len(outcome.timeline):
            before = outcome.timeline[: self._written]
            if before:
                emit(self._stream, f"{_count(before[-1])}  ->  ")
            step = outcome.timeline[self._written]
            emit(self._stream, f"{step.at_s:.1f} s  {step.code}")
            self._written += 1

    def close(self, outcome: Outcome) -> None:
        """End the line."""
        if self._is_terminal:
            emit(self._stream, f"{_CLEAR}{timeline(outcome)}\n")
        elif outcome.timeline:
            emit(self._stream, f"{_count(outcome.timeline[-1])}\n")

    def _rewrite(self, outcome: Outcome) -> None:
        left_s = max(0.0, self._wait_s - outcome.waited_s)
        line = f"{timeline(outcome)}  ({left_s:.0f} s left)" if self._wait_s else timeline(outcome)
        # Cut the start of a long line: the newest step is at the end.
        emit(self._stream, f"{_CLEAR}{line[-_columns(self._stream) :]}")


class WatchProgress:
    """Writes each transition on its own line, with the time of day.

    On a terminal, the last line shows the current state and is updated after each request.
    """

    def __init__(self, stream: TextIO | None, seconds: float) -> None:
        self._stream = stream
        self._seconds = seconds
        self._started = datetime.now().astimezone()
        self._is_terminal = stream is not None and stream.isatty()

    def __call__(self, watch: Watch, transitions: Sequence[Transition]) -> None:
        """Show what changed; called after each request."""
        lines = [
            painted(
                self._stream,
                f"{self._time(transition.at_s)} {transition.text}",
                "ok" if transition.passed else "error",
            )
            for transition in transitions
        ]
        written = "".join(f"{line}\n" for line in lines)
        if self._is_terminal:
            state = watch.timeline[-1].code if watch.timeline else "no response yet"
            left_s = max(0.0, self._seconds - watch.waited_s)
            line = f"{self._time(watch.waited_s)} {state}, {facts(watch)} ({left_s:.0f} s left)"
            level: Level = "error" if watch.outage else "ok"
            written = (
                f"{_CLEAR}{written}{painted(self._stream, line[: _columns(self._stream)], level)}"
            )
        emit(self._stream, written)

    def close(self) -> None:
        """Erase the last line of a terminal."""
        if self._is_terminal:
            emit(self._stream, _CLEAR)

    def _time(self, at_s: float) -> str:
        return f"{self._started + timedelta(seconds=at_s):%H:%M:%S}"


def timeline(outcome: Outcome) -> str:
    """Return the whole timeline as one line."""
    return "  ->  ".join(
        f"{step.at_s:.1f} s  {step.code}{_count(step)}" for step in outcome.timeline
    )


def _columns(stream: TextIO | None) -> int:
    """Return how long a line on this stream can be without wrapping."""
    with suppress(OSError):
        if stream is not None and (columns := os.get_terminal_size(stream.fileno()).columns):
            return columns - 1
    return 79


def _count(step: Step) -> str:
    return f" x{step.count}" if step.count > 1 else ""
