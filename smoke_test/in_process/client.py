"""Sends requests to this project's WSGI application, without a server or a socket."""

import os
import queue
import sys
import threading
import time
import traceback
from collections.abc import Callable, Iterable
from contextlib import suppress
from datetime import UTC, datetime
from io import BytesIO
from pathlib import Path
from typing import Any, NamedTuple

from django.conf import settings
from django.core.signals import got_request_exception
from django.core.wsgi import get_wsgi_application
from django.urls import get_resolver
from django.utils.module_loading import import_string

from smoke_test import services
from smoke_test.contract import NONCE_HEADER
from smoke_test.in_process.requests import Request, Simulated
from smoke_test.in_process.shallowness import Call, Resource, recorded_calls
from smoke_test.probe.deadline import Deadline
from smoke_test.probe.exchange import IN_PROCESS, Exchange, Timings
from smoke_test.services import SmokeTestResult

Application = Callable[[dict[str, Any], Callable[..., Any]], Iterable[bytes]]


class Raised(NamedTuple):
    """An exception as `Type: text`, and the line that raised it as `file:line`."""

    text: str
    where: str


class Answer(NamedTuple):
    """An exchange in process, with details that only the inside can see.

    `from_service` is whether run_smoke_test ran, `raised` the unhandled exception, `ended` the
    exception that would have ended the process, `timed_out_s` the time limit that was exceeded.
    """

    exchange: Exchange
    from_service: bool = False
    calls: tuple[Call, ...] = ()
    raised: Raised | None = None
    ended: Raised | None = None
    timed_out_s: float | None = None


class Client:
    """Sends requests to one application object, all from one thread, as a worker does.

    The application is the one that WSGI_APPLICATION names, or Django's own if that is None.
    """

    def __init__(self, deadline: Deadline) -> None:
        self._deadline = deadline
        self._application: Application | None = None
        self._requests: queue.SimpleQueue[Request | None] = queue.SimpleQueue()
        self._answers: queue.SimpleQueue[Answer] = queue.SimpleQueue()
        # A daemon, because a request that hangs leaves it behind.
        self._thread = threading.Thread(target=self._serve, daemon=True)
        self._thread.start()

    def __enter__(self) -> "Client":
        return self

    def __exit__(self, *_: object) -> None:
        self._requests.put(None)

    def send(self, request: Request) -> Answer:
        """Return the answer; after one that timed out, the client cannot be used again.

        Raises TimeoutError at the deadline.
        """
        end = self._clock_s() + request.limit_s
        self._requests.put(request)
        while (left_s := end - self._clock_s()) > 0:
            self._deadline.check_cancelled()
            if not self._deadline.left_s:
                raise TimeoutError
            with suppress(queue.Empty):
                return self._answers.get(timeout=min(left_s, self._deadline.left_s, 0.1))
        return Answer(_exchange(request), timed_out_s=request.limit_s)

    def _clock_s(self) -> float:
        """Return a time that stands still while the thread waits for a processor.

        Otherwise a healthy project would look slow on a busy machine. Only Linux counts this wait:
        https://docs.kernel.org/scheduler/sched-stats.html
        """
        waited_ns = 0
        with suppress(OSError):
            path = Path(f"/proc/self/task/{self._thread.native_id}/schedstat")
            waited_ns = int(path.read_text().split()[1])
        return time.monotonic() - waited_ns / 1e9

    def _serve(self) -> None:
        while request := self._requests.get():
            self._answers.put(self._answer(request))

    def _answer(self, request: Request) -> Answer:
        raised: list[Raised] = []
        results: list[SmokeTestResult] = []
        sent: list[tuple[int, tuple[tuple[str, str], ...]]] = []
        ended: Raised | None = None
        body = b""
        calls: list[Call] = []

        def note_exception(**_: object) -> None:
            if not isinstance(sys.exception(), Simulated):
                raised.append(_current_exception())

        def observe(result: SmokeTestResult) -> SmokeTestResult:
            results.append(result)
            return request.observer(result)

        def start_response(
            status: str, headers: list[tuple[str, str]], *_: object
        ) -> Callable[[bytes], object]:
            pairs = tuple((name.lower(), value) for name, value in headers)
            sent.append((int(status.split()[0]), pairs))
            return bytes  # PEP 3333 requires a write callable; Django never calls it.

        started = time.perf_counter()
        got_request_exception.connect(note_exception)
        services.observer = observe
        exchange = _exchange(request)
        # A project may use the network and processes while it loads.
        ignored: tuple[Resource, ...] = () if request.path else ("network", "process")
        try:
            with recorded_calls(*ignored) as calls:
                self._application = self._application or _load()
                if request.path:
                    environ = _environ(request, exchange.nonce)
                    body = _read(self._application(environ, start_response))
                    if not sent:
                        raised.append(Raised("no call to start_response", ""))
        except SystemExit:
            ended = _current_exception()
        except BaseException:  # noqa: BLE001 - project code can raise anything
            note_exception()
        if services.observer is observe:
            services.observer = None
        got_request_exception.disconnect(note_exception)
        status, headers = sent[-1] if sent else (500, ())
        exchange = exchange._replace(
            received_at=datetime.now(UTC),
            status=status,
            headers=headers,
            body=body,
            timings=Timings(total=(time.perf_counter() - started) * 1000),
        )
        return Answer(exchange, bool(results), tuple(calls), raised[0] if raised else None, ended)


def _read(response: Iterable[bytes]) -> bytes:
    """Return the whole body, as a server reads it (PEP 3333)."""
    try:
        return b"".join(response)
    finally:
        if close := getattr(response, "close", None):
            close()


def _load() -> Application:
    """Return the application that the server would serve."""
    # It may be None, despite django-stubs.
    dotted: str | None = settings.WSGI_APPLICATION
    application: Application = import_string(dotted) if dotted else get_wsgi_application()
    # Otherwise Django would load them on the first request.
    _ = get_resolver().url_patterns
    return application


def _exchange(request: Request) -> Exchange:
    now = datetime.now(UTC)
    proto = request.forwarded_proto or request.scheme
    return Exchange(
        url=f"{proto}://{request.host}{request.path}",
        nonce=os.urandom(16).hex() if request.has_nonce else "",
        sent_at=now,
        received_at=now,
        address=IN_PROCESS,
    )


def _environ(request: Request, nonce: str) -> dict[str, Any]:
    headers = {"Host": request.host, "User-Agent": request.user_agent, **request.headers}
    if nonce:
        headers[NONCE_HEADER] = nonce
    if request.accept is not None:
        headers["Accept"] = request.accept
    if request.forwarded_proto is not None:
        headers["X-Forwarded-For"] = "203.0.113.7"
        headers["X-Forwarded-Proto"] = request.forwarded_proto
        headers["X-Request-ID"] = os.urandom(16).hex()
    return {
        **{f"HTTP_{name.upper().replace('-', '_')}": value for name, value in headers.items()},
        "REQUEST_METHOD": request.method,
        "SCRIPT_NAME": "",
        "PATH_INFO": request.path,
        "QUERY_STRING": request.query,
        "REMOTE_ADDR": request.client_address,
        "SERVER_NAME": "localhost",
        "SERVER_PORT": "443" if request.scheme == "https" else "80",
        "SERVER_PROTOCOL": "HTTP/1.1",
        "wsgi.version": (1, 0),
        "wsgi.url_scheme": request.scheme,
        "wsgi.input": BytesIO(),
        "wsgi.errors": sys.stderr,
        "wsgi.multithread": False,
        "wsgi.multiprocess": True,
        "wsgi.run_once": False,
    }


def _current_exception() -> Raised:
    error = sys.exception()
    # Not extract_tb(), which would read the source file.
    *_, (frame, line) = traceback.walk_tb(error.__traceback__ if error else None)
    text = f"{type(error).__name__}: {' '.join(str(error).split())}"
    return Raised(text.removesuffix(": "), f"{frame.f_code.co_filename}:{line}")
