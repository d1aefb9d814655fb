"""The application in a container; after SIGTERM, each response is the last on its connection.

granian alone closes idle connections just when clients may send their next request.
"""

import signal
import threading
import time
from collections.abc import Callable, Iterable
from typing import Any

from deploy.worker import application

# Seconds between SIGTERM and the end, in which clients learn that their connections end.
ANNOUNCING = 2.0

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
    # granian handles SIGINT.
    signal.pthread_kill(threading.main_thread().ident or 0, signal.SIGINT)
