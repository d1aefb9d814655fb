"""The smoke test itself. The view, the checks and the documents only present its result."""

from dataclasses import dataclass
from typing import Literal


@dataclass(frozen=True, slots=True)
class SmokeTestResult:
    """What the smoke test found: `status` is the verdict, `details` one sentence for people."""

    status: Literal["ok"]
    details: str


def run_smoke_test() -> SmokeTestResult:
    """Return the result of the smoke test.

    That this code runs is the test, so it touches no database, cache, file or network: the
    answer says that the pipeline works, not that PetSage's neighbours do.
    """
    return SmokeTestResult(status="ok", details="PetSage smoke test feature is operational.")
