import signal
import threading
import time
from collections.abc import Iterable
from typing import Any

from deploy.worker import application

SECONDS = 2.0
_over = threading.Event()


def make_application() -> Any:
    main = threading.main_thread().ident
    assert main
    threading.Thread(target=_drain, args=(main,), daemon=True).start()
    return _application


def _application(environ: dict[str, Any], start_response: Any) -> Iterable[bytes]:
    if not _over.is_set():
        return application(environ, start_response)

    def closing(status: str, headers: list[tuple[str, str]], exc_info: Any = None) -> Any:
        return start_response(status, [*headers, ("Connection", "close")], exc_info)

    return application(environ, closing)


def _drain(main: int) -> None:
    signal.sigwait({signal.SIGTERM})
    _over.set()
    time.sleep(SECONDS)
    signal.pthread_kill(main, signal.SIGINT)
