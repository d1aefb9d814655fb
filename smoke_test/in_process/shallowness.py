"""Records and blocks the calls that a shallow request must not make.

An audit hook sees files, sockets and processes (https://docs.python.org/3/library/audit_events.html).
Databases and caches are replaced, because drivers written in C raise no audit events.
"""

import os
import sys
import sysconfig
import threading
import traceback
from collections.abc import Iterator
from contextlib import contextmanager
from functools import cache
from typing import Any, Literal, NamedTuple, NoReturn

from django.core.cache import caches
from django.core.cache.backends.dummy import DummyCache
from django.db import OperationalError, connections

Resource = Literal["database", "cache", "network", "process", "file"]

_EVENTS: tuple[tuple[str, Resource], ...] = (
    ("sqlite3.connect", "database"),
    ("socket.connect", "network"),
    ("socket.getaddrinfo", "network"),
    ("socket.gethostby", "network"),
    ("socket.send", "network"),
    ("syslog.", "network"),
    ("subprocess.Popen", "process"),
    ("os.system", "process"),
    ("os.exec", "process"),
    ("os.fork", "process"),
    ("os.kill", "process"),
    ("os.posix_spawn", "process"),
    ("open", "file"),
    ("os.listdir", "file"),
    ("os.mkdir", "file"),
    ("os.remove", "file"),
    ("os.rename", "file"),
    ("os.rmdir", "file"),
    ("os.scandir", "file"),
)

# Their frames do not show where the project makes a call.
_LIBRARIES = (sysconfig.get_path("stdlib"), "site-packages", "dist-packages", "<frozen")


class Call(NamedTuple):
    """A call to the outside; `where` is the project's line that made it, as `file:line`."""

    resource: Resource
    text: str
    where: str


class Blocked(OperationalError, ConnectionError):
    """Raised by a blocked call; code that handles a dead database or network catches it."""


_exit_at_once = os._exit

# The calls of the current request, whose code may run in several threads; None between requests.
_calls: list[Call] | None = None
_ignored: set[Resource] = set()


@contextmanager
def recorded_calls(*ignored: Resource) -> Iterator[list[Call]]:
    """Record the calls of all threads except the main one, and block all except file calls."""
    global _calls
    _add_hook()
    calls: list[Call] = []
    _calls = calls
    _ignored.clear()
    _ignored.update(ignored)
    try:
        os._exit = _refuse_exit
        for connection in connections.all():
            connection.ensure_connection = _refuse_connection  # type: ignore[method-assign]
        for alias in caches:
            caches[alias] = _RecordingCache(alias, {})
        yield calls
    finally:
        # The thread of a request that hung may get here late, during another request.
        if _calls is calls:
            _calls = None
            os._exit = _exit_at_once


@cache
def _add_hook() -> None:
    # Only once, because an audit hook cannot be removed.
    sys.addaudithook(_audit)


def _audit(event: str, arguments: tuple[Any, ...]) -> None:
    if _calls is None or threading.current_thread() is threading.main_thread():
        return
    for prefix, resource in _EVENTS:
        if event.startswith(prefix) and resource not in _ignored:
            # Skip socket objects, whose repr says nothing.
            shown = next((repr(argument) for argument in arguments if _is_plain(argument)), "")
            _record(resource, f"{event}({shown[:80]})")
            if resource != "file":
                raise Blocked(f"the in-process probe of the smoke test allows no {resource}")


def _is_plain(argument: Any) -> bool:
    return isinstance(argument, str | bytes | tuple | list)


def _refuse_connection() -> NoReturn:
    _record("database", "ensure_connection()")
    raise Blocked("the in-process probe of the smoke test allows no database")


def _refuse_exit(status: int) -> NoReturn:
    # There is no audit event for it.
    _record("process", f"os._exit({status})")
    raise SystemExit(status)


class _RecordingCache(DummyCache):
    def make_and_validate_key(self, key: Any, version: Any = None) -> str:
        _record("cache", f"the key {key!r}")
        return super().make_and_validate_key(key, version)

    def clear(self) -> None:
        _record("cache", "clear()")


def _record(resource: Resource, text: str) -> None:
    if _calls is not None:
        _calls.append(Call(resource, text, _where()))


def _where() -> str:
    """Return the project's line that made the call, or "" if only libraries are involved."""
    for frame, line in traceback.walk_stack(None):
        path = frame.f_code.co_filename
        if path.endswith("django/core/handlers/exception.py"):
            # Frames further out only passed the request on.
            break
        if path != __file__ and not any(part in path for part in _LIBRARIES):
            return f"{path}:{line}"
    return ""
