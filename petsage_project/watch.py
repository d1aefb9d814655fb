"""Whether the app server still serves: asked over its socket, and of the kernel."""

import contextlib
import socket
import time
from pathlib import Path


def unanswered(path: Path, host: str, *, requests: int, seconds: float) -> int:
    """Ask for the smoke test `requests` times at once; return how many got no byte in `seconds`.

    Several, because the workers share the socket: a single request might meet the living one.
    """
    deadline = time.monotonic() + seconds
    with contextlib.ExitStack() as stack:
        asked = []
        for _ in range(requests):
            client = stack.enter_context(socket.socket(socket.AF_UNIX))
            if _ask(client, path, host, deadline):
                asked.append(client)
        return requests - sum(_answered(client, deadline) for client in asked)


def stopped(pid: int) -> bool:
    """Return whether a signal has stopped the process; it takes no request, so none would tell."""
    return _after_name(pid)[:1] == ["T"]


def children(pid: int) -> list[int]:
    """Return the processes that this one's first thread has started and that still are."""
    try:
        return [int(p) for p in Path(f"/proc/{pid}/task/{pid}/children").read_text().split()]
    except OSError:
        return []


def _ask(client: socket.socket, path: Path, host: str, deadline: float) -> bool:
    request = f"GET /smoke-test/ HTTP/1.1\r\nHost: {host}\r\nConnection: close\r\n\r\n"
    try:
        client.settimeout(_left(deadline))
        client.connect(str(path))
        client.sendall(request.encode())
    except OSError:
        return False
    return True


def _answered(client: socket.socket, deadline: float) -> bool:
    try:
        client.settimeout(_left(deadline))
        return client.recv(1) != b""
    except OSError:
        return False


def _left(deadline: float) -> float:
    # Never 0, which would mean not to wait at all.
    return max(deadline - time.monotonic(), 0.001)


def _after_name(pid: int) -> list[str]:
    try:
        # The name is in parentheses and may have any character.
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    except OSError:
        return []
