"""nginx in front, the app behind: `make front` and `make app` together, until Ctrl-C or SIGTERM.

SIGHUP reloads both without loss. Where one of the two ends by itself, so does the other.
"""

import argparse
import os
import signal
import subprocess
import sys
from pathlib import Path

from django.conf import settings
from django.core.exceptions import ImproperlyConfigured

from petsage_project.front import VAR, front_port
from petsage_project.nginx import site_host
from petsage_project.watch import unanswered

SIGNALS = {signal.SIGCHLD, signal.SIGHUP, signal.SIGINT, signal.SIGTERM}


def main() -> None:
    parser = argparse.ArgumentParser(prog="make stack", usage="make stack [FRONT_PORT=8080]")
    parser.add_argument("--var", type=Path, default=VAR, help="where its state is")
    var: Path = parser.parse_args().var.resolve()
    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "petsage_project.settings")
    try:
        port, host = front_port(), site_host(settings.ALLOWED_HOSTS)
    except ImproperlyConfigured as error:
        sys.exit(f"make stack: {error}")

    signal.pthread_sigmask(signal.SIG_BLOCK, SIGNALS)
    app, front = _start("app", var), _start("front", var)
    ended = None
    if _until_up(app, var / "petsage.sock", host):
        url = f"http://127.0.0.1:{port}"
        sys.stdout.write(
            f"PetSage serves this clone behind nginx until Ctrl-C:\n"
            f"  {url}/smoke-test/   the smoke test: a page for browsers, JSON for the rest\n"
            f"  {url}/docs/         the API, to read and to try\n"
            f"  {url}/openapi.json  the API's schema\n"
            f"  {var}/access.log\n"
        )
        sys.stdout.flush()
        ended = _attend(app, front)
    # nginx first, and gently: what is in flight still reaches the app.
    _end(front, signal.SIGQUIT)
    _end(app, signal.SIGTERM)
    if ended:
        sys.exit(f"make stack: make {ended} ended; its reason is above")


def _start(part: str, var: Path) -> subprocess.Popen[bytes]:
    return subprocess.Popen(  # noqa: S603 - nothing of it comes from outside
        [sys.executable, "-m", f"petsage_project.{part}", "--var", str(var)],
        # Ctrl-C reaches both through us, in order.
        process_group=0,
        preexec_fn=_unblock,
    )


def _unblock() -> None:
    signal.pthread_sigmask(signal.SIG_UNBLOCK, SIGNALS)


def _until_up(app: subprocess.Popen[bytes], path: Path, host: str) -> bool:
    """Wait for the app's first answer or its end; return False where we are to stop before."""
    while app.poll() is None and unanswered(path, host, requests=1, seconds=1):
        if signal.sigtimedwait({signal.SIGINT, signal.SIGTERM}, 0.1):
            return False
    return True


def _attend(app: subprocess.Popen[bytes], front: subprocess.Popen[bytes]) -> str | None:
    """Wait; return which of the two ended by itself, or None where we are to stop."""
    while True:
        for name, process in (("app", app), ("front", front)):
            if process.poll() is not None:
                return name
        received = signal.sigwait(SIGNALS)
        if received == signal.SIGHUP:
            app.send_signal(signal.SIGHUP)
            front.send_signal(signal.SIGHUP)
        elif received != signal.SIGCHLD:
            return None


def _end(process: subprocess.Popen[bytes], with_signal: signal.Signals) -> None:
    if process.poll() is None:
        os.kill(process.pid, with_signal)
    process.wait()


if __name__ == "__main__":
    main()
