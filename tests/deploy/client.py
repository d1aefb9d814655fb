"""Requests over real sockets, one connection each."""

import http.client
import json
import socket
import threading
import time
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any


@dataclass(frozen=True)
class Reply:
    """What came back, and how many seconds it took."""

    status: int
    headers: http.client.HTTPMessage
    body: bytes
    seconds: float

    def json(self) -> Any:
        return json.loads(self.body)


def ask(
    port: int, target: str = "/smoke-test/", method: str = "GET", body: bytes | None = None,
    **headers: str,
) -> Reply:  # fmt: skip
    """Ask 127.0.0.1 by that name, unless a `Host` is given; `x_y` stands for the header `x-y`."""
    began = time.monotonic()
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=10)
    try:
        named = {name.replace("_", "-"): value for name, value in headers.items()}
        connection.request(method, target, body, named)
        response = connection.getresponse()
        content = response.read()
        seconds = time.monotonic() - began
        return Reply(response.status, response.headers, content, seconds)
    finally:
        connection.close()


def say(port: int, raw: bytes, seconds: float = 10) -> bytes:
    """Send the bytes as they are; return what comes until the other side closes, or in time."""
    with socket.create_connection(("127.0.0.1", port), timeout=seconds) as client:
        received = b""
        try:
            client.sendall(raw)
            while part := client.recv(65536):
                received += part
        except (ConnectionError, TimeoutError):
            pass
        return received


@dataclass
class Load:
    """What several clients got, each asking again and again on new connections."""

    outcomes: Counter[str] = field(default_factory=Counter)
    slowest: float = 0.0

    def count(self) -> int:
        return self.outcomes.total()


@contextmanager
def load(port: int, clients: int = 4) -> Iterator[Load]:
    """Keep asking for the smoke test until the block ends."""
    found = Load()
    lock = threading.Lock()
    over = threading.Event()

    def client() -> None:
        while not over.is_set():
            try:
                reply = ask(port)
                outcome, seconds = str(reply.status), reply.seconds
            except (OSError, http.client.HTTPException) as error:
                outcome, seconds = repr(error), 0.0
            with lock:
                found.outcomes[outcome] += 1
                found.slowest = max(found.slowest, seconds)

    threads = [threading.Thread(target=client) for _ in range(clients)]
    for thread in threads:
        thread.start()
    try:
        yield found
    finally:
        over.set()
        for thread in threads:
            thread.join()
