"""What each shortcut saves: the endpoint in process, with all of them and without each in turn.

Every variant is a process of its own; they take turns, and of each the fastest batch counts, for
whatever else the machine does only adds. Prints microseconds and the share that a shortcut saves.
"""

# To undo is to assign what the types do not expect.
# mypy: disable-error-code="assignment, method-assign, misc, attr-defined, no-any-return"

import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any
from wsgiref.util import setup_testing_defaults

from smoke_test.contract import BODY

ROOT = Path(__file__).resolve().parents[1]
ROUNDS = 7
BATCHES = 40
BATCH = 250


def without_resolved_addresses() -> None:
    from django.core.handlers.wsgi import WSGIHandler

    from smoke_test.speed import Handler

    Handler.resolve_request = WSGIHandler.resolve_request


def without_disconnected_receivers() -> None:
    from django.core.cache import close_caches
    from django.core.handlers.base import reset_urlconf
    from django.core.signals import request_finished, request_started
    from django.db import close_old_connections, reset_queries

    request_started.connect(reset_queries)
    request_started.connect(close_old_connections)
    request_finished.connect(reset_urlconf)
    request_finished.connect(close_caches)
    request_finished.connect(close_old_connections)


def without_untied_cycles() -> None:
    from petsage_project import wsgi
    from smoke_test.views import SmokeTestView

    wsgi.untie = lambda _response: None
    del SmokeTestView.head


def without_kept_serializer() -> None:
    from smoke_test import views
    from smoke_test.serializers import SmokeTestSerializer
    from smoke_test.services import run_smoke_test

    views.SmokeTestView.get = lambda _self, _request: views.SmokeTestResponse(
        SmokeTestSerializer(run_smoke_test()).data
    )
    views.SmokeTestView.head = views.SmokeTestView.get


def without_known_charset() -> None:
    from rest_framework.response import Response

    from smoke_test import views

    views.SmokeTestResponse = Response


def without_kept_encoder() -> None:
    from smoke_test.renderers import SmokeTestJSONRenderer

    del SmokeTestJSONRenderer.render


def without_remembered_accept() -> None:
    from smoke_test import negotiation

    negotiation.preferred = negotiation.preferred.__wrapped__


def without_skipped_authentication() -> None:
    from smoke_test.views import SmokeTestView

    del SmokeTestView.perform_authentication


def without_written_headers() -> None:
    from rest_framework.views import APIView

    from smoke_test.views import SmokeTestView

    del SmokeTestView.finalize_response

    def computed(view: SmokeTestView) -> dict[str, str]:
        headers = APIView.default_response_headers.fget(view)
        return headers | {"Cache-Control": "no-store"}

    SmokeTestView.default_response_headers = property(computed)


VARIANTS: dict[str, Callable[[], None]] = {
    name.removeprefix("without_").replace("_", " "): function
    for name, function in list(globals().items())
    if name.startswith("without_")
}


def main() -> None:
    if len(sys.argv) == 2:
        sys.stdout.write(f"{_fastest(sys.argv[1])}\n")
        return
    fastest: dict[str, float] = {}
    for _ in range(ROUNDS):
        for name in ("all", "none", *VARIANTS):
            found = _in_a_process_of_its_own(name)
            fastest[name] = min(found, fastest.get(name, found))
    sys.stdout.write(
        f"With all of them {fastest['all']:.1f} µs, without any {fastest['none']:.1f}.\n\n"
        "| without | µs | it saves |\n|---|---|---|\n"
    )
    for name in VARIANTS:
        saved = 1 - fastest["all"] / fastest[name]
        sys.stdout.write(f"| {name} | {fastest[name]:.1f} | {saved:.0%} |\n")


def _in_a_process_of_its_own(name: str) -> float:
    command = [sys.executable, "-m", "benchmarks.shortcuts", name]
    result = subprocess.run(command, cwd=ROOT, check=True, capture_output=True, text=True)  # noqa: S603 - ours
    return float(result.stdout)


def _fastest(name: str) -> float:
    """Return the microseconds of a request in the fastest batch, with that shortcut undone."""
    from petsage_project.wsgi import application

    for undo in VARIANTS.values() if name == "none" else [VARIANTS[name]] if name != "all" else []:
        undo()
    environ: dict[str, Any] = {"PATH_INFO": "/smoke-test/", "QUERY_STRING": ""}
    setup_testing_defaults(environ)
    environ["HTTP_HOST"] = "127.0.0.1:8000"
    sent: list[Any] = []

    def ask() -> bytes:
        # A fresh one each time, as granian gives it.
        return b"".join(application(environ.copy(), lambda *head: sent.append(head)))

    found = []
    for _ in range(BATCHES):
        sent.clear()
        began = time.perf_counter()
        for _ in range(BATCH):
            body = ask()
        found.append((time.perf_counter() - began) / BATCH * 1e6)
    if (sent[-1][0], body) != ("200 OK", BODY):
        raise AssertionError(f"found {sent[-1]} {body!r}, wanted the contract without {name}")
    return min(found)


if __name__ == "__main__":
    main()
