"""Servers that misbehave on purpose, on real sockets of the loopback interface."""

import contextlib
import socket
import ssl
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager

# Handles one connection; the socket closes when it returns.
Script = Callable[[socket.socket], None]


@contextmanager
def serving(
    script: Script,
    *,
    tls: ssl.SSLContext | None = None,
    host: str = "127.0.0.1",
) -> Iterator[int]:
    """Run `script` for each connection, several at once, and yield the port."""
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    listener = socket.create_server((host, 0), family=family, backlog=64)
    threads: list[threading.Thread] = []
    connections: list[socket.socket] = []

    def answer(connection: socket.socket) -> None:
        with contextlib.suppress(OSError), connection:
            if tls is None:
                script(connection)
            else:
                with tls.wrap_socket(connection, server_side=True) as wrapped:
                    script(wrapped)

    def accept() -> None:
        with contextlib.suppress(OSError):
            while True:
                connection, _ = listener.accept()
                connections.append(connection)
                thread = threading.Thread(target=answer, args=[connection], daemon=True)
                threads.append(thread)
                thread.start()

    acceptor = threading.Thread(target=accept, daemon=True)
    acceptor.start()
    try:
        yield listener.getsockname()[1]
    finally:
        # Wake up accept() and the scripts that still wait.
        for open_socket in (listener, *connections):
            with contextlib.suppress(OSError):
                open_socket.shutdown(socket.SHUT_RDWR)
        listener.close()
        for thread in (acceptor, *threads):
            thread.join(timeout=5)


def read_request(connection: socket.socket) -> bytes:
    """Return the request's head, up to its empty line."""
    head = b""
    while b"\r\n\r\n" not in head:
        chunk = connection.recv(65536)
        if not chunk:
            break
        head += chunk
    return head


def sends(*parts: bytes) -> Script:
    """Respond to each request with these bytes, then close."""

    def script(connection: socket.socket) -> None:
        read_request(connection)
        for part in parts:
            connection.sendall(part)

    return script
