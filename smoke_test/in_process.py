"""One request through the project's real middleware, without a server or a socket."""

import logging
import sys
import time
import traceback
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any
from wsgiref.util import setup_testing_defaults

from django.conf import settings
from django.core.handlers.wsgi import WSGIHandler
from django.core.signals import got_request_exception

from smoke_test.contract import PATH
from smoke_test.probe.exchange import IN_PROCESS, Exchange, Timings


@dataclass(frozen=True, slots=True)
class Inside:
    """An exchange in process, with what only the inside can tell.

    `reached_view` is False where something before the view answered in its place; `exception` is
    the unhandled one behind a 500, as `Type: text (file:line)`.
    """

    exchange: Exchange
    reached_view: bool
    exception: str | None


class _Handler(WSGIHandler):
    """Django's handler, which notes whether the view was called."""

    reached_view = False

    def make_view_atomic(self, view: Callable[..., Any]) -> Callable[..., Any]:
        # Django calls this right before the view, when no middleware has answered.
        self.reached_view = True
        return super().make_view_atomic(view)


class InProcessClient:
    """Asks the project as its settings are now, through one handler, as a worker would have it.

    Whatever the project raises becomes an answer with status 500 and the exception.
    """

    def __init__(self) -> None:
        self._handler: _Handler | None = None

    def get(self, scheme: str, accept: str = "text/plain") -> Inside:
        """Ask for the smoke test over "http" or "https", with the headers of a load balancer.

        The Accept is by default one that health checkers send, to which stock DRF answers 406.
        """
        raised: list[str] = []
        sent: list[tuple[int, tuple[tuple[str, str], ...]]] = []

        def note_exception(**_: object) -> None:
            raised.append(_current_exception())

        def start_response(
            status: str, headers: list[tuple[str, str]], *_: object
        ) -> Callable[[bytes], object]:
            pairs = tuple((name.lower(), value) for name, value in headers)
            sent.append((int(status.split()[0]), pairs))
            return bytes  # PEP 3333 wants a write callable; Django never calls it.

        sent_at, started = datetime.now(UTC), time.perf_counter()
        got_request_exception.connect(note_exception)
        try:
            with _silent_logs():
                # Here and not before: to load a middleware is to run its code.
                self._handler = self._handler or _Handler()
                self._handler.reached_view = False
                with closing(self._handler(_environ(scheme, accept), start_response)) as response:
                    body = b"".join(response)
        except Exception:  # noqa: BLE001 - any code of the project may have raised it
            sent.append((500, ()))
            body = b""
            note_exception()
        finally:
            got_request_exception.disconnect(note_exception)
        status, headers = sent[-1]
        exchange = Exchange(
            url=f"{scheme}://{_site_host()}{PATH}",
            sent_at=sent_at,
            received_at=datetime.now(UTC),
            address=IN_PROCESS,
            status=status,
            headers=headers,
            body=body,
            timings=Timings(total=(time.perf_counter() - started) * 1000),
        )
        reached_view = self._handler is not None and self._handler.reached_view
        return Inside(exchange, reached_view, raised[0] if raised else None)


def _environ(scheme: str, accept: str) -> dict[str, Any]:
    host = _site_host()
    environ: dict[str, Any] = {
        "PATH_INFO": PATH,
        "REMOTE_ADDR": "127.0.0.1",
        "HTTP_HOST": host,
        "HTTP_ACCEPT": accept,
        "HTTP_USER_AGENT": "petsage-smoke-test",
        "HTTP_X_FORWARDED_FOR": "203.0.113.7",
        "HTTP_X_FORWARDED_HOST": host,
        "HTTP_X_FORWARDED_PROTO": "https",
        "wsgi.url_scheme": scheme,
    }
    if settings.SECURE_PROXY_SSL_HEADER:
        name, value = settings.SECURE_PROXY_SSL_HEADER
        environ[name] = value
    setup_testing_defaults(environ)
    return environ


def _site_host() -> str:
    """Return a Host that the settings accept where they accept any."""
    first = next(iter(settings.ALLOWED_HOSTS), "localhost")
    return "localhost" if first == "*" else first.removeprefix(".")


@contextmanager
def _silent_logs() -> Iterator[None]:
    """Keep Django from logging the answer that is judged here: the verdict says it all."""
    before = logging.root.manager.disable
    logging.disable(logging.CRITICAL)
    try:
        yield
    finally:
        logging.disable(before)


def _current_exception() -> str:
    """Return the exception being handled as one line, with the line that raised it."""
    error = sys.exception()
    frame = traceback.extract_tb(error.__traceback__)[-1] if error else None
    where = f" ({frame.filename}:{frame.lineno})" if frame else ""
    return f"{type(error).__name__}: {' '.join(str(error).split())}{where}"
