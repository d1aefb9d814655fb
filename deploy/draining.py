"""The application in a container; it stops without losing a request that reached this worker.

granian alone resets connections that it has not accepted, and closes idle ones just when clients
may send their next request.
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

# Seconds. During the first, responses announce the end of their connection; during the second,
# pending handshakes complete.
ANNOUNCING, REFUSING = 2.0, 0.5

# Linux's value; Python has no name for it.
_SO_ATTACH_FILTER = 26
# Classic BPF on the TCP header: load the flags, pass the packet if ACK is set, otherwise drop it.
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
    # granian handles SIGINT.
    signal.pthread_kill(threading.main_thread().ident or 0, signal.SIGINT)


def _refuse_connections() -> None:
    """Have the kernel drop each SYN to granian's listener, which is not a Python socket.

    Clients retransmit it after a second; by then the port refuses connections.
    """
    code = ctypes.create_string_buffer(_NO_SYN)
    program = struct.pack("HP", len(_NO_SYN) // 8, ctypes.addressof(code))
    for path in Path("/proc/self/fd").iterdir():
        # Some are not sockets, or closed by now. Closing the duplicate leaves granian's open.
        with suppress(OSError), socket.socket(fileno=os.dup(int(path.name))) as copy:
            if copy.getsockopt(socket.SOL_SOCKET, socket.SO_ACCEPTCONN):
                copy.setsockopt(socket.SOL_SOCKET, _SO_ATTACH_FILTER, program)
