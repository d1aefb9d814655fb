"""The measured servers, and the commands that start them."""

import sys
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import NamedTuple

from deploy.granian import granian_command

SCRIPTS = Path(sys.executable).parent


class Contestant(NamedTuple):
    """One row of the table; `command` takes a port of 127.0.0.1 or the path of a socket."""

    name: str
    command: Callable[[int | Path], list[str]]
    target: str = "/smoke-test/"
    environ: Mapping[str, str] = {}


OURS = "PetSage"
ORIGINAL = "the original, uvicorn"
# The Django packages whose endpoint is a view. dockerflow responds in a middleware.
PEERS = ("django-health-check", "django-alive", "django-watchman", "django-deploy-probes")

# How the service schedules granian's threads.
BATCH = ("chrt", "--batch", "0")


def granian(
    target: str, workers: int = 1, scheduled: Sequence[str] = BATCH
) -> Callable[[int | Path], list[str]]:
    """Return the command that serves a WSGI application with PetSage's options."""

    def command(address: int | Path) -> list[str]:
        bind = {"uds": str(address)} if isinstance(address, Path) else {"port": str(address)}
        return [*scheduled, *granian_command(target, workers=str(workers), **bind)]

    return command


def _uvicorn(address: int | Path) -> list[str]:
    bind = ["--uds", str(address)] if isinstance(address, Path) else ["--port", str(address)]
    options = ["--loop", "uvloop", "--http", "httptools", "--no-access-log"]
    command = [str(SCRIPTS / "uvicorn"), *bind, *options, "--log-level", "warning"]
    return [*command, "benchmarks.rivals.original:application"]


def _granian_asgi(address: int | Path) -> list[str]:
    bind = ["--uds", str(address)] if isinstance(address, Path) else ["--port", str(address)]
    options = ["--interface", "asgi", "--loop", "uvloop", "--no-ws", "--log-level", "warning"]
    command = [str(SCRIPTS / "granian"), *bind, *options]
    return [*BATCH, *command, "benchmarks.rivals.original:application"]


def _gunicorn(address: int | Path) -> list[str]:
    bind = f"unix:{address}" if isinstance(address, Path) else f"127.0.0.1:{address}"
    command = [str(SCRIPTS / "gunicorn"), "--bind", bind, "--log-level", "warning"]
    return [*command, "--no-control-socket", "benchmarks.rivals.django_wsgi:application"]


def _settings(name: str) -> dict[str, str]:
    return {"DJANGO_SETTINGS_MODULE": f"benchmarks.rivals.settings_{name}"}


_DJANGO = granian("benchmarks.rivals.django_wsgi:application")
_PEERS = _settings("peers")

PETSAGE = "deploy.worker:application"

BEHIND_NGINX = [
    Contestant(OURS, granian(PETSAGE)),
    Contestant(ORIGINAL, _uvicorn),
    Contestant("the original, granian", _granian_asgi),
    Contestant("plain APIView, gunicorn", _gunicorn, environ=_settings("plain")),
]
DIRECT = [
    *BEHIND_NGINX,
    Contestant("PetSage, without SCHED_BATCH", granian(PETSAGE, scheduled=())),
    Contestant("plain APIView, granian", _DJANGO, environ=_settings("plain")),
    Contestant("django-health-check", _DJANGO, "/health/?format=json", _PEERS),
    Contestant("django-alive", _DJANGO, "/alive/alive/", _PEERS),
    Contestant("django-watchman", _DJANGO, "/watchman/ping/", _PEERS),
    Contestant("dockerflow", _DJANGO, "/__lbheartbeat__", _PEERS),
    Contestant("django-deploy-probes", _DJANGO, "/probes/healthz", _PEERS),
    Contestant("bare Django view, same middleware", _DJANGO, environ=_settings("bare_view")),
    Contestant("bare WSGI application", granian("benchmarks.rivals.bare_wsgi:application")),
]
