"""Serves this clone on the loopback interface: `make run`, and `make stack` behind nginx.

Both first check the project and collect the static files. `make run` starts one granian; `make
stack` starts two granians behind nginx, like a deployment, with all state in var/.
"""

import argparse
import os
import signal
import socket
import sys
from pathlib import Path

import django
from django.core.exceptions import ImproperlyConfigured
from django.core.management import CommandError, call_command

from deploy.granian import be_scheduled_as_batch, granian_command
from deploy.nginx.__main__ import VAR, nginx_port
from deploy.processes import SIGNALS, attend, start_group

HOST = "127.0.0.1"


def main() -> None:
    parser = argparse.ArgumentParser(prog="make run", usage="make run [PORT=8000]")
    parser.add_argument("--port", type=_port, default=8000)
    parser.add_argument("--behind-nginx", action="store_true")
    parser.add_argument("--var", type=Path, default=VAR, help="the directory of its state")
    options = parser.parse_args()
    target, name = ("stack", "NGINX_PORT") if options.behind_nginx else ("run", "PORT")

    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "petsage_project.settings")
    try:
        port = nginx_port() if options.behind_nginx else options.port
        _refuse_busy(port, f"make {target} {name}=N")
        django.setup()
        call_command("check")
        call_command("collectstatic", interactive=False, verbosity=0)
        options.var.mkdir(parents=True, exist_ok=True)
    except (CommandError, ImproperlyConfigured, OSError) as error:
        sys.exit(f"make {target}: {error}")

    # attend() handles them one by one, so none is lost while granian starts.
    signal.pthread_sigmask(signal.SIG_BLOCK, SIGNALS)
    url, behind = f"http://{HOST}:{port}", " behind nginx" if options.behind_nginx else ""
    sys.stdout.write(
        f"PetSage serves this clone{behind} until Ctrl-C:\n"
        f"  {url}/smoke-test/   the smoke test: a page for browsers, JSON for other clients\n"
        f"  {url}/docs/         the API's interactive documentation\n"
        f"  {url}/openapi.json  the API's schema\n"
    )
    sys.stdout.flush()
    be_scheduled_as_batch()
    commands = _stack(options.var.resolve()) if options.behind_nginx else [_granian(port)]
    sys.exit(attend([start_group(command) for command in commands]))


def _port(text: str) -> int:
    if not (text.isascii() and text.isdecimal() and 1 <= int(text) <= 65535):
        raise argparse.ArgumentTypeError(f"got PORT={text!r}, expected a number from 1 to 65535")
    return int(text)


def _refuse_busy(port: int, example: str) -> None:
    """Raise OSError if the port is in use.

    granian silently shares a port with another granian, and either may respond.
    """
    with socket.socket() as listener:
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            listener.bind((HOST, port))
        except OSError as error:
            raise OSError(
                f"port {port} of {HOST}: {error.strerror}; stop the program that uses it, or "
                f"choose another port: {example}"
            ) from error


def _stack(var: Path) -> list[list[str]]:
    python = [sys.executable, "-m"]
    granians = [[*python, "deploy.granian", str(var / f"app-{i}.sock")] for i in (1, 2)]
    return [*granians, [*python, "deploy.nginx", "--var", str(var)]]


def _granian(port: int) -> list[str]:
    from django.conf import settings

    return granian_command(
        "petsage_project.wsgi:application",
        host=HOST,
        port=str(port),
        static_path_route=settings.STATIC_URL.rstrip("/"),
        static_path_mount=str(settings.STATIC_ROOT),
        # Browsers must revalidate after an upgrade.
        static_path_expires="0",
        # Seconds, for a signal sent to granian itself.
        workers_kill_timeout="1",
    )


if __name__ == "__main__":
    main()
