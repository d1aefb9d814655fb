"""What each shortcut saves on granian: serves the endpoint with all of them, and without each one.

All variants run at the same time, each with one worker, and every round measures each of them.
Prints the median requests per second, and the median share that a shortcut saves within a round.
"""

# Undoing a shortcut assigns values that the types do not allow.
# mypy: disable-error-code="assignment, method-assign, misc, attr-defined, no-any-return"

import argparse
import os
import statistics
import sys
from collections.abc import Callable
from contextlib import ExitStack

from benchmarks.contestants import granian
from benchmarks.load import load
from benchmarks.processes import Server, free_port, get, until_answered
from benchmarks.tables import PERFORMANCE, write_table
from smoke_test.contract import BODY

VARIABLE = "BENCHMARK_WITHOUT"


def without_resolved_paths() -> None:
    """Resolve each path once."""
    from django.core.handlers.wsgi import WSGIHandler

    from smoke_test.speed import Handler

    Handler.resolve_request = WSGIHandler.resolve_request


def without_disconnected_receivers() -> None:
    """Disconnect the signal receivers for databases and caches that do not exist."""
    from django.core.cache import close_caches
    from django.core.handlers.base import reset_urlconf
    from django.core.signals import request_finished, request_started
    from django.db import close_old_connections, reset_queries

    request_started.connect(reset_queries)
    request_started.connect(close_old_connections)
    request_finished.connect(reset_urlconf)
    request_finished.connect(close_caches)
    request_finished.connect(close_old_connections)


def without_broken_cycles() -> None:
    """Create no reference cycles, so the garbage collector never runs."""
    from petsage_project import wsgi
    from smoke_test.speed import LeanAPIView

    wsgi.break_cycles = lambda _response: None
    del LeanAPIView.head


def without_kept_serializer() -> None:
    """Create the serializer once instead of copying it for every request."""
    from smoke_test import views
    from smoke_test.serializers import SmokeTestSerializer
    from smoke_test.services import run_smoke_test

    views.SmokeTestView.get = lambda _self, _request: views.LeanResponse(
        SmokeTestSerializer(run_smoke_test()).data
    )


def without_kept_encoder() -> None:
    """Create the encoder once."""
    from rest_framework.renderers import JSONRenderer

    from smoke_test.views import SmokeTestView

    SmokeTestView.renderer_classes = (JSONRenderer, SmokeTestView.renderer_classes[1])


def without_known_charset() -> None:
    """Set the charset instead of parsing it."""
    from rest_framework.response import Response

    from smoke_test import views

    views.LeanResponse = Response


def without_written_vary() -> None:
    """Set Vary instead of merging it."""
    from rest_framework.views import APIView

    from smoke_test.speed import LeanAPIView
    from smoke_test.views import SmokeTestView

    def headers(_self: APIView) -> dict[str, str]:
        return {"Allow": "GET, HEAD, OPTIONS", "Cache-Control": "no-store", "Vary": "Accept"}

    del LeanAPIView.finalize_response
    SmokeTestView.default_response_headers = property(headers)


def without_skipped_authentication() -> None:
    """Skip authentication, because there are no authenticators."""
    from smoke_test.speed import LeanAPIView

    del LeanAPIView.perform_authentication


VARIANTS: dict[str, Callable[[], None]] = {
    name.removeprefix("without_"): function
    for name, function in list(globals().items())
    if name.startswith("without_")
}

if VARIABLE in os.environ:
    # This is a worker.
    from deploy.worker import application  # noqa: F401 - granian serves it

    for name in os.environ[VARIABLE].split():
        VARIANTS[name]()


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("--rounds", type=int, default=15)
    parser.add_argument("--connections", type=int, default=16)
    arguments = parser.parse_args()
    names = {"": "", **{name: name for name in VARIANTS}, "any": " ".join(VARIANTS)}
    served: dict[str, list[float]] = {name: [] for name in names}
    with ExitStack() as stack:
        ports = {name: free_port() for name in names}
        for name, without in names.items():
            command = granian("benchmarks.shortcuts:application")(ports[name])
            server = Server(command, {VARIABLE: without})
            stack.callback(server.stop)
        for name, port in ports.items():
            until_answered(port, "/smoke-test/")
            _, body = get(port, "/smoke-test/")
            if body != BODY:
                sys.exit(f"without {name}: got {body!r}, expected {BODY!r}; fix its function")
        for number in range(arguments.rounds + 1):
            for name, port in ports.items():
                result = load(port, "/smoke-test/", arguments.connections, seconds=1)
                # The first round warms up.
                if number:
                    served[name].append(result.per_second)
    shortcuts = {"": "none", "any": "all of them"}
    shortcuts |= {name: str(function.__doc__).rstrip(".") for name, function in VARIANTS.items()}
    rows = []
    for name, figures in served.items():
        saved = [1 - without / all_ for all_, without in zip(served[""], figures, strict=True)]
        per_second, share = statistics.median(figures), statistics.median(saved)
        rows.append([shortcuts[name], f"{per_second:.0f}", f"{share:.0%}"])
    write_table(PERFORMANCE, ["Shortcut", "requests/s without it", "it saves"], rows)


if __name__ == "__main__":
    main()
