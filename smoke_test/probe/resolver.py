"""Resolves names to addresses within a deadline.

Neither getaddrinfo nor libcurl respects a deadline: closing a handle waits for libcurl's resolver
thread (10 s after a timeout of 2 s, measured with 8.23 and a silent resolver). So this module
resolves names in threads that can be abandoned, and libcurl gets the addresses.
"""

import socket
import threading
import time
from collections.abc import Iterable
from typing import NamedTuple

from smoke_test.probe.deadline import Deadline
from smoke_test.probe.exchange import CurlCode, TransportError

_POLL_S = 0.05


class Resolution(NamedTuple):
    """The addresses of a name, in the resolver's order, or why there are none."""

    addresses: tuple[str, ...] = ()
    error: TransportError | None = None
    took_ms: float = 0.0


def resolve(names: Iterable[str], deadline: Deadline) -> dict[str, Resolution]:
    """Resolve all names in parallel; a name not resolved by the deadline has timed out."""
    started = time.monotonic()
    resolved: dict[str, Resolution] = {}

    def look_up(name: str) -> None:
        resolved[name] = _look_up(name, started)

    threads = []
    for name in set(names):
        if is_address(name):
            resolved[name] = Resolution((name,))
            continue
        thread = threading.Thread(target=look_up, args=[name], daemon=True)
        thread.start()
        threads.append((name, thread))
    for _name, thread in threads:
        while thread.is_alive() and deadline.left_s:
            deadline.check_cancelled()
            thread.join(min(_POLL_S, deadline.left_s))
    took_ms = (time.monotonic() - started) * 1000
    timed_out = TransportError(CurlCode.OPERATION_TIMEDOUT, "resolving timed out")
    return {name: Resolution(error=timed_out, took_ms=took_ms) for name, _ in threads} | resolved


def is_address(name: str) -> bool:
    """Return whether the name is an IP address; IPv6 may have a zone."""
    for family in (socket.AF_INET, socket.AF_INET6):
        try:
            socket.inet_pton(family, name.partition("%")[0])
        except OSError:
            continue
        return True
    return False


def _look_up(name: str, started: float) -> Resolution:
    try:
        entries = socket.getaddrinfo(name, None, type=socket.SOCK_STREAM)
    except socket.gaierror as error:
        if name.rstrip(".") == "localhost":
            # Always this machine, even if /etc/hosts does not list it (RFC 6761, 6.3).
            return Resolution(("127.0.0.1", "::1"))
        failed = TransportError(
            CurlCode.COULDNT_RESOLVE_HOST,
            str(error.strerror),
            resolver_errno=error.errno or socket.EAI_FAIL,
        )
        return Resolution(error=failed, took_ms=(time.monotonic() - started) * 1000)
    except UnicodeError:
        # A label that is empty or too long for the DNS.
        failed = TransportError(
            CurlCode.COULDNT_RESOLVE_HOST, "not a name", resolver_errno=socket.EAI_NONAME
        )
        return Resolution(error=failed)
    addresses = tuple(dict.fromkeys(str(entry[4][0]) for entry in entries))
    return Resolution(addresses, took_ms=(time.monotonic() - started) * 1000)
