"""Requests to this project in process: its real middleware, without a server or a socket."""

import logging
import os
import sys
import threading
import time
import traceback
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any
from wsgiref.util import setup_testing_defaults

from django.conf import settings
from django.core.signals import got_request_exception
from django.core.wsgi import get_wsgi_application

from smoke_test.contract import NONCE_HEADER, PATH
from smoke_test.probe.deadline import Deadline
from smoke_test.probe.diagnosis import Expectations, diagnose
from smoke_test.probe.exchange import IN_PROCESS, Exchange, Timings
from smoke_test.probe.verdict import Verdict, verdict
from smoke_test.services import SmokeTestResult, witness


def verdicts(expected: Expectations, deadline: Deadline) -> list[Verdict]:
    """Return the faults of this project's answers or, without one, the verdict on an answer.

    The requests run in a thread, which is left behind at the deadline.
    """
    # The first request loads code that later ones find loaded: its duration means nothing.
    expected = expected._replace(slow_ms=float("inf"))
    found: list[Verdict] = []
    failed: list[BaseException] = []

    def judge() -> None:
        try:
            answered = list(faults())
            found.extend(answered or diagnose(InProcessClient().get("http").exchange, expected))
        except BaseException as error:  # noqa: BLE001 - raised again below
            failed.append(error)

    thread = threading.Thread(target=judge, daemon=True)
    thread.start()
    while thread.is_alive() and deadline.left_s:
        deadline.check_cancelled()
        thread.join(min(0.05, deadline.left_s))
    if failed:
        raise failed[0]
    if found:
        return found
    now = datetime.now(UTC)
    timed_out = Exchange(url=PATH, sent_at=now, received_at=now, address=IN_PROCESS)
    message = "this project did not answer in time."
    hint = "does a middleware or the view wait for something? Raise --timeout to find out"
    return [verdict(timed_out, "http.timeout", message, hint=hint)]


def faults() -> Iterator[Verdict]:
    """Yield what is wrong with the answers over http and https, as JSON and as a page.

    Their layer is `wiring`, their code the number of a check.
    """
    client = InProcessClient()
    for scheme in ("http", "https"):
        # Twice: from the second time on, a cache answers instead of the view.
        for _ in range(2):
            inside = client.get(scheme)
            if found := _faults(inside):
                yield _explained(scheme, inside, found[0])
                break
    page = client.get("http", accept="text/html")
    content_type = page.exchange.header("Content-Type") or "no Content-Type"
    if page.exchange.status != 200 or not content_type.startswith("text/html"):
        message = f"A browser does not get the page: {page.exchange.status}, {content_type}."
        hint = page.exception or "are 'rest_framework' and its templates in the settings?"
        yield _wiring("E006", f"GET {PATH} for a browser", message, hint)


@dataclass(frozen=True, slots=True)
class Inside:
    """An exchange in process, with what only the inside can tell.

    `from_service` says whether run_smoke_test ran; `exception` is the unhandled exception behind a
    500, as `Type: text (file:line)`.
    """

    exchange: Exchange
    from_service: bool
    exception: str | None


class InProcessClient:
    """Sends requests to this project as its settings are now, all to one handler.

    An exception becomes an answer with status 500.
    """

    def __init__(self) -> None:
        self._application: Any = None

    def get(self, scheme: str, accept: str = "text/plain") -> Inside:
        """Request the smoke test over "http" or "https", with the headers of a load balancer.

        The default Accept is one that health checkers send and stock DRF answers with 406.
        """
        raised: list[str] = []
        results: list[SmokeTestResult] = []
        sent: list[tuple[int, tuple[tuple[str, str], ...]]] = []

        def note_exception(**_: object) -> None:
            raised.append(_current_exception())

        def start_response(
            status: str, headers: list[tuple[str, str]], *_: object
        ) -> Callable[[bytes], object]:
            pairs = tuple((name.lower(), value) for name, value in headers)
            sent.append((int(status.split()[0]), pairs))
            return bytes  # PEP 3333 requires a write callable; Django never calls it.

        nonce = os.urandom(16).hex()
        sent_at, started = datetime.now(UTC), time.perf_counter()
        got_request_exception.connect(note_exception)
        token = witness.set(results)
        try:
            with _silent_logs():
                # Here, not in __init__: loading a middleware runs its code.
                self._application = self._application or get_wsgi_application()
                environ = _environ(scheme, accept, nonce)
                with closing(self._application(environ, start_response)) as response:
                    body = b"".join(response)
        except (Exception, SystemExit):  # noqa: BLE001 - any code of the project may raise it
            sent.append((500, ()))
            body = b""
            note_exception()
        finally:
            witness.reset(token)
            got_request_exception.disconnect(note_exception)
        status, headers = sent[-1]
        exchange = Exchange(
            url=f"{scheme}://{_site_host()}{PATH}",
            nonce=nonce,
            sent_at=sent_at,
            received_at=datetime.now(UTC),
            address=IN_PROCESS,
            status=status,
            headers=headers,
            body=body,
            timings=Timings(total=(time.perf_counter() - started) * 1000),
        )
        return Inside(exchange, bool(results), raised[0] if raised else None)


def _faults(inside: Inside) -> list[Verdict]:
    """Return what is wrong with an answer, the worst first, by the probe's own diagnosis.

    In process every promise counts, so a warning is a fault.
    """
    exchange = inside.exchange
    expected = Expectations(release=settings.PETSAGE_RELEASE, slow_ms=float("inf"))
    found = [verdict for verdict in diagnose(exchange, expected) if verdict.level != "ok"]
    if "no-store" not in (cache_control := exchange.header("Cache-Control") or ""):
        message = f"got Cache-Control {cache_control!r}, expected 'no-store'."
        found.append(verdict(exchange, "cacheable", message))
    if not inside.from_service:
        message = "run_smoke_test did not run: something answered in its place."
        # Of an answer that looks right, this is the cause, and the rest its consequences.
        position = 0 if exchange.status == 200 else len(found)
        found.insert(position, verdict(exchange, "E003", message))
    return found


def _explained(scheme: str, inside: Inside, fault: Verdict) -> Verdict:
    """Return the fault with the number of a check, and its cause as the hint."""
    where = f"GET {PATH} over {scheme}"
    message = f"The answer is not the smoke test's: {fault.message}"
    code = "E003" if fault.code == "E003" else "E002"
    location = inside.exchange.header("Location") or ""
    if settings.SECURE_SSL_REDIRECT and location.startswith("https:"):
        message = f"SECURE_SSL_REDIRECT redirects load balancers: {fault.message}"
        return _wiring("E004", where, message, "leave the redirect to nginx.")
    if inside.exception:
        return _wiring(code, where, message, f"it raised {inside.exception}")
    if inside.exchange.status == 400 and not settings.ALLOWED_HOSTS:
        hint = "ALLOWED_HOSTS is empty: set DJANGO_ALLOWED_HOSTS to the names that clients use."
        return _wiring(code, where, message, hint)
    if culprit := _culprit(scheme, fault):
        hint = f"'{culprit}' does it: exempt '{PATH}' there, or remove it from MIDDLEWARE."
        return _wiring(code, where, message, hint)
    hint = (
        "no middleware does it: check SmokeTestView, and that MIDDLEWARE still has "
        "'smoke_test.middleware.AnswerHeadersMiddleware'."
    )
    return _wiring(code, where, message, hint)


def _wiring(code: str, where: str, message: str, hint: str) -> Verdict:
    exchange = Exchange(url=where, sent_at=datetime.now(UTC), received_at=datetime.now(UTC))
    return verdict(exchange, code, message, hint=hint)._replace(layer="wiring")


def _culprit(scheme: str, fault: Verdict) -> str | None:
    """Return the middleware that causes the fault, None if it occurs without any.

    Sends requests with more and more of MIDDLEWARE around the view, from the inside out.
    """
    # Only for a broken project: importing it takes longer than all the checks.
    from django.test.utils import override_settings

    chain = list(settings.MIDDLEWARE)
    for start in range(len(chain), -1, -1):
        with override_settings(MIDDLEWARE=chain[start:]):
            client = InProcessClient()
            found = [*_faults(client.get(scheme)), *_faults(client.get(scheme))]
        if (fault.code, fault.status) in {(other.code, other.status) for other in found}:
            return chain[start] if start < len(chain) else None
    return None


def _environ(scheme: str, accept: str, nonce: str) -> dict[str, Any]:
    host = _site_host()
    environ: dict[str, Any] = {
        "PATH_INFO": PATH,
        "REMOTE_ADDR": "127.0.0.1",
        "HTTP_HOST": host,
        "HTTP_ACCEPT": accept,
        "HTTP_USER_AGENT": "petsage-smoke-test",
        f"HTTP_{NONCE_HEADER.upper().replace('-', '_')}": nonce,
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
    """Return a Host that the settings accept, if they accept any."""
    first = next(iter(settings.ALLOWED_HOSTS), "localhost")
    return "localhost" if first == "*" else first.removeprefix(".")


@contextmanager
def _silent_logs() -> Iterator[None]:
    """Keep Django from logging an answer that is judged here."""
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
