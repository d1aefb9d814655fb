"""The smoke test itself. The view, the checks and the OpenAPI document only present its result."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Literal


@dataclass(frozen=True, slots=True)
class SmokeTestResult:
    """The result: `status` is for programs, `details` is one sentence for people."""

    status: Literal["ok"]
    details: str


Observer = Callable[[SmokeTestResult], SmokeTestResult]

# The in-process probe sets this to see whether a response comes from run_smoke_test. An observer
# receives the result and returns the one to use, or raises. It is not a context variable, because
# a middleware may run the view in another thread.
observer: Observer | None = None


def run_smoke_test() -> SmokeTestResult:
    """Return the result of the smoke test.

    The test is that this code runs, so it uses no database, cache, file or network. The response
    says that this deployment works, not that the services around PetSage do.
    """
    result = SmokeTestResult(status="ok", details="PetSage smoke test feature is operational.")
    return result if observer is None else observer(result)
