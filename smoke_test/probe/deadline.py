"""The time limit that everything in an attempt shares."""

import time
from collections.abc import Callable
from typing import NamedTuple


class Interrupted(Exception):
    """A signal told the probe to stop."""


class Deadline(NamedTuple):
    """A point in time, in seconds of time.monotonic().

    Code that waits calls `check_cancelled` several times a second; an exception ends the wait.
    """

    at: float
    check_cancelled: Callable[[], None]

    @property
    def left_s(self) -> float:
        """Return the seconds left, never negative."""
        return max(0.0, self.at - time.monotonic())
