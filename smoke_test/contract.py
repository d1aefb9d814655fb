"""What the smoke test promises, written out, and a judge of whether an answer keeps it.

The promise is a literal on purpose: computed from the code that answers, it would change with
every mistake in that code.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime

from smoke_test.middleware import ANSWERED_AT_HEADER, RELEASE_HEADER

PATH = "/smoke-test/"
BODY = b'{"status":"ok","details":"PetSage smoke test feature is operational."}'


@dataclass(frozen=True, slots=True)
class Answer:
    """An HTTP answer as it was sent; header names are in lower case, values in order."""

    status: int
    headers: tuple[tuple[str, str], ...]
    body: bytes

    def header(self, name: str) -> str | None:
        """Return the field's value, its lines joined by commas (RFC 9110 5.3), or None."""
        values = [value for found, value in self.headers if found == name.lower()]
        return ", ".join(values) if values else None


@dataclass(frozen=True, slots=True)
class Fault:
    """What of an answer differs from the promise; `str()` is a clause for a message."""

    what: str
    found: str
    wanted: str

    def __str__(self) -> str:
        return f"{self.what} {self.found}, wanted {self.wanted}"


def faults(answer: Answer, *, release: str) -> Iterator[Fault]:
    """Yield what the answer breaks of the promise, the gravest first.

    `release` is the build that X-PetSage-Release must name.
    """
    if answer.status != 200:
        location = answer.header("Location")
        found = f"{answer.status} to {location!r}" if location else f"{answer.status}"
        yield Fault("status", found, "200")
    if answer.body != BODY:
        yield Fault("body", _shown(answer.body), _shown(BODY))
    for name, wanted in (("Content-Type", "application/json"), (RELEASE_HEADER, release)):
        if (value := answer.header(name)) != wanted:
            yield Fault(name, repr(value), repr(wanted))
    if (value := answer.header("Set-Cookie")) is not None:
        yield Fault("Set-Cookie", repr(value), "no cookie")
    if "no-store" not in ((value := answer.header("Cache-Control")) or ""):
        yield Fault("Cache-Control", repr(value), "'no-store'")
    if not _is_timestamp(value := answer.header(ANSWERED_AT_HEADER)):
        yield Fault(ANSWERED_AT_HEADER, repr(value), "a time as of RFC 3339")


def _shown(body: bytes) -> str:
    return repr(body if len(body) <= 100 else body[:100] + b"...")


def _is_timestamp(value: str | None) -> bool:
    try:
        return datetime.fromisoformat(value or "").tzinfo is not None
    except ValueError:
        return False
