"""The timeline during a wait: `0.0 s  tcp.refused x4  ->  4.1 s  ok`."""

import shutil
from typing import TextIO

from smoke_test.probe.gate import Outcome, Step
from smoke_test.probe.streams import emit


class Progress:
    """Writes each transition once, as it happens; on a terminal also the time left."""

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
            emit(self._stream, f"\r\x1b[K{timeline(outcome)}\n")
        elif outcome.timeline:
            emit(self._stream, f"{_count(outcome.timeline[-1])}\n")

    def _rewrite(self, outcome: Outcome) -> None:
        left_s = max(0.0, self._wait_s - outcome.waited_s)
        line = f"{timeline(outcome)}  ({left_s:.0f} s left)" if self._wait_s else timeline(outcome)
        columns = shutil.get_terminal_size().columns
        # The end of the line is the news.
        emit(self._stream, f"\r\x1b[K{line[-(columns - 1) :]}")


def timeline(outcome: Outcome) -> str:
    """Return the whole timeline as one line."""
    return "  ->  ".join(
        f"{step.at_s:.1f} s  {step.code}{_count(step)}" for step in outcome.timeline
    )


def _count(step: Step) -> str:
    return f" x{step.count}" if step.count > 1 else ""
