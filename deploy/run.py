"""Serve this clone on the loopback interface, as `make run` does: checks, static files, granian.

It needs no settings; a deployment runs deploy.app instead.
"""

import argparse
import os
import signal
import socket
import sys

import django
from django.core.exceptions import ImproperlyConfigured
from django.core.management import CommandError, call_command

from deploy.granian import be_scheduled_as_batch, granian_command
from deploy.processes import SIGNALS, kill_group, start_group

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

    # From here on they are taken one by one: none is lost while granian starts.
    signal.pthread_sigmask(signal.SIG_BLOCK, SIGNALS)
    url = f"http://{HOST}:{port}"
    sys.stdout.write(
        f"PetSage serves this clone until Ctrl-C:\n"
        f"  {url}/smoke-test/   the smoke test: a page for browsers, JSON for the rest\n"
        f"  {url}/docs/         the API, to read and to try\n"
        f"  {url}/openapi.json  the API's schema\n"
    )
    sys.stdout.flush()
    sys.exit(_serve(port))


def _port(text: str) -> int:
    if not (text.isascii() and text.isdecimal() and 1 <= int(text) <= 65535):
        raise argparse.ArgumentTypeError(f"got PORT={text!r}, expected a number from 1 to 65535")
    return int(text)


def _refuse_busy(port: int) -> None:
    """Raise OSError if the port is taken.

    granian silently shares a port with another granian, and either may answer.
    """
    with socket.socket() as listener:
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            listener.bind((HOST, port))
        except OSError as error:
            raise OSError(
                f"port {port} of {HOST}: {error.strerror}; stop what listens there, or use "
                "another port: make run PORT=N"
            ) from error


def _serve(port: int) -> int:
    """Run granian until it exits or a signal arrives, and return the exit status.

    granian would wait for half a request, and loses a signal that arrives while a worker starts.
    On a developer's machine neither matters, so a signal kills it together with its workers.
    """
    from django.conf import settings

    command = granian_command(
        "petsage_project.wsgi:application",
        host=HOST,
        port=str(port),
        static_path_route=settings.STATIC_URL.rstrip("/"),
        static_path_mount=str(settings.STATIC_ROOT),
        # Browsers must revalidate after an upgrade.
        static_path_expires="0",
        # Seconds, for a signal that is sent to granian itself.
        workers_kill_timeout="1",
    )
    be_scheduled_as_batch()
    granian = start_group(command)
    status = None
    while status is None and signal.sigwait(SIGNALS) == signal.SIGCHLD:
        status = granian.poll()
    kill_group(granian)
    return status or 0


if __name__ == "__main__":
    main()
