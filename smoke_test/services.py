"""The smoke test itself. The view, the checks and the documents only present its result."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Literal


@dataclass(frozen=True, slots=True)
class SmokeTestResult:
    """The result: `status` is the verdict, `details` one sentence for people."""

    status: Literal["ok"]
    details: str


Observer = Callable[[SmokeTestResult], SmokeTestResult]

# Set by the in-process probe, which sees by it that an answer comes from run_smoke_test: an
# observer gets the result and returns the one to use, or raises. Not a context variable, because
# a middleware may run the view in another thread.
observer: Observer | None = None


def run_smoke_test() -> SmokeTestResult:
    """Return the result of the smoke test.

    That this code runs is the test, so it uses no database, cache, file or network: the answer
    says that the pipeline works, not that PetSage's neighbors do.
    """
    result = SmokeTestResult(status="ok", details="PetSage smoke test feature is operational.")
    return result if observer is None else observer(result)
