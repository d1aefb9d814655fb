"""Responses to a smoke test: correct, except for what a test changes."""

import gzip
import re
import socket
import struct
import time
from collections.abc import Mapping
from datetime import UTC, datetime, timedelta

from smoke_test.contract import BODY
from tests.smoke_test.probe.servers import Script, read_request

OK = "200 OK"
JSON = {"Content-Type": "application/json"}


def stamp(ahead: timedelta = timedelta()) -> str:
    """Return a stamp like the app's, from a clock that is `ahead`."""
    moment = datetime.now(UTC) + ahead
    return moment.isoformat(timespec="milliseconds").replace("+00:00", "Z")


def nonce(request: bytes) -> str:
    """Return the nonce of a request, as the app would."""
    match = re.search(
        rb"^X-PetSage-Nonce: ([0-9a-f]{32})\r$", request, re.IGNORECASE | re.MULTILINE
    )
    return match[1].decode() if match else ""


def head(status: str, headers: Mapping[str, str | None]) -> bytes:
    """Return a status line and the headers that are not None."""
    lines = [f"HTTP/1.1 {status}", *(f"{k}: {v}" for k, v in headers.items() if v is not None)]
    return "\r\n".join([*lines, "", ""]).encode("latin-1")


def app(
    status: str = OK,
    body: bytes = BODY,
    *,
    ahead: timedelta = timedelta(),
    late_s: float = 0.0,
    **headers: str | None,
) -> Script:
    """Respond like the app, with headers changed (`_` for `-`), or removed if None."""

    def script(connection: socket.socket) -> None:
        request = read_request(connection)
        # Slow on purpose, not to wait for something.
        time.sleep(late_s)
        sent = {
            **JSON,
            "Content-Length": str(len(body)),
            "X-PetSage-Release": "r1",
            "X-PetSage-Answered-At": stamp(ahead),
            "X-PetSage-Nonce": nonce(request),
            "Cache-Control": "no-store",
        } | {name.replace("_", "-"): value for name, value in headers.items()}
        connection.sendall(head(status, sent) + body)

    return script


def echoing(*parts: bytes) -> Script:
    """Send these bytes, with `{nonce}` replaced by the request's nonce, then close."""

    def script(connection: socket.socket) -> None:
        sent = nonce(read_request(connection)).encode()
        for part in parts:
            connection.sendall(part.replace(b"{nonce}", sent))

    return script


def other(status: str, body: bytes = b"", **headers: str | None) -> Script:
    """Respond like another server: a status, a body, and none of our headers."""
    sent = {"Content-Type": "text/html", "Content-Length": str(len(body))}
    named = {name.replace("_", "-"): value for name, value in headers.items()}

    def script(connection: socket.socket) -> None:
        read_request(connection)
        connection.sendall(head(status, sent | named) + body)

    return script


def nginx(status: str, title: str | None = None, product: str = "nginx/1.22.1") -> bytes:
    """Return nginx's page for a status."""
    text = title or status
    return (
        f"<html>\r\n<head><title>{text}</title></head>\r\n<body>\r\n"
        f"<center><h1>{text}</h1></center>\r\n<hr><center>{product}</center>\r\n"
        "</body>\r\n</html>\r\n"
    ).encode()


def kept(age: str | None = None, stamp: str | None = None) -> Script:
    """Respond like a cache: with the nonce of another request."""
    return app(X_PetSage_Nonce="0" * 32, Age=age, X_PetSage_Answered_At=stamp)


def reset(*before: bytes) -> Script:
    """Read the request, send these bytes, and reset the connection."""

    def script(connection: socket.socket) -> None:
        read_request(connection)
        for part in before:
            connection.sendall(part)
            # Let the bytes arrive before the reset.
            time.sleep(0.1)
        connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))

    return script


def dripping(first: bytes, drop: bytes, every_s: float = 0.05) -> Script:
    """Send `first`, then `drop` repeatedly for ten seconds."""

    def script(connection: socket.socket) -> None:
        read_request(connection)
        connection.sendall(first)
        for _ in range(int(10 / every_s)):
            connection.sendall(drop)
            time.sleep(every_s)

    return script


def flooding(first: bytes, drop: bytes) -> Script:
    """Send `first`, then `drop` until the client stops reading."""

    def script(connection: socket.socket) -> None:
        read_request(connection)
        connection.sendall(first)
        while True:
            connection.sendall(drop)

    return script


def closed(connection: socket.socket) -> None:
    """Read the request, then close."""
    read_request(connection)


def silent(connection: socket.socket) -> None:
    """Read the request, then send nothing until the client closes."""
    read_request(connection)
    connection.recv(1)


def mute(connection: socket.socket) -> None:
    """Send nothing at all until the client closes."""
    while connection.recv(65536):
        pass


def redirecting(location: str | None, status: str = "302 Found") -> Script:
    """Respond with a redirect; `{port}` in the location is the server's own port."""

    def script(connection: socket.socket) -> None:
        read_request(connection)
        port = connection.getsockname()[1]
        target = None if location is None else location.format(port=port)
        connection.sendall(head(status, {"Location": target, "Content-Length": "0"}))

    return script


def by_path(**scripts: Script) -> Script:
    """Choose a script by the first path segment, with `_` for `-`; `root` for an empty path."""

    def script(connection: socket.socket) -> None:
        request = connection.recv(65536, socket.MSG_PEEK)
        segment = request.split(b" ")[1].decode().strip("/").partition("?")[0]
        scripts[segment.replace("-", "_") or "root"](connection)

    return script


BOMB = gzip.compress(b"\0" * 50 * 1024 * 1024, compresslevel=9)
