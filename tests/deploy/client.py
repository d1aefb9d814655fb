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
    """A response, and how many seconds it took."""

    status: int
    headers: http.client.HTTPMessage
    body: bytes
    seconds: float

    def json(self) -> Any:
        return json.loads(self.body)


def request(
    port: int, target: str = "/smoke-test/", method: str = "GET", body: bytes | None = None,
    **headers: str,
) -> Reply:  # fmt: skip
    """Send a request to 127.0.0.1; `x_y` becomes the header `x-y`."""
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


def send_raw(port: int, raw: bytes, seconds: float = 10) -> bytes:
    """Send the bytes unchanged; return what arrives until the end or for `seconds`."""
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
    """The outcomes of several clients that use a new connection for each request."""

    outcomes: Counter[str] = field(default_factory=Counter)
    slowest: float = 0.0

    def count(self) -> int:
        return self.outcomes.total()


@contextmanager
def load(port: int, clients: int = 4) -> Iterator[Load]:
    """Send requests for the smoke test until the block ends."""
    result = Load()
    lock = threading.Lock()
    over = threading.Event()

    def client() -> None:
        while not over.is_set():
            try:
                reply = request(port)
                outcome, seconds = str(reply.status), reply.seconds
            except (OSError, http.client.HTTPException) as error:
                outcome, seconds = repr(error), 0.0
            with lock:
                result.outcomes[outcome] += 1
                result.slowest = max(result.slowest, seconds)

    threads = [threading.Thread(target=client) for _ in range(clients)]
    for thread in threads:
        thread.start()
    try:
        yield result
    finally:
        over.set()
        for thread in threads:
            thread.join()
