"""Records what the interpreter does outside this process, from its audit events."""

import sys
from collections.abc import Iterator
from contextlib import contextmanager

OUTSIDE = ("open", "os.", "socket.", "subprocess.", "sqlite3.", "shutil.", "import")

_recording: list[list[str]] = []


@contextmanager
def outside_calls() -> Iterator[list[str]]:
    """Record the audit events of files, sockets, processes, databases and imports."""
    calls: list[str] = []
    _recording.append(calls)
    try:
        yield calls
    finally:
        _recording.remove(calls)


def _record(event: str, _arguments: tuple[object, ...]) -> None:
    if event.startswith(OUTSIDE):
        for calls in _recording:
            calls.append(event)


# Added once, because an audit hook cannot be removed.
sys.addaudithook(_record)
