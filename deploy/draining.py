"""The application in a container, and its end: no request that reached this worker is lost.

granian alone resets what it has not accepted when it ends, and closes connections just as clients
send their next request.
"""

import ctypes
import os
import signal
import socket
import struct
import threading
import time
from collections.abc import Callable, Iterable
from contextlib import suppress
from pathlib import Path
from typing import Any

from deploy.worker import application

# Seconds. Clients that send a request within the first learn that their connection ends; within
# the second, handshakes are completed.
ANNOUNCING, REFUSING = 2.0, 0.5

# Of Linux; Python has no name for it.
_SO_ATTACH_FILTER = 26
# Classic BPF, on TCP's header: load the flags, pass the packet if ACK is one of them, or drop it.
_NO_SYN = struct.pack(
    "HBBI" * 4, 0x30, 0, 0, 13, 0x45, 0, 1, 0x10, 6, 0, 0, 0xFFFFFFFF, 6, 0, 0, 0
)

_ending = threading.Event()


def make_application() -> Callable[..., Iterable[bytes]]:
    """Return the application; granian calls this in each worker, with SIGTERM blocked."""
    threading.Thread(target=_end_on_sigterm, daemon=True).start()
    return _application


def _application(environ: dict[str, Any], start_response: Any) -> Iterable[bytes]:
    if not _ending.is_set():
        return application(environ, start_response)

    def closing(status: str, headers: list[tuple[str, str]], exc_info: Any = None) -> Any:
        return start_response(status, [*headers, ("Connection", "close")], exc_info)

    return application(environ, closing)


def _end_on_sigterm() -> None:
    signal.sigwait({signal.SIGTERM})
    _ending.set()
    time.sleep(ANNOUNCING)
    _refuse_connections()
    time.sleep(REFUSING)
    # To granian's handler.
    signal.pthread_kill(threading.main_thread().ident or 0, signal.SIGINT)


def _refuse_connections() -> None:
    """Have the kernel drop each SYN to granian's listener, whose socket is not Python's.

    Clients send it again after a second, and are refused then.
    """
    code = ctypes.create_string_buffer(_NO_SYN)
    program = struct.pack("HP", len(_NO_SYN) // 8, ctypes.addressof(code))
    for path in Path("/proc/self/fd").iterdir():
        # Not each is a socket, or still open; the ones of granian stay open.
        with suppress(OSError), socket.socket(fileno=os.dup(int(path.name))) as found:
            if found.getsockopt(socket.SOL_SOCKET, socket.SO_ACCEPTCONN):
                found.setsockopt(socket.SOL_SOCKET, _SO_ATTACH_FILTER, program)
