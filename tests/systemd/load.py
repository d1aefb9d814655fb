"""Clients that send requests over TLS and count every response.

Runs with the system's Python in the machine's network. The argument is each client's pause in
seconds; the end of standard input stops the clients.
"""

import json
import socket
import ssl
import sys
import threading
import time
from collections import Counter
from typing import Any

HOST = "petsage.example"
REQUEST = f"GET /smoke-test/ HTTP/1.1\r\nHost: {HOST}\r\n\r\n".encode()
CLIENTS = 4
# Requests per connection; real users also open a new one sometimes.
KEPT = 20
# Seconds after which a request counts as lost.
PATIENCE = 10


class Client(threading.Thread):
    """Counts its responses by status and release, and its failures by error."""

    over = threading.Event()

    def __init__(self, pause: float) -> None:
        super().__init__()
        self.pause = pause
        self.outcomes: Counter[str] = Counter()
        self.slowest = 0.0
        self.reconnects = 0
        self.context = ssl.create_default_context()
        self.context.check_hostname = False
        self.context.verify_mode = ssl.CERT_NONE

    def run(self) -> None:
        while not self.over.is_set():
            try:
                self._connection()
            except (OSError, ValueError) as error:
                self.outcomes[repr(error)] += 1

    def _connection(self) -> None:
        began = time.monotonic()
        with (
            socket.create_connection(("127.0.0.1", 443), PATIENCE) as plain,
            self.context.wrap_socket(plain, server_hostname=HOST) as client,
        ):
            for number in range(KEPT):
                client.sendall(REQUEST)
                received = client.recv(65536)
                if number and not received:
                    # nginx closes idle connections when it reloads, and every client reconnects.
                    self.reconnects += 1
                    return
                self.outcomes[_response(client, received)] += 1
                self.slowest = max(self.slowest, time.monotonic() - began)
                if self.over.is_set():
                    return
                time.sleep(self.pause)
                began = time.monotonic()


def _response(client: socket.socket, received: bytes) -> str:
    """Read the complete response; return its status and release."""
    while b"\r\n\r\n" not in received:
        received += _receive(client)
    head, _, body = received.partition(b"\r\n\r\n")
    fields = dict(line.lower().split(": ", 1) for line in head.decode().split("\r\n")[1:])
    while len(body) < int(fields["content-length"]):
        body += _receive(client)
    return f"{head.split()[1].decode()} {fields.get('x-petsage-release', '-')}"


def _receive(client: socket.socket) -> bytes:
    part = client.recv(65536)
    if not part:
        raise ConnectionError("closed without a complete response")
    return part


def main() -> None:
    clients = [Client(float(sys.argv[1])) for _ in range(CLIENTS)]
    for client in clients:
        client.start()
    began = time.monotonic()
    while not all(client.outcomes for client in clients):
        time.sleep(0.01)
    sys.stdout.write("started\n")
    sys.stdout.flush()
    sys.stdin.read()
    Client.over.set()
    for client in clients:
        client.join()
    outcomes: Counter[str] = sum((client.outcomes for client in clients), Counter())
    results: dict[str, Any] = {
        "outcomes": outcomes,
        "reconnects": sum(client.reconnects for client in clients),
        "slowest": max(client.slowest for client in clients),
        "seconds": time.monotonic() - began,
    }
    sys.stdout.write(json.dumps(results))


if __name__ == "__main__":
    main()
