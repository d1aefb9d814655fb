"""The one limit of everything that an attempt does."""

import time
from collections.abc import Callable
from typing import NamedTuple


class Interrupted(Exception):
    """A signal asked the probe to stop."""


class Deadline(NamedTuple):
    """A moment of time.monotonic(), in seconds.

    `check_cancelled` is called several times a second by everything that waits; an exception from
    it ends the waiting.
    """

    at: float
    check_cancelled: Callable[[], None]

    @property
    def left_s(self) -> float:
        """Return the seconds left, never negative."""
        return max(0.0, self.at - time.monotonic())
