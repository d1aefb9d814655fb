"""nginx in front of the app: `make nginx` and `make app` together, until Ctrl-C or SIGTERM.

SIGHUP reloads both without loss. If one of the two exits by itself, the other is stopped.
"""

import argparse
import os
import signal
import subprocess
import sys
from pathlib import Path

from django.conf import settings
from django.core.exceptions import ImproperlyConfigured

from deploy.nginx import site_host
from deploy.nginx.__main__ import VAR, nginx_port
from deploy.processes import SIGNALS, start_group, unanswered


def main() -> None:
    parser = argparse.ArgumentParser(prog="make stack", usage="make stack [NGINX_PORT=8080]")
    parser.add_argument("--var", type=Path, default=VAR, help="the directory of its state")
    var: Path = parser.parse_args().var.resolve()
    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "petsage_project.settings")
    try:
        port, host = nginx_port(), site_host(settings.ALLOWED_HOSTS)
    except ImproperlyConfigured as error:
        sys.exit(f"make stack: {error}")

    signal.pthread_sigmask(signal.SIG_BLOCK, SIGNALS)
    app, nginx = _start("app", var), _start("nginx", var)
    ended = None
    if _until_up(app, var / "petsage.sock", host):
        if app.poll() is None and nginx.poll() is None:
            _announce(port, var)
        ended = _attend(app, nginx)
    # nginx first, and gracefully: requests in flight still reach the app.
    _end(nginx, signal.SIGQUIT)
    _end(app, signal.SIGTERM)
    if ended:
        sys.exit(f"make stack: make {ended} exited; see its message above")


def _announce(port: int, var: Path) -> None:
    url = f"http://127.0.0.1:{port}"
    sys.stdout.write(
        f"PetSage serves this clone behind nginx until Ctrl-C:\n"
        f"  {url}/smoke-test/   the smoke test: a page for browsers, JSON for the rest\n"
        f"  {url}/docs/         the API, to read and to try\n"
        f"  {url}/openapi.json  the API's schema\n"
        f"  {var}/access.log\n"
    )
    sys.stdout.flush()


def _start(part: str, var: Path) -> subprocess.Popen[bytes]:
    return start_group([sys.executable, "-m", f"deploy.{part}", "--var", str(var)])


def _until_up(app: subprocess.Popen[bytes], path: Path, host: str) -> bool:
    """Wait for the app's first answer or its exit; return False if asked to stop before."""
    while app.poll() is None and unanswered(path, host, requests=1, seconds=1):
        if signal.sigtimedwait({signal.SIGINT, signal.SIGTERM}, 0.1):
            return False
    return True


def _attend(app: subprocess.Popen[bytes], nginx: subprocess.Popen[bytes]) -> str | None:
    """Wait; return which of the two exited by itself, or None if asked to stop."""
    while True:
        for name, process in (("app", app), ("nginx", nginx)):
            if process.poll() is not None:
                return name
        received = signal.sigwait(SIGNALS)
        if received == signal.SIGHUP:
            app.send_signal(signal.SIGHUP)
            nginx.send_signal(signal.SIGHUP)
        elif received != signal.SIGCHLD:
            return None


def _end(process: subprocess.Popen[bytes], with_signal: signal.Signals) -> None:
    if process.poll() is None:
        os.kill(process.pid, with_signal)
    process.wait()


if __name__ == "__main__":
    main()
