"""Serve this clone on the loopback interface, as `make run` does: checks, static files, granian.

The deployment has its own way; this one asks for no settings.
"""

import argparse
import os
import socket
import sys

import django
from django.core.exceptions import ImproperlyConfigured
from django.core.management import CommandError, call_command

from petsage_project.granian import be_scheduled_as_batch, granian_command

HOST = "127.0.0.1"


def main() -> None:
    parser = argparse.ArgumentParser(prog="make run", usage="make run [PORT=8000]")
    parser.add_argument("--port", type=_port, default=8000)
    port: int = parser.parse_args().port

    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "petsage_project.settings")
    try:
        _refuse_busy(port)
        django.setup()
        call_command("check")
        call_command("collectstatic", interactive=False, verbosity=0)
    except (CommandError, ImproperlyConfigured, OSError) as error:
        sys.exit(f"make run: {error}")

    url = f"http://{HOST}:{port}"
    sys.stdout.write(
        f"PetSage serves this clone until Ctrl-C:\n"
        f"  {url}/smoke-test/   the smoke test: a page for browsers, JSON for the rest\n"
        f"  {url}/docs/         the API, to read and to try\n"
        f"  {url}/openapi.json  the API's schema\n"
    )
    sys.stdout.flush()
    _become_granian(port)


def _port(text: str) -> int:
    if not (text.isascii() and text.isdecimal() and 1 <= int(text) <= 65535):
        raise argparse.ArgumentTypeError(f"found PORT={text!r}, wanted a number from 1 to 65535")
    return int(text)


def _refuse_busy(port: int) -> None:
    """Raise OSError where somebody listens already.

    granian shares a port with another granian without a word, and either may answer.
    """
    with socket.socket() as listener:
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            listener.bind((HOST, port))
        except OSError as error:
            raise OSError(
                f"port {port} of {HOST}: {error.strerror}; end what listens there, or take "
                "another port with make run PORT=N"
            ) from error


def _become_granian(port: int) -> None:
    from django.conf import settings

    command = granian_command(
        "petsage_project.wsgi:application",
        host=HOST,
        port=str(port),
        static_path_route=settings.STATIC_URL.rstrip("/"),
        static_path_mount=str(settings.STATIC_ROOT),
        # A browser must ask again after an upgrade.
        static_path_expires="0",
    )
    be_scheduled_as_batch()
    os.execv(command[0], command)  # noqa: S606 - no shell is wanted


if __name__ == "__main__":
    main()
